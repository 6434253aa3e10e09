// Clients that follow turns: every note once and in order, whatever their speed, and whenever they come.

import Domain
import JSON
import Ports
import RuntimeTestSupport
import TestSupport
import Testing
import Wire

@testable import TurnRuntime

@Suite struct SubscriptionTests {
  /// What a client reads that takes its time.
  static func slowly(_ world: RuntimeWorld, _ turn: TurnID, after seq: Int, yields: Int) async throws -> [TurnNote] {
    let subscription = try await world.runtime.subscribe(
      TurnSubscribeParams(turn: turn, after: seq), by: RuntimeWorld.alice)
    var notes: [TurnNote] = []
    for await item in subscription.items {
      if case .notes(let more) = item { notes += more }
      for _ in 0..<yields { await Task.yield() }
      await subscription.ready()
    }
    return notes
  }

  @Test(arguments: [1, 3, 200]) func everyClientReadsTheSameWhateverItsSpeedAndStart(recentNotes: Int) async throws {
    let world = try await RuntimeWorld(
      limits: RuntimeLimits(recentNotes: recentNotes, notesAtOnce: 2, pageEvents: 3))
    let caseID = try await world.openCase()
    let turn = try await world.ask(caseID)
    let readers = (0..<12).map { index in
      Task { try await Self.slowly(world, turn, after: 0, yields: index * 37) }
    }
    let reference = try await Self.slowly(world, turn, after: 0, yields: 0)
    let recorded = world.trace.all(turn).compactMap(TurnNote.init)
    #expect(reference == recorded)
    for reader in readers { #expect(try await reader.value == recorded) }
    for from in recorded.map(\.seq) {
      #expect(
        try await Self.slowly(world, turn, after: from, yields: 0) == recorded.filter { $0.seq > from },
        "also long after the turn")
    }
  }

  @Test func aClientThatReadsNothingHoldsNobodyUp() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    let turn = try await world.ask(caseID)
    let stuck = try await world.runtime.subscribe(
      TurnSubscribeParams(turn: turn, after: 0), by: RuntimeWorld.alice)
    #expect(try await world.finished(turn).stop == .answered)
    var items = 0
    await stuck.cancel()
    for await _ in stuck.items { items += 1 }
    #expect(items <= 1, "at most one batch waits for a client that does not read")
  }

  @Test func progressIsForThoseWhoAreReadyAndIsNotRecorded() async throws {
    let door = Door()
    let told = Counter()
    let world = try await RuntimeWorld(
      tools: ScriptedTools { input, progress in
        guard input.tool == "cell_counter" else { return nil }
        while door.waiting == 0 && told.value == 0 {
          progress(ToolProgress(fraction: 3, message: String(repeating: "x", count: 500)))
          await Task.yield()
        }
        return nil
      })
    let turn = try await world.ask(try await world.openCase())
    let subscription = try await world.runtime.subscribe(
      TurnSubscribeParams(turn: turn, after: 0), by: RuntimeWorld.alice)
    var progress: ProgressParams?
    for await item in subscription.items {
      if case .progress(let params) = item {
        progress = params
        told.add()
      }
      await subscription.ready()
    }
    #expect(progress?.item.hasPrefix("call-") == true)
    #expect(progress?.fraction == 1 && progress?.message.count == 200, "within its schema")
    #expect(world.trace.all(turn).allSatisfy { !$0.payload.canonicalString().contains("xxxx") })
  }

  @Test func whoComesLateIsToldHowFarTheRunningCallIsOnceAndTheNewestAlone() async throws {
    let door = Door()
    let world = try await RuntimeWorld(
      tools: ScriptedTools { input, progress in
        guard input.tool == "cell_counter" else { return nil }
        progress(ToolProgress(fraction: 0.25, message: "begun"))
        progress(ToolProgress(fraction: 0.5, message: "half"))
        await door.pass()
        return nil
      })
    let turn = try await world.ask(try await world.openCase())
    #expect(await settles { door.waiting == 1 })
    // Whoever was there from the beginning has it: so the runtime has it, too.
    let early = try await world.runtime.subscribe(TurnSubscribeParams(turn: turn, after: 0), by: RuntimeWorld.alice)
    for await item in early.items {
      if case .progress(let params) = item, params.message == "half" { break }
      await early.ready()
    }
    let late = try await world.runtime.subscribe(TurnSubscribeParams(turn: turn, after: 0), by: RuntimeWorld.alice)
    var messages: [String] = []
    var endedBefore = 0
    for await item in late.items {
      switch item {
      case .progress(let params):
        messages.append(params.message)
        door.open()
      case .notes(let notes): if messages.isEmpty { endedBefore += notes.filter(\.isLast).count }
      case .ended: break
      }
      await late.ready()
    }
    #expect(messages == ["half"] && endedBefore == 0)
    await early.cancel()
  }

  @Test func tooManySubscriptionsAreRefusedWithTheReason() async throws {
    let world = try await RuntimeWorld(limits: RuntimeLimits(subscriptions: 1, notesAtOnce: 1))
    let caseID = try await world.openCase()
    let turn = try await world.ask(caseID)
    _ = try await world.finished(turn)
    let first = try await world.runtime.subscribe(TurnSubscribeParams(turn: turn, after: 0), by: RuntimeWorld.alice)
    let second = try await world.runtime.subscribe(TurnSubscribeParams(turn: turn, after: 0), by: RuntimeWorld.alice)
    var reason: JSONValue?
    for await case .ended(let params) in second.items { reason = params.error["data"]?["id"] }
    #expect(reason == "server.overloaded")
    await first.cancel()
  }
}
