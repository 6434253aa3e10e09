// Canonical JSON (RFC 8785), which is hashed and compared, and an indented form for files and people.
// What must stay true: equal values give equal bytes, on every machine; what is written can be parsed again.

extension JSONValue {
  /// The value by RFC 8785: no white space, keys in order of their UTF-16 code units, numbers as ECMAScript
  /// prints them. A number that is not finite, which no value should hold, is written as `null`.
  public func canonicalBytes() -> [UInt8] {
    var writer = JSONWriter(indents: false)
    writer.write(self, level: 0)
    return writer.bytes
  }

  /// The canonical bytes as text.
  public func canonicalString() -> String { String(decoding: canonicalBytes(), as: UTF8.self) }

  /// The value over many lines: two spaces a level, keys in canonical order, no line break at the end.
  public func prettyString() -> String {
    var writer = JSONWriter(indents: true)
    writer.write(self, level: 0)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

/// Writes a value as UTF-8.
private struct JSONWriter {
  let indents: Bool
  var bytes: [UInt8] = []

  init(indents: Bool) { self.indents = indents }

  mutating func write(_ value: JSONValue, level: Int) {
    switch value {
    case .null: bytes += "null".utf8
    case .bool(let truth): bytes += (truth ? "true" : "false").utf8
    case .number(let number): bytes += (number.isFinite ? canonicalNumber(number) : "null").utf8
    case .string(let text): write(text)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        breakLine(level + 1)
        write(element, level: level + 1)
      }
      if !elements.isEmpty { breakLine(level) }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      for (index, member) in members.sorted(by: { precedesInUTF16($0.key, $1.key) }).enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        breakLine(level + 1)
        write(member.key)
        bytes.append(UInt8(ascii: ":"))
        if indents { bytes.append(UInt8(ascii: " ")) }
        write(member.value, level: level + 1)
      }
      if !members.isEmpty { breakLine(level) }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private mutating func breakLine(_ level: Int) {
    guard indents else { return }
    bytes.append(0x0A)
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: level * 2))
  }

  private mutating func write(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): bytes += "\\\"".utf8
      case UInt8(ascii: "\\"): bytes += "\\\\".utf8
      case 0x08: bytes += "\\b".utf8
      case 0x09: bytes += "\\t".utf8
      case 0x0A: bytes += "\\n".utf8
      case 0x0C: bytes += "\\f".utf8
      case 0x0D: bytes += "\\r".utf8
      case ..<0x20:
        bytes += "\\u00".utf8
        bytes.append(hexDigit(byte >> 4))
        bytes.append(hexDigit(byte & 0xF))
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}

/// Whether one text comes before the other by UTF-16 code units. That is the order of UTF-8 bytes, except that
/// characters beyond the basic plane (lead bytes F0 to F4), being surrogates (D800…), come before U+E000 to U+FFFF
/// (lead bytes EE and EF).
func precedesInUTF16(_ left: String, _ right: String) -> Bool {
  func rank(_ byte: UInt8) -> UInt8 { byte == 0xEE || byte == 0xEF ? byte + 0x10 : byte }
  var rest = right.utf8.makeIterator()
  for byte in left.utf8 {
    guard let other = rest.next() else { return false }
    if byte != other { return rank(byte) < rank(other) }
  }
  return rest.next() != nil
}
