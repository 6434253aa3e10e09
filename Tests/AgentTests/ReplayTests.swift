// A turn again from its record, and from its answer back to the pixels.

import Agent
import Domain
import JSON
import Policy
import Ports
import TestSupport
import Testing

/// Turns of every sort.
private func samples() throws -> [(name: String, turn: FinishedTurn)] {
  let failing: Tool = { _ in ToolResult(error: VPathError(.toolTimedOut, "Too long.")) }
  return [
    ("demo", try run(brief(DemoQuestion.question, notes: "seen 12 times"))),
    ("refused", try run(brief("Is it tumour?"))),
    (
      "compared",
      try run(
        brief(
          "Compare the drawn regions",
          drawn: [LevelZeroRect(x: 0, y: 0, width: 9, height: 9), LevelZeroRect(x: 20, y: 0, width: 9, height: 9)]))
    ),
    ("failed tool", try run(brief(), tool: failing)),
    (
      "bad output",
      try run(
        brief(),
        tool: { _ in
          ToolResult(evidence: [ProposedEvidence(key: nil, kind: .quote, body: [:])])
        })
    ),
    ("no planner", try run(brief(), plan: scripted([]))),
    ("composed", try run(brief(), plan: scripted(["1", "2", "3", "4"]))),
    ("budget", try run(brief(budget: TurnBudget(steps: 2)))),
    ("call", try run(brief(task: .call(tool: "cell_counter", arguments: ["slide": "s1"])))),
    ("wrong call", try run(brief(task: .call(tool: "cell_counter", arguments: [:])))),
  ]
}

@Suite struct Replaying {
  @Test func everyTurnReplaysIdentically() throws {
    let policy = try SamplePolicies.permitting()
    for (name, turn) in try samples() {
      let verdict = TurnReplay.replay(events: turn.recorded, before: turn.before, policy: policy, build: "another")
      #expect(verdict.kind == .identical, "\(name): \(verdict.message ?? "") at \(verdict.seq ?? 0)")
      #expect(verdict.events == turn.events.count)
    }
  }

  @Test func theRecordSurvivesItsWayThroughText() throws {
    for (name, turn) in try samples() {
      let recorded = try turn.recorded.map { event in
        var event = event
        event.payload = try JSONValue.parse(event.payload.canonicalBytes())
        return event
      }
      #expect(recorded.map(\.payload) == turn.events.map(\.payload), "\(name)")
      #expect(
        TurnReplay.replay(events: recorded, before: turn.before, policy: try SamplePolicies.permitting()).kind
          == .identical, "\(name)")
    }
  }

  @Test func aChangedEventIsNamed() throws {
    let turn = try run(brief(DemoQuestion.question))
    let policy = try SamplePolicies.permitting()
    for index in turn.events.indices where index > 0 {
      var recorded = turn.recorded
      var members = recorded[index].payload.objectValue ?? [:]
      members["changed"] = true
      recorded[index].payload = .object(members)
      let verdict = TurnReplay.replay(events: recorded, before: turn.before, policy: policy)
      #expect(verdict.kind == .diverged)
      #expect(verdict.seq == index + 1, "\(turn.events[index].kind)")
      #expect(verdict.message?.contains("/changed") == true)
    }
  }

  @Test func aChangedResultDivergesWhereItWouldHaveChangedTheTurn() throws {
    let turn = try run(brief())
    var recorded = turn.recorded
    let place = try #require(recorded.firstIndex { $0.kind == .modelResponded })
    var members = recorded[place].payload.objectValue ?? [:]
    members["reply"] = ["text": "{}", "promptTokens": 0, "completionTokens": 0]
    recorded[place].payload = .object(members)
    let verdict = TurnReplay.replay(events: recorded, before: turn.before, policy: try SamplePolicies.permitting())
    #expect(verdict.kind == .diverged)
    #expect(verdict.seq == place + 2, "the reply is an input; what follows from it differs")
  }

  @Test func anotherBuildIsToldApart() throws {
    let turn = try run(brief())
    var recorded = turn.recorded
    var members = recorded[1].payload.objectValue ?? [:]
    members["step"] = 7
    recorded[1].payload = .object(members)
    let policy = try SamplePolicies.permitting()
    #expect(TurnReplay.replay(events: recorded, before: turn.before, policy: policy, build: "test").kind == .diverged)
    let other = TurnReplay.replay(events: recorded, before: turn.before, policy: policy, build: "newer")
    #expect(other.kind == .otherBuild)
    #expect(other.kind.rawValue == "other build")
    #expect(other.message == "recorded by the build test: model.requested differs at /step")
  }

  @Test func missingAndFurtherEventsAreNamed() throws {
    let turn = try run(brief())
    let policy = try SamplePolicies.permitting()
    var cut = turn.recorded
    cut.removeLast()
    #expect(
      TurnReplay.replay(events: cut, before: turn.before, policy: policy).message
        == "the record ends before the turn does")
    var more = turn.recorded
    more.append(more[more.count - 1])
    #expect(
      TurnReplay.replay(events: more, before: turn.before, policy: policy).message?.contains("no further event") == true
    )
    #expect(TurnReplay.replay(events: [], before: turn.before, policy: policy).message == "the turn never began")
    #expect(
      TurnReplay.replay(events: Array(turn.recorded.dropFirst()), before: turn.before, policy: policy).kind == .diverged
    )
  }

  @Test func anotherPolicyIsRefused() throws {
    let turn = try run(brief())
    let verdict = TurnReplay.replay(
      events: turn.recorded, before: turn.before, policy: try SamplePolicies.forbidding("cell_counter"))
    #expect(verdict.kind == .diverged)
    #expect(verdict.message?.contains("was decided by the policy") == true)
  }

  @Test func aRedactedTurnCannotBeReplayed() throws {
    let turn = try run(brief())
    var recorded = turn.recorded
    recorded[2].payload = .null
    let verdict = TurnReplay.replay(events: recorded, before: turn.before, policy: try SamplePolicies.permitting())
    #expect(verdict.seq == 3)
    #expect(verdict.message?.contains("redacted") == true)
  }

  @Test func aTurnClosedFromOutsideReplaysAsFarAsItGoes() throws {
    let turn = try run(brief())
    for length in 1..<turn.events.count {
      var recorded = Array(turn.recorded.prefix(length))
      guard let last = recorded.last else { continue }
      func closing(_ kind: EventKind, _ payload: JSONValue) -> Event {
        var event = last
        event.seq = recorded.count + 1
        event.kind = kind
        event.payload = payload
        return event
      }
      let reason: JSONValue = "closed at start after a crash"
      recorded.append(
        closing(.toolFailed, ["call": "call-1", "result": [:], "elapsedSeconds": 0, "reason": reason]))
      recorded.append(closing(.turnCompleted, ["stop": "failed", "reason": reason]))
      let verdict = TurnReplay.replay(events: recorded, before: turn.before, policy: try SamplePolicies.permitting())
      #expect(verdict.kind == .identical, "\(length): \(verdict.message ?? "")")
      #expect(verdict.events == length)
    }
  }

  @Test func eventsOfTheRuntimeArePassedOver() throws {
    let turn = try run(brief())
    var recorded = turn.recorded
    var other = recorded[0]
    other.kind = .sandboxDegraded
    recorded.insert(other, at: 3)
    other.kind = .turnQueued
    recorded.insert(other, at: 0)
    #expect(
      TurnReplay.replay(events: recorded, before: turn.before, policy: try SamplePolicies.permitting()).kind
        == .identical)
  }
}

@Suite struct Explaining {
  @Test func aStatementLeadsToPixelsAndPolicy() throws {
    let turn = try run(brief(DemoQuestion.question))
    let findings = try #require(Explanation.explain(turn: TurnID("turn-1"), events: turn.recorded)).findings
    #expect(findings.count == 2)
    let density = try #require(findings.last)
    #expect(density["finding"] == 1)
    #expect(density["asked"] == "how many nuclei per mm² are there")
    #expect(density["statement"] == .string(try #require(turn.statements(of: 2).first)))
    let cited = try #require(density["evidence"]?.arrayValue?.first)
    #expect(cited["id"] == "m3")
    #expect(cited["evidence"]?["value"]?.numberValue == 2445 / 0.63)
    #expect(cited["tool"] == ["name": "cell_counter", "version": "1.0.0"])
    #expect(cited["pixels"]?["sha256"] == .string(SampleResults.hash("c")))
    #expect(cited["region"]?["id"] == "r4")
    #expect(cited["slide"]?["sha256"] == .string(SampleResults.hash("f")))
    #expect(cited["policy"]?["effect"] == "permit")
    #expect(cited["policy"]?["rules"] == ["tools"])
    #expect(cited["call"]?["arguments"] == ["slide": "s1"])
    let seqs = cited["seqs"]?.objectValue ?? [:]
    for (name, seq) in seqs {
      let event = turn.recorded.first { $0.seq == seq.integerValue }
      #expect(event?.kind.rawValue == name)
    }
    #expect(
      Set(seqs.keys) == ["evidence.recorded", "tool.called", "tool.returned", "policy.decided", "model.responded"])
  }

  @Test func aTurnWithoutAnAnswerHasNothingToExplain() throws {
    let turn = try run(brief(DemoQuestion.question))
    #expect(Explanation.explain(turn: TurnID("turn-9"), events: turn.recorded) == nil)
    let cut = turn.recorded.filter { $0.kind != .answerRendered }
    #expect(Explanation.explain(turn: TurnID("turn-1"), events: cut) == nil)
  }

  @Test func aReasonLeadsToThePlannersStep() throws {
    let turn = try run(brief(DemoQuestion.question))
    let explained = try #require(Explanation.explain(turn: TurnID("turn-1"), events: turn.recorded))
    let reason = try #require(explained.notAssessable.first)
    #expect(reason["part"] == 3 && reason["asked"] == "is any part of it tumour")
    let answer = turn.recorded.last { $0.kind == .answerRendered }?.payload["answer"]
    #expect(reason["reason"] == answer?["notAssessable"]?.arrayValue?.first?["reason"])
    #expect(reason["seqs"]?["answer.rendered"] != nil)
    let from = reason["from"]?.arrayValue ?? []
    let step = try #require(from.first { $0["what"] == "planner" })
    let seq = step["seqs"]?["model.responded"]?.integerValue
    #expect(turn.recorded.first { $0.seq == seq }?.kind == .modelResponded)
  }

  @Test func aReasonLeadsToTheToolThatGaveIt() throws {
    let refusal = "the slide has no scale, so nothing can be counted per mm²"
    let turn = try run(brief(), tool: { _ in ToolResult(refusals: [ToolRefusal(reason: refusal)]) })
    let explained = try #require(Explanation.explain(turn: TurnID("turn-1"), events: turn.recorded))
    #expect(explained.findings.isEmpty)
    let from = explained.notAssessable.flatMap { $0["from"]?.arrayValue ?? [] }
    let origin = try #require(from.first { $0["what"] == "refusal" }, "\(explained.notAssessable)")
    #expect(origin["tool"] == "cell_counter" && origin["reason"] == .string(refusal) && origin["call"] == "call-1")
    let seq = origin["seqs"]?["tool.returned"]?.integerValue
    #expect(turn.recorded.first { $0.seq == seq }?.kind == .toolReturned)
  }

  @Test func aReasonLeadsToThePolicysDecision() throws {
    let turn = try run(brief(), policy: try SamplePolicies.forbidding("cell_counter"))
    let explained = try #require(Explanation.explain(turn: TurnID("turn-1"), events: turn.recorded))
    let from = explained.notAssessable.flatMap { $0["from"]?.arrayValue ?? [] }
    let origin = try #require(from.first { $0["what"] == "unavailable" || $0["what"] == "policy" }, "\(from)")
    #expect(origin["tool"] == "cell_counter")
    #expect(origin["seqs"]?.objectValue?.count == 1)
  }

  @Test func aComparisonLeadsToBothSides() throws {
    let turn = try run(
      brief(
        "Compare the drawn regions",
        drawn: [LevelZeroRect(x: 0, y: 0, width: 9, height: 9), LevelZeroRect(x: 20, y: 0, width: 9, height: 9)]))
    let cited =
      Explanation.explain(turn: TurnID("turn-1"), events: turn.recorded)?.findings.first?["evidence"]?.arrayValue ?? []
    let comparison = try #require(cited.first { $0["id"] == "c1" })
    #expect(comparison["of"]?.arrayValue?.map { $0["id"] } == ["m1", "m3"])
    #expect(comparison["of"]?.arrayValue?.allSatisfy { $0["policy"]?["effect"] == "permit" } == true)
  }

  @Test func evidenceOfAnEarlierTurnIsFound() throws {
    let start = brief()
    let first = try run(start)
    let state = after(first, brief: start)
    var following = brief(turn: "turn-2", evidence: state.evidence, earlierCalls: state.earlier)
    following.slides = state.slides
    let second = try run(following)
    let events =
      first.recorded
      + second.recorded.map { event in
        var event = event
        event.seq += first.events.count
        return event
      }
    let cited = Explanation.explain(turn: TurnID("turn-2"), events: events)?.findings.first?["evidence"]?.arrayValue?
      .first
    #expect(cited?["call"]?["turn"] == "turn-1")
    #expect(cited?["policy"]?["effect"] == "permit")
  }
}
