// Base 64 (RFC 4648, section 4, with padding), as JSON carries bytes: exports, pieces of files, pictures.
// What must stay true: what is decoded was written exactly as `encode` writes it; anything else is nil, never a part.

/// Base 64.
public enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 0xFF, count: 256)
    for (value, digit) in alphabet.enumerated() { values[Int(digit)] = UInt8(value) }
    return values
  }()

  /// The bytes as text.
  public static func encode(_ bytes: [UInt8]) -> String {
    let length = (bytes.count + 2) / 3 * 4
    let alphabet = alphabet
    return String(unsafeUninitializedCapacity: length) { text in
      var out = 0
      for start in stride(from: 0, to: bytes.count, by: 3) {
        let count = min(3, bytes.count - start)
        let first = UInt32(bytes[start]) << 16
        let second = count > 1 ? UInt32(bytes[start + 1]) << 8 : 0
        let group = first | second | (count > 2 ? UInt32(bytes[start + 2]) : 0)
        for digit in 0..<4 {
          text[out] = digit <= count ? alphabet[Int(group >> (18 - 6 * UInt32(digit))) & 63] : UInt8(ascii: "=")
          out += 1
        }
      }
      return length
    }
  }

  /// The bytes that a text stands for; nil when it is none.
  public static func decode(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 4 == 0 else { return nil }
    let values = values
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 4 * 3)
    for start in stride(from: 0, to: digits.count, by: 4) {
      let isLast = start + 4 == digits.count
      let padding = isLast ? (digits[start + 3] != 0x3D ? 0 : digits[start + 2] != 0x3D ? 1 : 2) : 0
      var group: UInt32 = 0
      for digit in 0..<(4 - padding) {
        let value = values[Int(digits[start + digit])]
        guard value != 0xFF else { return nil }
        group |= UInt32(value) << (18 - 6 * UInt32(digit))
      }
      bytes.append(UInt8(truncatingIfNeeded: group >> 16))
      if padding < 2 { bytes.append(UInt8(truncatingIfNeeded: group >> 8)) }
      if padding < 1 { bytes.append(UInt8(truncatingIfNeeded: group)) }
      let unused: UInt32 = padding == 2 ? 0xFFFF : padding == 1 ? 0xFF : 0
      guard group & unused == 0 else { return nil }
    }
    return bytes
  }
}
