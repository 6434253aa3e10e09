// Text from strangers, made fit to be kept and shown: no control or direction-changing characters, bounded length.
// What must stay true: the meaning of ordinary text is unchanged; what comes out can be printed on a terminal.

import JSON

enum PlainText {
  /// The text without characters that steer a terminal or a reader's eye, at most `limit` characters; line ends become
  /// spaces unless `lines` is set.
  static func clean(_ text: String, limit: Int, lines: Bool = false) -> String {
    var scalars = String.UnicodeScalarView()
    var count = 0
    for scalar in text.unicodeScalars {
      guard count < limit else {
        scalars.append("…")
        break
      }
      switch scalar.value {
      case 0x0A where lines:
        scalars.append(scalar)
      case 0x09, 0x0A, 0x0D:
        scalars.append(" ")
      default:
        guard !isSteering(scalar) else { continue }
        scalars.append(scalar)
      }
      count += 1
    }
    return String(scalars)
  }

  /// The same for raw bytes, as from a tool's error stream.
  static func clean(_ bytes: some Sequence<UInt8>, limit: Int) -> String {
    clean(String(decoding: Array(bytes), as: UTF8.self), limit: limit)
  }

  /// Every text inside a value cleaned; keys are left alone, schemas name them.
  static func clean(_ value: JSONValue, limit: Int) -> JSONValue {
    switch value {
    case .string(let text): .string(clean(text, limit: limit, lines: true))
    case .array(let elements): .array(elements.map { clean($0, limit: limit) })
    case .object(let members): .object(members.mapValues { clean($0, limit: limit) })
    case .null, .bool, .number: value
    }
  }

  /// Control characters, and those that change direction or are not seen.
  private static func isSteering(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00...0x1F, 0x7F...0x9F, 0xAD, 0x61C, 0x180E, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF,
      0xFFF9...0xFFFB, 0xE0000...0xE007F:
      true
    default: false
    }
  }
}
