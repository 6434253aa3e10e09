// What one part of a question asks for, decided from its words alone.
// What must stay true: a part that speaks of what no tool measures is never answered with a number about something
// else: limits come before everything but an installed tool that says it answers just these words.

import Domain

/// What is to be done about a part.
enum PartIntent: Sendable, Hashable {
  /// Where a measure is highest.
  case densest(Scope)
  /// Nuclei counted; a density when `perArea`.
  case nuclei(Scope, perArea: Bool)
  /// Nuclei in several regions against one another.
  case compareNuclei(Scope)
  case tissueArea(Scope)
  /// How much of the slide is tissue.
  case tissueShare
  /// What was left out, and where when `showsPlace`.
  case leftOut(Scope, showsPlace: Bool)
  case show(Scope)
  case overview
  case slideFacts
  case report
  /// Files of what was counted.
  case files(Scope)
  /// Where a measure is lowest, which nothing ranks.
  case lowest
  /// An installed tool that says it answers this.
  case tool(String, Scope)
  case limit(LimitTopic, aboutNuclei: Bool)
  /// Nothing that is known here.
  case unknown
}

/// Where a part asks about.
enum Scope: Sendable, Hashable {
  /// Regions named by id.
  case named([EvidenceID])
  /// The regions drawn for this question, or else earlier.
  case drawn
  /// The region that was spoken of last.
  case focus
  /// The densest window.
  case densestWindow
  /// Rectangles given in numbers.
  case rects([LevelZeroRect])
  /// All tissue of the slides.
  case whole
}

/// Reads a part.
struct PartReader: Sendable {
  /// Words of installed tools beside the product's own.
  var vocabulary: Vocabulary
  /// How many regions the client drew for this question.
  var drawnNow: Int
  /// How many there are from earlier questions.
  var drawnEarlier: Int

  private var drawnCount: Int { drawnNow > 0 ? drawnNow : drawnEarlier }

  /// What the part asks for.
  func intent(of asked: String) -> PartIntent {
    let text = QuestionWords(asked)
    let marks = vocabulary.marks(in: text.words)
    let topics = Set(marks.map(\.topic))
    let scope = scope(text, topics)
    if let tool = tool(marks) { return .tool(tool, scope) }
    let limits = marks.compactMap { mark -> LimitTopic? in
      guard case .limit(let topic) = mark.topic, !isNameOfDrawing(mark, text, scope) else { return nil }
      return topic
    }
    if topics.contains(.report), isReport(text) { return .report }
    if let limit = heaviest(limits) {
      return .limit(limit, aboutNuclei: topics.contains(.nuclei) || topics.contains(.density))
    }
    let intent = measured(text, topics, scope)
    // "And in r5?" goes on about what there is to say of any place: how cellular it is.
    if intent == .unknown, marks.allSatisfy({ $0.topic == .here || $0.topic == .place }), isBarePlace(text, scope) {
      return .nuclei(scope, perArea: true)
    }
    return intent
  }

  /// A place and next to nothing else.
  private func isBarePlace(_ text: QuestionWords, _ scope: Scope) -> Bool {
    guard isPlace(scope) else { return false }
    let rest = text.words.map(\.text).filter { word in
      EvidenceID(word).parts == nil && !word.utf8.allSatisfy { (0x30...0x39).contains($0) }
        && !Self.placeWords.contains(word)
    }
    return rest.isEmpty
  }

  private static let placeWords: Set<String> = [
    "and", "in", "at", "what", "how", "about", "then", "for", "of", "there", "here", "this", "that", "region", "the",
    "same", "now", "is", "it", "with", "on", "also", "or", "place", "one",
  ]

  private func measured(_ text: QuestionWords, _ topics: Set<QuestionTopic>, _ scope: Scope) -> PartIntent {
    let aboutNuclei = topics.contains(.nuclei)
    let perArea = topics.contains(.density) || isCellularity(text)
    let aboutAmount = perArea || topics.contains(.quantity)
    if topics.contains(.lowest), aboutNuclei || perArea { return .lowest }
    if topics.contains(.file) { return .files(scope) }
    if compares(text, topics, scope) { return .compareNuclei(scope) }
    if scope == .densestWindow, !topics.contains(.quantity), !topics.contains(.density) { return .densest(.whole) }
    if topics.contains(.show), !aboutAmount, isPlace(scope) { return .show(scope) }
    if topics.contains(.superlative), scope != .densestWindow,
      aboutNuclei || topics.contains(.density) || namesDensest(text)
    {
      return .densest(scope)
    }
    if topics.contains(.slideFacts) { return .slideFacts }
    if aboutNuclei, aboutAmount { return .nuclei(scope, perArea: perArea) }
    if topics.contains(.leftOut) {
      return .leftOut(scope, showsPlace: topics.contains(.place) || topics.contains(.show))
    }
    if topics.contains(.certainty), aboutAmount { return .nuclei(scope, perArea: true) }
    if topics.contains(.share), !aboutNuclei, !perArea { return topics.contains(.tissue) ? .tissueShare : .unknown }
    if topics.contains(.tissue), topics.contains(.area) { return .tissueArea(scope) }
    if topics.contains(.show) || topics.contains(.place), isPlace(scope) { return .show(scope) }
    if topics.contains(.show), topics.contains(.overview) || topics.contains(.tissue) { return .overview }
    if topics.contains(.overview), !topics.contains(.quantity) { return .overview }
    if topics.contains(.density) || topics.contains(.quantity), isPlace(scope) || topics.contains(.density) {
      return .nuclei(scope, perArea: topics.contains(.density))
    }
    return .unknown
  }

  private func namesDensest(_ text: QuestionWords) -> Bool {
    text.words.contains { ["densest", "hotspot", "hotspots", "spot", "spots"].contains($0.text) }
  }

  /// Whether regions are to be held against one another. "More than 3,000 nuclei" is a question about one number.
  private func compares(_ text: QuestionWords, _ topics: Set<QuestionTopic>, _ scope: Scope) -> Bool {
    let regionCount =
      switch scope {
      case .named(let ids): ids.count
      case .rects(let rects): rects.count
      case .drawn: drawnCount
      default: 0
      }
    let asksWhich = text.words.contains { $0.text == "which" } && topics.contains(.superlative)
    if regionCount > 1 { return topics.contains(.compare) || asksWhich }
    let asksToCompare = text.words.contains {
      $0.text.hasPrefix("compar") || $0.text == "versus" || $0.text == "vs" || $0.text == "difference"
    }
    return asksToCompare && (isPlace(scope) || topics.contains(.nuclei) || topics.contains(.density))
  }

  /// "Cellularity" and "how cellular" ask for a density.
  private func isCellularity(_ text: QuestionWords) -> Bool {
    text.words.contains { $0.text == "cellularity" || $0.text == "cellular" }
  }

  private func isPlace(_ scope: Scope) -> Bool {
    switch scope {
    case .whole: false
    case .named, .drawn, .focus, .densestWindow, .rects: true
    }
  }

  /// "In the tumour region that I drew": a client's name for what was drawn, and no question about it.
  private func isNameOfDrawing(_ mark: Vocabulary.Mark, _ text: QuestionWords, _ scope: Scope) -> Bool {
    guard scope == .drawn, mark.words.upperBound < text.words.count else { return false }
    return ["region", "regions", "area", "areas"].contains(text.words[mark.words.upperBound].text)
      && text.words.contains { ["nuclei", "nuclear", "cells", "cellular", "density", "cellularity"].contains($0.text) }
  }

  /// "Report the density" asks for a density; "fill the report" for a report.
  private func isReport(_ text: QuestionWords) -> Bool {
    text.words.contains { ["report", "reports", "template", "synoptic"].contains($0.text) }
  }

  /// Of several limits the one that weighs most decides the reason.
  private func heaviest(_ limits: [LimitTopic]) -> LimitTopic? {
    let order: [LimitTopic] = [
      .identity, .immunostain, .mitoses, .grade, .stage, .margins, .molecular, .prognosis, .tumour, .diagnosis,
      .cellTypes, .nuclearFeatures, .tissueState, .organ, .description, .position, .drawing,
    ]
    return order.first { limits.contains($0) }
  }

  /// The installed tool whose words the part holds: the longest phrase wins. Single words that the product itself
  /// knows ("density", "nuclei") do not take a part away from the built-in tools.
  private func tool(_ marks: [Vocabulary.Mark]) -> String? {
    let own = marks.filter { if case .tool = $0.topic { false } else { true } }
    var best: (name: String, length: Int)?
    for mark in marks {
      guard case .tool(let name) = mark.topic else { continue }
      let isShared =
        mark.words.count == 1
        && own.contains { other in
          guard other.words == mark.words else { return false }
          if case .limit = other.topic { return false }
          return true
        }
      if isShared { continue }
      if best == nil || mark.words.count > (best?.length ?? 0) { best = (name, mark.words.count) }
    }
    return best?.name
  }

  // MARK: Scope

  private func scope(_ text: QuestionWords, _ topics: Set<QuestionTopic>) -> Scope {
    let named = regionIDs(text)
    if !named.isEmpty { return .named(named) }
    let rects = rects(in: text)
    if !rects.isEmpty { return .rects(rects) }
    if topics.contains(.everywhere) { return .whole }
    if drawnNow > 0 { return .drawn }
    if topics.contains(.densestPlace) { return .densestWindow }
    if speaksOfDrawing(text), drawnEarlier > 0 { return .drawn }
    if topics.contains(.here) || pointsThere(text) { return .focus }
    return .whole
  }

  private func speaksOfDrawing(_ text: QuestionWords) -> Bool {
    text.words.contains {
      [
        "drawn", "outlined", "annotated", "annotation", "annotations", "marked", "circled", "boxed", "roi", "rois",
        "regions",
      ].contains($0.text)
    }
  }

  /// "How many there?" points at a place; "how many are there" does not.
  private func pointsThere(_ text: QuestionWords) -> Bool {
    for (index, word) in text.words.enumerated() where word.text == "there" {
      if index == 0 { continue }
      let before = text.words[index - 1].text
      if !["is", "are", "was", "were", "be", "been", "would"].contains(before) { return true }
    }
    return false
  }

  /// Ids such as "r3" in the text, each once.
  private func regionIDs(_ text: QuestionWords) -> [EvidenceID] {
    var ids: [EvidenceID] = []
    for word in text.words {
      let id = EvidenceID(word.text)
      if id.parts?.kind == .region, !ids.contains(id) { ids.append(id) }
    }
    return ids
  }

  /// Rectangles in level-0 pixels, each once: "100, 200, 300, 400", or "x=100, y=200, w=300, h=400".
  private func rects(in text: QuestionWords) -> [LevelZeroRect] {
    let numbers = text.words.map { word -> Int? in
      guard word.text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), word.text.utf8.count <= 9 else { return nil }
      return Int(word.text)
    }
    func rect(_ places: [Int]) -> LevelZeroRect? {
      let values = places.compactMap { numbers.indices.contains($0) ? numbers[$0] : nil }
      guard values.count == 4, values[2] > 0, values[3] > 0 else { return nil }
      return LevelZeroRect(x: values[0], y: values[1], width: values[2], height: values[3])
    }
    var found: [LevelZeroRect] = []
    var start = 0
    while start < text.words.count, found.count < 16 {
      let named = text.words[start...].prefix(8).map(\.text)
      let areJoined = (start + 1..<start + 4).allSatisfy { $0 < text.words.count && text.gap(before: $0).contains(",") }
      if named.count == 8, named[0] == "x", named[2] == "y", ["w", "width"].contains(named[4]),
        ["h", "height"].contains(named[6]), let next = rect([start + 1, start + 3, start + 5, start + 7])
      {
        if !found.contains(next) { found.append(next) }
        start += 8
      } else if areJoined, let next = rect(Array(start..<start + 4)) {
        if !found.contains(next) { found.append(next) }
        start += 4
      } else {
        start += 1
      }
    }
    return found
  }
}
