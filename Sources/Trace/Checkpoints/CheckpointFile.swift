// Copies of the checkpoint log: files of lines that are only ever appended to.
// What must stay true: a line is appended after its entry is durable in the database and is durable when `append`
// returns; a line that was cut short by a crash is removed before the next one is written; a file takes the lines of
// one trace.

import Domain
import Glibc

/// Which of the checkpoint files.
enum CheckpointPlace: String, Sendable {
  /// The state directory's own.
  case own
  /// The further one that the configuration names.
  case copy

  /// What errors name.
  var subject: String { self == .own ? TraceFile.checkpoints : "trace.checkpointCopy" }
  /// What messages call it.
  var words: String { self == .own ? "checkpoint file" : "further checkpoint file (trace.checkpointCopy)" }

  fileprivate var unreadable: VPathError {
    VPathError(
      .traceTampered,
      "The \(words) does not end with an entry of the checkpoint log. Run verify on a copy of the state directory.",
      subject: subject)
  }
}

/// A checkpoint file, open for appending. `@unchecked`: one thread at a time uses it, first the one that opens the
/// trace, then the one that writes it.
final class CheckpointFile: @unchecked Sendable {
  let place: CheckpointPlace
  private let file: OpenFile
  /// The number of the last entry in the file.
  private(set) var number: Int
  private var size: Int
  /// The last line as it was at the start.
  let lastLineAtStart: [UInt8]?

  /// Opens or makes the file and reads its last line. Throws `trace.tampered` when that is no entry,
  /// `trace.write_failed` when another trace's daemon writes to it.
  init(path: String, place: CheckpointPlace) throws {
    self.place = place
    let isNew = !fileExists(path)
    file = try OpenFile(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW)
    if isNew, let slash = path.lastIndex(of: "/") { try syncDirectory(String(path[...slash])) }
    guard file.isRegular() else { throw FileFailure("open", path, code: EINVAL) }
    // Where locks are not supported, as on some network file systems, the comparison of the last line must do.
    if flock(file.descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      throw VPathError(
        .traceWriteFailed,
        "The \(place.words) is in use already. Give each trace a file of its own, and not its own checkpoints.jsonl.",
        subject: place.subject)
    }
    let length = try file.size()
    let start = max(0, length - 2 * TraceFormat.maxCheckpointLineBytes)
    let tail = try file.read(at: start, count: length - start)
    size = length
    number = 0
    let end = tail.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    guard end > 0 || start == 0 else { throw place.unreadable }
    var lastLine: [UInt8]?
    if end > 0 {
      let line = Array(tail[..<(end - 1)].split(separator: 0x0A, omittingEmptySubsequences: false).last ?? [])
      guard let entry = Checkpoint(line: line) else { throw place.unreadable }
      number = entry.number
      lastLine = line
    }
    lastLineAtStart = lastLine
    if end < tail.count {
      size = start + end
      try file.truncate(to: size)
      try file.sync()
    }
  }

  /// Appends lines and makes them durable. After a failure the file is as it was.
  func append(_ lines: [[UInt8]], lastNumber: Int) throws(FileFailure) {
    var bytes: [UInt8] = []
    for line in lines {
      bytes += line
      bytes.append(0x0A)
    }
    do throws(FileFailure) {
      try file.write(bytes)
      try file.sync()
    } catch {
      try? file.truncate(to: size)
      throw error
    }
    size += bytes.count
    number = lastNumber
  }
}

/// Lines of a checkpoint file, one after another, up to a given size.
struct CheckpointLines: ~Copyable {
  private let file: OpenFile
  private let limit: Int
  private var offset = 0
  private var buffer: [UInt8] = []
  private var start = 0
  /// Where in the file the next line begins.
  private(set) var position = 0

  private init(_ file: consuming OpenFile, limit: Int) {
    self.file = file
    self.limit = limit
  }

  /// The lines in the first `limit` bytes, by default all of them; nil when there is no such file.
  static func open(_ path: String, limit: Int? = nil) throws(FileFailure) -> CheckpointLines? {
    guard isRegularFile(path) else { return nil }
    let file = try OpenFile(path, O_RDONLY)
    let size = try file.size()
    return CheckpointLines(file, limit: min(limit ?? size, size))
  }

  /// The next whole line without its break; nil at the end. A line that is too long comes cut, which no entry equals.
  mutating func next() throws(FileFailure) -> [UInt8]? {
    while true {
      if let end = buffer[start...].firstIndex(of: 0x0A) {
        let line = Array(buffer[start..<min(end, start + TraceFormat.maxCheckpointLineBytes + 1)])
        position += end + 1 - start
        start = end + 1
        return line
      }
      if buffer.count - start > 1 << 20 {
        position += buffer.count - start
        start = buffer.count
        return []
      }
      buffer.removeSubrange(..<start)
      start = 0
      let piece = try file.read(at: offset, count: min(1 << 16, limit - offset))
      if piece.isEmpty { return nil }
      offset += piece.count
      buffer += piece
    }
  }
}
