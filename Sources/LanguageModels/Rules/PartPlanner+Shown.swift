// Parts that are answered by showing: regions, the whole slide, what the file says of itself.
// What must stay true: a view that is there at the scale asked for is shown again, and none is made.

import Domain
import JSON
import Ports

extension PartPlanner {
  func show(_ scope: Scope, _ asked: String) throws(Detour) -> PartPlan {
    let scale = scaleAsked(asked)
    if case .rects(let rects) = scope {
      var ids: [EvidenceID] = []
      for rect in rects {
        let outcome = try outcome(
          of: BuiltInToolName.zoom, CallTarget(slide: slide(asked), rect: rect, micronsPerPixel: scale),
          thought: "Show the rectangle \(rect).")
        ids += try found(table.shown(outcome.evidence), outcome)
      }
      return .cite(ids)
    }
    guard let regions = try regions(scope, asked) else { return try overview(asked) }
    var ids: [EvidenceID] = []
    for region in regions.prefix(8) {
      if let known = table.view(of: region, micronsPerPixel: scale) {
        ids += [region, known]
        continue
      }
      let outcome = try outcome(
        of: BuiltInToolName.zoom,
        CallTarget(slide: table.region(region)?.slide, region: region, micronsPerPixel: scale),
        thought: "Show \(region).")
      ids.append(region)
      ids += try found(table.shown(outcome.evidence).filter { $0 != region }, outcome)
    }
    return .cite(ids)
  }

  func overview(_ asked: String) throws(Detour) -> PartPlan {
    var ids: [EvidenceID] = []
    for slide in slides(asked) {
      let target = CallTarget(slide: slide)
      let outcome = try outcome(of: BuiltInToolName.overview, target, thought: "Look over \(slide).")
      let shown = table.shown(outcome.evidence).filter { table.region($0)?.rank == nil }
      ids += try found(shown + table.tissueAreas(outcome.evidence), outcome)
    }
    return .cite(Array(ids.prefix(40)))
  }

  func slideFacts(_ asked: String) throws(Detour) -> PartPlan {
    let slides = slides(asked)
    for slide in slides where !table.isOpened(slide) {
      let outcome = try outcome(of: BuiltInToolName.overview, CallTarget(slide: slide), thought: "Open \(slide).")
      guard table.isOpened(slide) else { throw .because(outcome.refusals.first ?? NotAssessableReason.nothingFound) }
    }
    return .cite(slides)
  }
}
