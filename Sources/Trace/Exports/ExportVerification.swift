// Verification of an export, which holds everything that is needed for it but trust in the key.
// What must stay true: the checks on an event are those of a state directory, in the same order, with the same words.

public import Domain
import JSON

extension TraceVerifier {
  /// Verifies an exported case. Blocks the caller. `publicKey` is the key the auditor was given; without it the key
  /// in the export is believed. Throws `trace.write_failed` when the file cannot be read, `cancelled` when `progress`
  /// said so; everything that is wrong with the export is in the report.
  public static func verify(
    export path: String, publicKey: [UInt8]? = nil, progress: (VerifyProgress) -> Bool = { _ in true }
  ) throws(VPathError) -> VerifyReport {
    do {
      var verification = try ExportVerification(path: path, publicKey: publicKey)
      return try verification.run(progress)
    } catch {
      throw VPathError(readFailure: error)
    }
  }
}

/// One run over an export.
private struct ExportVerification: ~Copyable {
  private let path: String
  private var lines: ExportLines
  private let givenKey: [UInt8]?
  private var report = VerifyReport()

  private var start: ExportLine.Start?
  private var chain = ChainVerifier(caseID: CaseID(""))
  private var publicKey: [UInt8] = []
  /// Bytes seen so far: whether they are those of their hash.
  private var isRight: [SHA256Bytes: Bool] = [:]
  /// Bytes of which more is to come.
  private var open: (hash: SHA256Bytes, size: Int, end: Int, hasher: SHA256Hasher)?
  /// Where the lines of each piece of bytes begin.
  private var places: [SHA256Bytes: [Int]] = [:]
  private var lastNumber = 0
  private var signedBeyond = 0
  private var lastSigned = 0
  private var end: ExportLine.Counts?

  init(path: String, publicKey: [UInt8]?) throws(FileFailure) {
    self.path = path
    lines = try ExportLines(path: path)
    givenKey = publicKey
  }

  mutating func run(_ progress: (VerifyProgress) -> Bool) throws -> VerifyReport {
    if let fault = try follow(progress) ?? finish() { report.add(fault) }
    if report.isOK, let caseID = start?.caseID, lastSigned < chain.head.seq {
      report.notes.append("Case \(caseID): events \(lastSigned + 1) to \(chain.head.seq) are not signed.")
    }
    return report
  }

  private mutating func follow(_ progress: (VerifyProgress) -> Bool) throws -> TraceFault? {
    while let line = try lines.next() {
      guard end == nil, let line = ExportLine(line, caseID: chain.caseID) else { return malformed() }
      if let fault = try take(line) { return fault }
      if report.events % 1_000 == 0 {
        let state = VerifyProgress(cases: report.cases, events: report.events, checkpoints: report.checkpoints)
        guard progress(state) else { throw VPathError(.cancelled, "The verification was cancelled.") }
      }
    }
    return nil
  }

  private mutating func take(_ line: ExportLine) throws -> TraceFault? {
    if case .start(let found) = line {
      guard start == nil else { return malformed() }
      start = found
      chain = ChainVerifier(caseID: found.caseID)
      publicKey = givenKey ?? found.publicKey
      report.publicKey = hexText(publicKey)
      report.cases = 1
      return nil
    }
    guard start != nil else { return malformed() }
    switch line {
    case .start: return nil
    case .chunk(let chunk): return take(chunk)
    case .event(let seq, let event): return try take(event, seq: seq)
    case .checkpoint(let line): return takeCheckpoint(line)
    case .end(let counts):
      end = counts
      return nil
    }
  }

  private func malformed() -> TraceFault {
    TraceFault(
      .exportFormat, caseID: start?.caseID, seq: start == nil ? nil : chain.head.seq + 1,
      "A line is not of the format \(TraceFormat.name) or not in its place.")
  }

  private mutating func take(_ chunk: ExportLine.Chunk) -> TraceFault? {
    var hasher = SHA256Hasher()
    if let open {
      guard chunk.hash == open.hash, chunk.size == open.size, chunk.offset == open.end else { return malformed() }
      hasher = open.hasher
    } else {
      guard chunk.offset == 0 else { return malformed() }
    }
    hasher.update(chunk.bytes)
    places[chunk.hash, default: []].append(lines.lineStart)
    let end = chunk.offset + chunk.bytes.count
    if end < chunk.size {
      open = (chunk.hash, chunk.size, end, hasher)
    } else {
      open = nil
      isRight[chunk.hash] = hasher.finalize() == chunk.hash
    }
    return nil
  }

  private mutating func take(_ event: EventRow, seq: Int?) throws -> TraceFault? {
    guard open == nil else { return malformed() }
    if let fault = chain.follow(event.header, seq: seq, hash: event.hash) { return fault }
    guard let header = event.header else { return malformed() }
    report.events += 1
    if let fault = try checkContent(event, header) { return fault }
    return nil
  }

  private mutating func checkContent(_ event: EventRow, _ header: EventHeader) throws -> TraceFault? {
    guard !event.isErased, let salt = event.salt else {
      chain.noteErased()
      return nil
    }
    var hasher = SHA256Hasher()
    hasher.update(salt)
    if let payload = event.payload {
      hasher.update(payload)
    } else if let hash = event.payloadFile {
      guard let isRight = isRight[hash] else { return .bytesMissing(header) }
      guard isRight, try eachChunk(of: hash, { hasher.update($0) }), hasher.finalize() == header.commitment else {
        return .bytesAltered(header)
      }
    }
    let fault = chain.check(header, payload: hasher.finalize(), kept: Commitment.kept(event.kept, salt: salt))
    if let fault { return fault }
    for hash in event.kept {
      guard let isRight = isRight[hash] else { return .bytesMissing(header) }
      guard isRight else { return .bytesAltered(header) }
    }
    if header.kind == EventKind.traceRedacted.rawValue { chain.noteRedaction(try payload(event)) }
    return nil
  }

  private func payload(_ event: EventRow) throws -> JSONValue? {
    var bytes = event.payload
    if bytes == nil, let hash = event.payloadFile {
      bytes = []
      try eachChunk(of: hash) { bytes? += $0 }
    }
    return bytes.flatMap { try? JSONValue.parse($0, limits: .payload) }
  }

  /// Reads large bytes again, which came before the salt was known; false when they are not there.
  @discardableResult
  private func eachChunk(of hash: SHA256Bytes, _ body: ([UInt8]) -> Void) throws -> Bool {
    guard let places = places[hash] else { return false }
    var lines = try ExportLines(path: path)
    for place in places {
      lines.seek(to: place)
      guard let line = try lines.next(), case .chunk(let chunk) = ExportLine(line, caseID: chain.caseID) else {
        return false
      }
      body(chunk.bytes)
    }
    return true
  }

  private mutating func takeCheckpoint(_ line: [UInt8]) -> TraceFault? {
    guard let entry = Checkpoint(line: line) else {
      return TraceFault(.checkpointOrder, caseID: chain.caseID, seq: nil, "A checkpoint cannot be read.")
    }
    guard entry.isSigned(by: publicKey) else {
      return TraceFault(
        .checkpointSignature, caseID: chain.caseID, seq: entry.head.seq, "A checkpoint is not signed by the key.")
    }
    guard entry.caseID == chain.caseID, entry.number > lastNumber, entry.head.seq >= chain.head.seq else {
      return TraceFault(
        .checkpointOrder, caseID: chain.caseID, seq: entry.head.seq, "A checkpoint is not in its place.")
    }
    lastNumber = entry.number
    report.checkpoints += 1
    if entry.head.seq > chain.head.seq {
      signedBeyond = max(signedBeyond, entry.head.seq)
      return nil
    }
    lastSigned = entry.head.seq
    return chain.check(signed: entry.head)
  }

  private func finish() -> TraceFault? {
    guard let start else { return TraceFault(.exportFormat, "The file does not begin as an export does.") }
    if let fault = chain.checkEnd(signedSeq: signedBeyond) { return fault }
    let found = ExportLine.Counts(events: report.events, checkpoints: report.checkpoints)
    guard end == found, start.counts == found else {
      return TraceFault(
        .exportIncomplete, caseID: start.caseID, seq: chain.head.seq + 1,
        "The export ends early, or does not hold the events and checkpoints it says it holds.")
    }
    return nil
  }
}
