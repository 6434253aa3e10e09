// The arguments of a call: which evidence and slides they name, and what the tool is given because of it.
// What must stay true: arguments name only evidence of this case; a tool is given what its manifest needs and the
// arguments name, and nothing else.

import Domain
import JSON

/// What the arguments of a call name.
struct CallArguments: Sendable {
  /// Regions, in the order in which they are named.
  private(set) var regions: [EvidenceID] = []
  private(set) var slides: [EvidenceID] = []
  /// Other evidence.
  private(set) var others: [EvidenceID] = []
  /// Rectangles given in numbers.
  private(set) var rects: [String] = []
  /// Why the arguments cannot be used; nil when they can.
  private(set) var problem: String?

  /// Keys whose values are evidence ids.
  static let referenceKeys: Set<String> = ["region", "regions", "slide", "slides", "evidence"]

  init(_ arguments: JSONValue, evidence: CaseEvidence) {
    for (key, value) in (arguments.objectValue ?? [:]).sorted(by: { $0.key < $1.key }) {
      if key == "rect" { rects.append(value.canonicalString()) }
      guard Self.referenceKeys.contains(key) else { continue }
      for text in value.stringValue.map({ [$0] }) ?? value.arrayValue?.compactMap(\.stringValue) ?? [] {
        add(EvidenceID(text), key: key, evidence)
      }
    }
  }

  private mutating func add(_ id: EvidenceID, key: String, _ evidence: CaseEvidence) {
    guard let kind = evidence[id]?.body.kind else {
      problem = problem ?? "\"\(key)\" names \(id.rawValue.excerpt(20)), which this case does not have"
      return
    }
    let expected: EvidenceKind? =
      switch key {
      case "region", "regions": .region
      case "slide", "slides": .slide
      default: nil
      }
    if let expected, kind != expected {
      problem = problem ?? "\"\(key)\" names \(id), which is a \(kind.rawValue) and no \(expected.rawValue)"
      return
    }
    switch kind {
    case .region where !regions.contains(id): regions.append(id)
    case .slide where !slides.contains(id): slides.append(id)
    case .region, .slide: break
    default: if !others.contains(id) { others.append(id) }
    }
  }

  /// Places that the call looks at, for the budget of regions: regions and rectangles, or whole slides.
  var places: Set<String> {
    let places = Set(regions.map(\.rawValue)).union(rects)
    return places.isEmpty ? Set(slides.map(\.rawValue)) : places
  }

  /// What the driver hands to the tool.
  func draft(
    call: CallID, manifest: ToolManifest, arguments: JSONValue, evidence: CaseEvidence
  ) -> ToolCallInputDraft {
    var given: [EvidenceID] = regions + others
    given += given.compactMap { id in
      switch evidence[id]?.body {
      case .view(let view): view.region
      case .measurement(let measurement): measurement.region
      default: nil
      }
    }
    if manifest.vpath.needs.input == .evidence {
      given += evidence.all.filter { $0.body.kind != .quote }.map(\.id)
    }
    var seen: Set<EvidenceID> = []
    let items = given.filter { seen.insert($0).inserted }.compactMap { evidence[$0]?.withoutFileName }
    return ToolCallInputDraft(
      call: call, tool: manifest.name, arguments: arguments, slides: slidesGiven(manifest, evidence), evidence: items)
  }

  /// Slides named, those of the regions named, or all of the case's; none for a tool that needs no pixels.
  func slidesGiven(_ manifest: ToolManifest, _ evidence: CaseEvidence) -> [EvidenceID] {
    guard [.slide, .view].contains(manifest.vpath.needs.input) else { return [] }
    var named = slides
    for region in regions {
      if let slide = evidence.slideID(of: region), !named.contains(slide) { named.append(slide) }
    }
    return named.isEmpty ? evidence.slides.map(\.id) : named
  }
}

extension Evidence {
  /// The same without a slide's file name, which may name a patient and which neither a tool nor a planner needs.
  var withoutFileName: Evidence {
    guard case .slide(var slide) = body else { return self }
    slide.fileName = slide.id.rawValue
    var copy = self
    copy.body = .slide(slide)
    return copy
  }
}
