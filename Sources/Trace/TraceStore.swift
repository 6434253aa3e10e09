// The trace of a running daemon: opens the state directory, records events, and reads them back.
// What must stay true: what `append` returned is on disk, whatever happens next; the store is the only writer of its
// directory; after any crash the next `open` goes on from exactly what was acknowledged.

import Dispatch
public import Domain
import GRDB
import Glibc
import JSON
import Logging
public import Ports

/// The trace of a running daemon.
public final class TraceStore: EventStore {
  let directory: StateDirectory
  let pool: DatabasePool
  private let files: BytesDirectory
  let reserve: DiskReserve
  private let writer: TraceWriter
  let options: TraceOptions
  let signer: CheckpointSigner
  let clock: any Clock
  private let fileThread = DispatchQueue(label: "vpath.trace.files")
  let checkThread = DispatchQueue(label: "vpath.trace.verify")

  /// Opens the trace in a directory, making it where there is none (its parent must exist). Repairs what a crash
  /// left: temporary files, files that nothing refers to, and a checkpoint file that ends before the database.
  /// Throws `trace.write_failed` when another process uses it or it cannot be opened, `trace.tampered` when it is
  /// not what was written last.
  public static func open(
    directory path: String, clock: any Clock, options: TraceOptions = TraceOptions()
  ) async throws(VPathError) -> TraceStore {
    let thread = DispatchQueue(label: "vpath.trace.open")
    typealias Opened = Result<(store: TraceStore, behind: [FileBehind]), VPathError>
    let opened = await withCheckedContinuation { (answer: CheckedContinuation<Opened, Never>) in
      thread.async {
        do {
          let opening = try TraceOpening(path, options)
          let behind = opening.filesBehind
          answer.resume(returning: .success((try TraceStore(opening, clock, options), behind)))
        } catch {
          answer.resume(returning: .failure(VPathError(anyTraceFailure: error)))
        }
      }
    }
    let (store, behind) = try opened.get()
    try await store.completeCheckpointFiles(behind)
    return store
  }

  private init(_ opening: TraceOpening, _ clock: any Clock, _ options: TraceOptions) throws {
    directory = opening.directory
    pool = opening.pool
    files = opening.files
    signer = opening.signer
    reserve = DiskReserve(directory: opening.directory.path, sizeBytes: options.reserveBytes)
    self.options = options
    self.clock = clock
    writer = try TraceWriter(
      pool: pool, clock: clock, files: files, reserve: reserve, ledger: opening.ledger,
      checkpointFiles: opening.checkpointFiles, options: options)
  }

  /// Brings the checkpoint files up to the database and records that this was needed.
  private func completeCheckpointFiles(_ behind: [FileBehind]) async throws(VPathError) {
    guard !behind.isEmpty else { return }
    for file in behind {
      options.logger.warning(
        "The \(file.place.words) ended before the database and was completed.",
        metadata: ["first": "\(file.first)", "last": "\(file.last)"])
    }
    _ = try await append(
      behind.map { file in
        NewEvent(
          caseID: .daemon, kind: .traceCheckpointed,
          payload: [
            "file": .string(file.place.rawValue), "first": .number(Double(file.first)),
            "last": .number(Double(file.last)), "reason": "the checkpoint file ended before the database",
          ])
      })
    try await checkpoint(.daemon)
  }

  /// Signs every chain that grew since it was signed, makes everything durable, and gives the directory free.
  /// Later calls throw `trace.write_failed`.
  public func close() async throws(VPathError) {
    let unsigned = try await read { try $0.unsignedCases() }
    for first in stride(from: 0, to: unsigned.count, by: 500) {
      try await writer.checkpoint(Array(unsigned[first..<min(first + 500, unsigned.count)])).get()
    }
    try await writer.flush().get()
    let isClean = await writer.close()
    do {
      try await pool.writeWithoutTransaction { database in
        if isClean {
          try database.execute(sql: "INSERT OR REPLACE INTO meta (key, value) VALUES ('closed', 'clean')")
        }
        _ = try? database.checkpoint(.truncate)
      }
      try pool.close()
      directory.unlock()
    } catch {
      throw VPathError(anyTraceFailure: error)
    }
  }

  // MARK: Recording

  public func append(_ events: [NewEvent]) async throws(VPathError) -> [Event] {
    guard !events.isEmpty else { return [] }
    var prepared: [PreparedEvent] = []
    prepared.reserveCapacity(events.count)
    for event in events { prepared.append(try PreparedEvent(event, salt: options.salt())) }
    let isClosing = WriteRequest.isClosing(prepared)
    for event in prepared where event.payload.count >= TraceFormat.fileThresholdBytes {
      try await writeFile(event.payload, SHA256Bytes(of: event.payload), isClosing: isClosing)
    }
    return try await writer.append(prepared).get()
  }

  public func put(_ bytes: [UInt8], mediaType: String) async throws(VPathError) -> SHA256Hex {
    guard bytes.count <= TraceFormat.maxKeptBytes, mediaType.utf8.count <= 200 else {
      throw VPathError(
        .protocolParams, "Bytes to keep number \(bytes.count); the limit is \(TraceFormat.maxKeptBytes).")
    }
    let hash = SHA256Bytes(of: bytes)
    if writer.pendingBytes(hash) != nil { return hash.name }
    if try await read({ try $0.size(of: hash) }) != nil { return hash.name }
    var pending = PendingBytes(mediaType: mediaType, size: bytes.count, bytes: bytes)
    if bytes.count >= TraceFormat.fileThresholdBytes {
      try await writeFile(bytes, hash, isClosing: false)
      pending.bytes = nil
    }
    if let error = writer.put(pending, hash: hash) { throw error }
    return hash.name
  }

  /// Writes a file off the caller's thread. Closing requests may use the disk space held back.
  private func writeFile(_ bytes: [UInt8], _ hash: SHA256Bytes, isClosing: Bool) async throws(VPathError) {
    if !isClosing && !writer.hasSpace() { throw VPathError.spaceLow }
    guard let failure = await writeFileOnce(bytes, hash) else { return }
    guard failure.code == ENOSPC else { throw VPathError(failure) }
    writer.runOutOfSpace()
    guard isClosing else { throw VPathError.spaceLow }
    if let failure = await writeFileOnce(bytes, hash) { throw VPathError(failure) }
  }

  private func writeFileOnce(_ bytes: [UInt8], _ hash: SHA256Bytes) async -> FileFailure? {
    let files = files
    return await withCheckedContinuation { (answer: CheckedContinuation<FileFailure?, Never>) in
      fileThread.async {
        do throws(FileFailure) {
          try files.write(bytes, hash: hash)
          answer.resume(returning: nil)
        } catch {
          answer.resume(returning: error)
        }
      }
    }
  }

  public func checkpoint(_ caseID: CaseID) async throws(VPathError) { try await writer.checkpoint([caseID]).get() }

  /// Makes bytes that were put durable now, without an event.
  public func flush() async throws(VPathError) { try await writer.flush().get() }

  /// Erases payloads and salts of events, and kept bytes that nothing else refers to, and records it as
  /// `trace.redacted`, which is returned. The chain still verifies. Copies and exports made earlier are not reached.
  /// Throws `case.not_found`, or `protocol.params` for a seq that is not there or is itself a redaction.
  public func redact(_ caseID: CaseID, seqs: [Int], reason: String, by: String) async throws(VPathError) -> Event {
    let seqs = Set(seqs).sorted()
    guard (1...10_000).contains(seqs.count) else {
      throw VPathError(.protocolParams, "A redaction names 1 to 10,000 events; this one names \(seqs.count).")
    }
    let redaction = Redaction(caseID: caseID, seqs: seqs, reason: reason, by: by, salt: options.salt())
    return try await writer.redact(redaction).get()
  }

  // MARK: Disk space

  /// Whether the disk was full at the last write. Only closing events (turn.completed, case.closed, daemon.stopped)
  /// are recorded then; it ends by itself when there is space for the reserve again.
  public var spaceLow: Bool { writer.spaceLow }

  /// Gives the disk space held back up, for closing events that are to be written now.
  public func releaseReserve() { reserve.release() }

  // MARK: Reading

  public func events(
    of caseID: CaseID, turn: TurnID?, after seq: Int, limit: Int
  ) async throws(VPathError) -> [Event] {
    let limit = try TraceStore.checked(limit)
    return try await read { try $0.events(of: caseID, turn: turn, after: seq, limit: limit) }
  }

  public func bytes(_ hash: SHA256Hex, offset: Int, count: Int) async throws(VPathError) -> [UInt8] {
    guard let digest = SHA256Bytes(hash), offset >= 0, count >= 0 else { throw VPathError.noBytes(hash) }
    if let pending = writer.pendingBytes(digest) {
      guard let bytes = pending.bytes else {
        guard let bytes = try await read({ try $0.files.read(digest, offset: offset, count: count) }) else {
          throw VPathError.damagedBytes(digest)
        }
        return bytes
      }
      let start = min(offset, bytes.count)
      return Array(bytes[start..<(start + min(count, bytes.count - start))])
    }
    guard let bytes = try await read({ try $0.bytes(digest, offset: offset, count: count) }) else {
      throw VPathError.noBytes(hash)
    }
    return bytes
  }

  public func size(of hash: SHA256Hex) async throws(VPathError) -> Int? {
    guard let digest = SHA256Bytes(hash) else { return nil }
    if let pending = writer.pendingBytes(digest) { return pending.size }
    return try await read { try $0.size(of: digest) }
  }

  /// Whether an event of the case refers to the bytes: what a client of that case may read.
  public func refers(_ caseID: CaseID, to hash: SHA256Hex) async throws(VPathError) -> Bool {
    guard let digest = SHA256Bytes(hash) else { return false }
    return try await read { try $0.refers(caseID, to: digest) }
  }

  public func cases(limit: Int, cursor: String?) async throws(VPathError) -> (cases: [CaseSummary], next: String?) {
    let limit = try TraceStore.checked(limit)
    return try await read { try $0.cases(limit: limit, cursor: cursor) }
  }

  public func turns(
    of caseID: CaseID?, limit: Int, cursor: String?
  ) async throws(VPathError) -> (turns: [TurnSummary], next: String?) {
    let limit = try TraceStore.checked(limit)
    return try await read { try $0.turns(of: caseID, limit: limit, cursor: cursor) }
  }

  /// One turn, whichever case it belongs to; nil when there is none.
  public func turn(_ turn: TurnID) async throws(VPathError) -> TurnSummary? {
    try await read { try $0.turn(turn) }
  }

  /// Turns without `turn.completed`, oldest first: what a start after a crash has to close.
  public func unfinishedTurns() async throws(VPathError) -> [TurnSummary] {
    try await read { try $0.unfinishedTurns() }
  }

  /// Runs queries in one read transaction, off the caller's thread.
  func read<Value: Sendable>(
    _ body: @escaping @Sendable (TraceQueries) throws -> Value
  ) async throws(VPathError) -> Value {
    let files = files
    do {
      return try await pool.read { try body(TraceQueries(source: $0, files: files)) }
    } catch {
      throw VPathError(readFailure: error)
    }
  }

  private static func checked(_ limit: Int) throws(VPathError) -> Int {
    guard (1...10_000).contains(limit) else {
      throw VPathError(.protocolParams, "The limit is \(limit); it must be 1 to 10,000.", subject: "limit")
    }
    return limit
  }
}

extension VPathError {
  static func noBytes(_ hash: SHA256Hex) -> VPathError {
    VPathError(
      .evidenceNotFound, "No bytes are kept under this hash.", subject: hash.isWellFormed ? hash.rawValue : nil)
  }

  /// The error for whatever a read ended with.
  init(readFailure error: any Error) {
    let failure: SQLiteFailure
    switch error {
    case let error as VPathError:
      self = error
      return
    case let error as FileFailure:
      self.init(.traceWriteFailed, "The trace could not be read (\(error.message)). Check the state directory's disk.")
      return
    case is CancellationError:
      self.init(.cancelled, "Reading the trace was cancelled.")
      return
    case let error as SQLiteFailure: failure = error
    case let error as DatabaseError: failure = SQLiteFailure(error)
    default:
      self.init(.internalBug, "Reading the trace failed in an unforeseen way.")
      return
    }
    if failure.isInterrupt {
      self.init(.cancelled, "Reading the trace was cancelled.")
    } else if failure.isDamage {
      self.init(
        .traceTampered, "The trace's database is damaged (SQLite \(failure.code)). Run verify on a copy of it.")
    } else {
      self.init(
        .traceWriteFailed, "The trace could not be read (SQLite \(failure.code): \(failure.message)).", retryable: true)
    }
  }
}
