// The one place that writes: takes all requests that wait, writes them in one transaction, and answers them when it
// is durable.
// What must stay true:
//  - one thread writes, on one connection with synchronous=FULL, which also copies the write-ahead log back;
//  - an answer is given after the commit, and says failure if the commit failed; then every head is where it was;
//  - when the disk is full, closing requests are tried again with the reserve given up, all others fail, until the
//    reserve can be held again.

import Dispatch
import Domain
import GRDB
import GRDBSQLite
import Glibc
import Logging
import Ports
import Synchronization

/// Writes the trace.
final class TraceWriter: Sendable {
  /// How many events one transaction takes.
  private static let maxEventsPerCommit = 2_000
  /// Bytes that were put are written without waiting for an event from this size on.
  private static let flushThresholdBytes = 1 << 20

  let pool: DatabasePool
  private let clock: any Clock
  let files: BytesDirectory
  let reserve: DiskReserve
  let logger: Logger
  let walPages: Int
  let walLength = WriteAheadLogLength()
  private let thread = DispatchQueue(label: "vpath.trace.writer")
  private let waiting: Mutex<WaitingRequests>
  private let state: Mutex<State>
  private let isSpaceLow: Mutex<Bool>

  /// What only the writing thread uses.
  struct State {
    var ledger: Ledger
    var checkpointFiles: [CheckpointFile]
    /// The files that could not be written at the last attempt.
    var failing: Set<CheckpointPlace> = []
    /// Whether files may be there that nothing refers to.
    var mayHaveStrayFiles = false
  }

  init(
    pool: DatabasePool, clock: any Clock, files: BytesDirectory, reserve: DiskReserve, ledger: Ledger,
    checkpointFiles: [CheckpointFile], options: TraceOptions
  ) throws {
    self.pool = pool
    self.clock = clock
    self.files = files
    self.reserve = reserve
    logger = options.logger
    walPages = options.walPages
    waiting = Mutex(WaitingRequests(maxEvents: options.maxWaitingEvents, maxBytes: options.maxWaitingBytes))
    state = Mutex(State(ledger: ledger, checkpointFiles: checkpointFiles))
    isSpaceLow = Mutex(!reserve.hold())
    try pool.writeWithoutTransaction { database in
      // GRDB sets NORMAL when it turns the write-ahead log on; an event is durable only with FULL.
      try database.execute(sql: "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON")
      guard try Int.fetchOne(database, sql: "PRAGMA synchronous") == 2,
        try String.fetchOne(database, sql: "PRAGMA journal_mode") == "wal"
      else {
        throw VPathError(
          .traceWriteFailed, "SQLite does not offer a durable write-ahead log here; nothing is recorded.")
      }
      walLength.observe(database)
    }
  }

  // MARK: Asking

  func append(_ events: [PreparedEvent]) async -> Result<[Event], VPathError> {
    await withCheckedContinuation { submit(.append(events, $0)) }
  }

  func checkpoint(_ caseIDs: [CaseID]) async -> Result<Void, VPathError> {
    await withCheckedContinuation { submit(.checkpoint(caseIDs, $0)) }
  }

  func redact(_ redaction: Redaction) async -> Result<Event, VPathError> {
    await withCheckedContinuation { submit(.redact(redaction, $0)) }
  }

  func flush() async -> Result<Void, VPathError> {
    await withCheckedContinuation { submit(.flush($0)) }
  }

  /// Keeps bytes until the next commit takes them along.
  func put(_ bytes: PendingBytes, hash: SHA256Bytes) -> VPathError? {
    let (error, wakes) = waiting.withLock { waiting in
      let error = waiting.add(bytes, hash: hash)
      let wakes = waiting.pendingByteCount >= Self.flushThresholdBytes && !waiting.isDraining
      if wakes { waiting.isDraining = true }
      return (error, wakes)
    }
    if wakes { thread.async { self.drain() } }
    return error
  }

  /// Bytes that were put and are not durable yet.
  func pendingBytes(_ hash: SHA256Bytes) -> PendingBytes? { waiting.withLock { $0.pending[hash] } }

  /// Whether the disk was full at the last attempt and the reserve could not be held again since.
  var spaceLow: Bool { isSpaceLow.withLock { $0 } }

  /// Whether recording may go on: the disk was not full, or has room again, which is looked up here.
  func hasSpace() -> Bool {
    guard spaceLow else { return true }
    guard reserve.hasRoom, reserve.hold() else { return false }
    isSpaceLow.withLock { $0 = false }
    logger.notice("The trace's disk has space again; recording goes on.")
    return true
  }

  /// The disk is full: the space held back is given up, for closing requests alone.
  func runOutOfSpace() {
    let wasLow = isSpaceLow.withLock { isLow in
      defer { isLow = true }
      return isLow
    }
    if !wasLow {
      logger.error("The trace's disk is full. Turns are being closed; nothing else is recorded until there is space.")
    }
    reserve.release()
  }

  private func submit(_ request: WriteRequest) {
    let (error, wakes) = waiting.withLock { waiting in
      let error = waiting.add(request)
      let wakes = error == nil && !waiting.isDraining
      if wakes { waiting.isDraining = true }
      return (error, wakes)
    }
    if let error { request.fail(error) }
    if wakes { thread.async { self.drain() } }
  }

  /// Takes no more requests, and returns when those taken are answered. Returns whether all files are referred to.
  func close() async -> Bool {
    waiting.withLock { $0.isClosed = true }
    return await withCheckedContinuation { answer in
      thread.async {
        self.drain()
        let isClean = self.state.withLock { state in
          state.checkpointFiles = []  // closed, for the next that opens them
          return !state.mayHaveStrayFiles
        }
        answer.resume(returning: isClean)
      }
    }
  }

  // MARK: Writing

  private func drain() {
    var failed = false
    while true {
      let group = waiting.withLock { waiting -> (requests: [WriteRequest], pending: [SHA256Bytes: PendingBytes])? in
        let requests = waiting.take(limit: Self.maxEventsPerCommit)
        if requests.isEmpty && (failed || waiting.pendingByteCount < Self.flushThresholdBytes) {
          waiting.isDraining = false
          return nil
        }
        return (requests, waiting.pending)
      }
      guard let group else { return }
      failed = state.withLock { !write(group.requests, group.pending, &$0) }
    }
  }

  /// Writes one group; false when it failed.
  private func write(
    _ requests: [WriteRequest], _ pending: [SHA256Bytes: PendingBytes], _ state: inout State
  ) -> Bool {
    var requests = requests
    var pending = pending
    if !hasSpace() {
      (requests, pending) = closing(requests, pending)
      if requests.isEmpty { return false }
    }
    do {
      try attempt(requests, pending, &state)
      return true
    } catch let failure as SQLiteFailure where isOutOfSpace(failure) {
      runOutOfSpace()
      (requests, pending) = closing(requests, pending)
      do {
        if !requests.isEmpty { try attempt(requests, pending, &state) }
      } catch {
        fail(requests, error, &state)
      }
      return false
    } catch {
      fail(requests, error, &state)
      return false
    }
  }

  /// Answers requests that may not use the reserve; gives back the others, and the bytes they refer to.
  private func closing(
    _ requests: [WriteRequest], _ pending: [SHA256Bytes: PendingBytes]
  ) -> ([WriteRequest], [SHA256Bytes: PendingBytes]) {
    var named: Set<SHA256Bytes> = []
    var flushes = false
    for request in requests {
      switch request {
      case .append(let events, _) where request.isClosing: for event in events { named.formUnion(event.hashesNamed) }
      case .flush: flushes = true
      default: if !request.isClosing { request.fail(.spaceLow) }
      }
    }
    return (requests.filter(\.isClosing), flushes ? pending : pending.filter { named.contains($0.key) })
  }

  private func isOutOfSpace(_ failure: SQLiteFailure) -> Bool {
    if failure.primaryCode == SQLITE_FULL { return true }
    return failure.primaryCode == SQLITE_IOERR && (freeBytes(files.path) ?? .max) < 1 << 20
  }

  private func fail(_ requests: [WriteRequest], _ error: any Error, _ state: inout State) {
    state.mayHaveStrayFiles = true
    let error = VPathError(anyTraceFailure: error)
    logger.error("The trace could not be written.", metadata: ["error": "\(error.message)"])
    for request in requests { request.fail(error) }
  }

  /// What came of one request.
  private enum Outcome {
    case events([Event])
    case done
    case refused(VPathError)
  }

  /// Writes the group in one transaction, then answers. Throws, with everything as before, when it is not durable.
  private func attempt(
    _ requests: [WriteRequest], _ pending: [SHA256Bytes: PendingBytes], _ state: inout State
  ) throws {
    let time = clock.now()
    guard isTimeText(time) else {
      throw VPathError(.internalBug, "The clock gave a time that is not RFC 3339; nothing was recorded.")
    }
    var outcomes: [Outcome] = []
    outcomes.reserveCapacity(requests.count)
    do {
      try pool.writeWithoutTransaction { database in
        try database.inTransaction(.immediate) {
          for (hash, bytes) in pending { try insert(bytes, hash, database) }
          for request in requests {
            outcomes.append(try carryOut(request, time: time, &state.ledger, database))
          }
          try state.ledger.finish(database)
          return .commit
        }
      }
    } catch {
      state.ledger.rollBack()
      state.mayHaveStrayFiles = true
      if let error = error as? DatabaseError { throw SQLiteFailure(error) }
      throw error
    }
    let needlessFiles = state.ledger.needlessFiles
    state.ledger.commit()
    waiting.withLock { $0.remove(pending.keys) }
    for (request, outcome) in zip(requests, outcomes) { answerAppend(request, outcome) }
    let fileError = copyCheckpoints(&state)
    if requests.contains(where: { if case .redact = $0 { true } else { false } }) { forget(needlessFiles) }
    for (request, outcome) in zip(requests, outcomes) { answerRest(request, outcome, fileError) }
    copyWriteAheadLog()
  }

  private func carryOut(
    _ request: WriteRequest, time: String, _ ledger: inout Ledger, _ database: Database
  ) throws -> Outcome {
    do {
      switch request {
      case .append(let events, _): return .events(try ledger.append(events, time: time, database))
      case .checkpoint(let caseIDs, _): for caseID in caseIDs { try ledger.checkpoint(caseID, time: time, database) }
      case .redact(let redaction, _): return .events([try ledger.redact(redaction, time: time, database)])
      case .flush: break
      }
      return .done
    } catch let error as VPathError {
      return .refused(error)
    }
  }

  private func insert(_ bytes: PendingBytes, _ hash: SHA256Bytes, _ database: Database) throws {
    try database.statement("INSERT OR IGNORE INTO kept_bytes (hash, size, media_type, bytes) VALUES (?, ?, ?, ?)").run(
      .digest(hash), .integer(bytes.size), .text(bytes.mediaType), .blob(bytes.bytes))
  }

  private func answerAppend(_ request: WriteRequest, _ outcome: Outcome) {
    guard case .append(_, let answer) = request else { return }
    switch outcome {
    case .events(let events): answer.resume(returning: .success(events))
    case .refused(let error): answer.resume(returning: .failure(error))
    case .done: answer.resume(returning: .success([]))
    }
  }

  private func answerRest(_ request: WriteRequest, _ outcome: Outcome, _ fileError: VPathError?) {
    switch (request, outcome) {
    case (.append, _): return
    case (_, .refused(let error)): request.fail(error)
    case (.checkpoint(_, let answer), _): answer.resume(returning: fileError.map { .failure($0) } ?? .success(()))
    case (.redact(_, let answer), .events(let events)): answer.resume(returning: .success(events[0]))
    case (.redact, .done): request.fail(.closedTrace)
    case (.flush(let answer), _): answer.resume(returning: .success(()))
    }
  }
}
