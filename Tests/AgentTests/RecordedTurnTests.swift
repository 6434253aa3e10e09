// What a turn's record says of its start and of its requests, and what it leaves to the record before it.

import Domain
import JSON
import Policy
import Ports
import TestSupport
import Testing

@testable import Agent

/// Two turns of one case.
private func twoTurns() throws -> (first: FinishedTurn, second: FinishedTurn) {
  let start = brief(DemoQuestion.question)
  let first = try run(start)
  let state = after(first, brief: start)
  var following = brief(turn: "turn-2", evidence: state.evidence, earlierCalls: state.earlier)
  following.slides = state.slides
  return (first, try run(following))
}

@Suite struct RecordedTurns {
  @Test func aTurnThatStartsFromEarlierEvidenceReplaysFromWhatWasBeforeIt() throws {
    let (_, second) = try twoTurns()
    #expect(second.ran.isEmpty && !second.answer.findings.isEmpty)
    let policy = try SamplePolicies.permitting()
    #expect(TurnReplay.replay(events: second.recorded, before: second.before, policy: policy).kind == .identical)
    let brief = second.events(.turnStarted).first?.payload["brief"]
    #expect(brief?["evidenceBefore"]?.integerValue == second.before.evidence.count)
    #expect(brief?["callsBefore"]?.integerValue == second.before.earlierCalls.count)
  }

  @Test func whatIsLackingBeforeATurnIsSaid() throws {
    let (_, second) = try twoTurns()
    let policy = try SamplePolicies.permitting()
    func message(_ change: (inout TurnBefore) -> Void) -> String {
      var before = second.before
      change(&before)
      let verdict = TurnReplay.replay(events: second.recorded, before: before, policy: policy, build: "test")
      #expect(verdict.kind == .diverged && verdict.seq == 1)
      return verdict.message ?? ""
    }
    #expect(message { $0.evidence.removeLast() }.contains("pieces of evidence"))
    #expect(message { $0.earlierCalls = [] }.contains("calls"))
    let redacted = message {
      $0.evidence.removeLast()
      $0.redactedSeq = 7
    }
    #expect(redacted.contains("event 7") && redacted.contains("redacted"))
    let manifests = message {
      $0 = TurnBefore(evidence: $0.evidence, earlierCalls: $0.earlierCalls, tools: [SampleTools.zoom])
    }
    #expect(manifests.contains("the manifest of cell_counter"))
  }

  @Test func otherEvidenceOfTheSameNumberDiverges() throws {
    let (_, second) = try twoTurns()
    var before = second.before
    before.evidence.swapAt(0, 1)
    let verdict = TurnReplay.replay(events: second.recorded, before: before, policy: try SamplePolicies.permitting())
    #expect(verdict.kind == .diverged && verdict.message?.contains("/requestSha256") == true, "\(verdict)")
  }

  @Test func aRequestSaysWhatIsNewSinceTheStepBefore() throws {
    let turn = try run(brief(DemoQuestion.question))
    let requested = turn.events(.modelRequested).map(\.payload)
    #expect(requested.map { $0["step"]?.integerValue } == Array(1...5))
    let told = requested.flatMap { $0["evidence"]?.arrayValue?.compactMap(\.stringValue) ?? [] }
    #expect(Set(told).count == told.count)
    #expect(told == turn.evidence.map(\.id.rawValue).filter { told.contains($0) }, "in the order of recording")
    for (request, payload) in zip(turn.requests, requested) {
      #expect(payload["tools"]?.arrayValue == request.tools.map { .string($0.name) })
      #expect(payload["history"]?.arrayValue == request.history.map { .string($0.call.rawValue) })
      #expect(payload["unavailable"]?.arrayValue?.count == request.unavailableTools.count)
      #expect(payload["schemaSha256"]?.stringValue == recordedSHA256(of: request.schema).rawValue)
    }
    #expect(Set(requested.map { $0["requestSha256"] }).count == 5)
  }

  @Test func requestsThatDifferInAnythingHaveDifferentDigests() throws {
    let start = brief(DemoQuestion.question, notes: "a note")
    let request = try #require(try run(start).requests.last)
    func digest(_ change: (inout StepRequest) -> Void) -> SHA256Hex {
      var recorder = RequestRecorder(start)
      var request = request
      change(&request)
      return recorder.record(request, own: []).requestSha256
    }
    let same = digest { _ in }
    #expect(digest { _ in } == same)
    let changes: [(inout StepRequest) -> Void] = [
      { $0.turn = TurnID("turn-9") }, { $0.number += 1 }, { $0.question += "?" }, { $0.parts.removeLast() },
      { $0.description.notes = "another" }, { $0.evidence.removeFirst() }, { $0.evidence.swapAt(0, 1) },
      { $0.tools = [] }, { $0.unavailableTools = [] }, { $0.history.removeLast() }, { $0.history[0].refusals = ["x"] },
      { $0.drawnRegions = ["r1"] }, { $0.schema = [:] }, { $0.stepsLeft += 1 }, { $0.corrections = ["x"] },
      { $0.disclosure = .pixels },
    ]
    for (index, change) in changes.enumerated() { #expect(digest(change) != same, "change \(index)") }
  }
}
