// The evidence of a case as a turn sees it: what was there before, and what this turn adds.
// What must stay true: ids are never given twice; evidence is only added, never changed (a slide's properties,
// filled in by the first tool that opens it, are the one exception); order is the order of recording.

import Domain

/// Evidence by id and in order.
struct CaseEvidence: Sendable {
  /// Slides first, then oldest first.
  private(set) var all: [Evidence] = []
  private var places: [EvidenceID: Int] = [:]
  private var lastNumber: [EvidenceKind: Int] = [:]

  /// What a turn starts from. Of two items with one id the first counts.
  init(slides: [SlideRecord], evidence: [Evidence]) {
    for slide in slides {
      insert(Evidence(id: slide.id, turn: nil, call: nil, tool: nil, body: .slide(slide)))
    }
    for item in evidence { insert(item) }
  }

  /// The most items besides the slides that a step is shown.
  static let shownItems = 256

  /// What a planner is shown: the slides and the newest items, in order. A long case does not make a step longer.
  var shown: [Evidence] {
    let items = all.filter { $0.body.kind != .slide }
    return all.filter { $0.body.kind == .slide } + items.suffix(Self.shownItems)
  }

  /// The item with that id, when this case has it.
  subscript(id: EvidenceID) -> Evidence? {
    guard let place = places[id] else { return nil }
    return all[place]
  }

  /// The case's slides.
  var slides: [SlideRecord] {
    all.compactMap { if case .slide(let slide) = $0.body { slide } else { nil } }
  }

  /// The slide with that id.
  func slide(_ id: EvidenceID) -> SlideRecord? {
    if case .slide(let slide) = self[id]?.body { return slide }
    return nil
  }

  /// The region with that id.
  func region(_ id: EvidenceID) -> Region? {
    if case .region(let region) = self[id]?.body { return region }
    return nil
  }

  /// The measurement with that id.
  func measurement(_ id: EvidenceID) -> Measurement? {
    if case .measurement(let measurement) = self[id]?.body { return measurement }
    return nil
  }

  /// A new id of that kind, never given before in this case.
  mutating func nextID(_ kind: EvidenceKind) -> EvidenceID {
    let number = (lastNumber[kind] ?? 0) + 1
    lastNumber[kind] = number
    return EvidenceID(kind, number)
  }

  /// Adds an item; a slide that is there gets the properties of the new record.
  mutating func record(_ item: Evidence) {
    if case .slide = item.body, let place = places[item.id] {
      all[place] = item
    } else {
      insert(item)
    }
  }

  private mutating func insert(_ item: Evidence) {
    guard places[item.id] == nil else { return }
    places[item.id] = all.count
    all.append(item)
    if let (kind, number) = item.id.parts { lastNumber[kind] = max(lastNumber[kind] ?? 0, number) }
  }
}

extension CaseEvidence {
  /// The slide a piece of evidence is on, where it is on one.
  func slideID(of id: EvidenceID) -> EvidenceID? {
    switch self[id]?.body {
    case .slide: id
    case .region(let region): region.slide
    case .view(let view): region(view.region)?.slide
    case .measurement(let measurement): measurement.region.flatMap { region($0)?.slide }
    case .description(let description): description.view.flatMap { slideID(of: $0) }
    case .comparison(let comparison): slideID(of: comparison.left)
    case .artefact, .quote, nil: nil
    }
  }

  /// µm per level-0 pixel of the slide, when it is known.
  func micronsPerPixel(ofSlide id: EvidenceID) -> Double? {
    slide(id)?.properties?.scale?.micronsPerPixel
  }
}
