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
  /// Longest policy, and longest manifest, read back.
  private static let policyBytes = 4 << 20
  private static let manifestBytes = 4 << 20

  /// `trace/replay`.
  public func replay(_ params: TurnParams, by principal: Principal) async throws(VPathError) -> TraceReplayResult {
    let (found, progress, decision) = try await permit(.traceReplay, on: params.turn, by: principal)
    guard progress.phase == .completed else {
      throw VPathError(
        .turnNotFound, "Turn \(params.turn) has not ended; only a whole record can be replayed. Try again when it has.",
        subject: params.turn.rawValue, retryable: true)
    }
    let events = try await events(of: params.turn, in: found.caseID)
    let verdict = try await verdict(events, of: found.caseID)
    try await recordRead(.traceReplay, of: found, turn: params.turn, by: principal, decision)
    return TraceReplayResult(
      turn: params.turn, verdict: verdict.kind.rawValue, seq: verdict.seq, message: verdict.message,
      events: verdict.events)
  }

  private func verdict(_ events: [Event], of caseID: CaseID) async throws(VPathError) -> ReplayVerdict {
    guard let started = events.first(where: { $0.kind == .turnStarted }) else {
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
    let before = try await before(started.seq, in: caseID, TurnReplay.manifestHashes(events))
    return await Runtime.replayed(events, before, policy, build: environment.build)
  }

  /// Away from the actor: a long turn takes a while to replay.
  @concurrent
  private static func replayed(
    _ events: [Event], _ before: TurnBefore, _ policy: Policy, build: String
  ) async -> ReplayVerdict {
    TurnReplay.replay(events: events, before: before, policy: policy, build: build)
  }

  /// What stood in the case before an event, from the trace, with the manifests of these hashes that are kept.
  private func before(
    _ seq: Int, in caseID: CaseID, _ hashes: [SHA256Hex]
  ) async throws(VPathError) -> TurnBefore {
    var fold = CaseState(caseID)
    var redacted: Int?
    while fold.head < seq - 1 {
      let page = try await environment.store.events(
        of: caseID, turn: nil, after: fold.head, limit: min(1000, seq - 1 - fold.head))
      if page.isEmpty { break }
      for event in page {
        fold.apply(event)
        if event.payload == .null, CaseState.kindsOfFindings.contains(event.kind) { redacted = redacted ?? event.seq }
      }
    }
    var tools: [ToolManifest] = []
    for hash in hashes {
      do throws(VPathError) {
        let bytes = try await wholeFile(hash, limit: Runtime.manifestBytes)
        if let value = try? JSONValue.parse(bytes), let manifest = decoded(ToolManifest.self, value) {
          tools.append(manifest)
        }
      } catch {
        // The replay says which one is missing.
        guard error.id == .evidenceNotFound else { throw error }
      }
    }
    return TurnBefore(
      evidence: fold.evidence, earlierCalls: fold.earlierCalls, tools: tools, redactedSeq: redacted)
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
    let explained = Explanation.explain(turn: params.turn, events: events)
    let result = try Runtime.result(params, explained, progress)
    try await recordRead(.traceRead, of: found, turn: params.turn, by: principal, decision)
    return result
  }

  /// What was asked for, or why it is not there.
  private static func result(
    _ params: TraceExplainParams, _ explained: Explanation.Explained?, _ progress: TurnProgress
  ) throws(VPathError) -> TraceExplainResult {
    func missing(_ words: String) -> VPathError {
      VPathError(.evidenceNotFound, "\(words).", subject: params.turn.rawValue)
    }
    let turn = params.turn
    guard let explained else {
      throw progress.phase == .completed
        ? missing("Turn \(turn) has no answer (stop: \(progress.stop?.rawValue ?? "not in the record"))")
        : missing("Turn \(turn) has not ended and has no answer yet")
    }
    guard let finding = params.finding else {
      return TraceExplainResult(turn: turn, findings: explained.findings, notAssessable: explained.notAssessable)
    }
    let count = explained.findings.count
    guard explained.findings.indices.contains(finding) else {
      throw count == 0
        ? missing(
          "The answer of turn \(turn) has no findings: its \(explained.notAssessable.count) parts are not assessable. Ask without a finding to see where their reasons come from"
        )
        : missing("The answer of turn \(turn) has \(count) findings, 0 to \(count - 1), and no finding \(finding)")
    }
    return TraceExplainResult(turn: turn, findings: [explained.findings[finding]], notAssessable: [])
  }
}
