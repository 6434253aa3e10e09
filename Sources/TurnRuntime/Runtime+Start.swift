// What happens before the first request: turns that a crash left open are closed, and the start is recorded.
// What must stay true: after `begin` has returned every turn in the trace has ended and every started item too; a
// daemon that cannot record does not serve.

import Policy
import Logging
import OrderedCollections
public import Domain
import JSON
import Ports

extension Runtime {
  /// What a start found and did.
  public struct StartReport: Sendable, Hashable {
    /// Turns that were closed.
    public var closedTurns: [TurnID]
    /// Cases whose files were kept although the trace does not know them; forgotten now.
    public var forgottenCases: [CaseID]
  }

  /// Repairs the trace, records the start, and begins hashing in the background. Once, before anything else.
  public func begin() async throws(VPathError) -> StartReport {
    let closed = try await closeOpenTurns()
    let forgotten = try await forgetUnknownCases()
    let policyText = try await environment.store.put(
      Array(environment.policyText.utf8), mediaType: "application/yaml")
    try await offerTools()
    let tools = (knownManifests ?? []).map { manifest -> JSONValue in
      [
        "name": .string(manifest.name), "version": .string(manifest.vpath.version),
        "sha256": manifest.vpath.sha256.map { .string($0.rawValue) } ?? .null,
        "manifest": .string(sha256(json(manifest).canonicalBytes()).rawValue),
      ]
    }
    var payload: [String: JSONValue] = [
      "version": .string(environment.version), "build": .string(environment.build),
      "policyDigest": .string(environment.policy.digest.rawValue), "policyText": .string(policyText.rawValue),
      "planner": .string(environment.model.name), "tools": .array(tools), "daemon": json(environment.daemon),
      "closedTurns": .array(closed.map { .string($0.rawValue) }),
      "programs": .object(environment.programs.mapValues { .string($0.rawValue) }),
    ]
    if let configuration = environment.configuration {
      let kept = try await environment.store.put(configuration.canonicalBytes(), mediaType: "application/json")
      payload["configuration"] = .string(kept.rawValue)
    }
    _ = try await environment.store.append([
      NewEvent(caseID: .daemon, kind: .daemonStarted, payload: .object(payload))
    ])
    try await environment.store.checkpoint(.daemon)
    Task { await hashSlides() }
    return StartReport(closedTurns: closed, forgottenCases: forgotten)
  }

  /// Ends every turn that has no end: what was open in it first, then the turn.
  private func closeOpenTurns() async throws(VPathError) -> [TurnID] {
    var closed: [TurnID] = []
    for summary in try await environment.store.unfinishedTurns() {
      var progress = TurnProgress()
      var after = summary.firstSeq - 1
      while true {
        let page = try await environment.store.events(
          of: summary.caseID, turn: summary.turn, after: after, limit: 1000)
        for event in page { progress.apply(event) }
        guard let last = page.last else { break }
        after = last.seq
      }
      let events = progress.closing(
        caseID: summary.caseID, turn: summary.turn, stop: .failed, reason: TurnProgress.crashReason)
      guard !events.isEmpty else { continue }
      _ = try await environment.store.append(events)
      try await environment.store.checkpoint(summary.caseID)
      closed.append(summary.turn)
    }
    return closed
  }

  /// Files are kept before their case is recorded; a crash in between leaves files without a case.
  private func forgetUnknownCases() async throws(VPathError) -> [CaseID] {
    var forgotten: [CaseID] = []
    for caseID in await environment.caseFiles.kept() where !(try await isRecorded(caseID)) {
      await environment.caseFiles.remove(caseID)
      forgotten.append(caseID)
    }
    return forgotten
  }

  private func isRecorded(_ caseID: CaseID) async throws(VPathError) -> Bool {
    do throws(VPathError) {
      return try await !environment.store.events(of: caseID, turn: nil, after: 0, limit: 1).isEmpty
    } catch {
      if error.id == .caseNotFound { return false }
      throw error
    }
  }
}

extension TurnProgress {
  /// The reason recorded with a turn that a start closed.
  public static let crashReason = "closed at start after a crash"
}
