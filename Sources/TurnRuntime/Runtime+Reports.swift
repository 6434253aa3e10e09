// report/draft and report/get: a template filled by a tool, its forms kept as artefacts.
// What must stay true: a report is recorded once, after its turn; what report/get gives is what was drafted.

public import Domain
import JSON
public import Policy
import Ports
public import Wire

extension Runtime {
  /// The tool that fills templates.
  static let reportTool = "report_template_filler"
  /// The longest report read back.
  private static let reportBytes = 4 << 20

  /// `report/draft`.
  public func draftReport(
    _ params: ReportDraftParams, by principal: Principal, started: @Sendable (TurnID) -> Void = { _ in }
  ) async throws(VPathError) -> ReportResult {
    let (found, decision) = try await permit(
      .reportDraft, on: params.caseID, by: principal, resource: ["template": .string(params.template)])
    let call = try await run(
      Runtime.reportTool, ["template": .string(params.template)], on: found, key: params.key, by: principal,
      decision: decision, started: started)
    if let error = call.outcome.error { throw error }
    if let drafted = call.found.reports[call.turn] { return try await report(drafted, in: call.found) }
    let artefacts = call.outcome.evidence.filter { call.found.evidence($0)?.body.kind == .artefact }
    let drafted = ReportDraftedPayload(turn: call.turn, template: params.template, artefacts: artefacts)
    try await record([NewEvent(caseID: found.caseID, kind: .reportDrafted, payload: json(drafted))])
    return try await report(drafted, in: call.found)
  }

  /// `report/get`.
  public func getReport(_ params: TurnParams, by principal: Principal) async throws(VPathError) -> ReportResult {
    let (found, _, _) = try await permit(.reportRead, on: params.turn, by: principal)
    guard let drafted = found.reports[params.turn] else {
      throw VPathError(
        .evidenceNotFound, "Turn \(params.turn) drafted no report. report/draft makes one.",
        subject: params.turn.rawValue)
    }
    return try await report(drafted, in: found)
  }

  private func report(_ drafted: ReportDraftedPayload, in found: CaseState) async throws(VPathError) -> ReportResult {
    var report: JSONValue = .null
    for id in drafted.artefacts {
      guard let (hash, mediaType) = found.evidence(id)?.body.file, mediaType == "application/json" else { continue }
      let bytes = try await wholeFile(hash, limit: Runtime.reportBytes)
      guard let parsed = try? JSONValue.parse(bytes) else {
        throw VPathError(
          .toolBadOutput, "The report \(id) is no JSON. Check the tool \(Runtime.reportTool).", subject: id.rawValue)
      }
      report = parsed
      break
    }
    return ReportResult(turn: drafted.turn, template: drafted.template, report: report, artefacts: drafted.artefacts)
  }
}
