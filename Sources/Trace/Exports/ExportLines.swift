// The lines of an export, read one after another or again from a known place.
// What must stay true: a line that is not of the format is nil and never a trap; memory is one line.

import Domain
import Glibc
import JSON

/// One line of an export.
enum ExportLine {
  struct Start {
    var caseID: CaseID
    var publicKey: [UInt8]
    var counts: Counts
    var exportedAt: String
  }

  struct Counts: Hashable {
    var events: Int
    var checkpoints: Int
  }

  struct Chunk {
    var hash: SHA256Bytes
    var mediaType: String
    var offset: Int
    var size: Int
    var bytes: [UInt8]
  }

  case start(Start)
  case chunk(Chunk)
  case event(seq: Int?, EventRow)
  case checkpoint([UInt8])
  case end(Counts)

  /// Reads a line; `caseID` is the file's.
  init?(_ line: [UInt8], caseID: CaseID) {
    guard let value = try? JSONValue.parse(line, limits: .exportLine) else { return nil }
    if let chunk = value["bytes"] {
      guard let parsed = Chunk(chunk) else { return nil }
      self = .chunk(parsed)
    } else if let event = value["event"] {
      self = .event(seq: event["seq"]?.integerValue, EventRow(exported: event, caseID: caseID))
    } else if let checkpoint = value["checkpoint"]?.stringValue {
      self = .checkpoint(Array(checkpoint.utf8))
    } else if let end = value["end"], let counts = Counts(end) {
      self = .end(counts)
    } else if value["format"]?.stringValue == TraceFormat.name, let start = Start(value) {
      self = .start(start)
    } else {
      return nil
    }
  }
}

extension ExportLine.Start {
  fileprivate init?(_ value: JSONValue) {
    guard let caseID = value["case"]?.stringValue.map({ CaseID($0) }), caseID.isWellFormed,
      let publicKey = value["publicKey"]?.stringValue.flatMap({ bytesFromHex($0) }), publicKey.count == 32,
      let counts = ExportLine.Counts(value), let exportedAt = value["exportedAt"]?.stringValue
    else { return nil }
    self.init(caseID: caseID, publicKey: publicKey, counts: counts, exportedAt: exportedAt)
  }
}

extension ExportLine.Counts {
  fileprivate init?(_ value: JSONValue) {
    guard let events = value["events"]?.integerValue, let checkpoints = value["checkpoints"]?.integerValue else {
      return nil
    }
    self.init(events: events, checkpoints: checkpoints)
  }
}

extension ExportLine.Chunk {
  fileprivate init?(_ value: JSONValue) {
    guard let hash = value["sha256"]?.stringValue.flatMap(SHA256Bytes.init(hex:)),
      let mediaType = value["mediaType"]?.stringValue, let offset = value["offset"]?.integerValue, offset >= 0,
      let size = value["size"]?.integerValue, size >= 0,
      let bytes = value["base64"]?.stringValue.flatMap({ Base64.decode($0) }), offset + bytes.count <= size,
      !bytes.isEmpty || size == 0
    else { return nil }
    self.init(hash: hash, mediaType: mediaType, offset: offset, size: size, bytes: bytes)
  }
}

extension EventRow {
  /// Reads an exported event; what cannot be read of it is nil.
  init(exported value: JSONValue, caseID: CaseID) {
    func digest(_ key: String) -> SHA256Bytes? { value[key]?.stringValue.flatMap(SHA256Bytes.init(hex:)) }
    func isMissing(_ key: String) -> Bool { value[key] == nil || value[key] == .null }
    seq = value["seq"]?.integerValue
    hash = digest("hash")
    salt = value["salt"]?.stringValue.flatMap { bytesFromHex($0) }
    let hashes = (value["bytes"]?.arrayValue ?? []).map { $0.stringValue.flatMap(SHA256Bytes.init(hex:)) }
    kept = hashes.contains(nil) ? [] : hashes.compactMap { $0 }
    payloadFile = digest("payloadSha256")
    payload = value["payload"]?.stringValue.map { Array($0.utf8) }
    guard let seq, let kind = value["kind"]?.stringValue, let time = value["time"]?.stringValue,
      let commitment = digest("commitment"), isMissing("turn") || value["turn"]?.stringValue != nil,
      isMissing("kept") || digest("kept") != nil
    else { return }
    header = EventHeader(
      caseID: caseID, seq: seq, turn: value["turn"]?.stringValue.map { TurnID($0) }, kind: kind, time: time,
      commitment: commitment, keptCommitment: digest("kept"))
  }
}

extension JSONLimits {
  /// Far above the longest line an export has.
  static let exportLine = JSONLimits(maxBytes: 4 << 20, maxDepth: 8, maxValues: 20_000)
}

/// An export's lines.
struct ExportLines: ~Copyable {
  private let file: OpenFile
  private var buffer: [UInt8] = []
  private var start = 0
  private var readTo = 0
  /// Where in the file the line given last begins.
  private(set) var lineStart = 0
  /// Where in the file the next line begins.
  private(set) var position = 0

  init(path: String) throws(FileFailure) {
    let opened = try OpenFile(path, O_RDONLY)
    guard opened.isRegular() else { throw FileFailure("open", path, code: EINVAL) }
    file = opened
  }

  /// The next line without its break, or nil at the end; a last line without a break counts. A line that is longer
  /// than any of the format comes empty.
  mutating func next() throws(FileFailure) -> [UInt8]? {
    while true {
      if let end = buffer[start...].firstIndex(of: 0x0A) { return take(to: end, skip: 1) }
      if buffer.count - start > JSONLimits.exportLine.maxBytes {
        buffer.removeAll()
        start = 0
        lineStart = position
        position = readTo
        return []
      }
      buffer.removeSubrange(..<start)
      start = 0
      let piece = try file.read(at: readTo, count: 1 << 18)
      if piece.isEmpty { return buffer.isEmpty ? nil : take(to: buffer.count, skip: 0) }
      readTo += piece.count
      buffer += piece
    }
  }

  /// Goes on from a place where a line begins.
  mutating func seek(to place: Int) {
    buffer.removeAll(keepingCapacity: true)
    start = 0
    readTo = place
    position = place
  }

  private mutating func take(to end: Int, skip: Int) -> [UInt8] {
    let line = Array(buffer[start..<end])
    lineStart = position
    position += end + skip - start
    start = end + skip
    return line
  }
}
