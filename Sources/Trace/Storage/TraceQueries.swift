// Everything that is read from a trace, in terms of one connection: the live daemon's, or an archive's.
// What must stay true: what is given back was compared with its hash or commitment, so a changed payload is
// `trace.tampered` here too and not only in a verification; memory stays within a page of results.

import Domain
import JSON
import Ports

/// Queries on one connection.
struct TraceQueries {
  let source: any StatementSource
  let files: BytesDirectory

  // MARK: Events

  func events(of caseID: CaseID, turn: TurnID?, after seq: Int, limit: Int) throws -> [Event] {
    let ref = try reference(of: caseID)
    var after = seq
    var last = Int.max
    if let turn {
      guard let listing = try turnRow(turn, ref) else { return [] }
      after = max(seq, listing.firstSeq - 1)
      if listing.state == "completed" { last = listing.lastSeq }
    }
    let turnFilter = turn == nil ? "" : "AND e.turn = ?4"
    let statement = try source.statement(
      """
      SELECT \(EventRow.columns) FROM events e
      WHERE e.case_ref = ?1 AND e.seq > ?2 AND e.seq <= ?3 \(turnFilter) ORDER BY e.seq LIMIT \(limit)
      """)
    var events: [Event] = []
    var values: [SQLValue] = [.integer(ref), .integer(after), .integer(last)]
    if let turn { values.append(.text(turn.rawValue)) }
    var bytes = 0
    try statement.each(values) { row in
      let row = EventRow(row, caseID: caseID)
      let payload = try payload(row, caseID)
      bytes += payload?.count ?? 0
      events.append(try event(row, payload, caseID))
      return bytes < Self.pageBytes
    }
    return events
  }

  /// Payloads of one page: at the first event past this it ends.
  private static let pageBytes = 8 << 20

  private func event(_ row: EventRow, _ payloadBytes: [UInt8]?, _ caseID: CaseID) throws -> Event {
    guard let header = row.header, let hash = row.hash, let kind = EventKind(rawValue: header.kind) else {
      throw VPathError.damaged(caseID, seq: row.seq)
    }
    var payload = JSONValue.null
    if let bytes = payloadBytes {
      do {
        payload = try JSONValue.parse(bytes, limits: .payload)
      } catch {
        throw VPathError.damaged(caseID, seq: row.seq)
      }
    }
    return Event(
      caseID: caseID, seq: header.seq, turn: header.turn, kind: kind, time: header.time, payload: payload,
      hash: hash.name)
  }

  /// The payload's bytes, compared with the commitment; nil after redaction.
  func payload(_ row: EventRow, _ caseID: CaseID) throws -> [UInt8]? {
    guard !row.isErased, let salt = row.salt else { return nil }
    var payload = row.payload
    if payload == nil, let file = row.payloadFile {
      payload = try files.read(file, offset: 0, count: TraceFormat.maxPayloadBytes + 1)
    }
    guard let payload, Commitment.payload(payload, salt: salt) == row.header?.commitment else {
      throw VPathError.damaged(caseID, seq: row.seq)
    }
    return payload
  }

  // MARK: Kept bytes

  private struct KeptRow {
    var size: Int
    var bytes: [UInt8]?
  }

  private func keptRow(_ hash: SHA256Bytes) throws -> KeptRow? {
    let row = try source.statement("SELECT size, bytes FROM kept_bytes WHERE hash = ?").first(.digest(hash)) { row in
      row.integer(0).map { KeptRow(size: $0, bytes: row.blob(1)) }
    }
    return row ?? nil
  }

  func size(of hash: SHA256Bytes) throws -> Int? { try keptRow(hash)?.size }

  /// Part of kept bytes; nil for an unknown hash. Bytes that are read whole are compared with the hash.
  func bytes(_ hash: SHA256Bytes, offset: Int, count: Int) throws -> [UInt8]? {
    guard let row = try keptRow(hash) else { return nil }
    guard offset < row.size, count > 0 else { return [] }
    let end = offset + min(count, row.size - offset)
    if let bytes = row.bytes {
      guard bytes.count == row.size, SHA256Bytes(of: bytes) == hash else { throw VPathError.damagedBytes(hash) }
      return Array(bytes[offset..<end])
    }
    guard let bytes = try files.read(hash, offset: offset, count: end - offset), bytes.count == end - offset,
      offset > 0 || end < row.size || SHA256Bytes(of: bytes) == hash
    else { throw VPathError.damagedBytes(hash) }
    return bytes
  }

  /// Whether an event of the case refers to the bytes.
  func refers(_ caseID: CaseID, to hash: SHA256Bytes) throws -> Bool {
    try source.statement(
      """
      SELECT 1 FROM byte_uses WHERE case_ref = (SELECT id FROM cases WHERE case_id = ?) AND hash = ? LIMIT 1
      """
    ).first(.text(caseID.rawValue), .digest(hash)) { _ in true } ?? false
  }

  // MARK: Lists

  func cases(limit: Int, cursor: String?) throws -> (cases: [CaseSummary], next: String?) {
    let before = try position(cursor)
    let rows = try source.statement(
      """
      SELECT case_id, head, opened_at, changed_at, state, last_event FROM cases
      WHERE last_event < ? ORDER BY last_event DESC LIMIT ?
      """
    ).rows(.integer(before), .integer(limit)) { row -> (CaseSummary, Int)? in
      guard let caseID = row.text(0), let head = row.integer(1), let openedAt = row.text(2),
        let changedAt = row.text(3), let state = row.text(4), let lastEvent = row.integer(5)
      else { throw VPathError.damagedList }
      let summary = CaseSummary(
        caseID: CaseID(caseID), head: head, openedAt: openedAt, changedAt: changedAt, state: state)
      return (summary, lastEvent)
    }
    return (rows.map(\.0), rows.count == limit ? rows.last.map { String($0.1) } : nil)
  }

  private static let turnColumns =
    "t.turn, c.case_id, t.state, t.stop, t.queued_at, t.first_seq, t.last_seq, t.id, t.case_ref"

  func turns(of caseID: CaseID?, limit: Int, cursor: String?) throws -> (turns: [TurnSummary], next: String?) {
    let before = try position(cursor)
    let filter = try caseID.map { "t.case_ref = \(try reference(of: $0)) AND" } ?? ""
    let rows = try turnRows("WHERE \(filter) t.id < ?1 ORDER BY t.id DESC LIMIT \(limit)", [.integer(before)])
    return (rows.map(\.summary), rows.count == limit ? rows.last.map { String($0.id) } : nil)
  }

  func turn(_ turn: TurnID) throws -> TurnSummary? {
    try turnRows("WHERE t.turn = ?1 ORDER BY t.id LIMIT 1", [.text(turn.rawValue)]).first?.summary
  }

  func unfinishedTurns() throws -> [TurnSummary] {
    try turnRows("WHERE t.state <> 'completed' ORDER BY t.id", []).map(\.summary)
  }

  private func turnRows(_ condition: String, _ values: [SQLValue]) throws -> [(summary: TurnSummary, id: Int)] {
    var rows: [(summary: TurnSummary, id: Int, ref: Int)] = []
    let statement = try source.statement(
      "SELECT \(Self.turnColumns) FROM turns t JOIN cases c ON c.id = t.case_ref \(condition)")
    try statement.each(values) { row in
      guard let turn = row.text(0), let caseID = row.text(1), let state = row.text(2), let queuedAt = row.text(4),
        let firstSeq = row.integer(5), let lastSeq = row.integer(6), let id = row.integer(7), let ref = row.integer(8)
      else { throw VPathError.damagedList }
      let summary = TurnSummary(
        turn: TurnID(turn), caseID: CaseID(caseID), state: state, stop: row.text(3), queuedAt: queuedAt,
        firstSeq: firstSeq, lastSeq: lastSeq)
      rows.append((summary, id, ref))
      return true
    }
    // The row of a turn that goes on is not written at every event; its last event is looked up.
    for index in rows.indices where rows[index].summary.state != "completed" {
      let summary = rows[index].summary
      let last = try source.statement(
        "SELECT max(seq) FROM events WHERE case_ref = ? AND seq >= ? AND turn = ?"
      ).first(.integer(rows[index].ref), .integer(summary.firstSeq), .text(summary.turn.rawValue)) { $0.integer(0) }
      rows[index].summary.lastSeq = last.flatMap { $0 } ?? summary.lastSeq
    }
    return rows.map { ($0.summary, $0.id) }
  }

  private func turnRow(_ turn: TurnID, _ ref: Int) throws -> (state: String, firstSeq: Int, lastSeq: Int)? {
    let row = try source.statement("SELECT state, first_seq, last_seq FROM turns WHERE turn = ? AND case_ref = ?")
      .first(
        .text(turn.rawValue), .integer(ref)
      ) { row -> (state: String, firstSeq: Int, lastSeq: Int)? in
        guard let state = row.text(0), let firstSeq = row.integer(1), let lastSeq = row.integer(2) else { return nil }
        return (state, firstSeq, lastSeq)
      }
    return row ?? nil
  }

  /// Cases whose last event is not in the checkpoint log.
  func unsignedCases() throws -> [CaseID] {
    try source.statement(
      """
      SELECT case_id FROM cases c
      WHERE head > coalesce((SELECT max(seq) FROM checkpoints k WHERE k.case_id = c.case_id), 0) ORDER BY id
      """
    ).rows { row in row.text(0).map { CaseID($0) } }
  }

  // MARK: Small things

  /// The case's number in the database. Throws `case.not_found`.
  func reference(of caseID: CaseID) throws -> Int {
    let ref = try source.statement("SELECT id FROM cases WHERE case_id = ?").first(.text(caseID.rawValue)) {
      $0.integer(0)
    }
    guard let ref = ref.flatMap({ $0 }) else { throw VPathError.noCase(caseID) }
    return ref
  }

  private func position(_ cursor: String?) throws -> Int {
    guard let cursor else { return .max }
    guard let position = Int(cursor), position > 0 else {
      throw VPathError(
        .protocolParams, "The cursor was not given back by an earlier call. Leave it out to start from the newest.",
        subject: "cursor")
    }
    return position
  }
}

extension JSONLimits {
  /// Room for whatever the trace took in.
  static let payload = JSONLimits(
    maxBytes: TraceFormat.maxPayloadBytes, maxDepth: TraceFormat.maxPayloadDepth + 1, maxValues: 64 << 20)
}

extension VPathError {
  static let damagedList = VPathError(
    .traceTampered, "The lists of cases and turns cannot be read. Run verify to see where the trace was changed.")

  static func damagedBytes(_ hash: SHA256Bytes) -> VPathError {
    VPathError(
      .traceTampered, "Kept bytes are not what was kept, or are gone. Run verify to see which event refers to them.",
      subject: hash.hex)
  }
}
