// Turns over the real runtime: asked, queued, followed, interrupted, replayed.

import Agent
import Domain
import JSON
import Policy
import Ports
import RuntimeTestSupport
import TestSupport
import Testing
import Wire

@testable import TurnRuntime

@Suite struct TurnRunTests {
  @Test func aQuestionIsAnsweredFromMeasurementsAndItsNotesTellEveryItem() async throws {
    let world = try await RuntimeWorld()
    let turn = try await world.ask(try await world.openCase())
    let notes = try await world.follow(turn)
    #expect(notes.first?.notification == .turnStarted)
    #expect(notes.last?.notification == .turnCompleted)
    #expect(notes.map(\.seq) == notes.map(\.seq).sorted())
    let started = notes.filter { $0.notification == .itemStarted }.compactMap(\.params.item)
    let completed = notes.filter { $0.notification == .itemCompleted }.compactMap(\.params.item)
    #expect(!started.isEmpty && Set(started) == Set(completed) && started.count == completed.count)
    let result = try await world.runtime.getTurn(TurnParams(turn: turn), by: RuntimeWorld.alice)
    #expect(result.state == "completed" && result.stop == .answered)
    let finding = try #require(result.answer?.findings.first)
    #expect(finding.statement.contains("per mm²"), "\(finding.statement)")
    #expect(finding.evidence.allSatisfy { result.evidence[$0.rawValue] != nil }, "what is cited is given")
    #expect(notes.last?.params.detail?["answer"] == (try encodeJSON(result.answer)))
  }

  @Test func everythingShownWasRecordedBefore() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    world.trace.hold()
    let asked = Task { try await world.ask(caseID) }
    #expect(await settles { world.trace.heldKinds.contains(.turnQueued) })
    for _ in 0..<100 { await Task.yield() }
    #expect(world.trace.all(caseID).allSatisfy { $0.kind != .turnQueued })
    world.trace.release()
    let turn = try await asked.value
    #expect(world.trace.all(turn).first?.kind == .turnQueued, "the answer comes after the record")
    _ = try await world.finished(turn)
  }

  @Test func noToolRunsBeforeItsCallIsRecorded() async throws {
    let trace = MemoryTrace(clock: ManualClock())
    let unrecorded = Counter()
    let tools = ScriptedTools { input, _ in
      let isRecorded = trace.all(input.turn).contains {
        $0.kind == .toolCalled && $0.payload["call"]?.stringValue == input.call.rawValue
      }
      if !isRecorded && input.tool != "slide_properties" { unrecorded.add() }
      return nil
    }
    let world = try await RuntimeWorld(trace: trace, tools: tools)
    _ = try await world.finished(try await world.ask(try await world.openCase()))
    #expect(tools.calls.count > 1)
    #expect(unrecorded.value == 0)
  }

  @Test func turnsOfACaseRunOneAfterAnotherAndEvidenceIsReused() async throws {
    let running = Counter()
    let most = Counter()
    let tools = ScriptedTools { _, _ in
      running.add()
      most.raise(to: running.value)
      for _ in 0..<20 { await Task.yield() }
      running.subtract()
      return nil
    }
    let world = try await RuntimeWorld(tools: tools)
    let caseID = try await world.openCase()
    var turns: [TurnID] = []
    for index in 0..<5 { turns.append(try await world.ask(caseID, key: "k\(index)")) }
    for turn in turns { #expect(try await world.finished(turn).stop == .answered) }
    #expect(most.value == 1)
    let counted = tools.calls.filter { $0.tool == "cell_counter" }
    #expect(counted.count == 1, "the later turns cite what the first one measured")
    let ids = world.trace.all(caseID).filter { $0.kind == .evidenceRecorded }
      .compactMap { $0.payload["evidence"]?["id"]?.stringValue }
    #expect(Set(ids).count == ids.count, "ids are unique in the case")
  }

  @Test func aKeyGivesTheSameTurnAlsoAtTheSameMomentAndAfterARestart() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    async let first = world.ask(caseID, key: "same")
    async let second = world.ask(caseID, key: "same")
    let (one, two) = try await (first, second)
    #expect(one == two)
    _ = try await world.finished(one)
    #expect(try await world.ask(caseID, key: "same") == one)
    let restarted = try await RuntimeWorld(
      trace: world.trace, caseFiles: world.caseFiles, names: CountingNames("later"))
    #expect(try await restarted.ask(caseID, key: "same") == one)
    let other = await #expect(throws: VPathError.self) {
      try await restarted.ask(caseID, "How large is the tissue?", key: "same")
    }
    #expect(other?.id == .protocolParams && other?.subject == "key")
    #expect(world.trace.all(caseID).filter { $0.kind == .turnQueued }.count == 1)
  }

  @Test func aRunningTurnIsInterruptedOnceByTwoClientsAndItsToolIsStopped() async throws {
    let door = Door()
    let tools = ScriptedTools { input, _ in
      guard input.tool == "cell_counter" else { return nil }
      await door.pass()
      return nil
    }
    let world = try await RuntimeWorld(tools: tools)
    let caseID = try await world.openCase()
    let turn = try await world.ask(caseID)
    #expect(await settles { door.waiting == 1 })
    async let one = world.runtime.interruptTurn(TurnParams(turn: turn), by: RuntimeWorld.alice)
    async let two = world.runtime.interruptTurn(TurnParams(turn: turn), by: RuntimeWorld.alice)
    let accepted = try await [one.accepted, two.accepted]
    #expect(accepted.filter { $0 }.count == 1)
    let result = try await world.finished(turn)
    #expect(result.stop == .interrupted)
    #expect(await settles { tools.cancelled == 1 })
    #expect(try await world.runtime.interruptTurn(TurnParams(turn: turn), by: RuntimeWorld.alice).accepted == false)
    try checkClosed(world.trace.all(turn))
    #expect(try await world.finished(try await world.ask(caseID)).stop == .answered, "the case goes on")
  }

  @Test func aWaitingTurnIsInterruptedWithoutEverBeginning() async throws {
    let door = Door()
    let world = try await RuntimeWorld(
      tools: ScriptedTools { input, _ in
        if input.tool != "slide_properties" { await door.pass() }
        return nil
      })
    let caseID = try await world.openCase()
    let first = try await world.ask(caseID)
    #expect(await settles { door.waiting == 1 })
    let result = try await world.runtime.startTurn(
      TurnStartParams(caseID: caseID, question: "How large is the tissue?"), by: RuntimeWorld.alice)
    #expect(result.position == 1)
    #expect(try await world.runtime.interruptTurn(TurnParams(turn: result.turn), by: RuntimeWorld.alice).accepted)
    #expect(try await world.finished(result.turn).stop == .interrupted)
    #expect(world.trace.all(result.turn).map(\.kind) == [.turnQueued, .inputReceived, .turnCompleted])
    let replayed = try await world.runtime.replay(TurnParams(turn: result.turn), by: RuntimeWorld.alice)
    #expect(replayed.verdict == "identical")
    door.open()
    #expect(try await world.finished(first).stop == .answered)
  }

  @Test func theTimeBudgetEndsATurnThatHangs() async throws {
    let clock = ManualClock()
    let door = Door()
    let world = try await RuntimeWorld(
      tools: ScriptedTools { input, _ in
        if input.tool != "slide_properties" { await door.pass() }
        return nil
      }, clock: clock, limits: RuntimeLimits(budget: TurnBudget(seconds: 30)))
    let turn = try await world.ask(try await world.openCase())
    #expect(await settles { door.waiting == 1 && clock.sleepers > 0 })
    clock.advance(31)
    let result = try await world.finished(turn)
    #expect(result.stop == .budgetExhausted)
    try checkClosed(world.trace.all(turn))
  }

  @Test func aReplyThatComesAfterTheEndChangesNothing() async throws {
    let door = Door()
    let world = try await RuntimeWorld(
      planner: ScriptedPlanner { request throws(VPathError) in
        if request.number == 2 {
          // Deaf to cancellation, as a planner should not be.
          await Task { await door.pass() }.value
        }
        return nil
      })
    let caseID = try await world.openCase()
    let turn = try await world.ask(caseID)
    #expect(await settles { door.waiting == 1 })
    #expect(try await world.runtime.interruptTurn(TurnParams(turn: turn), by: RuntimeWorld.alice).accepted)
    let events = world.trace.all(turn).count
    door.open()
    for _ in 0..<1000 { await Task.yield() }
    #expect(world.trace.all(turn).count == events)
    try checkClosed(world.trace.all(turn))
  }

  @Test func aPlannerThatFailsEndsTheTurnWithItsReason() async throws {
    let world = try await RuntimeWorld(
      planner: ScriptedPlanner { _ throws(VPathError) in
        throw VPathError(.modelUnavailable, "No planner answers.", retryable: true)
      })
    let result = try await world.finished(try await world.ask(try await world.openCase()))
    #expect(result.stop == .modelUnavailable)
    #expect(result.answer?.notAssessable.isEmpty == false)
  }

  @Test func whatIsOverAQueuesBoundIsRefusedAndNothingIsLost() async throws {
    let door = Door()
    let world = try await RuntimeWorld(
      tools: ScriptedTools { input, _ in
        if input.tool != "slide_properties" { await door.pass() }
        return nil
      }, limits: RuntimeLimits(turnsPerCase: 3))
    let caseID = try await world.openCase()
    var turns: [TurnID] = []
    for _ in 0..<3 { turns.append(try await world.ask(caseID)) }
    let refused = await #expect(throws: VPathError.self) { try await world.ask(caseID) }
    #expect(refused?.id == .serverOverloaded && refused?.retryable == true)
    door.open()
    for turn in turns { #expect(try await world.finished(turn).stop == .answered) }
  }

  @Test func questionsThatAreNoneAreRefusedBeforeAnythingIsRecorded() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    for question in ["", " \n\t\u{3000}", String(repeating: "a", count: 65_537)] {
      let error = await #expect(throws: VPathError.self) { try await world.ask(caseID, question) }
      #expect(error?.id == .protocolParams && error?.subject == "question")
    }
    #expect(world.trace.all(caseID).allSatisfy { $0.turn == nil })
    #expect(try await world.finished(try await world.ask(caseID, "Wie viele Zellkerne?")).state == "completed")
  }

  @Test func aDrawnRegionBecomesEvidenceOfTheTurn() async throws {
    let world = try await RuntimeWorld()
    let rect = LevelZeroRect(x: 100, y: 100, width: 500, height: 500)
    let turn = try await world.ask(try await world.openCase(), regions: [DrawnRegion(rect: rect)])
    let result = try await world.finished(turn)
    let regions = result.evidence.values.compactMap { evidence -> LevelZeroRect? in
      if case .region(let region) = evidence.body, evidence.call == nil { return region.rect }
      return nil
    }
    #expect(regions == [rect])
  }

  @Test func aTurnReplaysFromItsRecordAloneAndExplainsItsStatements() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    let turn = try await world.ask(caseID)
    _ = try await world.finished(turn)
    let restarted = try await RuntimeWorld(
      trace: world.trace, tools: ScriptedTools(manifests: []),
      planner: ScriptedPlanner { _ throws(VPathError) in throw VPathError(.modelUnavailable, "Not in replay.") },
      caseFiles: world.caseFiles, names: CountingNames("later"))
    let replayed = try await restarted.runtime.replay(TurnParams(turn: turn), by: RuntimeWorld.alice)
    #expect(replayed.verdict == "identical" && replayed.events > 5, "\(replayed)")
    let explained = try await restarted.runtime.explain(
      TraceExplainParams(turn: turn, finding: 0), by: RuntimeWorld.alice)
    let evidence = explained.findings.first?["evidence"]?.arrayValue ?? []
    #expect(evidence.contains { $0["tool"]?["name"] == "cell_counter" && $0["policy"] != nil })
    let none = await #expect(throws: VPathError.self) {
      try await restarted.runtime.explain(TraceExplainParams(turn: turn, finding: 99), by: RuntimeWorld.alice)
    }
    #expect(none?.id == .evidenceNotFound)
    let reads = world.trace.all(caseID).filter { $0.kind == .traceRead }
    #expect(reads.count == 2, "who read what is recorded")
  }

  @Test func anAnswerWithoutFindingsSaysSoAndWhereItsReasonsComeFrom() async throws {
    let world = try await RuntimeWorld()
    let turn = try await world.ask(try await world.openCase(), "Is it tumour?")
    _ = try await world.finished(turn)
    let all = try await world.runtime.explain(TraceExplainParams(turn: turn), by: RuntimeWorld.alice)
    #expect(all.findings.isEmpty && all.notAssessable.count == 1)
    #expect(all.notAssessable.first?["from"]?.arrayValue?.contains { $0["what"] == "planner" } == true)
    let none = await #expect(throws: VPathError.self) {
      try await world.runtime.explain(TraceExplainParams(turn: turn, finding: 0), by: RuntimeWorld.alice)
    }
    #expect(none?.id == .evidenceNotFound && none?.message.contains("has no findings") == true)
  }

  @Test func aTurnWithoutAnAnswerIsNotExplained() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    let turn = try await world.runtime.callTool(
      ToolCallParams(caseID: caseID, name: "cell_counter", arguments: ["slide": "s1"]), by: RuntimeWorld.alice
    ).turn
    let none = await #expect(throws: VPathError.self) {
      try await world.runtime.explain(TraceExplainParams(turn: turn), by: RuntimeWorld.alice)
    }
    #expect(none?.id == .evidenceNotFound && none?.message.contains("has no answer") == true)
  }

  @Test func aToolThatRanWithoutASandboxIsAnEvent() async throws {
    let world = try await RuntimeWorld(
      tools: ScriptedTools { input, _ in
        guard var result = try? SampleResults.answer(input.tool, input.arguments), result.error == nil else {
          return nil
        }
        result.sandboxed = false
        return result
      })
    let turn = try await world.ask(try await world.openCase())
    #expect(try await world.finished(turn).stop == .answered)
    let kinds = world.trace.all(turn).map(\.kind)
    let degraded = kinds.filter { $0 == .sandboxDegraded }.count
    #expect(degraded > 0 && degraded == kinds.filter { $0 == .toolReturned }.count)
    let replayed = try await world.runtime.replay(TurnParams(turn: turn), by: RuntimeWorld.alice)
    #expect(replayed.verdict == "identical", "\(replayed)")
  }
}

/// Every started item has its end, and the turn too, last.
func checkClosed(_ events: [Event], sourceLocation: SourceLocation = #_sourceLocation) throws {
  var progress = TurnProgress()
  for event in events { progress.apply(event) }
  #expect(progress.phase == .completed, sourceLocation: sourceLocation)
  #expect(progress.openStep == nil && progress.openCalls.isEmpty, sourceLocation: sourceLocation)
  #expect(events.last?.kind == .turnCompleted, sourceLocation: sourceLocation)
  #expect(events.filter { $0.kind == .turnCompleted }.count == 1, sourceLocation: sourceLocation)
}
