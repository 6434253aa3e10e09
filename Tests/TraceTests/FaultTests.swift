// Writes that fail: at every commit in turn, on a full disk, and with a process that dies between any two.

import Domain
import GRDB
import Glibc
import JSON
import Ports
import Synchronization
import TestSupport
import Testing

@testable import Trace

/// Vetoes one commit of the writing connection.
private final class CommitVeto: TransactionObserver {
  private var left: Int
  init(at number: Int) { left = number }
  func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
  func databaseDidChange(with event: DatabaseEvent) {}
  func databaseWillCommit() throws {
    left -= 1
    if left == 0 { throw DatabaseError(resultCode: .SQLITE_IOERR, message: "the commit was vetoed") }
  }
  func databaseDidCommit(_ db: Database) {}
  func databaseDidRollback(_ db: Database) {}
}

@Suite struct FaultTests {
  /// Whatever a daemon asks of its trace, step by step; failures are counted and acknowledged events kept.
  private func scenario(_ store: TraceStore) async throws -> (acknowledged: [Event], failures: Int) {
    var acknowledged: [Event] = []
    var failures = 0
    func attempt(_ work: () async throws -> [Event]) async throws {
      do {
        acknowledged += try await work()
      } catch let error as VPathError where error.id == .traceWriteFailed {
        failures += 1
      }
    }
    for number in 0..<3 {
      let turn = TurnID("turn-\(number)")
      let hash = try await store.put(Array("prompt \(number)".utf8), mediaType: "text/plain")
      try await attempt { try await store.append(turnEvents(caseA, turn)) }
      try await attempt {
        try await store.append([
          event(caseA, .modelRequested, turn: turn, ["prompt": .string(hash.rawValue)]), event(caseB, .caseOpened),
          event(caseA, .toolReturned, turn: turn, .string(String(repeating: "\(number)", count: 70_000))),
        ])
      }
      try await attempt { try await store.append([completed(caseA, turn)]) }
      try await attempt {
        try await store.checkpoint(caseA)
        return []
      }
    }
    let last = try await store.events(of: caseA, turn: nil, after: 0, limit: 100).count
    let erased = try await store.events(of: caseA, turn: nil, after: 0, limit: 1)
    try await attempt {
      let event = try await store.redact(caseA, seqs: [1], reason: "", by: "")
      #expect(event.seq == last + 1)
      return [event]
    }
    if acknowledged.last?.kind == .traceRedacted { acknowledged.removeAll { erased.contains($0) } }
    return (acknowledged, failures)
  }

  @Test func aCommitThatFailsLosesItsOwnEventsAndNothingElse() async throws {
    var vetoed = 0
    for number in 1...13 {
      let trace = try await OpenTrace()
      try await trace.store.pool.writeWithoutTransaction {
        $0.add(transactionObserver: CommitVeto(at: number), extent: .databaseLifetime)
      }
      let (acknowledged, failures) = try await scenario(trace.store)
      vetoed += failures
      for caseID in [caseA, caseB] {
        let stored = try await trace.store.events(of: caseID, turn: nil, after: 0, limit: 100)
        #expect(stored.map(\.seq) == Array(1...stored.count))
        #expect(acknowledged.filter { $0.caseID == caseID }.allSatisfy { stored.contains($0) })
        let unacknowledged = stored.count - acknowledged.filter { $0.caseID == caseID }.count
        #expect(unacknowledged == (caseID == caseA && acknowledged.contains { $0.kind == .traceRedacted } ? 1 : 0))
      }
      #expect(failures == 1)
      let report = try TraceVerifier.verify(directory: trace.path)
      #expect(report.faults == [], "the commit vetoed was number \(number)")
      try await trace.store.close()
      #expect(try TraceVerifier.verify(directory: trace.path).faults == [])
    }
    #expect(vetoed == 13)
  }

  @Test func anInsertThatFailsInTheMiddleOfARequestLeavesNoneOfIt() async throws {
    let trace = try await OpenTrace()
    _ = try await trace.store.append([event(caseA, .caseOpened)])
    try await trace.store.pool.writeWithoutTransaction {
      try $0.execute(
        sql: """
          CREATE TEMP TRIGGER fails BEFORE INSERT ON main.events WHEN NEW.seq = 3
          BEGIN SELECT RAISE(FAIL, 'no'); END
          """)
    }
    let events = (0..<4).map { _ in event(caseA, .inputReceived) }
    let error = await #expect(throws: VPathError.self) { try await trace.store.append(events) }
    #expect(error?.id == .traceWriteFailed && error?.retryable == true)
    try await trace.store.pool.writeWithoutTransaction { try $0.execute(sql: "DROP TRIGGER fails") }
    #expect(try await trace.store.append(events).map(\.seq) == [2, 3, 4, 5])
    #expect(try TraceVerifier.verify(directory: trace.path).isOK)
  }

  @Test func aDatabaseThatMayNotGrowSaysTheDiskIsFullUntilItMayAgain() async throws {
    let trace = try await OpenTrace()
    _ = try await trace.store.append([event(caseA, .caseOpened)])
    func limit(_ pages: Int) async throws {
      try await trace.store.pool.writeWithoutTransaction { database in
        let count = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
        try database.execute(sql: "PRAGMA max_page_count = \(count + pages)")
      }
    }
    try await limit(4)
    var error: VPathError?
    for _ in 0..<10 where error == nil {
      do throws(VPathError) {
        _ = try await trace.store.append([event(caseA, .toolReturned, .string(String(repeating: "z", count: 9_000)))])
      } catch let failure {
        error = failure
      }
    }
    #expect(error?.id == .traceWriteFailed && error?.retryable == true)
    #expect(trace.store.spaceLow)
    try await limit(100_000)
    #expect(try await trace.store.append([event(caseA, .caseClosed)])[0].kind == .caseClosed)
    #expect(!trace.store.spaceLow)
    #expect(try TraceVerifier.verify(directory: trace.path).isOK)
  }

  @Test(.enabled(if: SmallDisk.isPossible, "needs the right to mount a file system"))
  func onAFullDiskTurnsAreStillClosedAndRecordingGoesOnWhenThereIsSpace() async throws {
    let disk = try #require(SmallDisk(bytes: 12 << 20))
    var options = TraceOptions.seeded()
    options.reserveBytes = 2 << 20
    let store = try await TraceStore.open(directory: "\(disk.path)/state", clock: TestClock(), options: options)
    _ = try await store.append(turnEvents(caseA, turnOne))
    var stored = 4
    var error: VPathError?
    while error == nil {
      do throws(VPathError) {
        stored += try await store.append([
          event(caseA, .toolReturned, turn: turnOne, .string(String(repeating: "z", count: 60_000)))
        ]).count
      } catch let failure {
        error = failure
      }
    }
    #expect(error?.id == .traceWriteFailed && store.spaceLow)
    await #expect(throws: VPathError.self) { try await store.append([event(caseB, .caseOpened)]) }
    await #expect(throws: VPathError.self) {
      try await store.put([UInt8](repeating: 1, count: 100_000), mediaType: "a/b")
    }
    let closing = try await store.append([
      event(caseA, .toolFailed, turn: turnOne), completed(caseA, turnOne, stop: "failed"),
    ])
    #expect(closing[1].seq == stored + 2)
    let large = event(caseA, .caseClosed, .string(String(repeating: "large", count: 20_000)))
    #expect(try await store.append([large])[0].seq == stored + 3)
    try await store.checkpoint(caseA)
    #expect(try TraceVerifier.verify(directory: "\(disk.path)/state").faults == [])
    #expect(store.spaceLow)

    // Somebody makes room.
    #expect(disk.resize(bytes: 64 << 20))
    _ = try await store.append([event(caseB, .caseOpened)])
    #expect(!store.spaceLow)
    try await store.close()
    let report = try TraceVerifier.verify(directory: "\(disk.path)/state")
    #expect(report.faults == [] && report.events == stored + 4)
  }

  /// The write-ahead log cut anywhere, as after a loss of power: what was acknowledged before that place is there.
  @Test func aWriteAheadLogCutAnywhereLosesOnlyWhatCameAfter() async throws {
    let trace = try await OpenTrace()
    var sizes: [(events: Int, bytes: Int)] = []
    for number in 0..<12 {
      _ = try await trace.store.append([event(caseA, .inputReceived, ["n": .number(Double(number))])])
      sizes.append((number + 1, readFile("\(trace.path)/trace.db-wal").count))
    }
    let log = readFile("\(trace.path)/trace.db-wal")
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<25 {
      let cut = Int(generator.next() % UInt64(log.count))
      let crashed = TemporaryDirectory()
      copyTree(trace.path, crashed.file("state"))
      unlink(crashed.file("state/trace.db-shm"))
      writeFile(crashed.file("state/trace.db-wal"), Array(log[..<cut]))
      let least = sizes.last { $0.bytes <= cut }?.events ?? 0
      if least == 0 { continue }
      let report = try TraceVerifier.verify(directory: crashed.file("state"))
      #expect(report.faults == [] && report.events >= least)
      let again = try await OpenTrace(in: crashed)
      #expect(try await again.store.append([event(caseA, .caseClosed)])[0].seq == report.events + 1)
      #expect(try TraceVerifier.verify(directory: again.path).faults == [])
    }
  }

  @Test func aProcessKilledWhileItWritesLosesNothingItAcknowledged() async throws {
    for seed in 1...4 {
      let directory = TemporaryDirectory()
      let path = directory.file("state")
      let acknowledgements = directory.file("acknowledged")
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [path = path as String, acknowledgements = acknowledgements as String, seed = seed as Int] in
        try await writeUntilKilled(path, acknowledgements, seed: UInt64(seed))
      }
      let acknowledged = String(decoding: readFile(acknowledgements), as: UTF8.self).split(separator: "\n").count
      #expect(acknowledged > 0)
      let report = try TraceVerifier.verify(directory: path)
      #expect(report.faults == [] && report.events >= acknowledged)
      let again = try await OpenTrace(in: directory)
      #expect(try await again.store.append([event(caseA, .caseClosed)])[0].seq > 0)
      #expect(try TraceVerifier.verify(directory: path).faults == [])
    }
  }
}

/// Appends and notes what was acknowledged, until this process kills itself somewhere in between.
private func writeUntilKilled(_ path: String, _ acknowledgements: String, seed: UInt64) async throws {
  let store = try await TraceStore.open(directory: path, clock: TestClock(), options: .seeded(seed))
  let file = open(acknowledgements, O_WRONLY | O_CREAT | O_APPEND, 0o600)
  try await withThrowingTaskGroup(of: Void.self) { group in
    for writer in 0..<4 {
      group.addTask {
        var generator = SeededGenerator(seed: seed &* 100 &+ UInt64(writer))
        while true {
          let caseID = CaseID("case-\(generator.next() % 3)")
          let size = generator.next() % 10 == 0 ? 70_000 : 100
          let events = try await store.append([
            event(caseID, .toolReturned, .string(String(repeating: "x", count: size)))
          ])
          _ = write(file, "\(events[0].seq)\n", String(events[0].seq).utf8.count + 1)
          if generator.next() % 7 == 0 { try await store.checkpoint(caseID) }
          if writer == 0 && generator.next() % 40 == 0 { kill(getpid(), SIGKILL) }
        }
      }
    }
    try await group.waitForAll()
  }
}
