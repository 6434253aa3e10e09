// A trace that is only read: a state directory (live, or a copy) or an exported case.
// What must stay true: nothing is written; what is read was compared with its hash, as in the live trace.

import Dispatch
public import Domain
import Glibc
public import Ports

/// A trace that is only read, for replay and explanation without the daemon that wrote it.
public final class TraceArchive: EventStore {
  private let contents: any ArchiveContents
  private let thread = DispatchQueue(label: "vpath.trace.archive")

  /// Opens a state directory, or an export when the path is a file. Throws `trace.write_failed` when it cannot be
  /// read, `trace.tampered` when an export is not of the format.
  public static func open(_ path: String) async throws(VPathError) -> TraceArchive {
    let opened = await withCheckedContinuation {
      (answer: CheckedContinuation<Result<TraceArchive, VPathError>, Never>) in
      DispatchQueue(label: "vpath.trace.archive.open").async {
        do {
          answer.resume(returning: .success(try TraceArchive(path)))
        } catch {
          answer.resume(returning: .failure(VPathError(readFailure: error)))
        }
      }
    }
    return try opened.get()
  }

  private init(_ path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileFailure("open", path) }
    contents =
      status.st_mode & S_IFMT == S_IFDIR
      ? DirectoryContents(try ReadOnlyDirectory(path)) : try ExportContents(path: path)
  }

  private func read<Value: Sendable>(
    _ body: @escaping @Sendable (any ArchiveContents) throws -> Value
  ) async throws(VPathError) -> Value {
    let result = await withCheckedContinuation { (answer: CheckedContinuation<Result<Value, VPathError>, Never>) in
      thread.async { [contents] in
        do {
          answer.resume(returning: .success(try body(contents)))
        } catch {
          answer.resume(returning: .failure(VPathError(readFailure: error)))
        }
      }
    }
    return try result.get()
  }

  public func events(
    of caseID: CaseID, turn: TurnID?, after seq: Int, limit: Int
  ) async throws(VPathError) -> [Event] {
    try await read { try $0.events(of: caseID, turn: turn, after: seq, limit: limit) }
  }

  public func bytes(_ hash: SHA256Hex, offset: Int, count: Int) async throws(VPathError) -> [UInt8] {
    guard let digest = SHA256Bytes(hash), offset >= 0, count >= 0,
      let bytes = try await read({ try $0.bytes(digest, offset: offset, count: count) })
    else { throw VPathError.noBytes(hash) }
    return bytes
  }

  public func size(of hash: SHA256Hex) async throws(VPathError) -> Int? {
    guard let digest = SHA256Bytes(hash) else { return nil }
    return try await read { try $0.size(of: digest) }
  }

  public func cases(limit: Int, cursor: String?) async throws(VPathError) -> (cases: [CaseSummary], next: String?) {
    try await read { try $0.cases(limit: limit, cursor: cursor) }
  }

  public func turns(
    of caseID: CaseID?, limit: Int, cursor: String?
  ) async throws(VPathError) -> (turns: [TurnSummary], next: String?) {
    try await read { try $0.turns(of: caseID, limit: limit, cursor: cursor) }
  }

  /// One turn, whichever case it belongs to; nil when there is none.
  public func turn(_ turn: TurnID) async throws(VPathError) -> TurnSummary? {
    try await read { try $0.turn(turn) }
  }

  /// An archive takes no events: throws `trace.write_failed`.
  public func append(_ events: [NewEvent]) async throws(VPathError) -> [Event] { throw VPathError.readOnlyTrace }
  /// An archive takes no bytes: throws `trace.write_failed`.
  public func put(_ bytes: [UInt8], mediaType: String) async throws(VPathError) -> SHA256Hex {
    throw VPathError.readOnlyTrace
  }
  /// An archive is not signed further: throws `trace.write_failed`.
  public func checkpoint(_ caseID: CaseID) async throws(VPathError) { throw VPathError.readOnlyTrace }
}

/// What an archive is read from. One thread uses it.
protocol ArchiveContents: Sendable {
  func events(of caseID: CaseID, turn: TurnID?, after seq: Int, limit: Int) throws -> [Event]
  func bytes(_ hash: SHA256Bytes, offset: Int, count: Int) throws -> [UInt8]?
  func size(of hash: SHA256Bytes) throws -> Int?
  func cases(limit: Int, cursor: String?) throws -> (cases: [CaseSummary], next: String?)
  func turns(of caseID: CaseID?, limit: Int, cursor: String?) throws -> (turns: [TurnSummary], next: String?)
  func turn(_ turn: TurnID) throws -> TurnSummary?
}

/// A state directory. `@unchecked`: its connection is used by the archive's one thread alone.
private final class DirectoryContents: ArchiveContents, @unchecked Sendable {
  private let directory: ReadOnlyDirectory
  private var queries: TraceQueries { TraceQueries(source: directory.database, files: directory.files) }

  init(_ directory: ReadOnlyDirectory) { self.directory = directory }

  func events(of caseID: CaseID, turn: TurnID?, after seq: Int, limit: Int) throws -> [Event] {
    try queries.events(of: caseID, turn: turn, after: seq, limit: limit)
  }
  func bytes(_ hash: SHA256Bytes, offset: Int, count: Int) throws -> [UInt8]? {
    try queries.bytes(hash, offset: offset, count: count)
  }
  func size(of hash: SHA256Bytes) throws -> Int? { try queries.size(of: hash) }
  func cases(limit: Int, cursor: String?) throws -> (cases: [CaseSummary], next: String?) {
    try queries.cases(limit: limit, cursor: cursor)
  }
  func turns(of caseID: CaseID?, limit: Int, cursor: String?) throws -> (turns: [TurnSummary], next: String?) {
    try queries.turns(of: caseID, limit: limit, cursor: cursor)
  }
  func turn(_ turn: TurnID) throws -> TurnSummary? { try queries.turn(turn) }
}

extension VPathError {
  fileprivate static let readOnlyTrace = VPathError(
    .traceWriteFailed, "This trace is open for reading only; nothing was recorded.", subject: "archive")
}
