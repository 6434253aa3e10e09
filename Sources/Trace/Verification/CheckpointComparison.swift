// The checkpoint files beside the database's entries: the directory's own, and further ones that somebody kept.
// What must stay true: what a file held before the database was looked at must be in the database; the directory's own
// file lacks the entries of one commit at most; a further file may have been copied earlier, or hold some lines alone.

import Domain
import Glibc

/// The checkpoint files of one verification.
final class CheckpointComparison {
  private let own: OwnFileComparison
  private let further: [FurtherFileComparison]

  /// Looks at the files; the database is looked at after this. Throws when a further file is not there.
  init(own path: String, further paths: [String]) throws(FileFailure) {
    own = try OwnFileComparison(path)
    var further: [FurtherFileComparison] = []
    for path in paths { further.append(try FurtherFileComparison(path)) }
    self.further = further
  }

  /// Opens the files as they are now, after the database's state was fixed.
  func open() throws(FileFailure) {
    try own.open()
    for file in further { try file.open() }
  }

  /// Compares what the files say of the database's next entry.
  func compare(_ line: [UInt8], _ entry: Checkpoint) throws(FileFailure) -> TraceFault? {
    if let fault = try own.compare(line, entry) { return fault }
    for file in further { if let fault = try file.compare(line, entry) { return fault } }
    return nil
  }

  /// The fault that the database lacks an entry, which one of the files may name.
  func missing(_ number: Int) throws(FileFailure) -> TraceFault {
    var entry = try own.next()
    for file in further where entry == nil { entry = try file.next() }
    return .checkpointMissing(entry, "The database lacks entry \(number) of the checkpoint log.")
  }

  /// At the end of the database's entries, of which `number` is the last: what the files have beyond them, or lack.
  func finish(after number: Int) throws(FileFailure) -> TraceFault? {
    if let fault = try own.finish(after: number) { return fault }
    for file in further { if let fault = try file.finish(after: number) { return fault } }
    return nil
  }

  /// What is worth knowing although it is not wrong.
  var notes: [String] { ([own.note] + further.map(\.note)).compactMap { $0 } }
}

private func sizeOfFile(_ path: String) throws(FileFailure) -> Int {
  isRegularFile(path) ? try OpenFile(path, 0).size() : 0
}

extension TraceFault {
  fileprivate static func checkpointMissing(_ entry: Checkpoint?, _ message: String) -> TraceFault {
    TraceFault(.checkpointMissing, caseID: entry?.caseID, seq: entry?.head.seq, message)
  }

  fileprivate static func beyond(_ number: Int, _ entry: Checkpoint?) -> TraceFault {
    checkpointMissing(
      entry,
      "A checkpoint file goes beyond the database's last entry, \(number): an older copy of the database was put in place, or entries were deleted from it."
    )
  }
}

/// The directory's own file.
private final class OwnFileComparison {
  private let path: String
  private let sizeBefore: Int
  private var lines: CheckpointLines?
  private var firstLag: Checkpoint?
  private var lagCount = 0
  private var lagHasOneTime = true

  init(_ path: String) throws(FileFailure) {
    self.path = path
    sizeBefore = try sizeOfFile(path)
  }

  func open() throws(FileFailure) { lines = try CheckpointLines.open(path) }

  func next() throws(FileFailure) -> Checkpoint? { try lines?.next().flatMap { Checkpoint(line: $0) } }

  func compare(_ line: [UInt8], _ entry: Checkpoint) throws(FileFailure) -> TraceFault? {
    if firstLag == nil, let found = try lines?.next() {
      guard found != line else { return nil }
      return TraceFault(
        .checkpointFile, caseID: entry.caseID, seq: entry.head.seq,
        "Line \(entry.number) of the checkpoint file is not the database's entry.")
    }
    if let firstLag, firstLag.time != entry.time { lagHasOneTime = false }
    if firstLag == nil { firstLag = entry }
    lagCount += 1
    return nil
  }

  func finish(after number: Int) throws(FileFailure) -> TraceFault? {
    if let firstLag {
      guard lagHasOneTime else {
        return TraceFault(
          .checkpointFile, caseID: firstLag.caseID, seq: firstLag.head.seq,
          "The checkpoint file lacks the last \(lagCount) entries of the database, more than one commit.")
      }
      return nil
    }
    let position = lines?.position ?? 0
    guard position < sizeBefore, let line = try lines?.next() else { return nil }
    return .beyond(number, Checkpoint(line: line))
  }

  var note: String? {
    guard firstLag != nil, lagHasOneTime else { return nil }
    return "The checkpoint file lacks the last \(lagCount) entries of the database, one commit, as after a crash."
  }
}

/// A file that somebody kept elsewhere: lines of the log in order, not necessarily all of them.
private final class FurtherFileComparison {
  private let path: String
  private let sizeBefore: Int
  private var lines: CheckpointLines?
  /// The line that comes next, read already, with where it begins.
  private var waiting: (line: [UInt8], entry: Checkpoint?, position: Int)?
  private var last = 0
  private var lag = 0

  init(_ path: String) throws(FileFailure) {
    self.path = path
    guard isRegularFile(path) else { throw FileFailure("open", path, code: ENOENT) }
    sizeBefore = try sizeOfFile(path)
  }

  func open() throws(FileFailure) {
    lines = try CheckpointLines.open(path)
    try read()
  }

  private func read() throws(FileFailure) {
    let position = lines?.position ?? 0
    waiting = try lines?.next().map { ($0, Checkpoint(line: $0), position) }
  }

  func next() throws(FileFailure) -> Checkpoint? { waiting?.entry }

  func compare(_ line: [UInt8], _ entry: Checkpoint) throws(FileFailure) -> TraceFault? {
    guard let found = waiting else {
      lag += 1
      return nil
    }
    if let number = found.entry?.number, number > entry.number { return nil }
    guard found.line == line else {
      return TraceFault(
        .checkpointFile, caseID: entry.caseID, seq: entry.head.seq,
        "A further checkpoint file has another line in the place of the database's entry \(entry.number).")
    }
    last = entry.number
    try read()
    return nil
  }

  func finish(after number: Int) throws(FileFailure) -> TraceFault? {
    guard let found = waiting, found.position < sizeBefore else { return nil }
    return .beyond(number, found.entry)
  }

  var note: String? {
    lag == 0
      ? nil : "A further checkpoint file ends at entry \(last); it does not speak of the \(lag) entries after that."
  }
}
