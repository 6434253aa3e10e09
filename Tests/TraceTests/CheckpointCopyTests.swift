// A further checkpoint file, kept elsewhere: what it gets, what it shows, and what is refused.

import Domain
import Glibc
import JSON
import Ports
import Testing

@testable import Trace

@Suite struct CheckpointCopyTests {
  private let directory = TemporaryDirectory()
  private var copy: String { directory.file("elsewhere.jsonl") }

  private var options: TraceOptions {
    var options = TraceOptions.seeded()
    options.checkpointCopy = copy
    return options
  }

  /// A closed trace with a further file and `count` signed events.
  private func closedTrace(events count: Int = 3) async throws -> String {
    let trace = try await OpenTrace(in: directory, options: options)
    try await grow(trace.store, by: count)
    try await trace.store.close()
    return trace.path
  }

  private func grow(_ store: TraceStore, by count: Int) async throws {
    for number in 0..<count {
      _ = try await store.append([event(caseA, .inputReceived, ["n": .number(Double(number))])])
      try await store.checkpoint(caseA)
    }
  }

  private func lines(_ path: String) -> [String] {
    String(decoding: readFile(path), as: UTF8.self).split(separator: "\n").map(String.init)
  }

  private func write(_ lines: [String]) { writeFile(copy, Array(lines.map { $0 + "\n" }.joined().utf8)) }

  private func verdicts(_ path: String) throws -> [Verdict] {
    let report = try TraceVerifier.verify(directory: path, checkpointFiles: [copy])
    #expect(try verdictsOfPython(path, "--checkpoints '\(copy)'") == report.faults.map { Verdict($0) })
    return report.faults.map { Verdict($0) }
  }

  private func refusal(_ options: TraceOptions, at path: String) async -> VPathError? {
    await #expect(throws: VPathError.self) {
      try await TraceStore.open(directory: path, clock: TestClock(), options: options)
    }
  }

  @Test func bothFilesGetEveryLine() async throws {
    let trace = try await OpenTrace(in: directory, options: options)
    try await grow(trace.store, by: 3)
    #expect(try await trace.store.verify().isOK)
    try await trace.store.close()
    #expect(lines(copy).count == 3)
    #expect(readFile(copy) == readFile("\(trace.path)/\(TraceFile.checkpoints)"))
    // A copied state directory is whole on its own.
    #expect(try TraceVerifier.verify(directory: trace.path).notes == [])
    #expect(try verdictsOfPython(trace.path) == [])
    #expect(try verdicts(trace.path) == [])
  }

  @Test func aFurtherFileThatIsNamedLaterGetsTheLinesFromBeforeAndThatIsRecorded() async throws {
    let first = try await OpenTrace(in: directory)
    try await grow(first.store, by: 2)
    try await first.store.close()
    let again = try await OpenTrace(in: directory, options: options)
    let events = try await again.store.events(of: .daemon, turn: nil, after: 0, limit: 9)
    #expect(events.map(\.payload["file"]) == ["copy"])
    #expect(events[0].payload["first"] == 1 && events[0].payload["last"] == 2)
    try await again.store.close()
    #expect(lines(copy).count == 3)
    #expect(readFile(copy) == readFile("\(again.path)/\(TraceFile.checkpoints)"))
  }

  @Test func aRestoredBackupIsNotContinuedWhenTheFurtherFileGoesBeyondIt() async throws {
    let path = try await closedTrace()
    let backup = directory.file("backup")
    copyTree(path, backup)
    let trace = try await OpenTrace(in: directory, options: options)
    try await grow(trace.store, by: 2)
    try await trace.store.close()
    // Database and own checkpoint file agree; only the further file knows better.
    #expect(try TraceVerifier.verify(directory: backup).isOK)
    #expect(try verdicts(backup) == [Verdict(.checkpointMissing, caseA, 4)])
    let error = await refusal(options, at: backup)
    #expect(error?.id == .traceTampered && error?.subject == "trace.checkpointCopy")
    #expect(try TraceVerifier.verify(directory: backup).isOK)
  }

  @Test func anOlderFurtherFileOrSingleLinesOfItAreEnoughToCompareWith() async throws {
    let path = try await closedTrace(events: 4)
    let all = lines(copy)
    for kept in [Array(all.prefix(2)), [all[3]], [all[0], all[2]], []] {
      write(kept)
      #expect(try verdicts(path) == [], "\(kept.count) lines")
    }
    let notes = try TraceVerifier.verify(directory: path, checkpointFiles: [copy]).notes
    #expect(notes.count == 1)
  }

  @Test func aLineThatIsNotTheDatabasesIsNamed() async throws {
    let path = try await closedTrace(events: 4)
    let all = lines(copy)
    write([all[2].replacing("08:00:00", with: "08:00:01")])
    #expect(try verdicts(path) == [Verdict(.checkpointFile, caseA, 3)])
    write([all[1], all[0]])
    #expect(try verdicts(path) == [Verdict(.checkpointFile, caseA, 3)])
    write([all[1], "no entry"])
    #expect(try verdicts(path) == [Verdict(.checkpointFile, caseA, 3)])
    write(all + ["no entry"])
    #expect(try verdicts(path) == [Verdict(.checkpointMissing)])
  }

  @Test func aFurtherFileThatIsNotThereGivesNoVerdict() async throws {
    let path = try await closedTrace()
    unlink(copy)
    let error = #expect(throws: VPathError.self) {
      try TraceVerifier.verify(directory: path, checkpointFiles: [copy])
    }
    #expect(error?.id == .traceWriteFailed && error?.message.contains(directory.path) == false)
  }

  @Test func aFileOfAnotherTraceIsRefused() async throws {
    _ = try await closedTrace()
    #expect(await refusal(options, at: directory.file("other"))?.subject == "trace.checkpointCopy")
    let longer = try await OpenTrace(options: .seeded(2))
    try await grow(longer.store, by: 5)
    try await longer.store.close()
    let error = await refusal(options, at: longer.path)
    #expect(error?.id == .traceTampered && error?.subject == "trace.checkpointCopy")
  }

  @Test func oneFileServesOneDaemonAndIsNotTheTracesOwn() async throws {
    let trace = try await OpenTrace(in: directory, options: options)
    #expect(await refusal(options, at: directory.file("other"))?.id == .traceWriteFailed)
    try await trace.store.close()
    var own = options
    own.checkpointCopy = "\(trace.path)/\(TraceFile.checkpoints)"
    let error = await refusal(own, at: trace.path)
    #expect(error?.id == .traceWriteFailed && error?.subject == "trace.checkpointCopy")
    let again = try await OpenTrace(in: directory, options: options)
    try await again.store.close()
  }

  @Test func aFurtherFileOnAFullDiskDoesNotHoldTheOwnOneUp() async throws {
    let disk = directory.file("disk")
    mkdir(disk, 0o700)
    // A file system of one page, where this process may mount one.
    guard mount("tmpfs", disk, "tmpfs", 0, "size=4k") == 0 else { return }
    defer { umount2(disk, Int32(MNT_DETACH)) }
    var options = options
    options.checkpointCopy = "\(disk)/copy.jsonl"
    let trace = try await OpenTrace(in: directory, options: options)
    var error: VPathError?
    for _ in 0..<20 where error == nil {
      do throws(VPathError) {
        _ = try await trace.store.append([event(caseA, .inputReceived)])
        try await trace.store.checkpoint(caseA)
      } catch let failure {
        error = failure
      }
    }
    #expect(error?.id == .traceWriteFailed && !trace.store.spaceLow)
    let own = lines("\(trace.path)/\(TraceFile.checkpoints)")
    #expect(own.count > lines("\(disk)/copy.jsonl").count)
    #expect(mount("tmpfs", disk, "tmpfs", UInt(MS_REMOUNT), "size=1m") == 0)
    try await grow(trace.store, by: 1)
    #expect(lines("\(disk)/copy.jsonl") == lines("\(trace.path)/\(TraceFile.checkpoints)"))
    try await trace.store.close()
  }
}
