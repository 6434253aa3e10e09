// How one part is answered: the next call it needs, or the evidence it cites, or the reason why not.
// The plan is made anew at each step from what is on the table: evidence there is, calls of this turn and what came of
// them. Nothing is kept between steps.
// What must stay true: evidence that is there is used before a tool is called; a call is never asked for twice; what a
// tool refused becomes the reason.

import Domain
import JSON
import Ports

/// What a part needs next.
enum PartPlan: Sendable, Hashable {
  case call(tool: String, arguments: JSONValue, thought: String)
  case cite([EvidenceID])
  case notAssessable(String)
}

/// Plans parts.
struct PartPlanner: Sendable {
  let request: StepRequest
  let table: EvidenceTable
  let reasons: NotAssessableReason
  private let reader: PartReader

  init(_ request: StepRequest, vocabulary: Vocabulary) {
    self.request = request
    self.table = EvidenceTable(request)
    self.reasons = NotAssessableReason(description: request.description, tools: request.tools)
    self.reader = PartReader(
      vocabulary: vocabulary, drawnNow: request.drawnRegions.count,
      drawnEarlier: table.earlierDrawnRegions.count)
  }

  /// The plan of a part.
  func plan(_ asked: String) -> PartPlan {
    do throws(Detour) {
      switch reader.intent(of: asked) {
      case .limit(let topic, let aboutNuclei): return .notAssessable(reasons.limit(topic, aboutNuclei: aboutNuclei))
      case .lowest: return .notAssessable(NotAssessableReason.onlyDensest)
      case .files(let scope): return try files(scope, asked)
      case .unknown: return .notAssessable(reasons.unknown)
      case .densest(let scope): return try densest(scope, asked)
      case .nuclei(let scope, let perArea): return try nuclei(scope, perArea: perArea, asked)
      case .compareNuclei(let scope): return try compare(scope, asked)
      case .tissueArea(let scope): return try tissueArea(scope, asked)
      case .tissueShare: return try tissueShare(asked)
      case .leftOut(let scope, let showsPlace): return try leftOut(scope, showsPlace: showsPlace, asked)
      case .show(let scope): return try show(scope, asked)
      case .overview: return try overview(asked)
      case .slideFacts: return try slideFacts(asked)
      case .report: return try report(asked)
      case .tool(let name, let scope): return try plugIn(name, scope, asked)
      }
    } catch {
      return error.plan
    }
  }

  /// What a part asks for.
  func intent(of asked: String) -> PartIntent { reader.intent(of: asked) }

  /// Why a part can never be answered in this turn, whatever its calls bring; nil when it may be.
  func settledReason(_ asked: String) -> String? {
    guard case .notAssessable(let reason) = plan(asked) else { return nil }
    return [NotAssessableReason.noFocus, NotAssessableReason.compareNeedsTwo].contains(reason) ? nil : reason
  }

  /// A plan that comes up while another is made: a call that is needed first, or a reason that ends it.
  struct Detour: Error {
    var plan: PartPlan
    static func because(_ reason: String) -> Detour { Detour(plan: .notAssessable(reason)) }
  }

  // MARK: Calls

  func manifest(_ tool: String) -> ToolManifest? {
    request.tools.first { $0.name == tool } ?? request.unavailableTools.first { $0.tool.name == tool }?.tool
  }

  /// The outcome of a call: as it was, or a detour to make it. Throws the reason when it failed or may not be made.
  func outcome(of tool: String, _ target: CallTarget, thought: String) throws(Detour) -> StepOutcome {
    guard let manifest = manifest(tool) else { throw .because(NotAssessableReason.notInstalled(tool)) }
    let arguments: JSONValue
    do {
      arguments = try ToolArguments.fill(manifest, target)
    } catch {
      throw .because(NotAssessableReason.cannotFill(tool, error.name))
    }
    if let done = request.history.last(where: { $0.tool == tool && $0.arguments == arguments }) {
      if let error = done.error { throw .because("\(tool): \(error.message)") }
      return done
    }
    if let unavailable = request.unavailableTools.first(where: { $0.tool.name == tool }) {
      throw .because(unavailable.reason)
    }
    guard request.stepsLeft > 1 else { throw .because(NotAssessableReason.stepsRanOut) }
    throw Detour(plan: .call(tool: tool, arguments: arguments, thought: thought))
  }

  /// The ids that some evidence of a call gives, or why it gives none.
  func found(_ ids: [EvidenceID], _ outcome: StepOutcome) throws(Detour) -> [EvidenceID] {
    guard ids.isEmpty else { return ids }
    guard let refusal = outcome.refusals.first else { throw .because(NotAssessableReason.nothingFound) }
    throw .because(refusal)
  }

  // MARK: Where

  /// The regions a scope names; nil for all tissue.
  func regions(_ scope: Scope, _ asked: String) throws(Detour) -> [EvidenceID]? {
    switch scope {
    case .whole: return nil
    case .rects(let rects):
      var found: [EvidenceID] = []
      for rect in rects {
        if let known = table.region(rect, on: slide(asked)) {
          found.append(known)
          continue
        }
        // A rectangle becomes a region of the case by being shown.
        let outcome = try outcome(
          of: BuiltInToolName.zoom, CallTarget(slide: slide(asked), rect: rect),
          thought: "Look at the rectangle \(rect).")
        // One that reached over the edge was cut: what the call gave is it.
        let shown = outcome.evidence.filter { $0.parts?.kind == .region }
        found += try self.found(Array(shown.prefix(1)), outcome)
      }
      return found
    case .named(let ids):
      let missing = ids.filter { table.region($0) == nil }
      guard missing.isEmpty else { throw .because(reasons.noRegion(missing)) }
      return ids
    case .drawn: return request.drawnRegions.isEmpty ? table.earlierDrawnRegions : request.drawnRegions
    case .focus:
      guard let focus = table.focus else { throw .because(NotAssessableReason.noFocus) }
      return [focus]
    case .densestWindow:
      let windows = try windows(slide(asked), scope: .whole, asked)
      guard let top = windows.first?.region else { throw .because(NotAssessableReason.nothingFound) }
      return [top]
    }
  }

  /// The slides a part is about: those it names by id, or all of the case, the first four at most.
  func slides(_ asked: String) -> [EvidenceID] {
    let all = table.slides
    let named = QuestionWords(asked).words.map { EvidenceID($0.text) }.filter { all.contains($0) }
    return Array((named.isEmpty ? all : named).prefix(4))
  }

  func slide(_ asked: String) -> EvidenceID? { slides(asked).first }
}
