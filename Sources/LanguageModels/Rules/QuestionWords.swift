// A question as words, each with its place in the text.
// What must stay true: any text is accepted, in time linear in its length; the text itself is never changed.

/// A word of a question.
struct QuestionWord: Sendable, Hashable {
  /// Lower case.
  var text: String
  /// Its place in the question.
  var range: Range<String.Index>
}

/// The words of a question. A word is a run of letters and digits; everything else separates.
struct QuestionWords: Sendable {
  let question: String
  let words: [QuestionWord]

  init(_ question: String) {
    self.question = question
    var words: [QuestionWord] = []
    var index = question.startIndex
    while index < question.endIndex {
      guard question[index].isWordCharacter else {
        index = question.index(after: index)
        continue
      }
      var end = index
      while end < question.endIndex, question[end].isWordCharacter { end = question.index(after: end) }
      words.append(QuestionWord(text: question[index..<end].lowercased(), range: index..<end))
      index = end
    }
    self.words = words
  }

  /// Whether these words stand in the question one after the other.
  func holds(_ piece: [String]) -> Bool {
    guard !piece.isEmpty else { return words.isEmpty }
    guard piece.count <= words.count else { return false }
    return (0...(words.count - piece.count)).contains { start in
      piece.indices.allSatisfy { words[start + $0].text == piece[$0] }
    }
  }

  /// What stands between a word and the one before it; before the first word, what the text starts with.
  func gap(before word: Int) -> Substring {
    let start = word == 0 ? question.startIndex : words[word - 1].range.upperBound
    let end = word == words.count ? question.endIndex : words[word].range.lowerBound
    return question[start..<end]
  }

  /// The text of some words with what stands between them, and the closing bracket or sign behind the last.
  func text(of range: Range<Int>) -> String {
    guard let first = range.first, let last = range.last else { return "" }
    let closing = gap(before: last + 1).prefix { ")]}%\"'”’".contains($0) }
    return String(question[words[first].range.lowerBound..<closing.endIndex])
  }
}

extension Character {
  /// Letters, digits and signs such as the ² of mm².
  fileprivate var isWordCharacter: Bool { isLetter || isNumber }
}
