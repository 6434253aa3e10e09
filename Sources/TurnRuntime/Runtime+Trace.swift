// The trace for clients: lists, events, verification, export.
// What must stay true: who reads what is recorded in the case it is read of; a page of a list never shows a case that
// the caller may not see.

public import Domain
import JSON
public import Policy
import Ports
public import Wire

extension Runtime {
  /// `trace/list`: a page of turns; it may be shorter than asked for and still have a next.
  public func listTurns(_ params: TraceListParams, by principal: Principal) async throws(VPathError)
    -> TraceListResult
  {
    if let caseID = params.caseID { _ = try await permit(.traceRead, on: caseID, by: principal) }
    let limit = params.limit ?? 100
    var rows: [TraceListResult.Row] = []
    var cursor = params.cursor
    for _ in 0..<Runtime.pagesAtOnce {
      let page = try await environment.store.turns(of: params.caseID, limit: limit - rows.count, cursor: cursor)
      for turn in page.turns where try await mayList(turn.caseID, principal, .traceRead) {
        rows.append(
          TraceListResult.Row(
            turn: turn.turn, caseID: turn.caseID, state: turn.state, stop: turn.stop, queuedAt: turn.queuedAt,
            firstSeq: turn.firstSeq, lastSeq: turn.lastSeq))
      }
      cursor = page.next
      if cursor == nil || rows.count >= limit { break }
    }
    return TraceListResult(turns: rows, next: cursor)
  }

  /// `trace/get`.
  public func getEvents(_ params: TraceGetParams, by principal: Principal) async throws(VPathError)
    -> TraceGetResult
  {
    let (found, decision) = try await permit(.traceRead, on: params.caseID, by: principal, turn: params.turn)
    let after = params.after ?? 0
    let limit = params.limit ?? 200
    let events = try await environment.store.events(
      of: params.caseID, turn: params.turn, after: after, limit: limit)
    try await recordRead(
      .traceRead, of: found, turn: params.turn, by: principal, decision, isContinued: after > 0)
    var next: Int?
    if let last = events.last?.seq {
      // A page of large events holds fewer than were asked for.
      let more = try await environment.store.events(of: params.caseID, turn: params.turn, after: last, limit: 1)
      // That it was read is itself an event of the case, and no reason for another page.
      next = events.count == limit || more.contains { $0.kind != .traceRead } ? last : nil
    }
    return TraceGetResult(events: events, next: next)
  }

  /// `trace/verify`, of one case or of everything.
  public func verify(_ params: TraceVerifyParams, by principal: Principal) async throws(VPathError)
    -> TraceVerifyResult
  {
    if let caseID = params.caseID {
      _ = try await permit(.traceVerify, on: caseID, by: principal)
    } else {
      try permit(.traceVerify, by: principal)
    }
    return try await environment.audit.verify(params.caseID)
  }

  /// `trace/export`.
  public func export(_ params: TraceExportParams, by principal: Principal) async throws(VPathError)
    -> TraceExportResult
  {
    let (found, decision) = try await permit(.traceExport, on: params.caseID, by: principal)
    try await recordRead(.traceExport, of: found, by: principal, decision, isContinued: params.cursor != nil)
    let (bytes, next) = try await environment.audit.export(params.caseID, cursor: params.cursor)
    return TraceExportResult(data: Base64.encode(bytes), next: next)
  }

  /// All events of a turn, oldest first.
  func events(of turn: TurnID, in caseID: CaseID) async throws(VPathError) -> [Event] {
    var events: [Event] = []
    while true {
      let page = try await environment.store.events(
        of: caseID, turn: turn, after: events.last?.seq ?? 0, limit: 1000)
      if page.isEmpty { return events }
      events += page
    }
  }
}
