// trace/replay and trace/explain: both read the record alone.
// What must stay true: neither the planner, a tool nor a slide is touched; the policy is the one that was in force,
// from the bytes the trace keeps.

import Agent
public import Domain
import JSON
import OrderedCollections
public import Policy
import Ports
public import Wire

extension Runtime {
  /// Longest policy read back.
  private static let policyBytes = 4 << 20

  /// `trace/replay`.
  public func replay(_ params: TurnParams, by principal: Principal) async throws(VPathError) -> TraceReplayResult {
    let (found, progress, decision) = try await permit(.traceReplay, on: params.turn, by: principal)
    guard progress.phase == .completed else {
      throw VPathError(
        .turnNotFound, "Turn \(params.turn) has not ended; only a whole record can be replayed. Try again when it has.",
        subject: params.turn.rawValue, retryable: true)
    }
    let events = try await events(of: params.turn, in: found.caseID)
    let verdict = try await verdict(events)
    try await recordRead(.traceReplay, of: found, turn: params.turn, by: principal, decision)
    return TraceReplayResult(
      turn: params.turn, verdict: verdict.kind.rawValue, seq: verdict.seq, message: verdict.message,
      events: verdict.events)
  }

  private func verdict(_ events: [Event]) async throws(VPathError) -> ReplayVerdict {
    guard events.contains(where: { $0.kind == .turnStarted }) else {
      return ReplayVerdict(.identical, message: "the turn never began", events: 0)
    }
    let queued = events.first { $0.kind == .turnQueued }
    guard let hash = queued?.payload["policyText"]?.stringValue.map({ SHA256Hex($0) }) else {
      return ReplayVerdict(
        .diverged, seq: queued?.seq, message: "the record does not name the policy that was in force", events: 0)
    }
    let bytes = try await wholeFile(hash, limit: Runtime.policyBytes)
    guard sha256(bytes) == hash else {
      return ReplayVerdict(
        .diverged, seq: queued?.seq, message: "the bytes of the policy are not those that were recorded", events: 0)
    }
    let policy: Policy
    do {
      policy = try Policy.load(yaml: String(decoding: bytes, as: UTF8.self))
    } catch {
      return ReplayVerdict(
        .diverged, seq: queued?.seq, message: "the recorded policy cannot be read by this build", events: 0)
    }
    return await Runtime.replayed(events, policy, build: environment.build)
  }

  /// Away from the actor: a long turn takes a while to replay.
  @concurrent
  private static func replayed(_ events: [Event], _ policy: Policy, build: String) async -> ReplayVerdict {
    TurnReplay.replay(events: events, policy: policy, build: build)
  }

  /// `trace/explain`.
  public func explain(_ params: TraceExplainParams, by principal: Principal) async throws(VPathError)
    -> TraceExplainResult
  {
    let (found, progress, decision) = try await permit(.traceRead, on: params.turn, by: principal)
    let end = progress.completedSeq ?? found.head
    var events: [Event] = []
    while let last = events.last.map(\.seq) ?? Optional(0), last < end {
      let page = try await environment.store.events(
        of: found.caseID, turn: nil, after: last, limit: min(1000, end - last))
      if page.isEmpty { break }
      events += page
    }
    let findings = Explanation.explain(turn: params.turn, finding: params.finding, events: events)
    if let finding = params.finding, findings.isEmpty {
      throw VPathError(
        .evidenceNotFound, "The answer of turn \(params.turn) has no finding \(finding); the first is 0.",
        subject: params.turn.rawValue)
    }
    try await recordRead(.traceRead, of: found, turn: params.turn, by: principal, decision)
    return TraceExplainResult(turn: params.turn, findings: findings)
  }
}
