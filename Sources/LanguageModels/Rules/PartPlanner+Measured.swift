// Parts that are answered with measurements: counts, densities, densest windows, tissue, what was left out.
// What must stay true: what is known is cited before anything is counted; a count of the whole is never given for a region.

import Domain
import JSON
import Ports

extension PartPlanner {
  func nuclei(_ scope: Scope, perArea: Bool, _ asked: String) throws(Detour) -> PartPlan {
    let unit: UCUMUnit = perArea ? .perSquareMillimetre : .one
    if let regions = try regions(scope, asked) {
      var ids: [EvidenceID] = []
      for region in regions { ids += try counted(in: region, unit) }
      return .cite(ids + regions.filter { !ids.contains($0) })
    }
    var ids: [EvidenceID] = []
    for slide in slides(asked) {
      if let known = table.wholeCount(on: slide, unit) ?? table.wholeCount(on: slide, .perSquareMillimetre) {
        ids += known
        continue
      }
      let outcome = try outcome(
        of: BuiltInToolName.counter, CallTarget(slide: slide), thought: "Count nuclei over all tissue of \(slide).")
      let whole = table.unranked(outcome.evidence, unit)
      ids += try found(whole.isEmpty ? table.unranked(outcome.evidence, .perSquareMillimetre) : whole, outcome)
    }
    guard !ids.isEmpty else { throw .because(NotAssessableReason.nothingFound) }
    return .cite(table.withRegions(ids))
  }

  /// Counts in one region: what is known of it, or a call.
  func counted(in region: EvidenceID, _ unit: UCUMUnit, selected: Bool = true) throws(Detour) -> [EvidenceID] {
    let known = table.count(in: region, unit) ?? table.count(in: region, .perSquareMillimetre)
    if let known, selected || !table.isSelected(known) { return [known] }
    let outcome = try outcome(
      of: BuiltInToolName.counter, CallTarget(slide: table.region(region)?.slide, region: region),
      thought: "Count nuclei in \(region).")
    let inside = table.unranked(outcome.evidence, unit)
    let ids = inside.isEmpty ? table.unranked(outcome.evidence, .perSquareMillimetre) : inside
    return Array(try found(ids, outcome).prefix(1))
  }

  func compare(_ scope: Scope, _ asked: String) throws(Detour) -> PartPlan {
    guard let regions = try regions(scope, asked), regions.count > 1 else {
      throw .because(NotAssessableReason.compareNeedsTwo)
    }
    var ids: [EvidenceID] = []
    // A window's own value was selected as a maximum and compares with nothing: the region is counted as such.
    for region in regions { ids += try counted(in: region, .perSquareMillimetre, selected: false) }
    return .cite(ids + regions)
  }

  func densest(_ scope: Scope, _ asked: String) throws(Detour) -> PartPlan {
    let regions = try regions(scope, asked)
    var ids: [EvidenceID] = []
    var tops: [EvidenceID] = []
    if let regions {
      for region in regions {
        let windows = try windows(table.region(region)?.slide, scope: .named([region]), asked)
        ids += windows.map(\.id)
        tops += windows.prefix(1).compactMap(\.region)
      }
    } else {
      for slide in slides(asked) {
        try lookOver(slide)
        let windows = try windows(slide, scope: .whole, asked)
        ids += windows.map(\.id)
        tops += windows.prefix(1).compactMap(\.region)
      }
    }
    var views: [EvidenceID] = []
    for top in tops {
      if let view = try lookInto(top, scaleAsked(asked)) { views.append(view) }
    }
    return .cite(table.withRegions(ids) + views)
  }

  /// The ranked windows of a slide or of a region, best first.
  func windows(
    _ slide: EvidenceID?, scope: Scope, _ asked: String
  ) throws(Detour) -> [EvidenceTable.Window] {
    let size = windowSize(asked)
    var region: EvidenceID?
    if case .named(let ids) = scope { region = ids.first }
    if region == nil, let slide {
      let known = table.windows(on: slide, windowMicrons: size)
      if !known.isEmpty { return known }
    }
    let place = region.map { "\($0)" } ?? slide.map { "all tissue of \($0)" } ?? "all tissue"
    let outcome = try outcome(
      of: BuiltInToolName.counter, CallTarget(slide: slide, region: region, windowMicrons: size),
      thought: "Count nuclei in \(place) and rank windows.")
    let windows = table.windows(outcome.evidence)
    _ = try found(windows.map(\.id), outcome)
    return windows
  }

  /// The window size that a part asks for, in µm; a scale ("0.25 µm/px") is none.
  private func windowSize(_ asked: String) -> Double? {
    let size = StatedNumber.before(["µm", "μm", "um", "micron", "microns", "micrometres", "micrometers"], in: asked)
    return size.flatMap { $0 >= 10 ? $0 : nil }
  }

  /// An overview of a slide before a place on it is named; without one the rest goes on.
  func lookOver(_ slide: EvidenceID) throws(Detour) {
    guard !table.hasOverview(of: slide) else { return }
    try attempt(
      BuiltInToolName.overview, CallTarget(slide: slide), thought: "Look over \(slide): tissue and what to leave out.")
  }

  /// A view of a region; without one the rest goes on.
  private func lookInto(_ region: EvidenceID, _ scale: Double?) throws(Detour) -> EvidenceID? {
    if let view = table.view(of: region, micronsPerPixel: scale) { return view }
    try attempt(
      BuiltInToolName.zoom,
      CallTarget(slide: table.region(region)?.slide, region: region, micronsPerPixel: scale),
      thought: "Look at \(region).")
    return table.view(of: region, micronsPerPixel: scale)
  }

  /// The µm per pixel that a part asks for.
  func scaleAsked(_ asked: String) -> Double? {
    StatedNumber.before(
      ["µm px", "μm px", "um px", "µm per", "μm per", "um per", "microns per", "mpp"], in: asked)
  }

  /// Makes a call whose failure does not end the part.
  func attempt(_ tool: String, _ target: CallTarget, thought: String) throws(Detour) {
    do throws(Detour) {
      _ = try outcome(of: tool, target, thought: thought)
    } catch {
      if case .call = error.plan { throw error }
    }
  }

  func tissueArea(_ scope: Scope, _ asked: String) throws(Detour) -> PartPlan {
    if let regions = try regions(scope, asked) {
      var ids: [EvidenceID] = []
      for region in regions {
        if let area = table.area(in: region) {
          ids.append(area)
        } else {
          ids += try counted(in: region, .perSquareMillimetre)
        }
      }
      return .cite(ids + regions)
    }
    var ids: [EvidenceID] = []
    for slide in slides(asked) {
      if let known = table.tissueArea(on: slide) {
        ids.append(known)
        continue
      }
      let outcome = try outcome(
        of: BuiltInToolName.overview, CallTarget(slide: slide), thought: "Measure the tissue of \(slide).")
      ids += try found(table.tissueAreas(outcome.evidence), outcome)
    }
    return .cite(table.withRegions(ids))
  }

  func tissueShare(_ asked: String) throws(Detour) -> PartPlan {
    var ids: [EvidenceID] = []
    for slide in slides(asked) {
      if let known = table.tissueShare(on: slide) {
        ids.append(known)
        continue
      }
      guard !table.hasOverview(of: slide) else { throw .because(NotAssessableReason.noShare) }
      let outcome = try outcome(
        of: BuiltInToolName.overview, CallTarget(slide: slide), thought: "Measure the tissue of \(slide).")
      throw .because(outcome.refusals.first ?? NotAssessableReason.noShare)
    }
    return .cite(table.withRegions(ids))
  }

  func leftOut(_ scope: Scope, showsPlace: Bool, _ asked: String) throws(Detour) -> PartPlan {
    var ids: [EvidenceID] = []
    // "Is there ink on it?" is about the slide, whatever region another part has come to speak of.
    let place = scope == .focus ? .whole : scope
    if let regions = try regions(place, asked) {
      for region in regions {
        // Where nothing was left out, the area that was analysed is the answer.
        func answer() -> [EvidenceID] {
          let leftOut = table.leftOut(in: region)
          return leftOut.isEmpty ? table.area(in: region).map { [$0] } ?? [] : leftOut
        }
        if !answer().isEmpty {
          ids += answer()
          continue
        }
        let outcome = try outcome(
          of: BuiltInToolName.counter, CallTarget(slide: table.region(region)?.slide, region: region),
          thought: "Find what is to be left out in \(region).")
        ids += try found(answer(), outcome)
      }
      return .cite(table.withRegions(ids) + regions.filter { !table.withRegions(ids).contains($0) })
    }
    for slide in slides(asked) {
      if !table.hasOverview(of: slide) {
        let outcome = try outcome(
          of: BuiltInToolName.overview, CallTarget(slide: slide), thought: "Find what is to be left out on \(slide).")
        _ = try found(outcome.evidence, outcome)
      }
      if showsPlace { ids += table.files(by: BuiltInToolName.overview, on: slide) }
      let leftOut = table.leftOut(on: slide)
      ids += leftOut.isEmpty ? table.tissueArea(on: slide).map { [$0] } ?? [] : leftOut
    }
    guard !ids.isEmpty else { throw .because(NotAssessableReason.nothingFound) }
    let measured = ids.filter { $0.parts?.kind != .artefact }
    return .cite(measured + ids.filter { $0.parts?.kind == .artefact })
  }
}
