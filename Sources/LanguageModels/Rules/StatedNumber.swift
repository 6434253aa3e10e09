// Numbers with a unit that stand in a part of a question, such as the 250 of "250 µm".
// What must stay true: a number is read only where its unit follows; digits of other scripts are none.

/// Reads numbers.
enum StatedNumber {
  /// A number that stands right before one of these words, such as the 250 of "250 µm".
  static func before(_ units: [String], in asked: String) -> Double? {
    let text = QuestionWords(asked)
    for (index, word) in text.words.enumerated() {
      guard word.text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), word.text.utf8.count <= 6 else {
        if let glued = glued(word.text, units) { return glued }
        continue
      }
      // 0.5 is split at its point: the piece after it belongs to the number.
      var last = index
      var digits = word.text
      if index > 0, text.gap(before: index) == "." { continue }
      if index + 1 < text.words.count, text.gap(before: index + 1) == ".",
        text.words[index + 1].text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
      {
        digits += "." + text.words[index + 1].text
        last = index + 1
      }
      let follows = units.contains { unit in
        let parts = unit.split(separator: " ")
        guard last + parts.count < text.words.count else { return false }
        return parts.indices.allSatisfy { text.words[last + 1 + $0].text == parts[$0] }
      }
      if follows, let number = Double(digits), number > 0 { return number }
    }
    return nil
  }

  /// "250µm", written without a space.
  private static func glued(_ word: String, _ units: [String]) -> Double? {
    let digits = word.prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty, units.contains(String(word.dropFirst(digits.count))) else { return nil }
    return Double(digits)
  }
}
