// Opening a state directory: who may, what is repaired, what is refused.

import Domain
import GRDB
import Glibc
import JSON
import Ports
import Testing

@testable import Trace

@Suite struct OpeningTests {
  private func mode(_ path: String) -> mode_t {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  private func refusal(_ trace: TamperedTrace) async -> VPathError? {
    await #expect(throws: VPathError.self) {
      try await TraceStore.open(directory: trace.path, clock: TestClock(), options: .seeded())
    }
  }

  @Test func everyFileIsPrivateWhateverTheUmask() async throws {
    let old = umask(0)
    defer { umask(old) }
    let trace = try await OpenTrace()
    _ = try await trace.store.put([UInt8](repeating: 1, count: 100_000), mediaType: "a/b")
    _ = try await trace.store.append([event(caseA, .caseOpened)])
    try await trace.store.checkpoint(caseA)
    #expect(mode(trace.path) == 0o700 && mode("\(trace.path)/bytes") == 0o700)
    for name in names(in: trace.path) where name != "bytes" && name != TraceFile.publicKey {
      #expect(mode("\(trace.path)/\(name)") == 0o600, "\(name)")
    }
    #expect(names(in: trace.path).contains("trace.db-wal"))
    for prefix in names(in: "\(trace.path)/bytes") {
      #expect(mode("\(trace.path)/bytes/\(prefix)") == 0o700)
      for name in names(in: "\(trace.path)/bytes/\(prefix)") {
        #expect(mode("\(trace.path)/bytes/\(prefix)/\(name)") == 0o600)
      }
    }
  }

  @Test func aDirectoryThatOthersCouldReadIsMadePrivate() async throws {
    let directory = TemporaryDirectory()
    mkdir(directory.file("state"), 0o777)
    chmod(directory.file("state"), 0o777)
    let trace = try await OpenTrace(in: directory)
    #expect(mode(trace.path) == 0o700)
  }

  @Test func aSecondOpenIsRefusedUntilTheFirstIsClosed() async throws {
    let trace = try await OpenTrace()
    let error = await #expect(throws: VPathError.self) {
      try await TraceStore.open(directory: trace.path, clock: trace.clock, options: .seeded())
    }
    #expect(error?.id == .traceWriteFailed && error?.subject == TraceFile.lock)
    try await trace.store.close()
    let again = try await OpenTrace(in: trace.directory)
    try await again.store.close()
  }

  @Test func aClosedTraceIsSignedWholeAndTakesNoMore() async throws {
    let trace = try await OpenTrace()
    for number in 0..<3 { _ = try await trace.store.append([event(CaseID("case-\(number)"), .caseOpened)]) }
    let hash = try await trace.store.put([1, 2, 3], mediaType: "a/b")
    _ = try await trace.store.append([event(CaseID("case-1"), .modelRequested, ["p": .string(hash.rawValue)])])
    try await trace.store.close()
    let report = try TraceVerifier.verify(directory: trace.path)
    #expect(report.isOK && report.notes == [] && report.checkpoints == 3)
    await #expect(throws: VPathError.self) { try await trace.store.append([event(caseA, .caseOpened)]) }
    await #expect(throws: VPathError.self) { try await trace.store.put([1], mediaType: "a/b") }
    await #expect(throws: VPathError.self) { try await trace.store.checkpoint(caseA) }
    let again = try await OpenTrace(in: trace.directory)
    #expect(try await again.store.bytes(hash, offset: 0, count: 9) == [1, 2, 3])
    #expect(try await again.store.append([event(CaseID("case-1"), .caseClosed)])[0].seq == 3)
  }

  @Test func aMissingDirectoryOfTheDirectoryIsAnErrorThatNamesNoPath() async throws {
    let directory = TemporaryDirectory()
    let error = await #expect(throws: VPathError.self) {
      try await TraceStore.open(directory: directory.file("no/state"), clock: TestClock(), options: .seeded())
    }
    #expect(error?.id == .traceWriteFailed && error?.message.contains(directory.path) == false)
  }

  @Test func anOlderCopyOfTheDatabaseIsNotContinued() async throws {
    let trace = try await ReferenceTrace.shared.value.copy()
    let older = "\(trace.reference.olderPath)/\(TraceFile.database)"
    writeFile(trace.file(TraceFile.database), readFile(older))
    #expect(await refusal(trace)?.id == .traceTampered)
    unlink(trace.file(TraceFile.database))
    #expect(await refusal(trace)?.id == .traceTampered)
    #expect(!names(in: trace.path).contains(TraceFile.database))
  }

  @Test func aChangedEndOfTheCheckpointLogIsNotContinued() async throws {
    let reference = try await ReferenceTrace.shared.value
    let changes: [(TamperedTrace) throws -> Void] = [
      { $0.checkpointLines[4] = $0.checkpointLines[4].replacing("08:00:05", with: "08:00:06") },
      { $0.checkpointLines.append("garbage") },
      { try $0.sql("DELETE FROM checkpoints WHERE number = 5") },
      { try $0.sql("UPDATE checkpoints SET line = zeroblob(9) WHERE number = 5") },
    ]
    for change in changes {
      let trace = reference.copy()
      try change(trace)
      #expect(await refusal(trace)?.id == .traceTampered)
    }
  }

  @Test func aLostOrWrongKeyIsNotReplaced() async throws {
    let reference = try await ReferenceTrace.shared.value
    var trace = reference.copy()
    unlink(trace.file(TraceFile.privateKey))
    #expect(await refusal(trace)?.subject == TraceFile.privateKey)
    #expect(!names(in: trace.path).contains(TraceFile.privateKey))
    trace = reference.copy()
    writeFile(trace.file(TraceFile.privateKey), Array("not a key".utf8))
    #expect(await refusal(trace)?.subject == TraceFile.privateKey)
    trace = reference.copy()
    writeFile(trace.file(TraceFile.privateKey), Array((String(repeating: "11", count: 32) + "\n").utf8))
    #expect(await refusal(trace)?.id == .traceTampered)
  }

  @Test func aStrangersOrNewerDatabaseIsRefused() async throws {
    let reference = try await ReferenceTrace.shared.value
    let changes: [(TamperedTrace) throws -> Void] = [
      { writeFile($0.file(TraceFile.database), [UInt8](repeating: 7, count: 5_000)) },
      { try $0.sql("CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM events; END") },
      { try $0.sql("INSERT INTO grdb_migrations (identifier) VALUES ('M999Later')") },
      { try $0.sql("UPDATE meta SET value = 'other'") },
    ]
    for change in changes {
      let trace = reference.copy()
      try change(trace)
      _ = await refusal(trace)
    }
  }

  @Test func aChainWhoseEndWasChangedDoesNotGrow() async throws {
    let trace = try await ReferenceTrace.shared.value.copy()
    try trace.sql("UPDATE events SET time = '2027-01-01T00:00:00.000Z' \(trace.at(caseB, 4))")
    let store = try await TraceStore.open(directory: trace.path, clock: TestClock(), options: .seeded())
    let error = await #expect(throws: VPathError.self) { try await store.append([event(caseB, .caseClosed)]) }
    #expect(error?.id == .traceTampered && error?.subject == "case-b")
    #expect(try await store.append([event(caseA, .caseOpened)])[0].seq == 13)
  }

  @Test func whatACrashLeftIsRemovedAndWhatIsReferredToStays() async throws {
    let trace = try await OpenTrace()
    let hash = try await trace.store.put([UInt8](repeating: 3, count: 70_000), mediaType: "a/b")
    _ = try await trace.store.append([
      event(caseA, .modelRequested, ["p": .string(hash.rawValue)]),
      event(caseA, .toolReturned, .string(String(repeating: "y", count: 70_000))),
    ])
    // As the disk is when the process is killed here, after a file was written for an event that was not committed.
    let crashed = TemporaryDirectory()
    copyTree(trace.path, crashed.file("state"))
    let stray = SHA256Bytes(of: [9]).hex
    mkdir(crashed.file("state/bytes/\(stray.prefix(2))"), 0o700)
    writeFile(crashed.file("state/bytes/\(stray.prefix(2))/\(stray)"), [9])
    writeFile(crashed.file("state/bytes/\(hash.rawValue.prefix(2))/trace-tmp-77"), [1, 2])
    writeFile(crashed.file("state/trace-tmp-5"), [1, 2])
    writeFile(crashed.file("state/tmp-of-somebody-else"), [1, 2])
    let again = try await OpenTrace(in: crashed)
    let left = names(in: again.path + "/bytes").flatMap { names(in: "\(again.path)/bytes/\($0)") }
    #expect(left.count == 2 && left.contains(hash.rawValue))
    #expect(!names(in: again.path).contains("trace-tmp-5"))
    #expect(names(in: again.path).contains("tmp-of-somebody-else"))
    #expect(try await again.store.events(of: caseA, turn: nil, after: 0, limit: 9).count == 2)
    #expect(try TraceVerifier.verify(directory: again.path).isOK)
  }

  @Test func turnsThatACrashLeftOpenAreListedForTheNextStart() async throws {
    let trace = try await OpenTrace()
    _ = try await trace.store.append(turnEvents(caseA, turnOne) + [completed(caseA, turnOne)])
    _ = try await trace.store.append(turnEvents(caseB, TurnID("turn-2")))
    let crashed = TemporaryDirectory()
    copyTree(trace.path, crashed.file("state"))
    let again = try await OpenTrace(in: crashed)
    #expect(try await again.store.unfinishedTurns().map(\.turn) == [TurnID("turn-2")])
    _ = try await again.store.append([completed(caseB, TurnID("turn-2"), stop: "failed")])
    #expect(try await again.store.unfinishedTurns() == [])
  }

  @Test func aCheckpointFileCutShortByACrashIsCompletedAndThatIsRecorded() async throws {
    let trace = try await ReferenceTrace.shared.value.copy()
    let text = readFile(trace.file(TraceFile.checkpoints))
    writeFile(trace.file(TraceFile.checkpoints), Array(text.dropLast(100)))
    let report = try TraceVerifier.verify(directory: trace.path)
    #expect(report.isOK && report.notes.count == 1)
    #expect(try verdictsOfPython(trace.path) == [])
    let store = try await TraceStore.open(directory: trace.path, clock: TestClock(), options: .seeded())
    let events = try await store.events(of: .daemon, turn: nil, after: 0, limit: 9)
    #expect(events.map(\.kind) == [.traceCheckpointed])
    #expect(events[0].payload["first"] == 5 && events[0].payload["last"] == 5)
    try await store.close()
    #expect(Array(readFile(trace.file(TraceFile.checkpoints)).prefix(text.count)) == text)
    #expect(try TraceVerifier.verify(directory: trace.path).faults == [])
    #expect(try verdictsOfPython(trace.path) == [])
  }
}
