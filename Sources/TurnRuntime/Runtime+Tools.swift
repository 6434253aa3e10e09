// tools/list and tools/call: a client's call goes the same way as the planner's.
// What must stay true: a call is a turn of its own, so policy, sandbox and trace hold for it as for any other.

import OrderedCollections
import Agent
public import Domain
import JSON
public import Policy
import Ports
public import Wire

extension Runtime {
  /// `tools/list`: MCP's tool objects; host-only tools are not among them.
  public func listTools(by principal: Principal) async throws(VPathError) -> ToolListResult {
    try permit(.toolList, by: principal)
    return ToolListResult(
      tools: await environment.tools.manifests().filter { $0.vpath.hostOnly != true }.map { manifest in
        var members: [String: JSONValue?] = [
          "name": .string(manifest.name), "title": manifest.title.map(JSONValue.string),
          "description": .string(manifest.description), "inputSchema": manifest.inputSchema,
          "outputSchema": manifest.outputSchema, "annotations": manifest.annotations,
        ]
        members["_meta"] = [
          "org.vpath/version": .string(manifest.vpath.version), "org.vpath/why": .string(manifest.vpath.why),
          "org.vpath/measures": json(manifest.vpath.measures),
        ]
        return .object(members.compactMapValues { $0 })
      })
  }

  /// `tools/call`. A caller that is cancelled leaves the turn running; see `interruptTurn`.
  ///
  /// - Parameter started: told the turn's id once it is recorded, so that the caller can interrupt it.
  public func callTool(
    _ params: ToolCallParams, by principal: Principal, started: @Sendable (TurnID) -> Void = { _ in }
  ) async throws(VPathError) -> ToolCallResult {
    let (found, decision) = try await permit(.turnStart, on: params.caseID, by: principal)
    let call = try await run(
      params.name, params.arguments, on: found, key: params.key, by: principal, decision: decision, started: started)
    let given = call.outcome.evidence.compactMap { call.found.evidence($0) }
    if let error = call.outcome.error, !error.id.isToolResult { throw error }
    var structured: [String: JSONValue] = [
      "evidence": .object(Dictionary(given.map { ($0.id.rawValue, json($0)) }) { first, _ in first })
    ]
    if !call.outcome.refusals.isEmpty {
      structured["notAssessable"] = .array(call.outcome.refusals.map { .string($0) })
    }
    if let error = call.outcome.error { structured["error"] = error.rpc.json }
    let text =
      call.outcome.error.map(\.message) ?? JSONValue.object(structured).canonicalString()
    return ToolCallResult(
      turn: call.turn, content: [["type": "text", "text": .string(text)]], structuredContent: .object(structured),
      isError: call.outcome.error != nil)
  }

  struct FinishedCall {
    var turn: TurnID
    var outcome: StepOutcome
    /// The case after the call.
    var found: CaseState
  }

  /// Runs one tool as a turn and waits for its end.
  func run(
    _ tool: String, _ arguments: JSONValue, on found: CaseState, key: String?, by principal: Principal,
    decision: PolicyDecision, started: @Sendable (TurnID) -> Void
  ) async throws(VPathError) -> FinishedCall {
    guard let manifest = await environment.tools.manifests().first(where: { $0.name == tool }),
      manifest.vpath.hostOnly != true
    else {
      throw VPathError(
        .toolNotFound, "No tool \(RuntimeErrors.shown(tool)) is installed. tools/list names those that are.",
        subject: RuntimeErrors.shown(tool))
    }
    let (turn, _) = try await start(
      TurnRequest(
        caseID: found.caseID, task: .call(tool: manifest.name, arguments: arguments), key: key, principal: principal,
        decision: decision, nonce: environment.names.randomName()))
    started(turn)
    switch await ask({ .awaitEnd($0, turn) }) {
    case .failed(let error): throw error
    case .started, .recorded, .interrupted, .ended: break
    }
    let after = try await loaded(found.caseID)
    guard let progress = after.turns[turn], let outcome = try await outcome(of: turn, in: after, progress) else {
      throw RuntimeErrors.turnNotFound(turn)
    }
    guard let call = outcome.call else {
      throw VPathError(
        outcome.stop == .interrupted ? .cancelled : .toolFailed,
        "The call ended before its tool did (\(outcome.stop.rawValue)).", subject: tool, traceId: turn.rawValue)
    }
    return FinishedCall(turn: turn, outcome: call, found: after)
  }
}

extension ErrorID {
  /// Whether it is a tool's own result rather than an error of the request.
  var isToolResult: Bool {
    switch self {
    case .toolFailed, .toolTimedOut, .toolLimit, .toolBadOutput, .slideNotFound, .slideUnsupported, .slideDamaged,
      .slideNoScale, .regionOutOfBounds, .regionTooLarge, .evidenceNotFound:
      true
    default: false
    }
  }
}
