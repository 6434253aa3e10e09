// One run of verification over a state directory: the checkpoint log, then each case, then what is left over.
// What must stay true: rows are read from the table itself, in the index's order, so that neither can say something
// else than what a reader of the trace sees; beside a live daemon, every comparison is between things of one moment.

import Domain
import JSON

/// One run over a state directory.
final class DirectoryVerification {
  private let directory: ReadOnlyDirectory
  private var database: OfflineDatabase { directory.database }
  private let only: CaseID?
  private let publicKey: [UInt8]?
  private let checkpointFiles: [String]
  private let progress: (VerifyProgress) -> Bool
  private var report = VerifyReport()
  /// Kept bytes found right already, so that what many events share is hashed once.
  private var rightBytes: Set<SHA256Bytes> = []

  init(
    _ directory: ReadOnlyDirectory, case only: CaseID?, publicKey: [UInt8]?, checkpointFiles: [String],
    progress: @escaping (VerifyProgress) -> Bool
  ) {
    self.directory = directory
    self.only = only
    self.progress = progress
    self.checkpointFiles = checkpointFiles
    self.publicKey =
      publicKey
      ?? (try? readSmallFile("\(directory.path)/\(TraceFile.publicKey)", limit: 256)).flatMap { keyBytes($0) }
  }

  func run() throws -> VerifyReport {
    report.publicKey = publicKey.map { hexText($0) }
    guard try noting({ try hasOurSchema() }) ?? false else {
      if report.isOK {
        report.add(TraceFault(.databaseUnreadable, "The database's tables are not those of \(TraceFormat.name)."))
      }
      return report
    }
    if let fault = try noting({ try verifyLog() }) ?? nil { report.add(fault) }
    try noting { try verifyCases() }
    try noting { try database.transaction { try verifyRest() } }
    return report
  }

  /// Runs a part; what SQLite cannot read in it is a fault.
  @discardableResult
  private func noting<Result>(_ part: () throws -> Result) throws -> Result? {
    do {
      return try part()
    } catch let failure as SQLiteFailure {
      report.add(.unreadable(failure))
      return nil
    }
  }

  private func hasOurSchema() throws -> Bool {
    let strangers = try database.statement("SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index')")
      .first { $0.integer(0) }
    let format = try database.statement("SELECT value FROM meta WHERE key = 'format'").first { $0.text(0) }
    return strangers == 0 && format == TraceFormat.name
  }

  private func tell() throws {
    let state = VerifyProgress(cases: report.cases, events: report.events, checkpoints: report.checkpoints)
    guard progress(state) else { throw VPathError(.cancelled, "The verification was cancelled.") }
  }

  // MARK: The checkpoint log

  private func verifyLog() throws -> TraceFault? {
    guard let publicKey else {
      return TraceFault(.keyMissing, "There is no \(TraceFile.publicKey), and no other key was given.")
    }
    // What the files held before the database is looked at must be in the database; what they hold after must hold
    // all but the last commit of the database's entries.
    let comparison = try CheckpointComparison(
      own: "\(directory.path)/\(TraceFile.checkpoints)", further: checkpointFiles)
    return try database.transaction {
      let total = try database.statement("SELECT count(*) FROM checkpoints").first { $0.integer(0) ?? 0 } ?? 0
      var chain = CheckpointChain()
      var fault: TraceFault?
      try comparison.open()
      let rows = try database.statement("SELECT number, case_id, seq, line FROM checkpoints ORDER BY number")
      try rows.each([]) { row in
        let number = row.integer(0)
        let line = row.blob(3) ?? []
        if number != chain.number + 1 {
          fault = try comparison.missing(chain.number + 1)
          return false
        }
        let step = chain.follow(line, publicKey: publicKey) { [only] in only == nil || only == $0.caseID }
        fault = step.fault
        guard fault == nil, let entry = step.entry else { return false }
        if row.text(1) != entry.caseID.rawValue || row.integer(2) != entry.head.seq {
          fault = TraceFault(
            .checkpointOrder, caseID: entry.caseID, seq: entry.head.seq,
            "Entry \(entry.number) of the checkpoint log is filed under another case or seq.")
          return false
        }
        fault = try comparison.compare(line, entry)
        if only == nil || only == entry.caseID { report.checkpoints += 1 }
        if chain.number % 1_000 == 0 { try tell() }
        return fault == nil
      }
      if fault == nil { fault = try comparison.finish(after: total) }
      report.notes += comparison.notes
      return fault
    }
  }

  // MARK: Cases

  private struct CaseRow {
    var ref: Int
    var caseID: CaseID
    var listing: CaseListing
  }

  private func verifyCases() throws {
    let lastRef = try database.statement("SELECT max(id) FROM cases").first { $0.integer(0) ?? 0 } ?? 0
    if let only {
      let ref = try database.statement("SELECT id FROM cases WHERE case_id = ?").first(.text(only.rawValue)) {
        $0.integer(0)
      }
      if let ref = ref ?? nil {
        try verifyCase(ref)
      } else if try lastSigned(only) == nil {
        throw VPathError.noCase(only)
      }
      return
    }
    var ref: Int? = 0
    while let last = ref {
      ref =
        try database.statement("SELECT min(id) FROM cases WHERE id > ? AND id <= ?").first(
          .integer(last), .integer(lastRef)
        ) { $0.integer(0) } ?? nil
      if let ref { try verifyCase(ref) }
    }
  }

  /// Verifies one case on one state of the database. Beside a live daemon a fault is looked at a second time,
  /// because a redaction may have removed a file after that state.
  private func verifyCase(_ ref: Int) throws {
    let before = report
    for attempt in 1...2 {
      let fault = try database.transaction { try followCase(ref) }
      guard let fault else { return }
      if directory.isLive && attempt == 1 {
        report = before
        rightBytes = []
        continue
      }
      report.add(fault)
      return
    }
  }

  private func caseRow(_ ref: Int) throws -> CaseRow? {
    try database.statement("SELECT case_id, state, opened_at, changed_at, head FROM cases WHERE id = ?").first(
      .integer(ref)
    ) { row in
      var listing = CaseListing(first: row.text(2) ?? "")
      listing.state = row.text(1) ?? ""
      listing.changedAt = row.text(3) ?? ""
      listing.head = row.integer(4) ?? -1
      return CaseRow(ref: ref, caseID: CaseID(row.text(0) ?? ""), listing: listing)
    }
  }

  private static let caseEvents = """
    SELECT \(EventRow.columns), e.case_ref FROM events i INDEXED BY events_by_seq
    CROSS JOIN events e NOT INDEXED ON e.id = i.id
    WHERE i.case_ref = ?1 ORDER BY i.seq
    """

  private func followCase(_ ref: Int) throws -> TraceFault? {
    guard let row = try caseRow(ref) else { return nil }
    report.cases += 1
    var chain = ChainVerifier(caseID: row.caseID)
    do {
      var signed = try nextSigned(row.caseID, after: 0)
      var listings = CaseListings()
      var fault: TraceFault?
      try database.statement(Self.caseEvents).each([.integer(ref)]) { columns in
        let event = EventRow(columns, caseID: row.caseID)
        let isFiledRight = columns.integer(11) == ref
        fault = chain.follow(isFiledRight ? event.header : nil, seq: event.seq, hash: event.hash)
        guard fault == nil, let header = event.header else { return false }
        report.events += 1
        fault = try checkContent(event, header, &chain)
        if fault == nil, let head = signed, head.seq == header.seq {
          fault = chain.check(signed: head)
          signed = try nextSigned(row.caseID, after: head.seq)
        }
        try listings.note(header, stop: event.isErased ? nil : stop(event, header), isErased: event.isErased)
        if report.events % 1_000 == 0 { try tell() }
        return fault == nil
      }
      if let fault { return fault }
      if let fault = chain.checkEnd(signedSeq: signed?.seq ?? 0) { return fault }
      if let head = try lastSigned(row.caseID), head < chain.head.seq {
        report.notes.appendFew(
          "Case \(row.caseID): events \(head + 1) to \(chain.head.seq) are not signed yet; a cut there would not show.")
      } else if try lastSigned(row.caseID) == nil {
        report.notes.appendFew("Case \(row.caseID) is not signed yet; its removal would not show.")
      }
      return try listings.compare(row.caseID, row.listing, turns: turnRows(ref))
    } catch let failure as SQLiteFailure {
      return .unreadable(failure, caseID: row.caseID, seq: chain.head.seq + 1)
    }
  }

  /// Checks what an event commits to: its payload, the list of kept bytes, and those bytes.
  private func checkContent(
    _ event: EventRow, _ header: EventHeader, _ chain: inout ChainVerifier
  ) throws -> TraceFault? {
    guard !event.isErased, let salt = event.salt else {
      chain.noteErased()
      return nil
    }
    var hasher = SHA256Hasher()
    hasher.update(salt)
    if let payload = event.payload {
      hasher.update(payload)
    } else if let file = event.payloadFile {
      guard try directory.files.feed(file, to: &hasher) else { return .bytesMissing(header) }
      guard hasher.finalize() == header.commitment else { return .bytesAltered(header) }
    }
    let fault = chain.check(header, payload: hasher.finalize(), kept: Commitment.kept(event.kept, salt: salt))
    if let fault { return fault }
    for hash in event.kept {
      if let fault = try checkBytes(hash, header) { return fault }
    }
    if header.kind == EventKind.traceRedacted.rawValue { chain.noteRedaction(try payload(event)) }
    return nil
  }

  private func checkBytes(_ hash: SHA256Bytes, _ header: EventHeader) throws -> TraceFault? {
    if rightBytes.contains(hash) { return nil }
    let row = try database.statement("SELECT bytes FROM kept_bytes WHERE hash = ?").first(.digest(hash)) {
      (isNull: $0.isNull(0), bytes: $0.blob(0))
    }
    guard let row else { return .bytesMissing(header) }
    var hasher = SHA256Hasher()
    if row.isNull {
      guard try directory.files.feed(hash, to: &hasher) else { return .bytesMissing(header) }
    } else {
      hasher.update(row.bytes ?? [])
    }
    guard hasher.finalize() == hash else { return .bytesAltered(header) }
    if rightBytes.count >= 100_000 { rightBytes.removeAll(keepingCapacity: true) }
    rightBytes.insert(hash)
    return nil
  }

  private func stop(_ event: EventRow, _ header: EventHeader) throws -> String? {
    guard header.kind == EventKind.turnCompleted.rawValue else { return nil }
    return try payload(event)?["stop"]?.stringValue
  }

  private func payload(_ event: EventRow) throws -> JSONValue? {
    var bytes = event.payload
    if bytes == nil, let file = event.payloadFile {
      bytes = try directory.files.read(file, offset: 0, count: TraceFormat.maxPayloadBytes)
    }
    return bytes.flatMap { try? JSONValue.parse($0, limits: .payload) }
  }

  private func turnRows(_ ref: Int) throws -> [(turn: String, listing: TurnListing)] {
    try database.statement(
      "SELECT turn, state, stop, queued_at, first_seq, last_seq FROM turns WHERE case_ref = ? ORDER BY id"
    ).rows(.integer(ref)) { row in
      var listing = TurnListing(firstSeq: row.integer(4) ?? -1, time: row.text(3) ?? "")
      listing.state = row.text(1) ?? ""
      listing.stop = row.text(2)
      listing.lastSeq = row.integer(5) ?? -1
      return (row.text(0) ?? "", listing)
    }
  }

  // MARK: Checkpoints of one case

  /// The case's first signed head after a seq, as its entry's line says; lines that cannot be read are passed over,
  /// since the log's own check names them.
  private func nextSigned(_ caseID: CaseID, after seq: Int) throws -> ChainHead? {
    var last = seq
    while true {
      let row = try database.statement(
        "SELECT seq, line FROM checkpoints WHERE case_id = ? AND seq > ? ORDER BY seq, number LIMIT 1"
      ).first(.text(caseID.rawValue), .integer(last)) { (seq: $0.integer(0), line: $0.blob(1) ?? []) }
      guard let row, let seq = row.seq else { return nil }
      if let entry = Checkpoint(line: row.line), entry.caseID == caseID, entry.head.seq == seq { return entry.head }
      last = seq
    }
  }

  private func lastSigned(_ caseID: CaseID) throws -> Int? {
    try database.statement("SELECT max(seq) FROM checkpoints WHERE case_id = ?").first(.text(caseID.rawValue)) {
      $0.integer(0)
    } ?? nil
  }

  // MARK: What belongs to no case

  private func verifyRest() throws {
    let filter = only == nil ? "" : "AND case_id = ?1"
    let missing = try database.statement(
      """
      SELECT case_id, max(seq) FROM checkpoints WHERE case_id NOT IN (SELECT case_id FROM cases) \(filter)
      GROUP BY case_id ORDER BY min(number)
      """)
    try missing.each(only.map { [.text($0.rawValue)] } ?? []) { row in
      report.add(
        TraceFault(
          .caseMissing, caseID: row.text(0).map { CaseID($0) }, seq: row.integer(1),
          "The case was signed up to this seq, but it is not in the database."))
      return true
    }
    guard only == nil else { return }
    var ref: Int? = try database.statement("SELECT min(case_ref) FROM events").first { $0.integer(0) } ?? nil
    while let current = ref {
      let isKnown = try database.statement("SELECT 1 FROM cases WHERE id = ?").first(.integer(current)) { _ in true }
      if isKnown == nil {
        report.add(TraceFault(.eventStray, "There are events of a case that is not in the database."))
        return
      }
      ref =
        try database.statement("SELECT min(case_ref) FROM events WHERE case_ref > ?").first(.integer(current)) {
          $0.integer(0)
        } ?? nil
    }
  }
}

extension TraceFault {
  static func bytesMissing(_ header: EventHeader) -> TraceFault {
    TraceFault(.bytesMissing, caseID: header.caseID, seq: header.seq, "Bytes that the event refers to are gone.")
  }

  static func bytesAltered(_ header: EventHeader) -> TraceFault {
    TraceFault(
      .bytesAltered, caseID: header.caseID, seq: header.seq, "Bytes that the event refers to are not those kept.")
  }
}

extension [String] {
  /// Keeps a list of notes short.
  fileprivate mutating func appendFew(_ note: String) {
    if count < 20 { append(note) }
  }
}
