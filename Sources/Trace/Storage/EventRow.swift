// One row of the table `events`, as it stands, which in a database that was tampered with may be anything.
// What must stay true: a column of another type than the schema's reads as absent; nothing here traps.

import Domain

/// A row of `events`.
struct EventRow {
  /// The columns in the order `init` reads them; the table is to be named `e`.
  static let columns =
    "e.seq, e.turn, e.kind, e.time, e.commitment, e.kept_commitment, e.hash, e.salt, e.kept, e.payload_file, e.payload"

  var seq: Int?
  /// Nil when a field of the header cannot be read.
  var header: EventHeader?
  var hash: SHA256Bytes?
  var salt: [UInt8]?
  var kept: [SHA256Bytes]
  var payloadFile: SHA256Bytes?
  var payload: [UInt8]?

  /// Reads the columns of `columns`.
  init(_ row: borrowing SQLRow, caseID: CaseID) {
    seq = row.integer(0)
    hash = row.digest(6)
    salt = row.blob(7)
    kept = EventRow.hashes(row.blob(8))
    payloadFile = row.digest(9)
    payload = row.blob(10)
    guard let seq, let kind = row.text(2), let time = row.text(3), let commitment = row.digest(4),
      row.isNull(1) || row.text(1) != nil, row.isNull(5) || row.digest(5) != nil
    else { return }
    header = EventHeader(
      caseID: caseID, seq: seq, turn: row.text(1).map { TurnID($0) }, kind: kind, time: time, commitment: commitment,
      keptCommitment: row.digest(5))
  }

  /// Whether the payload can no longer be read.
  var isErased: Bool { salt == nil || (payload == nil && payloadFile == nil) }

  /// The hashes in a column that holds 32 bytes for each; none when its length is no multiple of that.
  static func hashes(_ bytes: [UInt8]?) -> [SHA256Bytes] {
    guard let bytes, bytes.count % 32 == 0 else { return [] }
    return stride(from: 0, to: bytes.count, by: 32).compactMap { SHA256Bytes([UInt8](bytes[$0..<$0 + 32])) }
  }
}
