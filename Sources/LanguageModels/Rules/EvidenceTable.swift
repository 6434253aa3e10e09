// What is on the table for a step, asked for in the ways that plans need.
// What must stay true: the newest evidence wins; a selected maximum is never taken for a count of a whole region.

import Domain
import Ports

/// Looks things up in a request's evidence.
struct EvidenceTable: Sendable {
  /// A ranked window.
  struct Window: Sendable, Hashable {
    var id: EvidenceID
    var region: EvidenceID?
    var rank: Int
  }

  private let request: StepRequest
  private let items: [EvidenceID: Evidence]

  init(_ request: StepRequest) {
    self.request = request
    self.items = Dictionary(request.evidence.map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
  }

  var slides: [EvidenceID] { request.evidence.map(\.id).filter { $0.parts?.kind == .slide } }

  /// Regions that a client drew for earlier questions.
  var earlierDrawnRegions: [EvidenceID] {
    request.evidence.filter { item in
      if case .region(let region) = item.body { region.label == Self.drawnLabel } else { false }
    }.map(\.id).filter { !request.drawnRegions.contains($0) }
  }

  private static let drawnLabel = "drawn by the client"

  func region(_ id: EvidenceID) -> Region? {
    if case .region(let region) = items[id]?.body { return region }
    return nil
  }

  /// The newest region with just this rectangle.
  func region(_ rect: LevelZeroRect, on slide: EvidenceID?) -> EvidenceID? {
    request.evidence.last { item in
      guard case .region(let region) = item.body else { return false }
      return region.rect == rect && (slide == nil || region.slide == slide) && region.polygon == nil
    }?.id
  }

  /// The files that the newest call of a tool gave, on one slide when one is named, over all tissue when that is asked.
  func files(by tool: String, on slide: EvidenceID?, overAllTissue: Bool = false) -> [EvidenceID] {
    let newest = request.evidence.last { item in
      guard item.tool?.name == tool, item.body.kind != .artefact else { return false }
      if overAllTissue {
        guard let region = measurement(item.id)?.region.flatMap({ self.region($0) }), region.label.contains("tissue")
        else { return false }
      }
      return slide == nil || self.slide(of: item.id) == slide
    }
    guard let newest else { return [] }
    return sameCall(as: newest.id).filter { $0.body.kind == .artefact }.map(\.id)
  }

  private func measurement(_ id: EvidenceID) -> Measurement? {
    if case .measurement(let measurement) = items[id]?.body { return measurement }
    return nil
  }

  private func made(_ id: EvidenceID, by tool: String) -> Bool { items[id]?.tool?.name == tool }

  private func slide(of id: EvidenceID) -> EvidenceID? {
    switch items[id]?.body {
    case .region(let region): return region.slide
    case .view(let view): return region(view.region)?.slide
    case .measurement(let measurement):
      if let region = measurement.region { return self.region(region)?.slide }
      return slides.count == 1 ? slides.first : nil
    default: return nil
    }
  }

  /// Measurements of a tool, newest first.
  private func measurements(by tool: String) -> [(id: EvidenceID, measurement: Measurement)] {
    request.evidence.reversed().compactMap { item in
      guard item.tool?.name == tool, case .measurement(let measurement) = item.body else { return nil }
      return (item.id, measurement)
    }
  }

  // MARK: Counts

  /// Ids of unranked measurements in that unit; what was left out is none.
  func unranked(_ ids: [EvidenceID], _ unit: UCUMUnit) -> [EvidenceID] {
    ids.filter { id in
      guard let measurement = measurement(id) else { return false }
      return measurement.unit == unit && measurement.rank == nil && !Self.isLeftOut(measurement)
    }
  }

  /// The newest count over all tissue of a slide.
  func wholeCount(on slide: EvidenceID, _ unit: UCUMUnit) -> [EvidenceID]? {
    let found = measurements(by: BuiltInToolName.counter).first { item in
      let measurement = item.measurement
      guard measurement.unit == unit, measurement.rank == nil, self.slide(of: item.id) == slide else { return false }
      guard let region = measurement.region.flatMap({ self.region($0) }) else { return true }
      return region.label.contains("tissue")
    }
    return found.map { [$0.id] }
  }

  /// The newest count in a region; a window's own value where it was counted as a window only.
  func count(in region: EvidenceID, _ unit: UCUMUnit) -> EvidenceID? {
    let all = measurements(by: BuiltInToolName.counter).filter {
      $0.measurement.region == region && $0.measurement.unit == unit && !Self.isLeftOut($0.measurement)
    }
    return (all.first { $0.measurement.rank == nil } ?? all.first)?.id
  }

  /// Whether a value was selected as a maximum.
  func isSelected(_ id: EvidenceID) -> Bool { measurement(id)?.rank != nil }

  /// What was left out in a region, by the newest call that counted there.
  func leftOut(in region: EvidenceID) -> [EvidenceID] {
    let found = request.evidence.filter { item in
      guard case .measurement(let measurement) = item.body else { return false }
      return measurement.region == region && Self.isLeftOut(measurement)
    }
    guard let newest = found.last else { return [] }
    return found.filter { $0.turn == newest.turn && $0.call == newest.call }.map(\.id)
  }

  /// Ranked windows among some evidence, best first.
  func windows(_ ids: [EvidenceID]) -> [Window] {
    ids.compactMap { id in
      guard let measurement = measurement(id), let rank = measurement.rank,
        measurement.unit == .perSquareMillimetre
      else { return nil }
      return Window(id: id, region: measurement.region, rank: rank)
    }.sorted { $0.rank < $1.rank }
  }

  /// The newest ranking over all of a slide, in windows of that size when one is asked for.
  func windows(on slide: EvidenceID, windowMicrons: Double?) -> [Window] {
    let newest = measurements(by: BuiltInToolName.counter).first { item in
      guard item.measurement.rank == 1, item.measurement.unit == .perSquareMillimetre,
        let region = item.measurement.region.flatMap({ self.region($0) }), region.slide == slide,
        !countsOneRegion(item.id)
      else { return false }
      guard let wanted = windowMicrons else { return true }
      guard let scale = self.scale(of: slide) else { return false }
      return abs(Double(region.rect.width) * scale - wanted) <= 0.1 * wanted
    }
    guard let newest else { return [] }
    return windows(sameCall(as: newest.id).map(\.id))
  }

  /// Evidence that the same call made.
  private func sameCall(as id: EvidenceID) -> [Evidence] {
    guard let item = items[id] else { return [] }
    return request.evidence.filter { $0.call == item.call && $0.turn == item.turn }
  }

  /// Whether the call that made this was sent to one region: its own count lies in a region that is not all tissue.
  private func countsOneRegion(_ id: EvidenceID) -> Bool {
    let counts = unranked(sameCall(as: id).map(\.id), .perSquareMillimetre)
    return counts.contains { count in
      guard let region = measurement(count)?.region.flatMap({ self.region($0) }) else { return false }
      return !region.label.contains("tissue")
    }
  }

  private func scale(of slide: EvidenceID) -> Double? {
    if case .slide(let record) = items[slide]?.body { return record.properties?.scale?.micronsPerPixel }
    return nil
  }

  // MARK: Areas

  private static func isLeftOut(_ measurement: Measurement) -> Bool {
    let name = measurement.name.lowercased()
    return name.hasPrefix("left out:") || name.hasPrefix("excluded:")
  }

  /// Areas of tissue among some evidence.
  func tissueAreas(_ ids: [EvidenceID]) -> [EvidenceID] {
    ids.filter { id in
      guard let measurement = measurement(id), measurement.unit == .squareMillimetre else { return false }
      return measurement.name.lowercased().contains("tissue") && !Self.isLeftOut(measurement)
    }
  }

  /// The newest tissue area of a slide.
  func tissueArea(on slide: EvidenceID) -> EvidenceID? {
    let ids = measurements(by: BuiltInToolName.overview).map(\.id)
    return tissueAreas(ids).first { self.slide(of: $0) == slide }
  }

  /// The newest share of a slide that is tissue.
  func tissueShare(on slide: EvidenceID) -> EvidenceID? {
    measurements(by: BuiltInToolName.overview).first { item in
      item.measurement.unit == .percent && item.measurement.name.lowercased().contains("tissue share")
        && self.slide(of: item.id) == slide
    }?.id
  }

  /// The newest area measured in a region.
  func area(in region: EvidenceID) -> EvidenceID? {
    request.evidence.last { item in
      guard case .measurement(let measurement) = item.body else { return false }
      return measurement.region == region && measurement.unit == .squareMillimetre && !Self.isLeftOut(measurement)
    }?.id
  }

  /// What the newest overview of a slide left out: areas, and regions marked so.
  func leftOut(on slide: EvidenceID) -> [EvidenceID] {
    let newest = request.evidence.last {
      made($0.id, by: BuiltInToolName.overview) && (self.slide(of: $0.id) ?? slide) == slide
    }
    guard let newest else { return [] }
    return request.evidence.filter { item in
      guard item.call == newest.call, item.turn == newest.turn else { return false }
      switch item.body {
      case .measurement(let measurement): return Self.isLeftOut(measurement)
      case .region(let region): return region.label.hasPrefix("left out") || region.label.hasPrefix("excluded")
      default: return false
      }
    }.map(\.id).prefix(32).map { $0 }
  }

  // MARK: Slides, views, regions

  func isOpened(_ slide: EvidenceID) -> Bool {
    if case .slide(let record) = items[slide]?.body { return record.properties != nil }
    return false
  }

  /// Whether an overview of the slide is on the table.
  func hasOverview(of slide: EvidenceID) -> Bool {
    request.evidence.contains { made($0.id, by: BuiltInToolName.overview) && self.slide(of: $0.id) == slide }
  }

  /// The newest view of a region, at a scale when one is asked for.
  func view(of region: EvidenceID, micronsPerPixel: Double? = nil) -> EvidenceID? {
    request.evidence.last { item in
      guard case .view(let view) = item.body, view.region == region else { return false }
      guard let wanted = micronsPerPixel else { return true }
      return view.micronsPerPixel.map { abs($0 - wanted) < 0.01 * wanted } ?? false
    }?.id
  }

  /// Views, regions and pictures among some evidence.
  func shown(_ ids: [EvidenceID]) -> [EvidenceID] {
    ids.filter { [.view, .region, .artefact].contains($0.parts?.kind) }
  }

  /// What an installed tool gave that answers: measurements, those that share most words with the part first, or else
  /// whatever it gave.
  func results(_ ids: [EvidenceID], asked: String) -> [EvidenceID] {
    let measured = ids.filter { measurement($0) != nil }
    guard !measured.isEmpty else { return ids.filter { $0.parts?.kind != .slide } }
    let wanted = Self.stems(of: asked)
    // Sorting is stable in effect: the tool's own order decides between equals.
    let ordered = measured.enumerated().map { place, id in
      (place: place, id: id, shared: wanted.intersection(Self.stems(of: measurement(id)?.name ?? "")).count)
    }.sorted { ($0.shared, $1.place) > ($1.shared, $0.place) }
    return withRegions(ordered.map(\.id))
  }

  /// The first five letters of every word longer than three.
  private static func stems(of text: String) -> Set<String> {
    Set(QuestionWords(text).words.map(\.text).filter { $0.count > 3 }.map { String($0.prefix(5)) })
  }

  /// The ids and, behind them, the regions their measurements lie in.
  func withRegions(_ ids: [EvidenceID]) -> [EvidenceID] {
    var all = ids
    for id in ids {
      if let region = measurement(id)?.region, !all.contains(region) { all.append(region) }
    }
    return all
  }

  /// The region spoken of last: of the newest view or first place of a ranking.
  var focus: EvidenceID? {
    for item in request.evidence.reversed() {
      switch item.body {
      case .view(let view): return view.region
      case .measurement(let measurement) where measurement.rank == 1:
        if let region = measurement.region { return region }
      default: continue
      }
    }
    return earlierDrawnRegions.last
  }

  /// A region worth sending a tool to: the densest window, the best candidate, or tissue.
  var bestRegion: EvidenceID? {
    for item in request.evidence.reversed() {
      if case .measurement(let measurement) = item.body, measurement.rank == 1, let region = measurement.region {
        return region
      }
    }
    var tissue: EvidenceID?
    var candidate: EvidenceID?
    for item in request.evidence.reversed() {
      guard case .region(let region) = item.body else { continue }
      if region.rank == 1, candidate == nil { candidate = item.id }
      if region.label.contains("tissue"), tissue == nil { tissue = item.id }
    }
    return candidate ?? tissue
  }
}
