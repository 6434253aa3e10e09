// SHA-256 as 32 raw bytes, held inline: what the trace stores, compares and chains.
// What must stay true: the bytes in memory are the digest's bytes in order; hexadecimal is lower case.

import Crypto
public import Domain

/// A SHA-256 digest.
public struct SHA256Bytes: Sendable, Hashable, CustomStringConvertible {
  private var first: UInt64 = 0
  private var second: UInt64 = 0
  private var third: UInt64 = 0
  private var fourth: UInt64 = 0

  /// 32 zero bytes: what stands before the first event of a chain and the first line of the checkpoint log.
  public static let zero = SHA256Bytes()

  private init() {}

  /// The digest in exactly 32 bytes; nil for any other number.
  public init?(_ raw: UnsafeRawBufferPointer) {
    guard raw.count == 32 else { return nil }
    withUnsafeMutableBytes(of: &self) { $0.copyMemory(from: raw) }
  }

  /// The digest in exactly 32 bytes; nil for any other number.
  public init?(_ bytes: [UInt8]) {
    guard let digest = bytes.withUnsafeBytes({ SHA256Bytes($0) }) else { return nil }
    self = digest
  }

  /// The digest that 64 lower-case hexadecimal digits write; nil for any other text.
  public init?(hex: String) {
    var hex = hex
    let digest: SHA256Bytes? = hex.withUTF8 { text in
      guard text.count == 64 else { return nil }
      var digest = SHA256Bytes()
      let isHex = withUnsafeMutableBytes(of: &digest) { bytes in
        for index in 0..<32 {
          guard let high = hexValue(text[2 * index]), let low = hexValue(text[2 * index + 1]) else { return false }
          bytes[index] = high << 4 | low
        }
        return true
      }
      return isHex ? digest : nil
    }
    guard let digest else { return nil }
    self = digest
  }

  /// The digest as the rest of the daemon names it; nil when the text is none.
  public init?(_ name: SHA256Hex) { self.init(hex: name.rawValue) }

  /// The SHA-256 of the parts, one after another.
  public init(of parts: [UInt8]...) {
    var hasher = SHA256Hasher()
    for part in parts { hasher.update(part) }
    self = hasher.finalize()
  }

  /// The SHA-256 of the bytes.
  public init(of bytes: UnsafeRawBufferPointer) {
    var hasher = SHA256Hasher()
    hasher.update(bytes)
    self = hasher.finalize()
  }

  /// 64 lower-case hexadecimal digits.
  public var hex: String {
    String(unsafeUninitializedCapacity: 64) { text in
      withUnsafeBytes { bytes in
        for index in 0..<32 { (text[2 * index], text[2 * index + 1]) = hexDigits(bytes[index]) }
      }
      return 64
    }
  }

  /// The name the rest of the daemon knows the digest by.
  public var name: SHA256Hex { SHA256Hex(hex) }

  public var description: String { hex }

  /// The 32 bytes.
  public var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

  /// Reads the 32 bytes in place.
  public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try Swift.withUnsafeBytes(of: self) { try body($0) }
  }

  /// Appends 64 hexadecimal digits to a buffer.
  func appendHex(to buffer: inout [UInt8]) {
    withUnsafeBytes { bytes in
      for byte in bytes {
        let digits = hexDigits(byte)
        buffer.append(digits.0)
        buffer.append(digits.1)
      }
    }
  }

  /// Order of the bytes, first byte first.
  static func precedes(_ left: SHA256Bytes, _ right: SHA256Bytes) -> Bool {
    left.withUnsafeBytes { left in right.withUnsafeBytes { right in left.lexicographicallyPrecedes(right) } }
  }
}

/// SHA-256 over bytes that come in pieces.
public struct SHA256Hasher {
  private var state = SHA256()

  /// Starts over nothing.
  public init() {}

  /// Adds bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) { state.update(bufferPointer: bytes) }

  /// Adds bytes.
  public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { state.update(bufferPointer: $0) } }

  /// Adds a digest's 32 bytes.
  public mutating func update(_ digest: SHA256Bytes) { digest.withUnsafeBytes { state.update(bufferPointer: $0) } }

  /// The digest of everything added.
  public func finalize() -> SHA256Bytes {
    state.finalize().withUnsafeBytes { SHA256Bytes($0) ?? .zero }
  }
}

private func hexDigits(_ byte: UInt8) -> (UInt8, UInt8) {
  func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x57 + nibble }
  return (digit(byte >> 4), digit(byte & 15))
}

private func hexValue(_ digit: UInt8) -> UInt8? {
  switch digit {
  case 0x30...0x39: digit - 0x30
  case 0x61...0x66: digit - 0x57
  default: nil
  }
}

/// Lower-case hexadecimal of any bytes.
func hexText(_ bytes: [UInt8]) -> String {
  String(unsafeUninitializedCapacity: bytes.count * 2) { text in
    for (index, byte) in bytes.enumerated() { (text[2 * index], text[2 * index + 1]) = hexDigits(byte) }
    return bytes.count * 2
  }
}

/// The bytes that lower-case hexadecimal writes; nil for anything else.
func bytesFromHex(_ text: some StringProtocol) -> [UInt8]? {
  let digits = Array(text.utf8)
  guard digits.count % 2 == 0 else { return nil }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(digits.count / 2)
  for index in stride(from: 0, to: digits.count, by: 2) {
    guard let high = hexValue(digits[index]), let low = hexValue(digits[index + 1]) else { return nil }
    bytes.append(high << 4 | low)
  }
  return bytes
}
