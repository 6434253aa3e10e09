// Parts that are answered with what a tool gives as it is: files, a filled report, the results of an installed tool.
// What must stay true: a report is filled after its fields were measured as far as they can be.

import Domain
import JSON
import Ports

extension PartPlanner {
  /// Files that counting gave, such as the centres of counted nuclei.
  func files(_ scope: Scope, _ asked: String) throws(Detour) -> PartPlan {
    let region = try regions(scope, asked)?.first
    // The newest count may be one region's; unless one is named, all tissue is meant.
    let known = table.files(by: BuiltInToolName.counter, on: nil, overAllTissue: region == nil)
    if region == nil, !known.isEmpty { return .cite(known) }
    let outcome = try outcome(
      of: BuiltInToolName.counter,
      CallTarget(slide: region.flatMap { table.region($0)?.slide } ?? slide(asked), region: region),
      thought: "Count nuclei for a file of their centres.")
    return .cite(try found(outcome.evidence.filter { $0.parts?.kind == .artefact }, outcome))
  }

  func report(_ asked: String) throws(Detour) -> PartPlan {
    guard let manifest = manifest(BuiltInToolName.report) else {
      throw .because(NotAssessableReason.notInstalled(BuiltInToolName.report))
    }
    guard let template = template(manifest, asked) else { throw .because(NotAssessableReason.noTemplate) }
    // A report is filled from evidence: measure what its fields ask for first, as far as that is possible.
    for slide in slides(asked) {
      try lookOver(slide)
      guard table.wholeCount(on: slide, .perSquareMillimetre) == nil else { continue }
      try attempt(
        BuiltInToolName.counter, CallTarget(slide: slide), thought: "Count nuclei over all tissue of \(slide).")
    }
    let outcome = try outcome(
      of: BuiltInToolName.report, CallTarget(template: template), thought: "Fill the template \(template).")
    return .cite(try found(outcome.evidence.filter { $0.parts?.kind == .artefact }, outcome))
  }

  /// The template whose name shares a word with the part, or else with the organ; the only one there is otherwise.
  private func template(_ manifest: ToolManifest, _ asked: String) -> String? {
    let property = manifest.inputSchema["properties"]?["template"]
    let names = property?["enum"]?.arrayValue?.compactMap(\.stringValue) ?? []
    func best(_ words: [String]) -> String? {
      let scored = names.map { name in
        (name, QuestionWords(name).words.filter { part in words.contains { $0.hasPrefix(part.text.prefix(5)) } }.count)
      }
      guard let top = scored.max(by: { $0.1 < $1.1 }), top.1 > 0 else { return nil }
      return scored.filter { $0.1 == top.1 }.count == 1 ? top.0 : nil
    }
    let organ = QuestionWords(request.description.organ ?? "").words.map(\.text)
    let synonyms = ["colon": "colorectal", "rectum": "colorectal", "bowel": "colorectal", "colonic": "colorectal"]
    let words = QuestionWords(asked).words.map { synonyms[$0.text] ?? $0.text }
    let organs = organ.map { synonyms[$0] ?? $0 }
    return best(words) ?? best(organs) ?? (names.count == 1 ? names[0] : nil)
  }

  func plugIn(_ name: String, _ scope: Scope, _ asked: String) throws(Detour) -> PartPlan {
    guard let manifest = manifest(name) else { throw .because(NotAssessableReason.notInstalled(name)) }
    let takesRegion = ["region", "regions", "rect"].contains { ToolArguments.takes(manifest, $0) }
    var targets: [CallTarget] = []
    if takesRegion, let regions = try places(scope, manifest, asked) {
      for region in regions.prefix(4) {
        let known = table.region(region)
        targets.append(CallTarget(slide: known?.slide, region: region, rect: known?.rect))
      }
    } else {
      targets = slides(asked).map { CallTarget(slide: $0) }
    }
    var ids: [EvidenceID] = []
    for target in targets {
      let place = target.region.map { " on \($0)" } ?? target.slide.map { " on \($0)" } ?? ""
      let outcome = try outcome(of: name, target, thought: "Run \(NotAssessableReason.word(name))\(place).")
      let own = table.results(outcome.evidence, asked: asked)
      ids += try found(own, outcome)
      if let region = target.region, !ids.contains(region) { ids.append(region) }
    }
    var seen: Set<EvidenceID> = []
    return .cite(Array(ids.filter { seen.insert($0).inserted }.prefix(40)))
  }

  /// The regions an installed tool is sent to: drawn or named ones, the top window, a candidate, tissue; nil when it
  /// can do without one.
  private func places(_ scope: Scope, _ manifest: ToolManifest, _ asked: String) throws(Detour) -> [EvidenceID]? {
    if let named = try regions(scope, asked) { return named }
    // A tool that takes a slide, and no region if none is named, is asked about the whole of it.
    let takesWhole = ToolArguments.takes(manifest, "slide") || ToolArguments.takes(manifest, "slides")
    if takesWhole, !ToolArguments.needs(manifest, anyOf: ["region", "regions", "rect"]) { return nil }
    if let best = table.bestRegion { return [best] }
    guard ToolArguments.needs(manifest, anyOf: ["region", "regions", "rect"]) else { return nil }
    guard let slide = slide(asked) else { throw .because(NotAssessableReason.noFocus) }
    let outcome = try outcome(
      of: BuiltInToolName.overview, CallTarget(slide: slide), thought: "Find a region to look at on \(slide).")
    guard let best = table.bestRegion else {
      throw .because(outcome.refusals.first ?? NotAssessableReason.nothingFound)
    }
    return [best]
  }
}
