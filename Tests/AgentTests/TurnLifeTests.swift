// The life of a turn: each edge of TurnState.swift, and each budget.

import Agent
import Domain
import JSON
import Policy
import Ports
import TestSupport
import Testing

private let split = #"{"act":{"parts":[{"asked":"How many nuclei per mm² are there?"}]}}"#
private let count = #"{"act":{"tool":"cell_counter","args":{"slide":"s1"},"for":[1]}}"#
private let answer = #"{"act":{"answer":{"findings":[{"part":1,"evidence":["m1"]}],"notAssessable":[]}}}"#

@Suite struct Lifecycle {
  @Test func startRecordsTheBriefAndAsksForTheFirstStep() throws {
    var driver = TurnDriver(brief(), try SamplePolicies.permitting())
    driver.feed(.start)
    #expect(driver.events.map(\.kind) == [.turnStarted, .modelRequested])
    let recorded = driver.events[0].payload
    #expect(recorded["policyDigest"]?.stringValue == (try SamplePolicies.permitting()).digest.rawValue)
    #expect(recorded["build"] == "test")
    let kept = try #require(recorded["brief"])
    #expect(kept["task"] == (try encodeJSON(brief().task)))
    #expect(kept["slides"] == (try encodeJSON(brief().slides)))
    #expect(kept["evidenceBefore"] == 0 && kept["callsBefore"] == 0 && kept["evidence"] == nil)
    #expect(
      kept["tools"]?.arrayValue?.map { $0["name"]?.stringValue } == brief().tools.map(\.name)
        && kept["tools"]?.arrayValue?.allSatisfy { $0["sha256"]?.stringValue?.count == 64 } == true)
    #expect(driver.requests[0].parts.isEmpty)
    #expect(driver.requests[0].stepsLeft == 16)
  }

  @Test func staleAndForeignInputsDoNothing() throws {
    var driver = TurnDriver(brief(), try SamplePolicies.permitting())
    driver.feed(.toolFinished(CallID("call-1"), ToolResult()))
    driver.feed(.stepReplied(number: 1, .success(StepReply(text: split))))
    #expect(driver.events.isEmpty)
    driver.feed(.start)
    let before = driver.events.count
    driver.feed(.start)
    driver.feed(.stepReplied(number: 2, .success(StepReply(text: split))))
    driver.feed(.toolFinished(CallID("call-1"), ToolResult()))
    #expect(driver.events.count == before)
  }

  @Test func aScriptedTurnAnswers() throws {
    let turn = try run(brief(opened: true), plan: scripted([split, count, answer]))
    #expect(turn.outcome.stop == .answered)
    #expect(turn.answer.usage.tokens == 45)
    #expect(turn.answer.usage.steps == 3)
    #expect(turn.answer.usage.seconds > 0)
    #expect(
      turn.events.map(\.kind).filter { $0 != .evidenceRecorded } == [
        .turnStarted, .modelRequested, .modelResponded, .modelRequested, .modelResponded, .policyDecided, .toolCalled,
        .toolReturned, .modelRequested, .modelResponded, .answerChecked, .answerRendered, .turnCompleted,
      ])
  }

  @Test func aStepThatIsNoStepCostsAStepAndIsCorrected() throws {
    let wrong: [(String, String)] = [
      ("not json", "no JSON"), ("[]", "must be an object"), (#"{"act":{}}"#, "exactly one"), ("{}", "lacks the key"),
      (#"{"act":{"parts":[]}}"#, "1 to 16 parts"),
      (#"{"act":{"parts":[{"asked":"other words"}]}}"#, "words of the question"),
      (#"{"act":{"parts":[{"asked":"nuclei","x":1}]}}"#, "unknown key \"x\""),
      (#"{"act":{"parts":[{"asked":"nuclei","notAssessable":"there is no tumour"}]}}"#, "claims something"),
      (#"{"extra":1,"act":{"parts":[{"asked":"nuclei"}]}}"#, "unknown key \"extra\""),
      (count, "first step splits"), (answer, "first step splits"),
      (String(repeating: "[", count: 100_000), "no JSON"),
    ]
    for (text, correction) in wrong {
      let turn = try run(brief(), plan: scripted([text, split, count, answer]))
      #expect(turn.outcome.stop == .answered, "\(text.prefix(60))")
      #expect(turn.answer.usage.steps == 4)
      #expect(turn.requests[1].corrections.count == 1)
      #expect(turn.requests[1].corrections[0].contains(correction), "\(turn.requests[1].corrections)")
    }
  }

  @Test func anIllegalCallCostsAStepAndIsCorrected() throws {
    let wrong: [(String, String)] = [
      (#"{"act":{"tool":"rm","args":{}}}"#, "no tool \"rm\""),
      (#"{"act":{"tool":"cell_counter","args":{}}}"#, "slide"),
      (#"{"act":{"tool":"cell_counter","args":{"slide":"s2"}}}"#, "names s2, which this case does not have"),
      (#"{"act":{"tool":"cell_counter","args":{"slide":"s1","region":"s1"}}}"#, "which is a slide and no region"),
      (#"{"act":{"tool":"cell_counter","args":{"slide":"s1","windowMicrons":7}}}"#, "windowMicrons"),
      (#"{"act":{"tool":"cell_counter","args":{"slide":"s1","x":7}}}"#, "x"),
      (#"{"act":{"tool":"cell_counter","args":[]}}"#, "an object"),
      (#"{"act":{"tool":"cell_counter","args":{"slide":"s1"},"for":[2]}}"#, "part that does not exist"),
      (#"{"act":{"tool":"cell_counter","args":{"slide":"s1"},"answer":{}}}"#, "exactly one"),
      (split, "split already"),
    ]
    for (text, correction) in wrong {
      let turn = try run(brief(), plan: scripted([split, text, count, answer]))
      #expect(turn.outcome.stop == .answered, "\(text)")
      #expect(turn.ran.count == 1)
      #expect(turn.requests[2].corrections.first?.contains(correction) == true, "\(turn.requests[2].corrections)")
    }
  }

  @Test func aPlannerThatWritesNoStepsIsGivenUp() throws {
    let turn = try run(brief(), plan: scripted(Array(repeating: "no", count: 16)))
    #expect(turn.outcome.stop == .composed)
    #expect(turn.answer.usage.steps == 4)
    #expect(turn.answer.parts.map(\.asked) == ["How many nuclei per mm² are there?"])
    #expect(turn.reason(of: 1)?.contains("no draft") == true)
  }

  @Test func rejectedDraftsAreRedraftedTwiceAndThenTheDaemonComposes() throws {
    let bad = #"{"act":{"answer":{"findings":[{"part":1,"evidence":["m99"]}],"notAssessable":[]}}}"#
    let turn = try run(brief(), plan: scripted([split, count, bad, bad, bad, answer]))
    #expect(turn.outcome.stop == .composed)
    #expect(turn.events(.answerChecked).map { $0.payload["accepted"] } == [false, false, false])
    #expect(turn.events(.answerChecked).map { $0.payload["draft"] } == [1, 2, 3])
    #expect(turn.requests[3].corrections == ["Finding 1: there is no evidence m99 in this case."])
    #expect(turn.statements(of: 1).first?.hasPrefix("About 3,900 nuclear profiles per mm²") == true)
  }

  @Test func aCorrectedDraftIsAccepted() throws {
    let bad = #"{"act":{"answer":{"findings":[],"notAssessable":[]}}}"#
    let turn = try run(brief(), plan: scripted([split, count, bad, answer]))
    #expect(turn.outcome.stop == .answered)
    #expect(
      turn.requests[3].corrections == [
        "Part 1 (\"How many nuclei per mm² are there?\") is neither answered nor given a reason."
      ])
  }

  @Test func anUnavailablePlannerIsAskedOnceMore() throws {
    var failures = 0
    let turn = try run(
      brief(),
      plan: { request in
        if request.number == 2 {
          failures += 1
          return .failure(VPathError(.modelUnavailable, "It does not answer.", retryable: true))
        }
        return ruled(request)
      })
    #expect(failures == 1)
    #expect(turn.outcome.stop == .answered)
    #expect(turn.events(.modelFailed).count == 1)
  }

  @Test func aPlannerThatStaysAwayEndsTheTurn() throws {
    let turn = try run(brief(), plan: scripted([split, count]))
    #expect(turn.outcome.stop == .modelUnavailable)
    #expect(turn.events(.modelFailed).count == 2)
    #expect(turn.statements(of: 1).count == 1, "what was measured is still told")
  }

  @Test func aFullContextIsNotAskedAgain() throws {
    let turn = try run(brief(), plan: { _ in .failure(VPathError(.modelContextFull, "Too long.")) })
    #expect(turn.outcome.stop == .modelUnavailable)
    #expect(turn.events(.modelFailed).count == 1)
    #expect(turn.reason(of: 1)?.contains("model.context_full") == true)
  }

  @Test func anEmptyQuestionEndsToo() throws {
    for question in ["", " ", "\n", "?!"] {
      let turn = try run(brief(question))
      #expect(turn.outcome.stop == .answered)
      #expect(turn.answer.notAssessable.count == 1)
    }
  }

  @Test func toolFailuresAreOutcomesAndReasons() throws {
    for error in [ErrorID.toolFailed, .toolTimedOut, .toolLimit, .slideNoScale, .cancelled] {
      let turn = try run(
        brief(), tool: { _ in ToolResult(error: VPathError(error, "It went wrong after 60 seconds.")) })
      #expect(turn.outcome.stop == .answered)
      #expect(turn.events(.toolFailed).count == 1)
      #expect(turn.reason(of: 1) == "cell_counter: It went wrong after 60 seconds.")
    }
  }

  @Test func aRefusalOfAToolIsTheReason() throws {
    let turn = try run(
      brief(), tool: { _ in ToolResult(refusals: [ToolRefusal(reason: "slide s1 states no µm per pixel (0 of 2)")]) })
    #expect(turn.reason(of: 1) == "slide s1 states no µm per pixel (0 of 2)")
    #expect(turn.events(.toolReturned).count == 1)
  }

  @Test func aForbiddenCallIsRecordedAndTold() throws {
    let turn = try run(
      brief(), policy: try SamplePolicies.forbidding("cell_counter"),
      plan: scripted([split, count, answer, split, split]))
    #expect(turn.ran.isEmpty)
    let decided = turn.events(.policyDecided)
    #expect(decided.map { $0.payload["decision"]?["effect"] } == ["forbid"])
    #expect(decided[0].payload["decision"]?["rules"] == ["no-cell_counter"])
    #expect(turn.requests[2].history.first?.error?.id == .policyDenied)
    #expect(turn.events(.toolCalled).isEmpty)
  }

  @Test func theRulePlannerSaysWhatThePolicyForbids() throws {
    let turn = try run(brief(), policy: try SamplePolicies.forbidding("cell_counter"))
    #expect(turn.outcome.stop == .answered)
    #expect(turn.reason(of: 1)?.contains("The policy does not permit cell_counter") == true)
    #expect(turn.answer.usage.steps == 1)
  }

  @Test func aStainTheToolIsNotMadeForIsRefusedBeforeItRuns() throws {
    let turn = try run(brief(stain: "Ki-67 (DAB)"))
    #expect(turn.ran.isEmpty)
    #expect(
      turn.reason(of: 1) == "cell_counter is made for the stain H&E; this case is stated as Ki-67 (DAB)")
    let same = try run(brief(stain: "hematoxylin and eosin"))
    #expect(same.ran.count == 1)
  }

  @Test func theSameCallIsAnsweredFromEvidence() throws {
    let turn = try run(brief(), plan: scripted([split, count, count, answer]))
    #expect(turn.outcome.stop == .answered)
    #expect(turn.ran.count == 1)
    #expect(turn.answer.usage.toolCalls == 1)
    #expect(turn.answer.usage.reusedCalls == 1)
    #expect(turn.events(.toolCalled).map { $0.payload["reused"] } == [false, true])
    #expect(turn.events(.toolReturned)[1].payload["evidence"] == turn.events(.toolReturned)[0].payload["evidence"])
    #expect(turn.requests[3].history[1].evidence == turn.requests[3].history[0].evidence)
  }

  @Test func aCallThatFailedIsNotMadeAgain() throws {
    let turn = try run(
      brief(),
      plan: scripted([split, count, count, #"{"act":{"answer":{"notAssessable":[{"part":1,"reason":"broken"}]}}}"#]),
      tool: { _ in ToolResult(error: VPathError(.toolFailed, "Broken.")) })
    #expect(turn.ran.count == 1)
    #expect(turn.requests[3].corrections.first?.contains("was the same call and failed") == true)
    #expect(turn.reason(of: 1) == "broken")
  }

  @Test func aCallThatMaySucceedLaterIsMadeOnceMore() throws {
    var tries = 0
    let turn = try run(
      brief(), plan: scripted([split, count, count, answer]),
      tool: { draft in
        tries += 1
        return tries == 1
          ? ToolResult(error: VPathError(.sandboxUnavailable, "Busy.", retryable: true)) : try sample(draft)
      })
    #expect(turn.ran.count == 2)
    #expect(turn.outcome.stop == .answered)
  }
}

@Suite struct Budgets {
  @Test func stepsRunOut() throws {
    let turn = try run(
      brief(budget: TurnBudget(steps: 3)), plan: scripted([split, count, count, answer]))
    #expect(turn.outcome.stop == .budgetExhausted)
    #expect(turn.requests.count == 3)
    #expect(turn.requests.map(\.stepsLeft) == [3, 2, 1])
    #expect(turn.requests[2].tools.isEmpty, "the last step can only answer")
    #expect(turn.statements(of: 1).count == 1)
  }

  @Test func aPartNobodyReachedSaysWhichBudgetEndedIt() throws {
    let turn = try run(brief(budget: TurnBudget(steps: 1)))
    #expect(turn.outcome.stop == .budgetExhausted)
    #expect(turn.reason(of: 1)?.contains("the budget of 1 steps ran out") == true)
  }

  @Test func callsRunOut() throws {
    let turn = try run(brief(DemoQuestion.question, budget: TurnBudget(toolCalls: 2)))
    #expect(turn.outcome.stop == .answered)
    #expect(turn.ran.count == 2)
    #expect(turn.statements(of: 1).first?.contains("r5") == true, "the view is missing, the ranking is not")
    let none = try run(brief(budget: TurnBudget(toolCalls: 0)))
    #expect(none.reason(of: 1) == "the budget of 0 tool calls is spent")
  }

  @Test func regionsRunOut() throws {
    let rects = (0..<4).map { LevelZeroRect(x: $0 * 200, y: 0, width: 100, height: 100) }
    let turn = try run(brief(drawn: rects, opened: true, budget: TurnBudget(regions: 2)))
    #expect(turn.ran.count == 2)
    #expect(turn.answer.usage.regions == 2)
    #expect(turn.reason(of: 1) == "the budget of 2 regions is spent")
  }

  @Test func tokensRunOut() throws {
    let turn = try run(
      brief(budget: TurnBudget(tokens: 20)), plan: scripted([split, count, count, answer]))
    #expect(turn.outcome.stop == .budgetExhausted)
    #expect(turn.answer.usage.tokens == 30)
    #expect(turn.requests.count == 2)
    #expect(turn.statements(of: 1).count == 1)
  }

  @Test func tokenCountsThatAreAbsurdDoNotOverflow() throws {
    let turn = try run(
      brief(), plan: { _ in .success(StepReply(text: split, promptTokens: .max, completionTokens: .max)) })
    #expect(turn.outcome.stop == .budgetExhausted)
    #expect(turn.answer.usage.tokens == .max)
  }

  @Test func timeRunsOutWhileAToolRuns() throws {
    var driver = TurnDriver(brief(), try SamplePolicies.permitting())
    driver.feed(.start)
    driver.feed(.stepReplied(number: 1, .success(StepReply(text: split))))
    driver.feed(.stepReplied(number: 2, .success(StepReply(text: count))))
    driver.feed(.timeRanOut, after: 600)
    let turn = try driver.finished()
    #expect(turn.outcome.stop == .budgetExhausted)
    #expect(turn.events.suffix(4).map(\.kind) == [.inputReceived, .toolFailed, .answerRendered, .turnCompleted])
    #expect(turn.reason(of: 1) == "The work was stopped: the time budget of the turn ran out.")
    driver.feed(.toolFinished(CallID("call-1"), SampleResults.counter()))
  }

  @Test func timeThatRanOutBetweenInputsEndsTheTurnToo() throws {
    var driver = TurnDriver(brief(budget: TurnBudget(seconds: 5)), try SamplePolicies.permitting())
    driver.feed(.start)
    driver.feed(.stepReplied(number: 1, .success(StepReply(text: split))), after: 10)
    #expect(try driver.finished().outcome.stop == .budgetExhausted)
  }

  @Test func elapsedTimeNeverGoesBack() throws {
    var turn = Turn(brief: brief(), policy: try SamplePolicies.permitting())
    _ = turn.reduce(TurnInput(elapsedSeconds: 3, .start))
    _ = turn.reduce(TurnInput(elapsedSeconds: 5, .stepReplied(number: 1, .success(StepReply(text: split)))))
    _ = turn.reduce(TurnInput(elapsedSeconds: .nan, .stepReplied(number: 2, .success(StepReply(text: count)))))
    let effects = turn.reduce(TurnInput(elapsedSeconds: -3, .interrupted(by: client, reason: "")))
    guard case .complete(let outcome)? = effects.last else {
      Issue.record("the turn has not ended")
      return
    }
    #expect(outcome.answer?.usage.seconds == 5)
  }
}

@Suite struct Interruption {
  @Test(arguments: 0..<9) func atAnyMomentEndsTheTurnOnce(_ moment: Int) throws {
    var driver = TurnDriver(brief(DemoQuestion.question), try SamplePolicies.permitting())
    if moment > 0 { driver.feed(.start) }
    for _ in 1..<max(moment, 1) {
      switch driver.waiting {
      case .requestStep(let request): driver.feed(.stepReplied(number: request.number, ruled(request)))
      case .runTool(_, let draft): driver.feed(.toolFinished(draft.call, try sample(draft)))
      default: break
      }
    }
    driver.feed(.interrupted(by: client, reason: "enough"))
    driver.feed(.interrupted(by: client, reason: "a second client"))
    let turn = try driver.finished()
    #expect(turn.outcome.stop == .interrupted || moment > 8)
    #expect(turn.events(.turnStarted).count == 1)
    #expect(turn.events(.turnCompleted).count == 1)
    #expect(turn.answer.parts.count == (moment < 2 ? 1 : 3))
    #expect(
      Set(turn.answer.findings.map(\.part) + turn.answer.notAssessable.map(\.part)).count == turn.answer.parts.count)
    let input = turn.events(.inputReceived)
    if moment < 9 { #expect(input.map { $0.payload["reason"] } == ["enough"]) }
    #expect(
      TurnReplay.replay(events: turn.recorded, before: turn.before, policy: try SamplePolicies.permitting()).kind
        == .identical)
  }

  @Test func keepsWhatWasMeasured() throws {
    var driver = TurnDriver(brief(), try SamplePolicies.permitting())
    driver.feed(.start)
    driver.feed(.stepReplied(number: 1, .success(StepReply(text: split))))
    driver.feed(.stepReplied(number: 2, .success(StepReply(text: count))))
    driver.feed(.toolFinished(CallID("call-1"), SampleResults.counter()))
    driver.feed(.interrupted(by: client, reason: ""))
    #expect(try driver.finished().statements(of: 1).first?.hasPrefix("About 3,900") == true)
  }
}

@Suite struct ClientCalls {
  private func call(_ tool: String, _ arguments: JSONValue, _ change: (inout TurnBrief) -> Void = { _ in }) -> TurnBrief
  {
    var brief = brief(opened: true, task: .call(tool: tool, arguments: arguments))
    change(&brief)
    return brief
  }

  @Test func runWithoutAPlanner() throws {
    let turn = try run(call("cell_counter", ["slide": "s1"]))
    #expect(turn.outcome.stop == .answered)
    #expect(turn.outcome.answer == nil)
    #expect(turn.outcome.call?.evidence.contains("m1") == true)
    #expect(
      turn.events.map(\.kind).filter { $0 != .evidenceRecorded } == [
        .turnStarted, .policyDecided, .toolCalled, .toolReturned, .turnCompleted,
      ])
    #expect(turn.ran.first?.slides == ["s1"])
  }

  @Test func areAskedOfThePolicyAsTheClients() throws {
    let turn = try run(call("cell_counter", ["slide": "s1"]), policy: try SamplePolicies.forbidding("cell_counter"))
    #expect(turn.outcome.stop == .failed)
    #expect(turn.outcome.call?.error?.id == .policyDenied)
    #expect(turn.ran.isEmpty)
  }

  @Test func withWrongArgumentsFailWithoutRunning() throws {
    for arguments: JSONValue in [[:], ["slide": "s9"], ["slide": 1], ["slide": "s1", "region": "m1"], []] {
      let turn = try run(call("cell_counter", arguments))
      #expect(turn.outcome.stop == .failed)
      #expect(turn.outcome.call?.error?.id == .protocolParams)
      #expect(turn.ran.isEmpty)
    }
    #expect(try run(call("nothing", [:])).outcome.call?.error?.id == .toolNotFound)
  }

  @Test func thatFailSaySo() throws {
    let turn = try run(
      call("cell_counter", ["slide": "s1"]), tool: { _ in ToolResult(error: VPathError(.toolTimedOut, "Too long.")) })
    #expect(turn.outcome.stop == .failed)
    #expect(turn.outcome.call?.error?.id == .toolTimedOut)
  }

  @Test func areAnsweredFromEarlierEvidence() throws {
    let first = call("cell_counter", ["slide": "s1"])
    let done = try run(first)
    let state = after(done, brief: first)
    let again = try run(
      call("cell_counter", ["slide": "s1"]) {
        $0.evidence = state.evidence
        $0.earlierCalls = state.earlier
        $0.turn = TurnID("turn-2")
      })
    #expect(again.ran.isEmpty)
    #expect(again.outcome.stop == .answered)
    #expect(again.outcome.call?.evidence == done.outcome.call?.evidence)
  }

  @Test func areMadeAgainWhenAnotherProgramBearsTheSameVersion() throws {
    func installed(_ digit: String) -> [ToolManifest] {
      SampleTools.builtIn.map { manifest in
        var manifest = manifest
        manifest.vpath.sha256 = SHA256Hex(String(repeating: digit, count: 64))
        return manifest
      }
    }
    let first = call("cell_counter", ["slide": "s1"]) { $0.tools = installed("1") }
    let state = after(try run(first), brief: first)
    let again = try run(
      call("cell_counter", ["slide": "s1"]) {
        $0.evidence = state.evidence
        $0.earlierCalls = state.earlier
        $0.turn = TurnID("turn-2")
        $0.tools = installed("2")
      })
    #expect(again.ran.count == 1)
    let measured = again.evidence.filter { $0.turn == TurnID("turn-2") && $0.tool != nil }
    #expect(
      !measured.isEmpty && measured.allSatisfy { $0.tool?.sha256 == SHA256Hex(String(repeating: "2", count: 64)) })
  }

  @Test func interruptedOnesAreToldSo() throws {
    var driver = TurnDriver(call("cell_counter", ["slide": "s1"]), try SamplePolicies.permitting())
    driver.feed(.start)
    driver.feed(.interrupted(by: client, reason: "changed my mind"))
    let turn = try driver.finished()
    #expect(turn.outcome.stop == .interrupted)
    #expect(turn.outcome.call?.error?.id == .cancelled)
  }

  @Test func reportsAreFilledAnewWheneverThereIsMoreEvidence() throws {
    let first = call("report_template_filler", ["template": "skin_excision"])
    let done = try run(first)
    let state = after(done, brief: first)
    let again = try run(
      call("report_template_filler", ["template": "skin_excision"]) {
        $0.evidence = state.evidence
        $0.earlierCalls = state.earlier
      })
    #expect(again.ran.count == 1)
    #expect(Set(state.evidence.map(\.id)).isSubset(of: again.call(0)?.evidence.map(\.id) ?? []))
    #expect(
      again.call(0)?.evidence.allSatisfy { item in
        if case .slide(let slide) = item.body { slide.fileName == "s1" } else { true }
      } == true, "a file's name may name a patient")
  }
}
