// A tool's proposals become evidence: references resolved, ids given, everything checked.
// What must stay true: all of a result gets in or nothing does; no reference dangles; only the daemon makes
// comparisons and quotes; only built-in tools say what a slide is; a value outside what it was validated on says so.

import Domain
import JSON

/// Why a result is refused: becomes `tool.bad_output`.
struct IntakeError: Error, Sendable, Equatable {
  var message: String
}

/// Checks one result and gives its ids.
struct EvidenceIntake: Sendable {
  /// The most items one result may have.
  static let maxItems = 2_000

  var turn: TurnID
  var call: CallID
  var manifest: ToolManifest
  var isBuiltIn: Bool
  /// The slides the call was given.
  var slides: [EvidenceID]
  var description: CaseDescription

  /// The evidence of a result, in its order, added to the case's. On an error nothing is added.
  func take(_ proposals: [ProposedEvidence], into evidence: inout CaseEvidence) throws(IntakeError) -> [Evidence] {
    guard proposals.count <= Self.maxItems else {
      throw IntakeError(message: "it has \(proposals.count) items of evidence; at most \(Self.maxItems) are taken")
    }
    var working = evidence
    let ids = try giveIDs(proposals, &working)
    var references: [String: EvidenceID] = [:]
    for (proposal, id) in zip(proposals, ids) {
      guard let key = proposal.key else { continue }
      guard references.updateValue(id, forKey: "#" + key) == nil else {
        throw IntakeError(message: "two items have the key \"\(key.excerpt(40))\"")
      }
    }
    var items: [Evidence] = []
    for (index, (proposal, id)) in zip(proposals, ids).enumerated() {
      let name = "item \(index + 1) (\(proposal.kind.rawValue))"
      let body = try decode(proposal, id, references, evidence, name: name)
      let item = Evidence(id: id, turn: turn, call: call, tool: manifest.reference, body: body)
      items.append(item)
      working.record(item)
    }
    for (index, item) in items.enumerated() {
      try check(item, in: working, name: "item \(index + 1) (\(item.body.kind.rawValue))")
    }
    items = items.map { settled($0) }.filter { evidence[$0.id]?.body != $0.body }
    for item in items { evidence.record(item) }
    return items
  }

  // MARK: Ids and references

  private func giveIDs(
    _ proposals: [ProposedEvidence], _ evidence: inout CaseEvidence
  ) throws(IntakeError) -> [EvidenceID] {
    var ids: [EvidenceID] = []
    for proposal in proposals {
      switch proposal.kind {
      case .comparison, .quote:
        throw IntakeError(message: "a \(proposal.kind.rawValue) is made by the daemon alone")
      case .slide:
        ids.append(try slideID(of: proposal))
      default:
        ids.append(evidence.nextID(proposal.kind))
      }
    }
    return ids
  }

  private func slideID(of proposal: ProposedEvidence) throws(IntakeError) -> EvidenceID {
    guard isBuiltIn else { throw IntakeError(message: "only built-in tools may say what a slide is") }
    let named = proposal.body["id"]?.stringValue ?? proposal.body["slide"]?.stringValue
    if let named {
      let id = EvidenceID(named)
      guard slides.contains(id) else {
        throw IntakeError(message: "slide \(named.excerpt(20)) was not given to the call")
      }
      return id
    }
    guard slides.count == 1 else { throw IntakeError(message: "a slide item must name its slide") }
    return slides[0]
  }

  /// What a measurement without a word on its validation is taken to say.
  private static let noValidation: JSONValue = [
    "organs": [], "stains": [], "micronsPerPixel": [], "imageCount": 0, "within": true, "limits": [],
  ]

  /// The keys that hold references, by kind.
  private static func referenceKeys(_ kind: EvidenceKind) -> [String] {
    switch kind {
    case .region: ["slide"]
    case .view, .measurement: ["region"]
    case .description: ["view"]
    default: []
    }
  }

  private func resolved(
    _ proposal: ProposedEvidence, _ references: [String: EvidenceID], name: String
  ) throws(IntakeError) -> JSONValue {
    guard case .object(var members) = proposal.body else {
      throw IntakeError(message: "\(name) is no object")
    }
    members = members.filter { $0.value != .null }
    for key in Self.referenceKeys(proposal.kind) {
      guard let reference = members[key]?.stringValue, reference.hasPrefix("#") else { continue }
      guard let id = references[reference] else {
        throw IntakeError(message: "\(name) refers to \"\(reference.excerpt(40))\", which is no item of this result")
      }
      members[key] = .string(id.rawValue)
    }
    if proposal.kind == .region, members["slide"] == nil {
      guard slides.count == 1 else { throw IntakeError(message: "\(name) must name its slide") }
      members["slide"] = .string(slides[0].rawValue)
    }
    if [.region, .measurement].contains(proposal.kind), members["flags"] == nil { members["flags"] = [] }
    if proposal.kind == .measurement, members["validity"] == nil { members["validity"] = Self.noValidation }
    return .object(members)
  }

  private func decode(
    _ proposal: ProposedEvidence, _ id: EvidenceID, _ references: [String: EvidenceID], _ evidence: CaseEvidence,
    name: String
  ) throws(IntakeError) -> EvidenceBody {
    let body = try resolved(proposal, references, name: name)
    do {
      return switch proposal.kind {
      case .region: .region(try decodeJSON(Region.self, from: body))
      case .view: .view(try decodeJSON(View.self, from: body))
      case .measurement: .measurement(try decodeJSON(Measurement.self, from: body))
      case .description: .description(try decodeJSON(Description.self, from: body))
      case .artefact: .artefact(try decodeJSON(Artefact.self, from: body))
      case .slide: .slide(try slide(id, decodeJSON(SlideProperties.self, from: body["properties"] ?? .null), evidence))
      case .comparison, .quote: throw IntakeError(message: "a \(proposal.kind.rawValue) is made by the daemon alone")
      }
    } catch let error as JSONError {
      let place = error.path.map { " at \($0)" } ?? ""
      throw IntakeError(message: "\(name)\(place): \(error.message.excerpt(200))")
    } catch let error as IntakeError {
      throw error
    } catch {
      throw IntakeError(message: "\(name) cannot be read")
    }
  }

  /// The case's record of a slide with what the decoder says of it.
  private func slide(
    _ id: EvidenceID, _ properties: SlideProperties, _ evidence: CaseEvidence
  ) throws(IntakeError) -> SlideRecord {
    guard var record = evidence.slide(id) else {
      throw IntakeError(message: "there is no slide \(id.rawValue.excerpt(20))")
    }
    if let known = record.properties,
      (known.width, known.height, known.levelCount) != (properties.width, properties.height, properties.levelCount)
    {
      throw IntakeError(
        message: "\(id) is \(properties.width) × \(properties.height) px now and was \(known.width) × "
          + "\(known.height) px before: its file has changed")
    }
    record.properties = properties
    return record
  }

  // MARK: Checks

  private func check(_ item: Evidence, in evidence: CaseEvidence, name: String) throws(IntakeError) {
    func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(IntakeError) {
      guard condition else { throw IntakeError(message: "\(name): \(message())") }
    }
    switch item.body {
    case .region(let region):
      try require(evidence.slide(region.slide) != nil, "there is no slide \(region.slide.rawValue.excerpt(20))")
      try require(!region.rect.isEmpty, "its rectangle \(region.rect) is empty")
      let bounds = bounds(of: region.slide, evidence)
      try require(
        bounds.contains(region.rect), "its rectangle \(region.rect) is not inside the slide (\(bounds))")
      try require((region.polygon?.count ?? 3) >= 3, "a polygon needs three corners")
      try require((region.polygon?.count ?? 0) <= 100_000, "its polygon has more than 100,000 corners")
      try require(
        region.polygon?.allSatisfy { region.rect.contains(x: $0.x, y: $0.y) || region.rect.touches($0) } ?? true,
        "a corner of its polygon lies outside its rectangle")
      try require(!region.label.excerpt(80).isEmpty, "it has no label")
      try require((region.rank ?? 1) >= 1, "a rank starts at 1")
      try require(region.flags.count <= 32, "it has more than 32 flags")
    case .view(let view):
      try require(evidence.region(view.region) != nil, "there is no region \(view.region.rawValue.excerpt(20))")
      try require(view.width > 0 && view.height > 0, "it has no pixels")
      try require((view.micronsPerPixel ?? 1) > 0, "its scale is not positive")
      try require(view.pixelSha256.isWellFormed, "its pixel hash is no SHA-256")
      try require(view.imageSha256?.isWellFormed ?? true, "its image hash is no SHA-256")
    case .measurement(let measurement):
      try checkMeasurement(measurement, in: evidence, name: name)
    case .description(let description):
      try require(description.text.utf8.count <= 16_384, "its text is longer than 16 KiB")
      if let view = description.view {
        try require(evidence[view]?.body.kind == .view, "there is no view \(view.rawValue.excerpt(20))")
      }
    case .artefact(let artefact):
      try require(artefact.sha256.isWellFormed, "its hash is no SHA-256")
      try require(artefact.sizeBytes >= 0, "its size is negative")
    case .slide(let slide):
      guard let properties = slide.properties else { return }
      try require(properties.width > 0 && properties.height > 0, "the slide has no pixels")
      try require((properties.scale?.micronsPerPixel ?? 1) > 0, "the slide's scale is not positive")
    case .comparison, .quote: break
    }
  }

  private func checkMeasurement(
    _ measurement: Measurement, in evidence: CaseEvidence, name: String
  ) throws(IntakeError) {
    func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(IntakeError) {
      guard condition else { throw IntakeError(message: "\(name): \(message())") }
    }
    let isDeclared = manifest.vpath.measures.contains {
      $0.phrase(for: measurement.name) != nil && $0.unit == measurement.unit
    }
    try require(
      isDeclared,
      "\"\(measurement.name.excerpt(60))\" in \(measurement.unit.rawValue) is not among the measures of the manifest")
    try require(measurement.value.isFinite, "its value is not finite")
    if let region = measurement.region {
      try require(evidence.region(region) != nil, "there is no region \(region.rawValue.excerpt(20))")
    }
    if let interval = measurement.interval {
      try require(interval.low <= interval.high, "its interval is upside down")
      try require(interval.coverage > 0 && interval.coverage < 1, "the coverage of its interval is not within 0 to 1")
      try require(interval.imageCount >= 0, "its interval has a negative number of images")
    }
    if let ratio = measurement.ratio {
      try require(ratio.denominator > 0, "its denominator is not positive")
      if let expected = measurement.valueOfRatio {
        let tolerance = 0.01 * max(abs(expected), abs(measurement.value))
        try require(
          abs(expected - measurement.value) <= tolerance,
          "its value \(NumberText.twoFigures(measurement.value)) is not numerator ÷ denominator")
      }
    }
    try require((measurement.rank ?? 1) >= 1, "a rank starts at 1")
    try require(measurement.pixels?.sha256.isWellFormed ?? true, "its pixel hash is no SHA-256")
    try require(measurement.flags.count <= 32, "it has more than 32 flags")
    try require(measurement.validity.imageCount >= 0, "a negative number of validation images")
    let scales = measurement.validity.micronsPerPixel
    try require(scales.count <= 2 && scales.allSatisfy { $0 > 0 }, "validity.micronsPerPixel is [smallest, largest]")
  }

  private func bounds(of slide: EvidenceID, _ evidence: CaseEvidence) -> LevelZeroRect {
    guard let properties = evidence.slide(slide)?.properties else {
      return LevelZeroRect(x: 0, y: 0, width: 1 << 40, height: 1 << 40)
    }
    return LevelZeroRect(x: 0, y: 0, width: properties.width, height: properties.height)
  }

  // MARK: Settling

  /// The item as it is recorded: a measurement outside its validity says so, and a selected one, for which no
  /// ordinary interval holds, has none.
  private func settled(_ item: Evidence) -> Evidence {
    guard case .measurement(var measurement) = item.body else { return item }
    measurement.validity.limits += limits(of: measurement).filter { !measurement.validity.limits.contains($0) }
    if !measurement.validity.limits.isEmpty { measurement.validity.within = false }
    if measurement.isSelected { measurement.interval = nil }
    var item = item
    item.body = .measurement(measurement)
    return item
  }

  /// What of this case lies outside the validation, in words.
  private func limits(of measurement: Measurement) -> [String] {
    let validity = measurement.validity
    var limits: [String] = []
    if let organ = description.organ, !validity.organs.isEmpty, !OrganName(organ).isAmong(validity.organs) {
      limits.append("not validated on \(organ.excerpt(60))")
    }
    if let stain = description.stain, !validity.stains.isEmpty, !StainName(stain).isAmong(validity.stains) {
      limits.append("not validated on the stain \(stain.excerpt(60))")
    }
    if let scale = measurement.pixels?.micronsPerPixel, let low = validity.micronsPerPixel.min(),
      let high = validity.micronsPerPixel.max(), scale < low * 0.9 || scale > high * 1.1
    {
      limits.append("not validated at \(NumberText.plain(scale)) µm/px")
    }
    return limits
  }
}

extension Measurement {
  /// Numerator ÷ denominator in the measurement's unit, where the unit says how.
  fileprivate var valueOfRatio: Double? {
    guard let ratio, ratio.denominator > 0 else { return nil }
    return switch (unit, ratio.denominatorUnit) {
    case (.perSquareMillimetre, .squareMillimetre): ratio.numerator / ratio.denominator
    case (.percent, _): 100 * ratio.numerator / ratio.denominator
    case (.one, .one): ratio.numerator / ratio.denominator
    default: nil
    }
  }
}

extension LevelZeroRect {
  /// Whether the point lies on the right or bottom edge, which a polygon's corner may.
  fileprivate func touches(_ point: LevelZeroPoint) -> Bool {
    point.x >= x && point.y >= y && point.x - x <= width && point.y - y <= height
  }
}
