// Recording and reading back: order, grouping, kept bytes, limits, lists.

import Domain
import GRDB
import Glibc
import JSON
import Ports
import Synchronization
import TestSupport
import Testing

@testable import Trace

@Suite struct StoreTests {
  @Test func appendedEventsComeBackInOrderWithSeqTimeAndHash() async throws {
    let trace = try await OpenTrace()
    let appended = try await trace.store.append(turnEvents(caseA, turnOne) + [completed(caseA, turnOne)])
    #expect(appended.map(\.seq) == [1, 2, 3, 4, 5])
    #expect(appended.allSatisfy { $0.time == "2026-03-01T08:00:00.000Z" && $0.hash.isWellFormed })
    #expect(try await trace.store.events(of: caseA, turn: nil, after: 0, limit: 100) == appended)
    #expect(try await trace.store.events(of: caseA, turn: turnOne, after: 2, limit: 2) == Array(appended[2..<4]))
    #expect(try await trace.store.events(of: caseA, turn: TurnID("turn-9"), after: 0, limit: 9) == [])
    #expect(try await trace.store.append([]) == [])
    #expect(try TraceVerifier.verify(directory: trace.path).faults == [])
  }

  @Test func oneRequestMayGoToManyChains() async throws {
    let trace = try await OpenTrace()
    let events = try await trace.store.append([
      event(caseA, .caseOpened), event(.daemon, .daemonStarted), event(caseA, .caseClosed), event(caseB, .caseOpened),
    ])
    #expect(events.map(\.seq) == [1, 1, 2, 1])
    #expect(try await trace.store.events(of: .daemon, turn: nil, after: 0, limit: 9).map(\.kind) == [.daemonStarted])
  }

  @Test func payloadsOfEverySizeAndShapeComeBackEqual() async throws {
    let trace = try await OpenTrace()
    let payloads: [JSONValue] = [
      nil, true, 0, -1.5, 1e300, -1e21, 9_007_199_254_740_992, 1e-7, 0.1, "", "é\u{1F52C}\n\u{1}", [], [:],
      [nil, [1, "a"], ["k": [:]]],
      .string(String(repeating: "x", count: 65_533)), .string(String(repeating: "x", count: 65_534)),
      .string(String(repeating: "µm ", count: 300_000)), .array((0..<20_000).map { .number(Double($0) / 7) }),
    ]
    let appended = try await trace.store.append(payloads.map { event(caseA, .toolReturned, $0) })
    let read = try await trace.store.events(of: caseA, turn: nil, after: 0, limit: 100)
    #expect(read == appended && read.map(\.payload) == payloads)
    #expect(try TraceVerifier.verify(directory: trace.path).isOK)
  }

  @Test func aClockThatGoesBackIsRecordedAsItIsAndOrderIsSeqs() async throws {
    let trace = try await OpenTrace()
    _ = try await trace.store.append([event(caseA, .caseOpened)])
    trace.clock.time = "2025-01-01T00:00:00.000Z"
    let second = try await trace.store.append([event(caseA, .caseClosed)])
    #expect(second[0].seq == 2 && second[0].time == "2025-01-01T00:00:00.000Z")
    #expect(try await trace.store.events(of: caseA, turn: nil, after: 0, limit: 9).map(\.seq) == [1, 2])
    #expect(try TraceVerifier.verify(directory: trace.path).isOK)
  }

  @Test func aClockThatIsNoClockStopsTheRecordAndNothingElse() async throws {
    let trace = try await OpenTrace()
    trace.clock.time = "today\",\"seq\":9,\"x\":\""
    let error = await #expect(throws: VPathError.self) { try await trace.store.append([event(caseA, .caseOpened)]) }
    #expect(error?.id == .internalBug)
    trace.clock.time = "2026-03-01T08:00:00.000Z"
    #expect(try await trace.store.append([event(caseA, .caseOpened)])[0].seq == 1)
  }

  @Test func aRequestOutsideTheFormatIsRefusedAndTheNextOneIsRecorded() async throws {
    let trace = try await OpenTrace()
    var deep: JSONValue = 1
    for _ in 0..<300 { deep = [deep] }
    let wrong: [NewEvent] = [
      event(CaseID("no case"), .caseOpened), event(caseA, .turnStarted, turn: TurnID("")),
      event(caseA, .toolReturned, deep), event(caseA, .toolReturned, 1e20),
      event(caseA, .toolReturned, .number(.infinity)),
      event(caseA, .toolReturned, .string(String(repeating: "x", count: TraceFormat.maxPayloadBytes))),
    ]
    for event in wrong {
      let error = await #expect(throws: VPathError.self) { try await trace.store.append([event]) }
      #expect(error?.id == .protocolParams)
    }
    #expect(try await trace.store.append([event(caseA, .caseOpened)])[0].seq == 1)
  }

  @Test func readingWhatIsNotThereSaysSo() async throws {
    let trace = try await OpenTrace()
    let noCase = await #expect(throws: VPathError.self) {
      try await trace.store.events(of: caseA, turn: nil, after: 0, limit: 1)
    }
    #expect(noCase?.id == .caseNotFound)
    let noSuchCase = await #expect(throws: VPathError.self) { try await trace.store.checkpoint(caseA) }
    #expect(noSuchCase?.id == .caseNotFound)
    let noBytes = await #expect(throws: VPathError.self) {
      try await trace.store.bytes(SHA256Hex(String(repeating: "0", count: 64)), offset: 0, count: 1)
    }
    #expect(noBytes?.id == .evidenceNotFound)
    #expect(try await trace.store.size(of: SHA256Hex("nonsense")) == nil)
    for limit in [0, -1, 10_001] {
      await #expect(throws: VPathError.self) {
        try await trace.store.events(of: caseA, turn: nil, after: 0, limit: limit)
      }
    }
    await #expect(throws: VPathError.self) { try await trace.store.turns(of: nil, limit: 1, cursor: "x") }
  }

  // MARK: Kept bytes

  @Test(arguments: [0, 1, 1_000, 65_535, 65_536, 300_000])
  func keptBytesAreReadableAtOnceAndAfterTheNextAppendDurable(_ count: Int) async throws {
    let trace = try await OpenTrace()
    var generator = SeededGenerator(seed: UInt64(count))
    let bytes = generator.bytes(count)
    let hash = try await trace.store.put(bytes, mediaType: "application/octet-stream")
    #expect(try await trace.store.put(bytes, mediaType: "text/plain") == hash)
    for _ in 1...2 {
      #expect(try await trace.store.size(of: hash) == count)
      #expect(try await trace.store.bytes(hash, offset: 0, count: .max) == bytes)
      #expect(
        try await trace.store.bytes(hash, offset: count / 2, count: 10) == Array(bytes[(count / 2)...].prefix(10)))
      #expect(try await trace.store.bytes(hash, offset: count, count: 10) == [])
      #expect(try await trace.store.bytes(hash, offset: count + 1, count: 10) == [])
      _ = try await trace.store.append([event(caseA, .modelRequested, ["prompt": .string(hash.rawValue)])])
    }
    #expect(try await trace.store.put(bytes, mediaType: "text/plain") == hash)
    #expect(try await trace.store.refers(caseA, to: hash))
    #expect(try await !trace.store.refers(caseB, to: hash))
    let copy = trace.directory.file("copy")
    copyTree(trace.path, copy)
    let archive = try await TraceArchive.open(copy)
    #expect(try await archive.bytes(hash, offset: 0, count: .max) == bytes)
    #expect(try TraceVerifier.verify(directory: copy).isOK)
  }

  @Test func keptBytesThatChangedOnDiskAreNotGivenOut() async throws {
    let trace = try await OpenTrace()
    let hash = try await trace.store.put([UInt8](repeating: 5, count: 100_000), mediaType: "a/b")
    _ = try await trace.store.append([event(caseA, .modelRequested, ["p": .string(hash.rawValue)])])
    let path = "\(trace.path)/bytes/\(hash.rawValue.prefix(2))/\(hash)"
    writeFile(path, [UInt8](repeating: 6, count: 100_000))
    let error = await #expect(throws: VPathError.self) {
      try await trace.store.bytes(hash, offset: 0, count: 100_000)
    }
    #expect(error?.id == .traceTampered)
    unlink(path)
    await #expect(throws: VPathError.self) { try await trace.store.bytes(hash, offset: 0, count: 10) }
  }

  @Test func aPayloadThatChangedOnDiskIsNotGivenOut() async throws {
    let trace = try await OpenTrace()
    _ = try await trace.store.append([event(caseA, .caseOpened, ["title": "skin"]), event(caseA, .caseClosed)])
    try await trace.store.pool.writeWithoutTransaction {
      try $0.execute(sql: "UPDATE events SET payload = CAST('{\"title\":\"colon\"}' AS BLOB) WHERE seq = 1")
    }
    let error = await #expect(throws: VPathError.self) {
      try await trace.store.events(of: caseA, turn: nil, after: 0, limit: 9)
    }
    #expect(error?.id == .traceTampered && error?.subject == "case-a")
    #expect(try await trace.store.events(of: caseA, turn: nil, after: 1, limit: 9).count == 1)
  }

  // MARK: Grouping and bounds

  @Test func requestsThatWaitAreServedByOneCommitAndTooManyAreRefused() async throws {
    var options = TraceOptions.seeded()
    options.maxWaitingEvents = 20
    let clock = CountingClock()
    let directory = TemporaryDirectory()
    let store = try await TraceStore.open(directory: directory.file("state"), clock: clock, options: options)
    // Another connection holds the write lock, so that everything waits.
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    let blocker = try DatabaseQueue(path: directory.file("state/trace.db"), configuration: configuration)
    try await blocker.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
    let refusals = Shared(0)
    let recorded = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<60 {
        group.addTask {
          do throws(VPathError) {
            return try await store.append([event(CaseID("case-\(number)"), .caseOpened)]).count
          } catch {
            #expect(error.id == .serverOverloaded && error.retryable)
            refusals.value.withLock { $0 += 1 }
            return 0
          }
        }
      }
      while refusals.value.withLock({ $0 }) == 0 { await Task.yield() }
      try await blocker.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
      return try await group.reduce(0, +)
    }
    #expect(recorded + refusals.value.withLock { $0 } == 60)
    #expect(recorded >= 20 && clock.asked < recorded)
    #expect(try TraceVerifier.verify(directory: directory.file("state")).events == recorded)
    try blocker.close()
  }

  @Test func manyWritersAtOnceLoseNothing() async throws {
    let trace = try await OpenTrace()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<40 {
        group.addTask {
          let caseID = CaseID("case-\(writer % 8)")
          for number in 0..<10 {
            let events = try await trace.store.append([
              event(caseID, .toolCalled, ["n": .number(Double(number))]), event(caseID, .toolReturned),
            ])
            #expect(events[1].seq == events[0].seq + 1)
            if number % 5 == 0 { try await trace.store.checkpoint(caseID) }
          }
        }
      }
      try await group.waitForAll()
    }
    let report = try TraceVerifier.verify(directory: trace.path)
    #expect(report.faults == [] && report.events == 800 && report.cases == 8)
    #expect(try verdictsOfPython(trace.path) == [])
  }

  // MARK: Lists

  @Test func casesAreListedNewestChangeFirst() async throws {
    let trace = try await OpenTrace()
    for number in 0..<5 { _ = try await trace.store.append([event(CaseID("case-\(number)"), .caseOpened)]) }
    trace.clock.time = "2026-03-01T09:00:00.000Z"
    _ = try await trace.store.append([event(CaseID("case-1"), .caseClosed)])
    let first = try await trace.store.cases(limit: 2, cursor: nil)
    #expect(
      first.cases == [
        CaseSummary(
          caseID: CaseID("case-1"), head: 2, openedAt: "2026-03-01T08:00:00.000Z",
          changedAt: "2026-03-01T09:00:00.000Z", state: "closed"),
        CaseSummary(
          caseID: CaseID("case-4"), head: 1, openedAt: "2026-03-01T08:00:00.000Z",
          changedAt: "2026-03-01T08:00:00.000Z", state: "open"),
      ])
    let second = try await trace.store.cases(limit: 2, cursor: first.next)
    let third = try await trace.store.cases(limit: 2, cursor: second.next)
    #expect((second.cases + third.cases).map(\.caseID.rawValue) == ["case-3", "case-2", "case-0"])
    #expect(third.next == nil)
  }

  @Test func turnsAreListedNewestFirstWithTheirState() async throws {
    let trace = try await OpenTrace()
    let (one, two, three) = (TurnID("turn-1"), TurnID("turn-2"), TurnID("turn-3"))
    _ = try await trace.store.append(turnEvents(caseA, one) + [completed(caseA, one, stop: "composed")])
    _ = try await trace.store.append(turnEvents(caseA, two) + [event(caseB, .turnQueued, turn: three)])
    let turns = try await trace.store.turns(of: nil, limit: 10, cursor: nil).turns
    func summary(_ turn: TurnID, _ caseID: CaseID, _ state: String, _ stop: String?, _ seqs: ClosedRange<Int>)
      -> TurnSummary
    {
      TurnSummary(
        turn: turn, caseID: caseID, state: state, stop: stop, queuedAt: "2026-03-01T08:00:00.000Z",
        firstSeq: seqs.lowerBound, lastSeq: seqs.upperBound)
    }
    #expect(
      turns == [
        summary(three, caseB, "queued", nil, 1...1), summary(two, caseA, "running", nil, 6...9),
        summary(one, caseA, "completed", "composed", 1...5),
      ])
    #expect(try await trace.store.unfinishedTurns() == [turns[1], turns[0]])
    #expect(try await trace.store.turn(two) == turns[1])
    #expect(try await trace.store.turn(TurnID("turn-9")) == nil)
    let page = try await trace.store.turns(of: caseA, limit: 1, cursor: nil)
    #expect(page.turns == [turns[1]])
    #expect(try await trace.store.turns(of: caseA, limit: 1, cursor: page.next).turns == [turns[2]])
    // An event after the end still belongs to the turn.
    _ = try await trace.store.append([event(caseA, .reportDrafted, turn: one)])
    #expect(try await trace.store.turn(one)?.lastSeq == 10)
    #expect(try await trace.store.events(of: caseA, turn: one, after: 0, limit: 99).map(\.seq) == [1, 2, 3, 4, 5, 10])
    #expect(try TraceVerifier.verify(directory: trace.path).isOK)
  }

  @Test func checkpointsAreMadeOnlyOfWhatIsNew() async throws {
    let trace = try await OpenTrace()
    _ = try await trace.store.append([event(caseA, .caseOpened)])
    for _ in 0..<3 { try await trace.store.checkpoint(caseA) }
    _ = try await trace.store.append([event(caseA, .caseClosed)])
    try await trace.store.checkpoint(caseA)
    let lines = String(decoding: readFile("\(trace.path)/checkpoints.jsonl"), as: UTF8.self).split(separator: "\n")
    let entries = try lines.map { try #require(Checkpoint(line: Array($0.utf8))) }
    #expect(entries.map(\.number) == [1, 2] && entries.map(\.head.seq) == [1, 2])
    #expect(entries[1].previous == SHA256Bytes(of: Array(lines[0].utf8)))
  }

  @Test func theWritingConnectionIsDurableAndTheReadersOnlyRead() async throws {
    let trace = try await OpenTrace()
    let (synchronous, journal) = try await trace.store.pool.writeWithoutTransaction {
      (try Int.fetchOne($0, sql: "PRAGMA synchronous"), try String.fetchOne($0, sql: "PRAGMA journal_mode"))
    }
    #expect(synchronous == 2 && journal == "wal")
    let isReadOnly = try await trace.store.pool.read { try Int.fetchOne($0, sql: "PRAGMA query_only") }
    #expect(isReadOnly == 1)
  }
}

/// A clock that counts how often it is asked: once a commit.
private final class CountingClock: Clock {
  private let count = Shared(0)
  var asked: Int { count.value.withLock { $0 } }
  func now() -> String {
    count.value.withLock { $0 += 1 }
    return "2026-03-01T08:00:00.000Z"
  }
  func monotonicSeconds() -> Double { 0 }
  func sleep(seconds: Double) async throws {}
}
