// The record of turns in a case that goes on and on: what each adds, and how each replays.

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

@Suite struct TurnRecordTests {
  private static func bytes(_ events: [Event]) -> Int { events.map { $0.payload.canonicalBytes().count }.reduce(0, +) }

  private static func square(_ number: Int) -> [DrawnRegion] {
    [DrawnRegion(rect: LevelZeroRect(x: number * 7, y: number * 5, width: 400, height: 400))]
  }

  private static let question = "How many nuclei per mm² are in this region?"

  /// Replays a turn with neither tools nor planner, from the trace alone.
  private static func replay(_ turn: TurnID, in world: RuntimeWorld) async throws -> TraceReplayResult {
    let later = try await RuntimeWorld(
      trace: world.trace, tools: ScriptedTools(manifests: []),
      planner: ScriptedPlanner { _ throws(VPathError) in throw VPathError(.modelUnavailable, "Not in replay.") },
      caseFiles: world.caseFiles, names: CountingNames("later"))
    return try await later.runtime.replay(TurnParams(turn: turn), by: RuntimeWorld.alice)
  }

  @Test func theFiftiethTurnRecordsAsMuchAsTheThird() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    var sizes: [Int] = []
    var last = TurnID("none")
    for number in 0..<50 {
      last = try await world.ask(caseID, Self.question, regions: Self.square(number))
      #expect(try await world.finished(last).stop == .answered)
      sizes.append(Self.bytes(world.trace.all(last)))
    }
    let third = sizes[2]
    #expect(sizes[3...].allSatisfy { abs($0 - third) < 600 }, "\(sizes)")
    let replayed = try await Self.replay(last, in: world)
    #expect(replayed.verdict == "identical", "\(replayed)")
  }

  @Test func aTurnDoesNotRepeatWhatAnEarlierOneDrew() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    let corners = (0..<4_000).map { number -> JSONValue in
      let angle = Double(number) / 4_000
      return [
        .number(1_000 + (angle < 0.5 ? angle * 1_000 : (1 - angle) * 1_000)),
        .number(1_000 + (angle < 0.25 || angle > 0.75 ? 0 : 500 * angle)),
      ]
    }
    let outline: JSONValue = ["type": "Polygon", "coordinates": [.array(corners + [corners[0]])]]
    let drawn = (0..<8).map { _ in DrawnRegion(geojson: outline) }
    let first = try await world.ask(caseID, Self.question, regions: drawn)
    _ = try await world.finished(first)
    #expect(Self.bytes(world.trace.all(first)) > 200_000)
    let second = try await world.ask(caseID)
    #expect(try await world.finished(second).stop == .answered)
    #expect(Self.bytes(world.trace.all(second)) < 60_000, "\(Self.bytes(world.trace.all(second)))")
    let replayed = try await Self.replay(second, in: world)
    #expect(replayed.verdict == "identical", "\(replayed)")
  }

  @Test func aTurnOverRedactedEvidenceSaysThatItCannotBeReplayed() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    let first = try await world.ask(caseID)
    _ = try await world.finished(first)
    let second = try await world.ask(caseID)
    _ = try await world.finished(second)
    let seq = try #require(world.trace.all(first).first { $0.kind == .evidenceRecorded }?.seq)
    world.trace.redact(caseID, seq: seq)
    let replayed = try await Self.replay(second, in: world)
    #expect(replayed.verdict == "diverged" && replayed.message?.contains("event \(seq)") == true, "\(replayed)")
    // A turn that starts after the redaction starts from what is left.
    let later = try await RuntimeWorld(
      trace: world.trace, caseFiles: world.caseFiles, names: CountingNames("later"))
    let third = try await later.ask(caseID)
    _ = try await later.finished(third)
    #expect(try await Self.replay(third, in: later).verdict == "identical")
  }

  @Test func aManifestThatIsNotKeptIsNamed() async throws {
    let world = try await RuntimeWorld()
    let turn = try await world.ask(try await world.openCase())
    _ = try await world.finished(turn)
    let hash = try #require(
      TurnReplay.manifestHashes(world.trace.all(turn)).first { _ in true })
    world.trace.forget(hash)
    let replayed = try await Self.replay(turn, in: world)
    #expect(replayed.verdict == "diverged" && replayed.message?.contains("the manifest of") == true, "\(replayed)")
  }
}
