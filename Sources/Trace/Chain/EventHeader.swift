// The part of an event that its hash covers directly: who, where in the chain, what, when, and what it commits to.
// What must stay true: the canonical bytes are RFC 8785 and can be written by hand because every field is checked
// to need no escape; a header whose field is not well formed has no bytes and so no hash.

public import Domain

/// An event's header.
public struct EventHeader: Sendable, Hashable {
  public var caseID: CaseID
  public var seq: Int
  public var turn: TurnID?
  /// An event kind's word; kept as text so that a changed one can be read.
  public var kind: String
  /// RFC 3339.
  public var time: String
  /// SHA-256(salt ‖ payload).
  public var commitment: SHA256Bytes
  /// SHA-256(tag ‖ salt ‖ hashes) of the kept bytes the payload refers to; nil when it refers to none.
  public var keptCommitment: SHA256Bytes?

  public init(
    caseID: CaseID, seq: Int, turn: TurnID?, kind: String, time: String, commitment: SHA256Bytes,
    keptCommitment: SHA256Bytes?
  ) {
    self.caseID = caseID
    self.seq = seq
    self.turn = turn
    self.kind = kind
    self.time = time
    self.commitment = commitment
    self.keptCommitment = keptCommitment
  }

  /// The canonical JSON of the header; nil when a field is not well formed.
  public func canonicalBytes() -> [UInt8]? {
    guard seq > 0, caseID.isWellFormed, turn?.isWellFormed ?? true, isKindWord(kind), isTimeText(time) else {
      return nil
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(384)
    bytes += #"{"case":""#.utf8
    bytes += caseID.rawValue.utf8
    bytes += #"","commitment":""#.utf8
    commitment.appendHex(to: &bytes)
    bytes += #"","kept":"#.utf8
    if let keptCommitment {
      bytes.append(0x22)
      keptCommitment.appendHex(to: &bytes)
      bytes.append(0x22)
    } else {
      bytes += "null".utf8
    }
    bytes += #","kind":""#.utf8
    bytes += kind.utf8
    bytes += #"","seq":"#.utf8
    bytes += String(seq).utf8
    bytes += #","time":""#.utf8
    bytes += time.utf8
    bytes += #"","turn":"#.utf8
    if let turn {
      bytes.append(0x22)
      bytes += turn.rawValue.utf8
      bytes += #""}"#.utf8
    } else {
      bytes += "null}".utf8
    }
    return bytes
  }

  /// The event's hash after the one before it; nil when a field is not well formed.
  public func hash(after previous: SHA256Bytes) -> SHA256Bytes? {
    guard let header = canonicalBytes() else { return nil }
    var hasher = SHA256Hasher()
    hasher.update(TraceFormat.eventTag)
    hasher.update(previous)
    hasher.update(header)
    return hasher.finalize()
  }
}

/// Whether the text is 1 to 64 of `a-z _ .`.
func isKindWord(_ text: String) -> Bool {
  (1...64).contains(text.utf8.count)
    && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x5F || $0 == 0x2E }
}

/// Whether the text is 20 to 40 characters that RFC 3339 uses.
func isTimeText(_ text: String) -> Bool {
  (20...40).contains(text.utf8.count)
    && text.utf8.allSatisfy {
      (0x30...0x3A).contains($0) || $0 == 0x54 || $0 == 0x5A || $0 == 0x2D || $0 == 0x2E || $0 == 0x2B
    }
}

/// The salted commitments that a header carries.
enum Commitment {
  static func payload(_ payload: [UInt8], salt: [UInt8]) -> SHA256Bytes { SHA256Bytes(of: salt, payload) }

  /// Over the hashes in ascending order, each once; nil for none.
  static func kept(_ hashes: [SHA256Bytes], salt: [UInt8]) -> SHA256Bytes? {
    guard !hashes.isEmpty else { return nil }
    var hasher = SHA256Hasher()
    hasher.update(TraceFormat.keptTag)
    hasher.update(salt)
    for hash in hashes { hasher.update(hash) }
    return hasher.finalize()
  }
}
