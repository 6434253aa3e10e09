// What a verification says. The words of `FaultKind` are part of the format: another verifier says the same ones.
// What must stay true: a word never changes its meaning; docs/trace-format.md lists each with how it comes about.

public import Domain

/// What is wrong, in one word.
public enum FaultKind: String, Sendable, Codable, Hashable, CaseIterable {
  /// An event is not there although a later one of its case is.
  case eventMissing = "event.missing"
  /// An event's header or stored hash does not follow from the event before it.
  case eventHash = "event.hash"
  /// A payload is not the one that was committed to.
  case eventPayload = "event.payload"
  /// A payload is gone and no `trace.redacted` event says so.
  case eventErased = "event.erased"
  /// The list of kept bytes is not the one that was committed to.
  case eventKept = "event.kept"
  /// Kept bytes that an event refers to are gone.
  case bytesMissing = "bytes.missing"
  /// Kept bytes that an event refers to are not the ones that were kept.
  case bytesAltered = "bytes.altered"
  /// A chain ends before a seq that was signed.
  case tailMissing = "tail.missing"
  /// An event's hash is not the one that was signed.
  case checkpointHead = "checkpoint.head"
  /// An entry of the checkpoint log is not signed by the key.
  case checkpointSignature = "checkpoint.signature"
  /// An entry of the checkpoint log does not follow from the one before it.
  case checkpointOrder = "checkpoint.order"
  /// The database lacks an entry of the checkpoint log that the file has: entries were deleted, or an older copy of
  /// the database was put in place.
  case checkpointMissing = "checkpoint.missing"
  /// The checkpoint file differs from the database's entries, or lacks more than the last commit of them.
  case checkpointFile = "checkpoint.file"
  /// A case that was signed is not in the database.
  case caseMissing = "case.missing"
  /// Events belong to a case that is not in the database.
  case eventStray = "event.stray"
  /// The list of cases or turns does not say what the events say.
  case listing = "listing"
  /// SQLite cannot read the database here.
  case databaseUnreadable = "database.unreadable"
  /// There is no database.
  case databaseMissing = "database.missing"
  /// There is no public key to check signatures with.
  case keyMissing = "key.missing"
  /// A line of an export is not of the format.
  case exportFormat = "export.format"
  /// An export ends before its end, or does not hold as much as it says.
  case exportIncomplete = "export.incomplete"
}

/// One thing that is wrong.
public struct TraceFault: Sendable, Hashable, Codable {
  /// The case, when one is concerned.
  public var caseID: CaseID?
  /// The event, when one is concerned.
  public var seq: Int?
  /// What is wrong.
  public var what: FaultKind
  /// The same in words, without patient data.
  public var message: String

  public init(_ what: FaultKind, caseID: CaseID? = nil, seq: Int? = nil, _ message: String) {
    self.caseID = caseID
    self.seq = seq
    self.what = what
    self.message = message
  }
}

/// What a verification found.
public struct VerifyReport: Sendable, Hashable, Codable {
  /// Chains read.
  public var cases = 0
  /// Events read.
  public var events = 0
  /// Entries of the checkpoint log whose signature was checked.
  public var checkpoints = 0
  /// What is wrong, in the order it was found: at most one of the checkpoint log, one a case, and 100 in all.
  public var faults: [TraceFault] = []
  /// What is not wrong but worth knowing, for instance events after the last signed one.
  public var notes: [String] = []
  /// The key signatures were checked with, 64 hexadecimal digits; compare it with the one you were given.
  public var publicKey: String?

  public init() {}

  /// Whether nothing is wrong.
  public var isOK: Bool { faults.isEmpty }
  /// The first thing that is wrong.
  public var fault: TraceFault? { faults.first }

  /// The first fault as an error, `trace.tampered`.
  public var error: VPathError? {
    guard let fault else { return nil }
    let place = [fault.caseID.map { "case \($0)" }, fault.seq.map { "event \($0)" }].compactMap { $0 }
    let prefix = place.isEmpty ? "" : place.joined(separator: ", ") + ": "
    return VPathError(
      .traceTampered, "\(prefix)\(fault.message) (\(fault.what.rawValue))", subject: fault.caseID?.rawValue)
  }

  mutating func add(_ fault: TraceFault) {
    if faults.count < 100 { faults.append(fault) }
  }
}

/// How far a verification has come.
public struct VerifyProgress: Sendable, Hashable {
  public var cases: Int
  public var events: Int
  public var checkpoints: Int
}
