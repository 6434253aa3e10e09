// A trace that refuses events for another reason than a full disk: what is tried again, and what the turn's end says.

import Domain
import JSON
import Ports
import RuntimeTestSupport
import TestSupport
import Testing
import Wire

@testable import TurnRuntime

@Suite struct RefusedRecordTests {
  private static let overloaded = VPathError(.serverOverloaded, "10,000 events wait.", retryable: true)
  private static let tooLarge = VPathError(
    .protocolParams, "The payload of tool.returned has 17,000,000 bytes; the limit is 16,777,216.")

  /// Whether the turn waits for its next try: its budget's timer runs, and the one after the refusal.
  private static func waits(_ clock: ManualClock, _ world: RuntimeWorld, after refusals: Int) -> Bool {
    world.trace.refusals == refusals && clock.sleepers == 2
  }

  @Test func aTraceThatHasTooMuchToWriteIsTriedAgainAndTheTurnGoesOn() async throws {
    let clock = ManualClock()
    let world = try await RuntimeWorld(clock: clock, limits: RuntimeLimits(retrySeconds: 5))
    let caseID = try await world.openCase()
    world.trace.refuse([.modelResponded], with: Self.overloaded)
    let turn = try await world.ask(caseID)
    #expect(await settles { Self.waits(clock, world, after: 1) })
    world.trace.refuse([])
    clock.advance(6)
    #expect(try await world.finished(turn).stop == .answered)
    let replayed = try await world.runtime.replay(TurnParams(turn: turn), by: RuntimeWorld.alice)
    #expect(replayed.verdict == "identical", "\(replayed)")
  }

  @Test func afterSomeTriesTheTurnEndsAndSaysWhy() async throws {
    let clock = ManualClock()
    let world = try await RuntimeWorld(clock: clock, limits: RuntimeLimits(retrySeconds: 1, appendRetries: 2))
    let caseID = try await world.openCase()
    world.trace.refuse([.modelResponded], with: Self.overloaded)
    let turn = try await world.ask(caseID)
    for refusals in 1...2 {
      #expect(await settles { Self.waits(clock, world, after: refusals) })
      clock.advance(10)
    }
    let result = try await world.finished(turn)
    #expect(result.stop == .failed && result.error?["data"]?["id"] == "server.overloaded")
    try checkClosed(world.trace.all(turn))
    let reason = world.trace.all(turn).last?.payload["reason"]?.stringValue
    #expect(reason?.contains("(server.overloaded)") == true)
    world.trace.refuse([])
    #expect(try await world.finished(try await world.ask(caseID)).stop == .answered)
  }

  @Test func anEventThatIsTooLargeEndsItsTurnAndNotItsCase() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    world.trace.refuse([.toolReturned], with: Self.tooLarge)
    let turn = try await world.ask(caseID)
    let result = try await world.finished(turn)
    #expect(result.stop == .failed && result.error?["data"]?["id"] == "protocol.params")
    #expect(result.error?["message"]?.stringValue?.contains("Free some disk space") == false)
    let reason = world.trace.all(turn).last?.payload["reason"]?.stringValue
    #expect(reason?.contains("(protocol.params)") == true && reason?.contains("tool.returned") == true)
    world.trace.refuse([])
    #expect(try await world.finished(try await world.ask(caseID)).stop == .answered)
  }

  @Test func aTurnThatWaitsToBeRecordedCanBeInterrupted() async throws {
    let clock = ManualClock()
    let world = try await RuntimeWorld(clock: clock, limits: RuntimeLimits(retrySeconds: 5))
    let turn = try await world.ask(try await world.openCase())
    world.trace.refuse([.modelResponded], with: Self.overloaded)
    #expect(await settles { Self.waits(clock, world, after: 1) })
    let interrupted = Task { try await world.runtime.interruptTurn(TurnParams(turn: turn), by: RuntimeWorld.alice) }
    for _ in 0..<100 { await Task.yield() }
    world.trace.refuse([])
    clock.advance(6)
    _ = try await interrupted.value
    #expect(await settles { world.trace.all(turn).last?.kind == .turnCompleted })
    try checkClosed(world.trace.all(turn))
  }
}
