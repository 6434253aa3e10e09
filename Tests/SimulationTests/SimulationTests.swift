// Many seeds, each another history. `VPATH_SEEDS=n` runs n of them, `VPATH_SEED=n` runs that one alone.

import Domain
import Glibc
import JSON
import OrderedCollections
import Policy
import RuntimeTestSupport
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct SimulationTests {
  static let policy: Policy = {
    guard let text = try? RuntimeWorld.shippedPolicy(), let policy = try? Policy.load(yaml: text) else {
      fatalError("policies/default.yaml cannot be read")
    }
    return policy
  }()

  private static func number(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }

  static func run(_ seed: UInt64) async throws -> Simulation {
    var simulation = try Simulation(seed: seed, policy: policy)
    try await simulation.run(actions: 300)
    return simulation
  }

  @Test func everyInvariantHoldsForEverySeed() async throws {
    if let seed = Self.number("VPATH_SEED") {
      let simulation = try await Self.run(seed)
      #expect(simulation.failures == [])
      return
    }
    let count = Self.number("VPATH_SEEDS") ?? 2_000
    let tally = Tally()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) {
        group.addTask {
          while let seed = tally.nextSeed(upTo: count) { tally.count(try await Self.run(seed)) }
        }
      }
      try await group.waitForAll()
    }
    for failure in tally.failures.sorted().prefix(20) {
      Issue.record("\(failure). Run it alone with that variable set.")
    }
    guard count >= 100 else { return }
    // A simulation in which little happens proves little.
    let total = tally.seen
    print("\(count) seeds: \(total)")
    #expect(
      total.turns > Int(count) * 3 && total.answered > 0 && total.crashes > 0 && total.closedByRepair > 0, "\(total)")
    #expect(total.calls > Int(count) && total.interrupted > 0 && total.failed > 0 && total.diverse > 5, "\(total)")
    #expect(total.modelRequests > Int(count) && total.modelProblems > 0, "\(total)")
    let kinds = SimulatedPlanner.seenKinds.withLock { $0 }
    for kind in SimulatedPlanner.Kind.allCases { #expect(kinds[kind] ?? 0 > 0, "\(kind) was tried") }
  }

  /// What workers share.
  final class Tally: Sendable {
    private let state = Mutex((next: UInt64(0), failures: [String](), seen: Seen()))
    var failures: [String] { state.withLock { $0.failures } }
    var seen: Seen { state.withLock { $0.seen } }

    func nextSeed(upTo count: UInt64) -> UInt64? {
      state.withLock { state in
        state.next += 1
        return state.next <= count ? state.next : nil
      }
    }

    func count(_ simulation: Simulation) {
      state.withLock { state in
        state.seen.count(simulation)
        guard !simulation.failures.isEmpty else { return }
        state.failures.append("VPATH_SEED=\(simulation.seed): \(simulation.failures.joined(separator: "; "))")
      }
    }
  }

  /// What happened over all seeds.
  struct Seen: Sendable, CustomStringConvertible {
    var turns = 0
    var answered = 0
    var interrupted = 0
    var failed = 0
    var crashes = 0
    var closedByRepair = 0
    var calls = 0
    /// Requests to a model, and steps that were not taken as it wrote them.
    var modelRequests = 0
    var modelProblems = 0
    private var stops: Set<String> = []
    var diverse: Int { stops.count }

    mutating func count(_ simulation: Simulation) {
      crashes += simulation.journal.filter { $0 == "crash" }.count
      for (_, _, events) in simulation.disk.turns {
        turns += 1
        calls += events.filter { $0.kind == .toolReturned }.count
        for event in events where event.kind == .modelResponded {
          let exchanges = event.payload["reply"]?["exchanges"]?.arrayValue ?? []
          modelRequests += exchanges.count
          modelProblems += exchanges.filter { $0["problem"] != nil }.count
        }
        guard let last = events.last, let stop = last.payload["stop"]?.stringValue else { continue }
        stops.insert(stop)
        if stop == "answered" { answered += 1 }
        if stop == "interrupted" { interrupted += 1 }
        if stop == "failed" { failed += 1 }
        if last.payload["reason"] == "closed at start after a crash" { closedByRepair += 1 }
      }
    }

    var description: String {
      "\(turns) turns, \(calls) calls, \(modelRequests) requests to a model (\(modelProblems) replies not used), \(answered) answered, \(interrupted) interrupted, \(failed) failed, "
        + "\(crashes) crashes, \(closedByRepair) closed by repair, stops \(stops.sorted())"
    }
  }

  @Test(arguments: [3, 141, 592] as [UInt64]) func theSameSeedGivesTheSameRun(seed: UInt64) async throws {
    let one = try await Self.run(seed)
    let other = try await Self.run(seed)
    #expect(one.journal == other.journal)
    #expect(!one.journal.isEmpty)
  }
}
