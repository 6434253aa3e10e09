// Numbers that stand in a question or in the notes become evidence of their own kind, so that an answer can
// name them as somebody's words and never as a result.
// What must stay true: a number that is part of a name ("r3", "mm²", "p53") is not quoted.

import Domain

/// Finds numbers in free text.
enum QuotedNumbers {
  /// The most numbers that one text gives.
  static let limit = 32

  /// The numbers as they are written, in order, each once: digits of any script with `.`, `,` or `:` between them.
  static func find(in text: String) -> [String] {
    var found: [String] = []
    var index = text.startIndex
    var previous: Character = " "
    while index < text.endIndex, found.count < limit {
      let character = text[index]
      guard character.isWholeNumber || character.isNumber, !joins(previous) else {
        previous = character
        index = text.index(after: index)
        continue
      }
      var end = text.index(after: index)
      while end < text.endIndex {
        let next = text[end]
        let after = text.index(after: end)
        let joinsDigits =
          (next == "." || next == "," || next == ":") && after < text.endIndex && text[after].isNumber
        guard next.isNumber || joinsDigits else { break }
        end = after
      }
      let number = String(text[index..<end].prefix(64))
      if !found.contains(number) { found.append(number) }
      previous = "0"
      index = end
    }
    return found
  }

  /// Whether a digit after this character belongs to a name.
  private static func joins(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_" || character == "-"
  }
}
