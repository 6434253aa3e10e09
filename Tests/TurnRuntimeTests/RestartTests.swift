// A daemon that stops, or dies at any record, and the one that comes after it.

import Agent
import Domain
import JSON
import Ports
import RuntimeTestSupport
import TestSupport
import Testing
import Wire

@testable import TurnRuntime

@Suite struct RestartTests {
  /// A trace that holds the first events of another: what a killed daemon leaves.
  static func beginning(of trace: MemoryTrace, _ caseID: CaseID, events: Int) async throws -> MemoryTrace {
    let cut = MemoryTrace(clock: ManualClock())
    _ = try await cut.append(
      trace.all(caseID).prefix(events).map {
        NewEvent(caseID: $0.caseID, turn: $0.turn, kind: $0.kind, payload: $0.payload)
      })
    return cut
  }

  @Test func aDaemonKilledAfterAnyRecordIsWholeAgainAtTheNextStart() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    let turn = try await world.ask(caseID)
    _ = try await world.finished(turn)
    let all = world.trace.all(caseID)
    let first = try #require(all.firstIndex { $0.turn == turn })
    for events in (first + 1)..<all.count {
      let cut = try await Self.beginning(of: world.trace, caseID, events: events)
      let next = try await RuntimeWorld(
        trace: cut, caseFiles: world.caseFiles, names: CountingNames("after\(events)"))
      try checkClosed(cut.all(turn))
      let result = try await next.runtime.getTurn(TurnParams(turn: turn), by: RuntimeWorld.alice)
      #expect(result.state == "completed")
      let wasDone = all[..<events].contains { $0.kind == .turnCompleted }
      #expect(wasDone || result.stop == .failed)
      if !wasDone { #expect(cut.signedHead(caseID) == cut.all(turn).last?.seq, "the end is signed") }
      let replayed = try await next.runtime.replay(TurnParams(turn: turn), by: RuntimeWorld.alice)
      #expect(replayed.verdict == "identical", "killed after event \(events): \(replayed)")
      #expect(try await next.finished(try await next.ask(caseID)).stop == .answered)
    }
  }

  @Test func filesOfCasesThatWereNeverRecordedAreForgotten() async throws {
    let files = MemoryCaseFiles()
    try await files.save([], of: CaseID("case-halfway"))
    let world = try await RuntimeWorld(caseFiles: files)
    #expect(await files.kept().isEmpty)
    let caseID = try await world.openCase()
    let next = try await RuntimeWorld(trace: world.trace, caseFiles: files, names: CountingNames("x"))
    #expect(await next.caseFiles.kept() == [caseID])
  }

  @Test func slidesAreHashedInTheBackgroundAlsoWhenARestartCameBetween() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase(slides: ["/slides/a.svs", "/slides/b.svs"])
    #expect(await settles { world.trace.all(caseID).filter { $0.kind == .slideHashed }.count == 2 })
    let opened = world.trace.all(caseID).filter { $0.kind != .slideHashed }.count
    let cut = try await Self.beginning(of: world.trace, caseID, events: opened)
    let next = try await RuntimeWorld(trace: cut, caseFiles: world.caseFiles, names: CountingNames("x"))
    _ = try await next.runtime.getCase(CaseParams(caseID: caseID), by: RuntimeWorld.alice)
    #expect(await settles { cut.all(caseID).filter { $0.kind == .slideHashed }.count == 2 })
    let found = try await next.runtime.getCase(CaseParams(caseID: caseID), by: RuntimeWorld.alice)
    #expect(found.slides.allSatisfy { $0.sha256 != nil })
  }

  @Test func aStopInterruptsWhatRunsClosesWhatWaitsAndRefusesWhatIsNew() async throws {
    let door = Door()
    let world = try await RuntimeWorld(
      tools: ScriptedTools { input, _ in
        if input.tool != "slide_properties" { await door.pass() }
        return nil
      })
    let caseID = try await world.openCase()
    let running = try await world.ask(caseID)
    let waiting = try await world.ask(caseID)
    #expect(await settles { door.waiting == 1 })
    async let drained = world.runtime.drain(timeoutSeconds: 1000)
    #expect(await drained)
    for turn in [running, waiting] {
      try checkClosed(world.trace.all(turn))
      #expect(world.trace.all(turn).last?.payload["stop"] == "interrupted")
    }
    let refused = await #expect(throws: VPathError.self) { try await world.ask(caseID) }
    #expect(refused?.id == .serverDraining)
    let noCase = await #expect(throws: VPathError.self) { try await world.openCase() }
    #expect(noCase?.id == .serverDraining)
    #expect(world.trace.all(.daemon).last?.kind == .daemonStopped)
  }

  @Test func aStopThatTakesTooLongEndsAllTheSame() async throws {
    let clock = ManualClock()
    let world = try await RuntimeWorld(clock: clock)
    let caseID = try await world.openCase()
    world.trace.hold()
    let asked = Task { try await world.ask(caseID) }
    #expect(await settles { world.trace.heldKinds.contains(.turnQueued) })
    let sleepers = clock.sleepers
    let drained = Task { await world.runtime.drain(timeoutSeconds: 4) }
    #expect(await settles { clock.sleepers > sleepers })
    clock.advance(5)
    #expect(await settles { world.trace.heldKinds.contains(.daemonStopped) })
    world.trace.release()
    #expect(await drained.value == false)
    _ = try? await asked.value
  }

  @Test func theWallClockMayGoBackAndOrderStays() async throws {
    let clock = ManualClock()
    let world = try await RuntimeWorld(clock: clock)
    let caseID = try await world.openCase()
    let first = try await world.ask(caseID)
    _ = try await world.finished(first)
    clock.shiftWall(-600)
    let second = try await world.ask(caseID)
    #expect(try await world.finished(second).stop == .answered)
    let times = world.trace.all(caseID).map(\.time)
    #expect(times.sorted() != times, "the clock did go back")
    for turn in [first, second] {
      #expect(
        try await world.runtime.replay(TurnParams(turn: turn), by: RuntimeWorld.alice).verdict == "identical")
    }
  }
}
