// The events of the trace, as the reducers make them and readers get them back.
// What must stay true: an event is durable before its effect is shown; sequence numbers of a case have no gap.

public import JSON

/// What happened. Closed list; the exact payload of each kind is in docs/trace-format.md.
public enum EventKind: String, Sendable, Codable, Hashable, CaseIterable {
  case daemonStarted = "daemon.started"
  case daemonStopped = "daemon.stopped"
  case configChanged = "config.changed"
  case caseOpened = "case.opened"
  case caseClosed = "case.closed"
  case slideHashed = "slide.hashed"
  case turnQueued = "turn.queued"
  case turnStarted = "turn.started"
  case turnCompleted = "turn.completed"
  case modelRequested = "model.requested"
  case modelResponded = "model.responded"
  case modelFailed = "model.failed"
  case policyDecided = "policy.decided"
  case toolCalled = "tool.called"
  case toolReturned = "tool.returned"
  case toolFailed = "tool.failed"
  case evidenceRecorded = "evidence.recorded"
  case answerChecked = "answer.checked"
  case answerRendered = "answer.rendered"
  case inputReceived = "input.received"
  case reportDrafted = "report.drafted"
  case reportAmended = "report.amended"
  case reportSigned = "report.signed"
  case sandboxDegraded = "sandbox.degraded"
  case traceRedacted = "trace.redacted"
  case traceCheckpointed = "trace.checkpointed"
  case traceRead = "trace.read"
}

/// An event that is to be recorded. Time, sequence number, salt and hash are given by the trace.
public struct NewEvent: Sendable, Hashable, Codable {
  /// The chain it goes into; events of the daemon itself use `CaseID.daemon`.
  public var caseID: CaseID
  public var turn: TurnID?
  public var kind: EventKind
  /// Any JSON; a payload over 64 KiB is kept as a file by its hash.
  public var payload: JSONValue

  public init(caseID: CaseID, turn: TurnID? = nil, kind: EventKind, payload: JSONValue) {
    self.caseID = caseID
    self.turn = turn
    self.kind = kind
    self.payload = payload
  }
}

extension CaseID {
  /// The chain of events that belong to no case.
  public static let daemon = CaseID("daemon")
}

/// An event as it was recorded.
public struct Event: Sendable, Hashable, Codable {
  public var caseID: CaseID
  /// Place in the case's chain, 1 first, without gaps.
  public var seq: Int
  public var turn: TurnID?
  public var kind: EventKind
  /// RFC 3339 in UTC with milliseconds. The clock may go back; order is `seq`'s.
  public var time: String
  /// `null` after redaction.
  public var payload: JSONValue
  /// The event's hash in its chain.
  public var hash: SHA256Hex

  public init(
    caseID: CaseID, seq: Int, turn: TurnID?, kind: EventKind, time: String, payload: JSONValue, hash: SHA256Hex
  ) {
    self.caseID = caseID
    self.seq = seq
    self.turn = turn
    self.kind = kind
    self.time = time
    self.payload = payload
    self.hash = hash
  }
}
