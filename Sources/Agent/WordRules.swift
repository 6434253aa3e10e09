// What words of a planner may stand in an answer.
// A description ("described" finding) says what a view looks like and nothing else: no number in any script or in
// words, no comparison, no grade, stage or diagnosis, no presence or absence. A reason ("not assessable") says what
// would be needed and claims nothing about the slide.
// What must stay true: the rules are closed (plain English letters only, so that no other script, look-alike letter
// or invisible character carries a word past the lists) and deterministic. The words are in WordLists.swift.

/// Checks words against the closed lists.
public enum WordRules {
  /// The most characters of a description.
  public static let maxDescriptionLength = 600
  /// The most characters of a reason.
  public static let maxReasonLength = 1_000

  /// Why this text may not stand as a description; nil when it may.
  public static func problem(inDescription text: String) -> String? {
    guard text.count <= maxDescriptionLength else {
      return "the words are longer than \(maxDescriptionLength) characters"
    }
    if let problem = characterProblem(text, allowsDigits: false) { return problem }
    let tokens = tokens(of: text)
    // "ill-defined" is two words as well as one.
    let words = tokens.flatMap { $0.split(separator: "-").map(String.init) }
    if let problem = spelledOutProblem(words) { return problem }
    guard words.contains(where: { $0.count > 1 }) else { return "the words say nothing" }
    for token in tokens {
      if let problem = wordProblem(token) { return problem }
      if token.contains("-"), let problem = wordProblem(token.filter { $0 != "-" }) { return problem }
    }
    for word in words { if let problem = wordProblem(word) { return problem } }
    if let phrase = WordLists.phrases.first(where: { words.contains(phrase: $0) }) {
      return "\"\(phrase.joined(separator: " "))\" concludes something"
    }
    return nil
  }

  /// Why this text may not stand as a reason; nil when it may. `quoted` are texts that tools or the daemon gave in this
  /// turn: they may stand as they are, alone or with words around them.
  public static func problem(inReason text: String, quoted: Set<String> = []) -> String? {
    if quoted.contains(text) { return nil }
    guard text.count <= maxReasonLength else { return "the reason is longer than \(maxReasonLength) characters" }
    let own = quoted.filter { $0.utf8.count >= 12 }.sorted { ($1.utf8.count, $0) < ($0.utf8.count, $1) }
      .reduce(text) { $0.without($1) }
    if let problem = characterProblem(own, allowsDigits: true) { return problem }
    guard text.contains(where: \.isLetter) else { return "the reason says nothing" }
    return claim(in: own, allowsNumbers: false)
  }

  /// Why a tool's own words (a refusal, an error's message) may not be shown; nil when they may. Numbers may stand: they
  /// say what the tool met ("0.25 µm/px was stated").
  public static func problem(inToolReason text: String) -> String? {
    characterProblem(text, allowsDigits: true) ?? claim(in: text, allowsNumbers: true)
  }

  private static func claim(in text: String, allowsNumbers: Bool) -> String? {
    for sentence in text.lowercased().split(whereSeparator: { ".;!?\n".contains($0) }) {
      let words = tokens(of: String(sentence)).flatMap { $0.split(separator: "-").map(String.init) }
      if !allowsNumbers, let number = words.first(where: { isBareNumber($0) }) {
        return "a reason states no number (\"\(number)\")"
      }
      if let problem = spelledOutProblem(words) { return problem }
      let claim =
        words.first(where: { WordLists.claims.contains($0) })
        ?? WordLists.claimPairs.first(where: { words.contains(phrase: $0) })?.joined(separator: " ")
      // The dearer question is asked last: most sentences claim nothing.
      if let claim, words.contains(where: { namesDisease($0) }) {
        return "\"\(claim)\" claims something about a disease"
      }
    }
    return nil
  }

  // MARK: Characters

  private static let punctuation: Set<Unicode.Scalar> = [
    " ", "\n", ".", ",", ";", ":", "'", "\"", "(", ")", "-", "/", "–", "—", "’", "‘", "“", "”", "…", "?", "!",
  ]
  private static let reasonSigns: Set<Unicode.Scalar> = [
    "&", "²", "µ", "μ", "%", "_", "#", "[", "]", "×", "=", "<", ">", "+", "*", "÷", "`",
  ]

  private static func characterProblem(_ text: String, allowsDigits: Bool) -> String? {
    for scalar in text.unicodeScalars {
      let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
      if isLetter || punctuation.contains(scalar) { continue }
      if allowsDigits, ("0"..."9").contains(scalar) || reasonSigns.contains(scalar) { continue }
      if scalar.properties.numericType != nil { return "\"\(scalar)\" is a digit or a number sign" }
      return "the character U+\(String(scalar.value, radix: 16, uppercase: true)) is no plain English text"
    }
    return nil
  }

  // MARK: Words

  /// Lower-case words; hyphens and apostrophes inside a word stay, all apostrophes alike.
  private static func tokens(of text: String) -> [String] {
    var tokens: [String] = []
    var token = ""
    func joins(_ character: Character) -> Bool { character == "-" || character == "'" }
    func finish() {
      while let last = token.last, joins(last) { token.removeLast() }
      if !token.isEmpty { tokens.append(token) }
      token = ""
    }
    for original in text.lowercased() {
      let character: Character = original == "’" || original == "‘" ? "'" : original
      if character.isLetter || character.isNumber || (joins(character) && !token.isEmpty) {
        token.append(character)
      } else {
        finish()
      }
    }
    finish()
    return tokens
  }

  private static func wordProblem(_ word: String) -> String? {
    if word.hasSuffix("n't") || word == "cannot" { return "\"\(word)\" denies something" }
    let word = word.hasSuffix("'s") ? String(word.dropLast(2)) : word
    if WordLists.numbers.contains(word) || isRomanNumeral(word) { return "\"\(word)\" is a number word" }
    if WordLists.amounts.contains(word) { return "\"\(word)\" is an amount" }
    if WordLists.comparisons.contains(word) || comparatives.contains(word) { return "\"\(word)\" compares" }
    if WordLists.grades.contains(word) { return "\"\(word)\" grades or stages" }
    if WordLists.presence.contains(word) { return "\"\(word)\" states presence or absence" }
    if namesDisease(word) { return "\"\(word)\" belongs to a diagnosis" }
    return nil
  }

  /// Whether the word names a disease or weighs one.
  static func namesDisease(_ word: String) -> Bool {
    let forms = word.hasSuffix("s") ? [word, String(word.dropLast())] : [word]
    for form in forms {
      if WordLists.diagnoses.contains(form) { return true }
      if WordLists.harmlessEndings.contains(form) { return false }
      if WordLists.diagnosisPieces.contains(where: { form.holds($0) }) { return true }
      if form.count > 4, WordLists.diagnosisEndings.contains(where: { form.hasSuffix($0) }) { return true }
    }
    return false
  }

  private static func isRomanNumeral(_ word: String) -> Bool {
    word.count >= 2 && word.allSatisfy { "ivx".contains($0) }
  }

  /// A number that stands alone, or in words from three on; names such as "r3", "mm²" or the 67 of "ki-67" are none.
  private static func isBareNumber(_ word: String) -> Bool {
    if word.allSatisfy(\.isNumber) { return word != "67" }
    return [
      "three", "four", "five", "six", "seven", "eight", "nine", "ten", "dozen", "hundred", "thousand",
      "million", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "twelve",
    ].contains(word)
  }

  /// Letters that stand alone one after the other spell a word that no list would find.
  private static func spelledOutProblem(_ words: [String]) -> String? {
    var run = 0
    for word in words {
      run = word.count == 1 ? run + 1 : 0
      if run >= 4 { return "letters are spelled out one by one" }
    }
    return nil
  }

  private static let comparatives: Set<String> = {
    var forms: Set<String> = []
    for adjective in WordLists.adjectives {
      var stems = [adjective]
      if adjective.hasSuffix("e") { stems = [String(adjective.dropLast())] }
      if adjective.hasSuffix("y") { stems = [String(adjective.dropLast()) + "i"] }
      if let last = adjective.last, !"aeiouwy".contains(last) { stems.append(adjective + String(last)) }
      for stem in stems {
        forms.insert(stem + "er")
        forms.insert(stem + "est")
      }
    }
    return forms
  }()
}

extension String {
  /// Whether another text stands in this one, byte for byte.
  fileprivate func holds(_ piece: String) -> Bool {
    var text = self
    var piece = piece
    return text.withUTF8 { text in
      piece.withUTF8 { piece in
        guard !piece.isEmpty else { return true }
        guard text.count >= piece.count else { return false }
        for start in 0...(text.count - piece.count) where text[start] == piece[0] {
          if text[start..<(start + piece.count)].elementsEqual(piece) { return true }
        }
        return false
      }
    }
  }

  /// The text with every occurrence of another taken out.
  fileprivate func without(_ other: String) -> String {
    let (text, piece) = (Array(utf8), Array(other.utf8))
    guard let first = piece.first, text.count >= piece.count else { return self }
    var kept: [UInt8] = []
    var index = 0
    while index < text.count {
      let end = index + piece.count
      if text[index] == first, end <= text.count, text[index..<end].elementsEqual(piece) {
        kept.append(0x20)
        index = end
      } else {
        kept.append(text[index])
        index += 1
      }
    }
    return String(decoding: kept, as: UTF8.self)
  }
}

extension [String] {
  /// Whether the words of the phrase stand one after the other.
  fileprivate func contains(phrase: [String]) -> Bool {
    guard !phrase.isEmpty, count >= phrase.count else { return false }
    return (0...(count - phrase.count)).contains { start in
      phrase.indices.allSatisfy { self[start + $0] == phrase[$0] }
    }
  }
}
