// How far a turn has come, folded from its durable events alone: which items are open, and how a turn that cannot go
// on is closed. The same fold serves a running turn, a failed append, and the repair after a crash.
// What must stay true: after `closing` has been recorded, every item that was started has ended, and the turn too.

import Agent
public import Domain
import JSON

/// What the durable events of a turn say of it.
public struct TurnProgress: Sendable, Hashable {
  /// Where a turn is.
  public enum Phase: String, Sendable, Hashable { case queued, running, completed }
  /// Where it is.
  public private(set) var phase: Phase = .queued
  /// The number of the step that was requested and has not ended.
  public private(set) var openStep: Int?
  /// Calls that were started and have not ended, oldest first.
  public private(set) var openCalls: [CallID] = []
  /// Steps requested.
  public private(set) var steps = 0
  /// Calls that ran.
  public private(set) var toolCalls = 0
  /// Calls answered from evidence.
  public private(set) var reusedCalls = 0
  /// Why it ended.
  public private(set) var stop: StopReason?
  /// What ended it, when the host did and knows.
  public private(set) var failure: VPathError?
  /// The seq of `turn.completed`.
  public private(set) var completedSeq: Int?

  /// A turn that was queued.
  public init() {}

  /// Takes in the turn's next event.
  public mutating func apply(_ event: Event) {
    let payload = event.payload
    switch event.kind {
    case .turnStarted: phase = .running
    case .modelRequested:
      steps += 1
      openStep = payload["step"]?.integerValue ?? steps
    case .modelResponded, .modelFailed: openStep = nil
    case .toolCalled:
      guard let call = payload["call"]?.stringValue else { return }
      if payload["reused"]?.boolValue == true { reusedCalls += 1 } else { toolCalls += 1 }
      openCalls.append(CallID(call))
    case .toolReturned, .toolFailed:
      guard let call = payload["call"]?.stringValue else { return }
      openCalls.removeAll { $0 == CallID(call) }
    case .turnCompleted:
      phase = .completed
      stop = payload["stop"]?.stringValue.flatMap(StopReason.init(rawValue:))
      failure = decoded(VPathError.self, payload["error"])
      completedSeq = event.seq
    default: break
    }
  }

  /// The events that end the turn where it stands: open items first, then the turn. Empty when it has ended.
  ///
  /// - Parameters:
  ///   - stop: `failed`, or `interrupted` for a turn that never began.
  ///   - reason: one sentence, recorded.
  ///   - error: what ended it, where that has an id; recorded with the turn's end.
  public func closing(
    caseID: CaseID, turn: TurnID, stop: StopReason, reason: String, error ended: VPathError? = nil,
    elapsedSeconds: Double = 0
  ) -> [NewEvent] {
    guard phase != .completed else { return [] }
    let error = VPathError(.cancelled, reason, traceId: turn.rawValue)
    func event(_ kind: EventKind, _ payload: [String: JSONValue]) -> NewEvent {
      NewEvent(caseID: caseID, turn: turn, kind: kind, payload: .object(payload))
    }
    var events: [NewEvent] = []
    if let openStep {
      events.append(
        event(
          .modelFailed,
          [
            "step": .number(Double(openStep)), "error": json(error), "elapsedSeconds": .number(elapsedSeconds),
            "reason": .string(reason),
          ]))
    }
    for call in openCalls {
      events.append(
        event(
          .toolFailed,
          [
            "call": .string(call.rawValue), "result": json(ToolResult(error: error)),
            "elapsedSeconds": .number(elapsedSeconds), "reason": .string(reason),
          ]))
    }
    let usage = Usage(steps: steps, toolCalls: toolCalls, reusedCalls: reusedCalls, seconds: elapsedSeconds)
    var end: [String: JSONValue] = [
      "stop": .string(stop.rawValue), "reason": .string(reason), "usage": json(usage),
      "outcome": json(TurnOutcome(stop: stop, answer: nil, call: nil)),
    ]
    if let ended { end["error"] = json(ended) }
    events.append(event(.turnCompleted, end))
    return events
  }
}
