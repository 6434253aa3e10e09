// The events that a turn records, each payload in one place.
// What must stay true: the payloads are the contract with the trace, with replay and with clients
// (docs/trace-format.md); an input from outside is recorded whole, so that replay can feed it again.

import Domain
import JSON
import Policy
import Ports

/// Makes a turn's events.
struct TurnEvents: Sendable {
  var caseID: CaseID
  var turn: TurnID

  private func event(_ kind: EventKind, _ payload: [String: JSONValue]) -> NewEvent {
    NewEvent(caseID: caseID, turn: turn, kind: kind, payload: .object(payload))
  }

  func started(_ brief: RecordedBrief, policy: SHA256Hex) -> NewEvent {
    var payload: [String: JSONValue] = ["brief": json(brief), "policyDigest": .string(policy.rawValue)]
    if let build = brief.build { payload["build"] = .string(build) }
    return event(.turnStarted, payload)
  }

  func requested(_ request: RecordedRequest) -> NewEvent {
    event(.modelRequested, json(request).objectValue ?? [:])
  }

  func responded(step: Int, _ reply: StepReply, elapsed: Double) -> NewEvent {
    event(
      .modelResponded, ["step": .number(Double(step)), "reply": json(reply), "elapsedSeconds": .number(elapsed)])
  }

  func modelFailed(
    step: Int, _ error: VPathError, elapsed: Double, exchanges: [ModelExchange]? = nil
  ) -> NewEvent {
    var payload: [String: JSONValue] = [
      "step": .number(Double(step)), "error": json(error), "elapsedSeconds": .number(elapsed),
    ]
    if let exchanges { payload["exchanges"] = json(exchanges) }
    return event(.modelFailed, payload)
  }

  func decided(call: CallID, tool: String, arguments: JSONValue, _ decision: PolicyDecision) -> NewEvent {
    event(
      .policyDecided,
      ["call": .string(call.rawValue), "tool": .string(tool), "arguments": arguments, "decision": json(decision)])
  }

  /// What the policy lets the turn's model be sent.
  func disclosed(to model: ModelDescription, _ disclosure: Disclosure, _ decision: PolicyDecision) -> NewEvent {
    event(
      .policyDecided,
      ["model": json(model), "disclosure": .string(disclosure.rawValue), "decision": json(decision)])
  }

  func called(_ call: CallID, _ manifest: ToolManifest, arguments: JSONValue, reused: Bool) -> NewEvent {
    event(
      .toolCalled,
      [
        "call": .string(call.rawValue), "tool": json(manifest.reference), "arguments": arguments,
        "title": .string(manifest.title ?? manifest.name), "reused": .bool(reused),
      ])
  }

  func returned(_ call: CallID, _ result: ToolResult, evidence: [EvidenceID], elapsed: Double) -> NewEvent {
    event(
      .toolReturned,
      [
        "call": .string(call.rawValue), "result": json(result),
        "evidence": .array(evidence.map { .string($0.rawValue) }), "elapsedSeconds": .number(elapsed),
      ])
  }

  /// `error` where the result as it came is whole and the daemon refuses it.
  func toolFailed(_ call: CallID, _ result: ToolResult, error: VPathError?, elapsed: Double) -> NewEvent {
    var payload: [String: JSONValue] = [
      "call": .string(call.rawValue), "result": json(result), "elapsedSeconds": .number(elapsed),
    ]
    if let error { payload["error"] = json(error) }
    return event(.toolFailed, payload)
  }

  func evidence(_ evidence: Evidence) -> NewEvent { event(.evidenceRecorded, ["evidence": json(evidence)]) }

  func checked(draft: Int, problems: [String]) -> NewEvent {
    event(
      .answerChecked,
      [
        "draft": .number(Double(draft)), "accepted": .bool(problems.isEmpty),
        "problems": .array(problems.map { .string($0) }),
      ])
  }

  func rendered(_ answer: Answer) -> NewEvent { event(.answerRendered, ["answer": json(answer)]) }

  func interrupted(by principal: Principal, reason: String, elapsed: Double) -> NewEvent {
    event(
      .inputReceived,
      [
        "what": "interrupted", "by": json(principal), "reason": .string(reason), "elapsedSeconds": .number(elapsed),
      ])
  }

  func timeRanOut(elapsed: Double) -> NewEvent {
    event(.inputReceived, ["what": "timeRanOut", "elapsedSeconds": .number(elapsed)])
  }

  func completed(_ outcome: TurnOutcome, usage: Usage) -> NewEvent {
    event(
      .turnCompleted,
      ["stop": .string(outcome.stop.rawValue), "usage": json(usage), "outcome": json(outcome)])
  }

  /// The value as JSON. The types recorded here always have a form; should one not, that is recorded instead of
  /// nothing, and the turn goes on.
  private func json(_ value: some Encodable) -> JSONValue {
    do {
      return try encodeJSON(value)
    } catch {
      return ["unencodable": .string(error.message)]
    }
  }
}
