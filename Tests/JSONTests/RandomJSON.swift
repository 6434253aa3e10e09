// Repeatable randomness, and random JSON values from it.

import JSON
import TestSupport

extension JSONValue {
  /// A value at most `depth` deep, with every kind of number, text and nesting.
  static func random(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &generator) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &generator))
    case 2: return .number(Double(Int.random(in: -9_007_199_254_740_992...9_007_199_254_740_992, using: &generator)))
    case 3: return .number(randomNumber(using: &generator))
    case 4: return .string(randomText(using: &generator))
    case 5, 6:
      return .array(
        (0..<Int.random(in: 0..<5, using: &generator)).map { _ in random(depth: depth - 1, using: &generator) })
    default:
      var members: [String: JSONValue] = [:]
      for _ in 0..<Int.random(in: 0..<5, using: &generator) {
        // No key may hold U+0000.
        let key = randomText(using: &generator).filter { $0 != "\0" }
        members[key] = random(depth: depth - 1, using: &generator)
      }
      return .object(members)
    }
  }

  /// Any bit pattern that is an acceptable number.
  static func randomNumber(using generator: inout SeededGenerator) -> Double {
    while true {
      let number = Double(bitPattern: generator.next())
      if number.isFinite, abs(number) <= 9_007_199_254_740_992 || abs(number) >= 1e21 { return number }
    }
  }

  static func randomText(using generator: inout SeededGenerator) -> String {
    var text = ""
    for _ in 0..<Int.random(in: 0..<9, using: &generator) {
      let ranges: [ClosedRange<UInt32>] = [0...0x7F, 0x20...0x7E, 0x80...0x7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF]
      guard let range = ranges.randomElement(using: &generator) else { continue }
      if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &generator)) { text.unicodeScalars.append(scalar) }
    }
    return text
  }
}
