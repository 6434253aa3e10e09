// Chains of events without any I/O: where each case's chain stands, and what the next event's row is.
// What must stay true: nothing counts until `commit`; `rollBack` puts every head back to where it was then, so a
// failed write leaves no gap and no fork. The live writer and the simulator use this same code.

public import Domain
import JSON

/// Where a chain stands.
public struct ChainHead: Sendable, Hashable {
  /// The last event's seq; 0 before the first.
  public var seq: Int
  /// The last event's hash; zeros before the first.
  public var hash: SHA256Bytes

  /// Before the first event.
  public static let empty = ChainHead(seq: 0, hash: .zero)

  public init(seq: Int, hash: SHA256Bytes) {
    self.seq = seq
    self.hash = hash
  }
}

/// An event with its salt and commitment, ready to be put into a chain.
public struct PreparedEvent: Sendable {
  public let event: NewEvent
  /// Canonical JSON of the payload.
  public let payload: [UInt8]
  public let salt: [UInt8]
  /// SHA-256(salt ‖ payload).
  public let commitment: SHA256Bytes
  /// Every string in the payload that has the form of a SHA-256, ascending, each once: what may be kept bytes.
  public let hashesNamed: [SHA256Bytes]

  /// Checks the event against the format's limits. Throws `protocol.params`.
  public init(_ event: NewEvent, salt: [UInt8]) throws(VPathError) {
    guard event.caseID.isWellFormed, event.turn?.isWellFormed ?? true else {
      throw VPathError(
        .protocolParams, "A case or turn id is not 1 to 64 characters of A-Z a-z 0-9 _ . -; nothing was recorded.")
    }
    precondition(salt.count == TraceFormat.saltBytes, "a salt has 32 bytes")
    var named: Set<SHA256Bytes> = []
    guard collectHashes(event.payload, depth: 1, into: &named) else {
      throw VPathError(
        .protocolParams,
        "A payload is nested deeper than \(TraceFormat.maxPayloadDepth), or has a number that JSON cannot carry; nothing was recorded.",
        subject: event.kind.rawValue)
    }
    let payload = event.payload.canonicalBytes()
    guard payload.count <= TraceFormat.maxPayloadBytes else {
      throw VPathError(
        .protocolParams,
        "A payload has \(payload.count) bytes; the limit is \(TraceFormat.maxPayloadBytes). Nothing was recorded.",
        subject: event.kind.rawValue)
    }
    self.event = event
    self.payload = payload
    self.salt = salt
    commitment = Commitment.payload(payload, salt: salt)
    hashesNamed = named.sorted(by: SHA256Bytes.precedes)
  }
}

/// Collects strings that have the form of a SHA-256; false when the value is nested too deep or has a number that
/// could not be read back: not finite, or written as an integer beyond 2^53.
private func collectHashes(_ value: JSONValue, depth: Int, into hashes: inout Set<SHA256Bytes>) -> Bool {
  guard depth <= TraceFormat.maxPayloadDepth else { return false }
  switch value {
  case .string(let text):
    if text.utf8.count == 64, let hash = SHA256Bytes(hex: text) { hashes.insert(hash) }
    return true
  case .array(let elements):
    return elements.allSatisfy { collectHashes($0, depth: depth + 1, into: &hashes) }
  case .object(let members):
    return members.values.allSatisfy { collectHashes($0, depth: depth + 1, into: &hashes) }
  case .number(let number):
    return number.isFinite && (abs(number) <= 9_007_199_254_740_992 || abs(number) >= 1e21)
  case .null, .bool:
    return true
  }
}

/// An event in its chain, as it is stored.
public struct SealedEvent: Sendable, Hashable {
  public var header: EventHeader
  public var hash: SHA256Bytes
  /// Nil after redaction.
  public var salt: [UInt8]?
  /// Canonical JSON; nil after redaction.
  public var payload: [UInt8]?
  /// Hashes of the kept bytes the payload refers to, ascending; empty after redaction.
  public var kept: [SHA256Bytes]

  public init(
    header: EventHeader, hash: SHA256Bytes, salt: [UInt8]?, payload: [UInt8]?, kept: [SHA256Bytes]
  ) {
    self.header = header
    self.hash = hash
    self.salt = salt
    self.payload = payload
    self.kept = kept
  }

  /// The event without what makes it readable; its place in the chain stays.
  public var redacted: SealedEvent {
    SealedEvent(header: header, hash: hash, salt: nil, payload: nil, kept: [])
  }
}

/// The heads of many chains.
public struct ChainLog: Sendable {
  private var heads = RevertibleDictionary<CaseID, ChainHead>()

  public init() {}

  /// How many heads are held.
  public var count: Int { heads.count }

  /// Where a chain stands; nil when this log was never told.
  public func head(of caseID: CaseID) -> ChainHead? { heads[caseID] }

  /// Tells the log where a chain stands, as read from storage.
  public mutating func load(_ caseID: CaseID, _ head: ChainHead) { heads[caseID] = head }

  /// Puts an event at the end of its chain. A chain the log was not told of starts empty. `kept` are those of the
  /// hashes the payload names whose bytes are kept, in the same order.
  public mutating func seal(
    _ prepared: PreparedEvent, time: String, kept: [SHA256Bytes] = []
  ) throws(VPathError) -> SealedEvent {
    let caseID = prepared.event.caseID
    let head = heads[caseID] ?? .empty
    let header = EventHeader(
      caseID: caseID, seq: head.seq + 1, turn: prepared.event.turn, kind: prepared.event.kind.rawValue, time: time,
      commitment: prepared.commitment, keptCommitment: Commitment.kept(kept, salt: prepared.salt))
    guard let hash = header.hash(after: head.hash) else {
      throw VPathError(.internalBug, "The clock gave a time that is not RFC 3339; nothing was recorded.")
    }
    heads[caseID] = ChainHead(seq: header.seq, hash: hash)
    return SealedEvent(header: header, hash: hash, salt: prepared.salt, payload: prepared.payload, kept: kept)
  }

  /// Everything sealed since the last commit is stored.
  public mutating func commit() { heads.commit() }

  /// Nothing sealed since the last commit is stored.
  public mutating func rollBack() { heads.rollBack() }
}
