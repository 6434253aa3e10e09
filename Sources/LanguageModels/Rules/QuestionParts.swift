// A question split into the parts that are answered one by one, each in the words that were asked.
// Sentences first; then clauses at commas and "and" where a new question begins or the topic changes. Sentences that
// ask nothing ("This is a skin biopsy.") are left out when others do.
// What must stay true: a part is a piece of the question as written; at least one part comes out, and at most `limit`,
// the last of which then holds all that is left.

/// Splits questions.
struct QuestionParts: Sendable {
  /// The most parts a question is split into.
  static let limit = 16

  private let text: QuestionWords
  private let marks: [Vocabulary.Mark]

  init(_ text: QuestionWords, vocabulary: Vocabulary) {
    self.text = text
    self.marks = vocabulary.marks(in: text.words)
  }

  /// The parts, in order.
  func split() -> [String] {
    guard !text.words.isEmpty else {
      let trimmed = text.question.trimmed
      return [trimmed.isEmpty ? text.question : trimmed]
    }
    var clauses: [Clause] = sentences().flatMap { self.clauses(of: $0) }
    let asking = clauses.filter(\.asks)
    if !asking.isEmpty {
      clauses = asking
    } else {
      let meant = clauses.filter { !topics(in: $0.words).isEmpty }
      clauses = meant.isEmpty ? [Clause(words: text.words.indices, asks: false)] : meant
    }
    if clauses.count > Self.limit {
      let rest = clauses[Self.limit - 1].words.lowerBound..<(clauses.last?.words.upperBound ?? text.words.count)
      clauses = Array(clauses.prefix(Self.limit - 1)) + [Clause(words: rest, asks: true)]
    }
    return clauses.map { part($0.words) }
  }

  private struct Clause {
    var words: Range<Int>
    /// Whether it is a question or a request.
    var asks: Bool
  }

  /// The words of a clause with a leading "and" taken off and the question mark left off.
  private func part(_ words: Range<Int>) -> String {
    let asked = words.drop { Self.connectives.contains(text.words[$0].text) }
    return text.text(of: asked.isEmpty ? words : asked.startIndex..<asked.endIndex)
  }

  // MARK: Sentences

  private struct Sentence {
    var words: Range<Int>
    var isQuestion: Bool
  }

  private func sentences() -> [Sentence] {
    var sentences: [Sentence] = []
    var start = 0
    for next in 1...text.words.count {
      let gap = text.gap(before: next)
      guard next == text.words.count || endsSentence(gap, before: next) else { continue }
      sentences.append(Sentence(words: start..<next, isQuestion: gap.contains { Self.questionMarks.contains($0) }))
      start = next
    }
    return sentences
  }

  private func endsSentence(_ gap: Substring, before next: Int) -> Bool {
    if gap.contains(where: { Self.questionMarks.contains($0) || ";!\n\r！。；।".contains($0) }) { return true }
    guard gap.contains("."), gap.contains(where: \.isWhitespace) else { return false }
    // "approx. 5" and "e.g. ink" go on.
    return !Self.abbreviations.contains(text.words[next - 1].text)
  }

  // MARK: Clauses

  private func clauses(of sentence: Sentence) -> [Clause] {
    var clauses: [Clause] = []
    var start = sentence.words.lowerBound
    var position = start + 1
    while position < sentence.words.upperBound {
      if isBreak(before: position), splits(left: start..<position, at: position, sentence.words.upperBound) {
        clauses.append(clause(start..<position, in: sentence, after: clauses.last))
        start = position
      }
      position += 1
    }
    clauses.append(clause(start..<sentence.words.upperBound, in: sentence, after: clauses.last))
    return clauses
  }

  /// "Give me the density, the tissue area": what goes on from a request is one as well.
  private func clause(_ words: Range<Int>, in sentence: Sentence, after before: Clause?) -> Clause {
    let asks = sentence.isQuestion || before?.asks == true || startsClause(at: words.lowerBound, words.upperBound)
    return Clause(words: words, asks: asks)
  }

  /// A comma stands before the word, or the word joins ("and").
  private func isBreak(before position: Int) -> Bool {
    Self.joins.contains(text.words[position].text) || hasComma(before: position)
  }

  private func hasComma(before position: Int) -> Bool {
    // The commas of "1540,2460,400,400" hold a rectangle together.
    if position > 0, isNumber(position - 1), isNumber(position) { return false }
    return text.gap(before: position).contains { ",，、".contains($0) }
  }

  private func isNumber(_ position: Int) -> Bool {
    text.words.indices.contains(position) && text.words[position].text.utf8.allSatisfy { (0x30...0x39).contains($0) }
  }

  private func splits(left: Range<Int>, at position: Int, _ end: Int) -> Bool {
    // "Given the stain, how many …": what introduces is no part.
    let leftTopics = topics(in: left)
    guard !leftTopics.isEmpty || startsClause(at: left.lowerBound, left.upperBound) else { return false }
    // Nothing but connectives on the left: ", and".
    guard left.contains(where: { !Self.connectives.contains(text.words[$0].text) }) else { return false }
    if startsClause(at: position, end) { return true }
    if isComparing(left) { return false }
    let right = position..<nextBreak(after: position, end)
    let rightTopics = topics(in: right)
    return !leftTopics.isEmpty && !rightTopics.isEmpty && rightTopics.isDisjoint(with: leftTopics)
  }

  /// The next place after this one where the text may break, connectives that stand together taken as one.
  private func nextBreak(after position: Int, _ end: Int) -> Int {
    var next = position + 1
    while next < end, Self.connectives.contains(text.words[next - 1].text), !hasComma(before: next) { next += 1 }
    while next < end, !isBreak(before: next) { next += 1 }
    return max(next, position + 1)
  }

  /// Whether a question or a request begins with these words, after "and", "please" and the like.
  private func startsClause(at position: Int, _ end: Int) -> Bool {
    var index = position
    while index < end, Self.connectives.contains(text.words[index].text) { index += 1 }
    guard index < end else { return false }
    let word = text.words[index].text
    guard Self.starters.contains(word) else { return false }
    // "the count of nuclei and mark-up": nouns that look like verbs are followed by "of".
    return !(index + 1 < end && text.words[index + 1].text == "of")
  }

  private func isComparing(_ words: Range<Int>) -> Bool {
    marks.contains { $0.topic == .compare && words.contains($0.words.lowerBound) }
      || words.contains { text.words[$0].text == "between" }
  }

  /// Subjects of a piece of the question, coarsely: what makes a list of subjects several parts.
  private func topics(in words: Range<Int>) -> Set<String> {
    var topics: Set<String> = []
    for mark in marks where words.lowerBound <= mark.words.lowerBound && mark.words.upperBound <= words.upperBound {
      switch mark.topic {
      case .nuclei, .density: topics.insert("nuclei")
      case .area: topics.insert("area")
      case .leftOut: topics.insert("left out")
      case .report: topics.insert("report")
      case .slideFacts: topics.insert("slide")
      case .show, .overview: topics.insert("show")
      case .tool(let name): topics.insert("tool \(name)")
      case .limit(let topic): topics.insert("limit \(topic.rawValue)")
      case .file: topics.insert("file")
      case .quantity, .superlative, .lowest, .place, .tissue, .compare, .here, .densestPlace, .everywhere, .certainty,
        .share:
        break
      }
    }
    // "tumour cells" is about tumour.
    if topics.contains(where: { $0.hasPrefix("limit") || $0.hasPrefix("tool") }) { topics.remove("nuclei") }
    return topics
  }

  // MARK: Words

  private static let questionMarks: Set<Character> = ["?", "？", "؟", "⁇", "‽"]
  private static let joins: Set<String> = ["and", "also", "plus", "then"]
  private static let connectives: Set<String> = [
    "and", "also", "plus", "then", "please", "finally", "secondly", "thirdly", "first", "next", "lastly", "or", "but",
    "so", "kindly",
  ]
  private static let abbreviations: Set<String> = ["approx", "e", "g", "i", "vs", "ca", "fig", "dr", "resp"]
  private static let starters: Set<String> = [
    "where", "how", "what", "which", "who", "whose", "when", "why", "is", "are", "was", "were", "does", "do", "did",
    "can", "could", "should", "would", "will", "has", "have", "show", "compare", "count", "measure", "fill", "give",
    "list", "tell", "estimate", "report", "draft", "find", "locate", "identify", "determine", "assess", "calculate",
    "compute", "rank", "zoom", "whether", "diagnose", "classify", "provide", "write", "create", "make", "explain",
    "summarise", "summarize", "describe", "mark", "outline", "segment", "detect", "grade", "stage", "quantify",
    "display", "view", "confirm", "say", "state", "generate", "produce", "prepare", "complete", "point", "check",
    "ignore", "pretend", "answer", "export", "save", "use", "run", "look", "take", "name", "plot", "any", "evaluate",
    "score", "predict", "analyse", "analyze", "highlight", "draw", "open",
  ]
}

extension String {
  /// Without white space at both ends.
  var trimmed: String {
    var text = Substring(self)
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
