// An exported case, read without importing it: an index of where things are in the file, and reads from there.
// What must stay true: the index holds numbers, not contents; an event or bytes that are given back were compared
// with their commitment or hash.

import Domain
import JSON
import Ports

/// The contents of an export. `@unchecked`: it does not change after `init`.
final class ExportContents: ArchiveContents, @unchecked Sendable {
  private struct Bytes {
    var size: Int
    /// Where the lines begin, with the offset of each in the bytes.
    var lines: [(place: Int, offset: Int)] = []
  }

  private let path: String
  private let summary: CaseSummary
  private let turnList: [TurnSummary]
  /// Where event `seq` begins, at `seq - 1`.
  private let eventPlaces: [Int]
  private let kept: [SHA256Bytes: Bytes]

  /// Reads the file once to find where things are. Throws `trace.tampered` for a line that is not of the format.
  init(path: String) throws {
    self.path = path
    var lines = try ExportLines(path: path)
    guard let first = try lines.next(), case .start(let start) = ExportLine(first, caseID: CaseID("")) else {
      throw VPathError.notAnExport
    }
    var listings = CaseListings()
    var places: [Int] = []
    var kept: [SHA256Bytes: Bytes] = [:]
    while let line = try lines.next() {
      switch ExportLine(line, caseID: start.caseID) {
      case .event(_, let event):
        guard let header = event.header, header.seq == places.count + 1 else { throw VPathError.notAnExport }
        let stop = event.payload.flatMap { try? JSONValue.parse($0, limits: .payload) }?["stop"]?.stringValue
        listings.note(header, stop: stop, isErased: event.isErased)
        places.append(lines.lineStart)
      case .chunk(let chunk):
        kept[chunk.hash, default: Bytes(size: chunk.size)].lines.append((lines.lineStart, chunk.offset))
      case .checkpoint, .end: break
      case .start, nil: throw VPathError.notAnExport
      }
    }
    guard let listed = listings.caseListing else { throw VPathError.notAnExport }
    summary = CaseSummary(
      caseID: start.caseID, head: listed.head, openedAt: listed.openedAt, changedAt: listed.changedAt,
      state: listed.state)
    turnList = listings.turns.sorted { $0.value.firstSeq > $1.value.firstSeq }.map { turn, listing in
      TurnSummary(
        turn: TurnID(turn), caseID: start.caseID, state: listing.state, stop: listing.stop,
        queuedAt: listing.queuedAt, firstSeq: listing.firstSeq, lastSeq: listing.lastSeq)
    }
    eventPlaces = places
    self.kept = kept
  }

  func events(of caseID: CaseID, turn: TurnID?, after seq: Int, limit: Int) throws -> [Event] {
    guard caseID == summary.caseID else { throw VPathError.noCase(caseID) }
    var events: [Event] = []
    var lines = try ExportLines(path: path)
    guard seq >= 0, seq < eventPlaces.count else { return [] }
    for place in eventPlaces[seq...] {
      lines.seek(to: place)
      guard let line = try lines.next(), case .event(_, let row) = ExportLine(line, caseID: caseID),
        let header = row.header, let hash = row.hash, let kind = EventKind(rawValue: header.kind)
      else { throw VPathError.notAnExport }
      if turn != nil && header.turn != turn { continue }
      events.append(
        Event(
          caseID: caseID, seq: header.seq, turn: header.turn, kind: kind, time: header.time,
          payload: try payload(row, header), hash: hash.name))
      if events.count == limit { break }
    }
    return events
  }

  private func payload(_ row: EventRow, _ header: EventHeader) throws -> JSONValue {
    guard !row.isErased, let salt = row.salt else { return .null }
    var bytes = row.payload
    if bytes == nil, let hash = row.payloadFile {
      bytes = try self.bytes(hash, offset: 0, count: TraceFormat.maxPayloadBytes)
    }
    guard let bytes, Commitment.payload(bytes, salt: salt) == header.commitment,
      let payload = try? JSONValue.parse(bytes, limits: .payload)
    else { throw VPathError.damaged(header.caseID, seq: header.seq) }
    return payload
  }

  func size(of hash: SHA256Bytes) -> Int? { kept[hash]?.size }

  func bytes(_ hash: SHA256Bytes, offset: Int, count: Int) throws -> [UInt8]? {
    guard let stored = kept[hash] else { return nil }
    guard offset < stored.size, count > 0 else { return [] }
    let end = offset + min(count, stored.size - offset)
    var bytes: [UInt8] = []
    var lines = try ExportLines(path: path)
    for (place, lineOffset) in stored.lines where lineOffset < end && lineOffset + ExportWriter.chunkBytes > offset {
      lines.seek(to: place)
      guard let line = try lines.next(), case .chunk(let chunk) = ExportLine(line, caseID: summary.caseID) else {
        throw VPathError.notAnExport
      }
      let from = max(0, offset - lineOffset)
      let to = min(chunk.bytes.count, end - lineOffset)
      if from < to { bytes += chunk.bytes[from..<to] }
    }
    guard bytes.count == end - offset, offset > 0 || end < stored.size || SHA256Bytes(of: bytes) == hash else {
      throw VPathError.damagedBytes(hash)
    }
    return bytes
  }

  func cases(limit: Int, cursor: String?) -> (cases: [CaseSummary], next: String?) { ([summary], nil) }

  func turns(of caseID: CaseID?, limit: Int, cursor: String?) throws -> (turns: [TurnSummary], next: String?) {
    if let caseID, caseID != summary.caseID { throw VPathError.noCase(caseID) }
    let start = cursor.flatMap { Int($0) } ?? 0
    guard start >= 0, start < turnList.count else { return ([], nil) }
    let end = min(start + limit, turnList.count)
    return (Array(turnList[start..<end]), end < turnList.count ? String(end) : nil)
  }

  func turn(_ turn: TurnID) -> TurnSummary? { turnList.first { $0.turn == turn } }
}

extension VPathError {
  fileprivate static let notAnExport = VPathError(
    .traceTampered, "The file is not an export of the format \(TraceFormat.name), or was changed. Run verify on it.")
}
