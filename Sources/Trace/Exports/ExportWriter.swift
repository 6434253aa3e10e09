// One case as a file of lines that verifies on its own, made a piece at a time from a place that a cursor names.
// What must stay true: a piece depends on the cursor and the stored case alone, so a client may come back later or on
// another connection; every piece is whole lines of at most 1 MiB together.

import Domain
import JSON

/// How far an export has come.
struct ExportPosition: Hashable {
  /// The last seq exported, fixed by the first piece.
  var head: Int
  /// The last number of the checkpoint log that counts.
  var lastCheckpoint: Int
  /// The event whose lines come next; 0 for the file's first line, head + 1 for its last.
  var seq = 0
  /// Which of the event's items comes next: pieces of bytes, the event, its checkpoints.
  var item = 0
  /// How much of that item is done, in bytes.
  var offset = 0

  init(head: Int, lastCheckpoint: Int) {
    self.head = head
    self.lastCheckpoint = lastCheckpoint
  }

  /// Reads what `cursor` wrote.
  init?(cursor: String) {
    let numbers = cursor.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
    // A client's own number is added to, and must not overflow.
    guard numbers.count == 5, numbers.allSatisfy({ (0...(1 << 53)).contains($0) }) else { return nil }
    self.init(head: numbers[0], lastCheckpoint: numbers[1])
    (seq, item, offset) = (numbers[2], numbers[3], numbers[4])
  }

  var cursor: String { "\(head).\(lastCheckpoint).\(seq).\(item).\(offset)" }
}

/// Writes the lines of one case.
struct ExportWriter {
  /// Bytes of one `bytes` line before coding.
  static let chunkBytes = 256 << 10
  private static let pieceBytes = 1 << 20

  let queries: TraceQueries
  let caseID: CaseID
  let publicKey: [UInt8]

  private enum Item {
    case bytes(SHA256Bytes)
    case event
    case checkpoint([UInt8])
  }

  /// Where an export of the case as it now stands begins. Throws `case.not_found`.
  func start() throws -> ExportPosition {
    let ref = try queries.reference(of: caseID)
    let head = try queries.source.statement("SELECT max(seq) FROM events WHERE case_ref = ?").first(.integer(ref)) {
      $0.integer(0) ?? 0
    }
    let last = try queries.source.statement("SELECT max(number) FROM checkpoints").first { $0.integer(0) ?? 0 }
    return ExportPosition(head: head ?? 0, lastCheckpoint: last ?? 0)
  }

  /// The next piece, and where the one after it begins; nil when this was the last.
  func piece(from position: ExportPosition, time: String) throws -> (bytes: [UInt8], next: ExportPosition?) {
    let ref = try queries.reference(of: caseID)
    let now = try start()
    guard position.head <= now.head, position.seq <= position.head, position.lastCheckpoint <= now.lastCheckpoint else {
      throw VPathError.strangeExportCursor
    }
    var position = position
    var piece: [UInt8] = []
    while position.seq <= position.head {
      let items = try position.seq == 0 ? [] : items(ref, position)
      guard let (line, next) = try line(ref, items, position, time: time) else {
        position.seq += 1
        (position.item, position.offset) = (0, 0)
        continue
      }
      if !piece.isEmpty && piece.count + line.count + 1 > Self.pieceBytes - 4_096 { return (piece, position) }
      piece += line
      piece.append(0x0A)
      position = next
    }
    let counts = try counts(position)
    piece += JSONValue.object(["end": .object(counts)]).canonicalBytes()
    piece.append(0x0A)
    return (piece, nil)
  }

  private func counts(_ position: ExportPosition) throws -> [String: JSONValue] {
    let checkpoints = try queries.source.statement(
      "SELECT count(*) FROM checkpoints WHERE case_id = ? AND number <= ? AND seq <= ?"
    ).first(.text(caseID.rawValue), .integer(position.lastCheckpoint), .integer(position.head)) { $0.integer(0) ?? 0 }
    return ["checkpoints": .number(Double(checkpoints ?? 0)), "events": .number(Double(position.head))]
  }

  /// The line at a position and the position after it; nil when the event has no more items.
  private func line(
    _ ref: Int, _ items: [Item], _ position: ExportPosition, time: String
  ) throws -> (line: [UInt8], next: ExportPosition)? {
    var next = position
    if position.seq == 0 {
      next.seq = 1
      var members = try counts(position)
      members["case"] = .string(caseID.rawValue)
      members["exportedAt"] = .string(time)
      members["format"] = .string(TraceFormat.name)
      members["publicKey"] = .string(hexText(publicKey))
      return (JSONValue.object(members).canonicalBytes(), next)
    }
    guard position.item < items.count else { return nil }
    switch items[position.item] {
    case .bytes(let hash):
      let (line, end) = try bytesLine(hash, offset: position.offset)
      next.offset = end ?? 0
      if end == nil { next.item += 1 }
      return (line, next)
    case .event:
      next.item += 1
      return (try eventLine(ref, position.seq), next)
    case .checkpoint(let line):
      next.item += 1
      let text = String(decoding: line, as: UTF8.self)
      return (JSONValue.object(["checkpoint": .string(text)]).canonicalBytes(), next)
    }
  }

  private func row(_ ref: Int, _ seq: Int) throws -> EventRow {
    let row = try queries.source.statement(
      "SELECT \(EventRow.columns) FROM events e WHERE e.case_ref = ? AND e.seq = ?"
    ).first(.integer(ref), .integer(seq)) { EventRow($0, caseID: caseID) }
    guard let row else { throw VPathError.damaged(caseID, seq: seq) }
    return row
  }

  /// What belongs to an event: the bytes that it is the first to refer to, itself, and its checkpoints.
  private func items(_ ref: Int, _ position: ExportPosition) throws -> [Item] {
    let row = try row(ref, position.seq)
    var items: [Item] = []
    let hashes = Set(row.kept + (row.payloadFile.map { [$0] } ?? [])).sorted(by: SHA256Bytes.precedes)
    for hash in hashes {
      let first = try queries.source.statement("SELECT min(seq) FROM byte_uses WHERE case_ref = ? AND hash = ?").first(
        .integer(ref), .digest(hash)
      ) { $0.integer(0) }
      if first == position.seq { items.append(.bytes(hash)) }
    }
    items.append(.event)
    let lines = try queries.source.statement(
      "SELECT line FROM checkpoints WHERE case_id = ? AND seq = ? AND number <= ? ORDER BY number"
    ).rows(.text(caseID.rawValue), .integer(position.seq), .integer(position.lastCheckpoint)) { $0.blob(0) }
    return items + lines.map { .checkpoint($0) }
  }

  /// A line of bytes from an offset, and where the next one begins; nil after the last.
  private func bytesLine(_ hash: SHA256Bytes, offset: Int) throws -> (line: [UInt8], end: Int?) {
    // A payload's file is not in kept_bytes, so its size is its file's.
    let stored = try queries.storedBytes(hash, offset: offset, count: Self.chunkBytes)
    guard let stored else { throw VPathError.damagedBytes(hash) }
    let line = JSONValue.object([
      "bytes": .object([
        "base64": .string(Base64.encode(stored.bytes)), "mediaType": .string(stored.mediaType),
        "offset": .number(Double(offset)), "sha256": .string(hash.hex), "size": .number(Double(stored.size)),
      ])
    ])
    let end = offset + stored.bytes.count
    return (line.canonicalBytes(), end < stored.size ? end : nil)
  }

  private func eventLine(_ ref: Int, _ seq: Int) throws -> [UInt8] {
    let row = try row(ref, seq)
    guard let header = row.header, let hash = row.hash else { throw VPathError.damaged(caseID, seq: seq) }
    let isErased = row.isErased
    let payload = isErased ? nil : row.payload
    let hasFile = !isErased && payload == nil
    return JSONValue.object([
      "event": .object([
        "bytes": .array(isErased ? [] : row.kept.map { .string($0.hex) }),
        "commitment": .string(header.commitment.hex), "hash": .string(hash.hex),
        "kept": header.keptCommitment.map { .string($0.hex) } ?? .null, "kind": .string(header.kind),
        "payload": payload.map { .string(String(decoding: $0, as: UTF8.self)) } ?? .null,
        "payloadSha256": hasFile ? row.payloadFile.map { .string($0.hex) } ?? .null : .null,
        "salt": isErased ? .null : row.salt.map { .string(hexText($0)) } ?? .null, "seq": .number(Double(seq)),
        "time": .string(header.time), "turn": header.turn.map { .string($0.rawValue) } ?? .null,
      ])
    ]).canonicalBytes()
  }
}

extension VPathError {
  static let strangeExportCursor = VPathError(
    .protocolParams, "The cursor was not given back by an earlier piece. Leave it out to begin the export.",
    subject: "cursor")
}

extension TraceQueries {
  /// Part of kept bytes or of a payload's file, unchecked, with its size and media type; nil when there is none.
  func storedBytes(_ hash: SHA256Bytes, offset: Int, count: Int) throws -> (
    bytes: [UInt8], size: Int, mediaType: String
  )? {
    let row = try source.statement("SELECT media_type, bytes FROM kept_bytes WHERE hash = ?").first(.digest(hash)) {
      (mediaType: $0.text(0), bytes: $0.blob(1))
    }
    let mediaType = row?.mediaType ?? "application/json"
    if let bytes = row?.bytes {
      let start = min(offset, bytes.count)
      return (Array(bytes[start..<(start + min(count, bytes.count - start))]), bytes.count, mediaType)
    }
    guard let size = try files.size(hash), let bytes = try files.read(hash, offset: offset, count: count) else {
      return nil
    }
    return (bytes, size, mediaType)
  }
}
