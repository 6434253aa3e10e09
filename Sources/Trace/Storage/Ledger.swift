// What the writer knows of chains, cases, turns and the checkpoint log, and the rows it writes for each request.
// What must stay true: it is used inside one transaction at a time, and follows it: `commit` after the transaction
// is durable, `rollBack` after it failed. A request that cannot be carried out throws VPathError before it writes.

import Domain
import GRDB
import JSON

/// A request to erase payloads.
struct Redaction: Sendable {
  var caseID: CaseID
  var seqs: [Int]
  var reason: String
  var by: String
  /// The salt of the `trace.redacted` event.
  var salt: [UInt8]
}

/// The writer's state.
struct Ledger {
  private struct CaseRecord: Sendable {
    /// `cases.id`.
    var ref: Int
    var listing: CaseListing
    /// The last seq in the checkpoint log.
    var signedSeq: Int
    /// `events.id` of the last event.
    var lastEvent: Int
  }

  private struct TurnKey: Hashable, Sendable {
    var ref: Int
    var turn: TurnID
  }

  private struct TurnRecord: Sendable {
    /// `turns.id`.
    var id: Int
    var listing: TurnListing
  }

  private var chains = ChainLog()
  private var cases = RevertibleDictionary<CaseID, CaseRecord>()
  private var turns = RevertibleDictionary<TurnKey, TurnRecord>()
  private var log: CheckpointChain
  private var logAtCommit: CheckpointChain
  private let signer: CheckpointSigner
  /// Files that a redaction made needless, to be removed once it is durable.
  private(set) var needlessFiles: [SHA256Bytes] = []

  /// A ledger that goes on after the log's last entry.
  init(log: CheckpointChain, signer: CheckpointSigner) {
    self.log = log
    logAtCommit = log
    self.signer = signer
  }

  /// The number of the log's last entry.
  var lastCheckpoint: Int { log.number }

  /// What was written is durable.
  mutating func commit() {
    chains.commit()
    cases.commit()
    turns.commit()
    logAtCommit = log
    needlessFiles = []
    if cases.count > 20_000 || turns.count > 50_000 {
      chains = ChainLog()
      cases.removeAll()
      turns.removeAll()
    }
  }

  /// Nothing of what was written is there.
  mutating func rollBack() {
    chains.rollBack()
    cases.rollBack()
    turns.rollBack()
    log = logAtCommit
    needlessFiles = []
  }

  // MARK: Events

  /// Writes events at the ends of their chains.
  mutating func append(_ prepared: [PreparedEvent], time: String, _ database: Database) throws -> [Event] {
    for event in prepared { _ = try record(of: event.event.caseID, database) }
    var kept: [[SHA256Bytes]] = []
    for event in prepared {
      let known = try event.hashesNamed.filter { try isKept($0, database) }
      guard known.count <= TraceFormat.maxKeptPerEvent else {
        throw VPathError(
          .protocolParams,
          "An event refers to \(known.count) pieces of kept bytes; the limit is \(TraceFormat.maxKeptPerEvent). Nothing was recorded.",
          subject: event.event.kind.rawValue)
      }
      kept.append(known)
    }
    var events: [Event] = []
    events.reserveCapacity(prepared.count)
    for (event, kept) in zip(prepared, kept) {
      let sealed = try chains.seal(event, time: time, kept: kept)
      try insert(sealed, stop: event.event.payload["stop"]?.stringValue, database)
      events.append(
        Event(
          caseID: sealed.header.caseID, seq: sealed.header.seq, turn: sealed.header.turn, kind: event.event.kind,
          time: time, payload: event.event.payload, hash: sealed.hash.name))
    }
    return events
  }

  private func isKept(_ hash: SHA256Bytes, _ database: Database) throws -> Bool {
    try database.statement("SELECT 1 FROM kept_bytes WHERE hash = ?").first(.digest(hash)) { _ in true } ?? false
  }

  private mutating func insert(_ event: SealedEvent, stop: String?, _ database: Database) throws {
    let header = event.header
    var record = try record(of: header.caseID, database) ?? create(header, database)
    let payload = event.payload ?? []
    let file = payload.count >= TraceFormat.fileThresholdBytes ? SHA256Bytes(of: payload) : nil
    try database.statement(
      """
      INSERT INTO events
        (case_ref, seq, turn, kind, time, commitment, kept_commitment, hash, salt, kept, payload_file, payload)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """
    ).run(
      .integer(record.ref), .integer(header.seq), .text(header.turn?.rawValue), .text(header.kind), .text(header.time),
      .digest(header.commitment), .digest(header.keptCommitment), .digest(event.hash), .blob(event.salt),
      event.kept.isEmpty ? .null : .blob(event.kept.flatMap(\.bytes)), .digest(file),
      file == nil ? .blob(payload) : .null)
    for hash in event.kept + (file.map { [$0] } ?? []) {
      try database.statement("INSERT OR IGNORE INTO byte_uses (case_ref, hash, seq) VALUES (?, ?, ?)").run(
        .integer(record.ref), .digest(hash), .integer(header.seq))
    }
    if let turn = header.turn {
      try note(TurnKey(ref: record.ref, turn: turn), header, stop: stop, database)
    }
    record.lastEvent = Int(database.lastInsertedRowID)
    record.listing.note(kind: header.kind, seq: header.seq, time: header.time)
    cases[header.caseID] = record
  }

  private func create(_ header: EventHeader, _ database: Database) throws -> CaseRecord {
    let listing = CaseListing(first: header.time)
    try database.statement(
      """
      INSERT INTO cases (case_id, state, opened_at, changed_at, head, last_event) VALUES (?, ?, ?, ?, 0, 0)
      """
    ).run(
      .text(header.caseID.rawValue), .text(listing.state), .text(listing.openedAt), .text(listing.changedAt))
    return CaseRecord(ref: Int(database.lastInsertedRowID), listing: listing, signedSeq: 0, lastEvent: 0)
  }

  private mutating func note(_ key: TurnKey, _ header: EventHeader, stop: String?, _ database: Database) throws {
    guard var record = try turnRecord(key, database) else {
      var listing = TurnListing(firstSeq: header.seq, time: header.time)
      listing.note(kind: header.kind, seq: header.seq, stop: stop)
      try database.statement(
        """
        INSERT INTO turns (turn, case_ref, state, stop, queued_at, first_seq, last_seq) VALUES (?, ?, ?, ?, ?, ?, ?)
        """
      ).run(
        .text(key.turn.rawValue), .integer(key.ref), .text(listing.state), .text(listing.stop),
        .text(listing.queuedAt), .integer(listing.firstSeq), .integer(listing.lastSeq))
      turns[key] = TurnRecord(id: Int(database.lastInsertedRowID), listing: listing)
      return
    }
    let before = record.listing
    record.listing.note(kind: header.kind, seq: header.seq, stop: stop)
    guard record.listing != before else { return }
    try database.statement("UPDATE turns SET state = ?, stop = ?, last_seq = ? WHERE id = ?").run(
      .text(record.listing.state), .text(record.listing.stop), .integer(record.listing.lastSeq), .integer(record.id))
    turns[key] = record
  }

  /// Writes the rows of the cases that changed in this transaction; its last step.
  func finish(_ database: Database) throws {
    for caseID in cases.changed {
      guard let record = cases[caseID], record.lastEvent > 0 else { continue }
      try database.statement(
        "UPDATE cases SET state = ?, changed_at = ?, head = ?, last_event = ? WHERE id = ?"
      ).run(
        .text(record.listing.state), .text(record.listing.changedAt), .integer(record.listing.head),
        .integer(record.lastEvent), .integer(record.ref))
    }
  }

  // MARK: Checkpoints

  /// Signs a chain's head into the log, unless it is signed already. Throws `case.not_found`.
  mutating func checkpoint(_ caseID: CaseID, time: String, _ database: Database) throws {
    guard var record = try record(of: caseID, database), let head = chains.head(of: caseID) else {
      throw VPathError.noCase(caseID)
    }
    guard record.signedSeq < head.seq else { return }
    let entry = try Checkpoint(
      number: log.number + 1, caseID: caseID, head: head, time: time, previous: log.previous, signer: signer)
    let line = entry.line()
    try database.statement("INSERT INTO checkpoints (number, case_id, seq, line) VALUES (?, ?, ?, ?)").run(
      .integer(entry.number), .text(caseID.rawValue), .integer(head.seq), .blob(line))
    log.number = entry.number
    log.previous = SHA256Bytes(of: line)
    record.signedSeq = head.seq
    cases[caseID] = record
  }

  // MARK: Redaction

  /// Erases payloads and salts, the bytes that nothing else refers to, and records that it was done.
  mutating func redact(_ redaction: Redaction, time: String, _ database: Database) throws -> Event {
    guard let record = try record(of: redaction.caseID, database) else { throw VPathError.noCase(redaction.caseID) }
    for seq in redaction.seqs {
      let kind = try database.statement("SELECT kind FROM events WHERE case_ref = ? AND seq = ?").first(
        .integer(record.ref), .integer(seq)
      ) { $0.text(0) }
      guard let kind, kind != EventKind.traceRedacted.rawValue else {
        throw VPathError(
          .protocolParams,
          kind == nil
            ? "The case has no event \(seq); nothing was erased."
            : "Event \(seq) records an earlier redaction and cannot be erased; nothing was erased.",
          subject: redaction.caseID.rawValue)
      }
    }
    for seq in redaction.seqs { try erase(seq, record.ref, database) }
    let event = NewEvent(
      caseID: redaction.caseID, kind: .traceRedacted,
      payload: [
        "by": .string(redaction.by), "reason": .string(redaction.reason),
        "seqs": .array(redaction.seqs.map { .number(Double($0)) }),
      ])
    let events = try append([PreparedEvent(event, salt: redaction.salt)], time: time, database)
    return events[0]
  }

  private mutating func erase(_ seq: Int, _ ref: Int, _ database: Database) throws {
    let row = try database.statement("SELECT payload_file, kept FROM events WHERE case_ref = ? AND seq = ?").first(
      .integer(ref), .integer(seq)
    ) { (file: $0.digest(0), kept: EventRow.hashes($0.blob(1))) }
    try database.statement(
      """
      UPDATE events SET salt = NULL, kept = NULL, payload_file = NULL, payload = NULL WHERE case_ref = ? AND seq = ?
      """
    ).run(.integer(ref), .integer(seq))
    for hash in (row?.kept ?? []) + (row?.file.map { [$0] } ?? []) {
      try database.statement("DELETE FROM byte_uses WHERE case_ref = ? AND hash = ? AND seq = ?").run(
        .integer(ref), .digest(hash), .integer(seq))
      let isUsed = try database.statement("SELECT 1 FROM byte_uses WHERE hash = ? LIMIT 1").first(.digest(hash)) { _ in
        true
      }
      guard isUsed == nil else { continue }
      try database.statement("DELETE FROM kept_bytes WHERE hash = ?").run(.digest(hash))
      needlessFiles.append(hash)
    }
  }

  // MARK: Reading what is there

  private mutating func record(of caseID: CaseID, _ database: Database) throws -> CaseRecord? {
    if let record = cases[caseID] { return record }
    let row = try database.statement(
      "SELECT id, state, opened_at, changed_at, head, last_event FROM cases WHERE case_id = ?"
    ).first(.text(caseID.rawValue)) { row -> CaseRecord? in
      guard let ref = row.integer(0), let state = row.text(1), let openedAt = row.text(2),
        let changedAt = row.text(3), let head = row.integer(4), let lastEvent = row.integer(5)
      else { return nil }
      var listing = CaseListing(first: openedAt)
      listing.state = state
      listing.changedAt = changedAt
      listing.head = head
      return CaseRecord(ref: ref, listing: listing, signedSeq: 0, lastEvent: lastEvent)
    }
    guard let row else { return nil }
    guard var record = row else { throw VPathError.damaged(caseID, seq: nil) }
    let head = try loadHead(caseID, record.ref, database)
    let signedSeq = try database.statement("SELECT max(seq) FROM checkpoints WHERE case_id = ?").first(
      .text(caseID.rawValue)
    ) { $0.integer(0) ?? 0 }
    record.signedSeq = signedSeq ?? 0
    guard record.signedSeq <= head.seq, record.listing.head == head.seq else {
      throw VPathError.damaged(caseID, seq: head.seq)
    }
    chains.load(caseID, head)
    cases[caseID] = record
    return record
  }

  /// The chain's last event, checked against the one before it, so that no chain grows from a changed end.
  private func loadHead(_ caseID: CaseID, _ ref: Int, _ database: Database) throws -> ChainHead {
    let rows = try database.statement(
      "SELECT \(EventRow.columns) FROM events e WHERE e.case_ref = ? ORDER BY e.seq DESC LIMIT 2"
    ).rows(.integer(ref)) { EventRow($0, caseID: caseID) }
    guard let last = rows.first, let header = last.header, let hash = last.hash else {
      throw VPathError.damaged(caseID, seq: nil)
    }
    let previous = header.seq == 1 ? .zero : rows.last?.hash
    guard let previous, rows.count == min(2, header.seq), header.hash(after: previous) == hash else {
      throw VPathError.damaged(caseID, seq: header.seq)
    }
    return ChainHead(seq: header.seq, hash: hash)
  }

  private func turnRecord(_ key: TurnKey, _ database: Database) throws -> TurnRecord? {
    if let record = turns[key] { return record }
    return try database.statement(
      "SELECT id, state, stop, queued_at, first_seq, last_seq FROM turns WHERE turn = ? AND case_ref = ?"
    ).first(.text(key.turn.rawValue), .integer(key.ref)) { row -> TurnRecord? in
      guard let id = row.integer(0), let state = row.text(1), let queuedAt = row.text(3),
        let firstSeq = row.integer(4), let lastSeq = row.integer(5)
      else { return nil }
      var listing = TurnListing(firstSeq: firstSeq, time: queuedAt)
      listing.state = state
      listing.stop = row.text(2)
      listing.lastSeq = lastSeq
      return TurnRecord(id: id, listing: listing)
    } ?? nil
  }
}

extension VPathError {
  static func noCase(_ caseID: CaseID) -> VPathError {
    VPathError(
      .caseNotFound, "There is no case with this id in the trace. List the cases to see those there are.",
      subject: caseID.rawValue)
  }

  static func damaged(_ caseID: CaseID, seq: Int?) -> VPathError {
    VPathError(
      .traceTampered,
      "The stored record of this case is not what was written\(seq.map { " (event \($0))" } ?? ""). Run verify to see where.",
      subject: caseID.rawValue)
  }
}
