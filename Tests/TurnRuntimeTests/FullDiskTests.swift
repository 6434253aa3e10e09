// A trace that cannot be written: the turn is ended properly, or its case waits; nobody is told what is not recorded.

import Domain
import JSON
import Ports
import RuntimeTestSupport
import TestSupport
import Testing
import Wire

@testable import TurnRuntime

@Suite struct FullDiskTests {
  @Test func aTurnThatCannotBeRecordedNeverWas() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    // Named by its kind: a slide's hash may be recorded at the same moment.
    world.trace.refuse([.turnQueued])
    let error = await #expect(throws: VPathError.self) { try await world.ask(caseID, key: "k") }
    #expect(error?.id == .traceWriteFailed && error?.retryable == true)
    world.trace.refuse([])
    #expect(try await world.finished(try await world.ask(caseID, key: "k")).stop == .answered)
    #expect(world.trace.all(caseID).filter { $0.kind == .turnQueued }.count == 1)
  }

  @Test(arguments: [EventKind.turnStarted, .modelResponded, .toolCalled, .toolReturned, .answerRendered])
  func aTurnThatCannotGoOnIsClosedWithItsItemsAndTheCaseGoesOn(kind: EventKind) async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    world.trace.refuse([kind])
    let turn = try await world.ask(caseID)
    let notes = try await world.follow(turn)
    #expect(notes.last?.notification == .turnCompleted)
    try checkClosed(world.trace.all(turn))
    let result = try await world.runtime.getTurn(TurnParams(turn: turn), by: RuntimeWorld.alice)
    #expect(result.stop == .failed)
    #expect(result.error?["data"]?["id"] == "trace.write_failed")
    #expect(result.error?["message"]?.stringValue?.contains("Free some disk space") == true)
    let recorded = world.trace.all(turn).last?.payload["reason"]?.stringValue
    #expect(recorded?.isEmpty == false)
    world.trace.refuse([])
    #expect(try await world.finished(try await world.ask(caseID)).stop == .answered)
    #expect(
      try await world.runtime.replay(TurnParams(turn: turn), by: RuntimeWorld.alice).verdict == "identical")
  }

  @Test func noToolRunsWhenItsCallCannotBeRecorded() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    let before = world.tools.calls.count
    world.trace.refuse([.toolCalled])
    _ = try await world.finished(try await world.ask(caseID))
    #expect(world.tools.calls.count == before)
  }

  @Test func whenNotEvenTheEndCanBeRecordedTheCaseWaitsAndIsTriedAgain() async throws {
    let clock = ManualClock()
    let world = try await RuntimeWorld(clock: clock, limits: RuntimeLimits(retrySeconds: 5))
    let caseID = try await world.openCase()
    world.trace.refuse([.modelResponded, .turnCompleted])
    let turn = try await world.ask(caseID)
    let subscription = try await world.runtime.subscribe(
      TurnSubscribeParams(turn: turn, after: 0), by: RuntimeWorld.alice)
    var ended: SubscriptionEndedParams?
    for await item in subscription.items {
      if case .ended(let params) = item { ended = params }
      await subscription.ready()
    }
    #expect(ended?.turn == turn && ended?.error["data"]?["id"] == "trace.write_failed")
    let blocked = await #expect(throws: VPathError.self) { try await world.ask(caseID) }
    #expect(blocked?.id == .traceWriteFailed && blocked?.retryable == true)
    let health = try await world.runtime.health(connections: 0, by: RuntimeWorld.alice)
    #expect(health.state == "degraded")
    let other = try await world.openCase()
    world.trace.refuse([])
    #expect(try await world.finished(try await world.ask(other)).stop == .answered, "other cases go on")
    clock.advance(120)
    #expect(await settles { world.trace.all(turn).last?.kind == .turnCompleted })
    try checkClosed(world.trace.all(turn))
    #expect(await settles { (try? await world.runtime.health(connections: 0, by: RuntimeWorld.alice).state) == "ok" })
    #expect(try await world.finished(try await world.ask(caseID)).stop == .answered)
  }

  @Test func aCallThatCannotBeRecordedIsAnErrorToItsCaller() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    world.trace.refuse([.toolReturned])
    let error = await #expect(throws: VPathError.self) {
      try await world.runtime.callTool(
        ToolCallParams(caseID: caseID, name: "slide_overview", arguments: ["slide": "s1"]), by: RuntimeWorld.alice)
    }
    #expect(error?.id == .traceWriteFailed)
  }

  @Test func aCaseThatCannotBeRecordedLeavesNoFileBehind() async throws {
    let world = try await RuntimeWorld()
    world.trace.refuse([.caseOpened])
    let error = await #expect(throws: VPathError.self) { try await world.openCase() }
    #expect(error?.id == .traceWriteFailed)
    #expect(await world.caseFiles.kept().isEmpty)
    #expect(world.tools.released.count == 1)
  }
}
