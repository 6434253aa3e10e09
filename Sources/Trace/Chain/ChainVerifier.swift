// Checks one chain, event by event, without any I/O: the same checks for a database, an export and the simulator.
// What must stay true: after the first fault nothing more is asked of the chain; the checks on one event come in the
// order seq, hash, payload, kept list, kept bytes, checkpoint, so that every verifier names the same fault. An erased
// payload is judged at the chain's end, since the event that records the erasure comes later.

public import Domain
import JSON

/// Follows one chain from its first event.
public struct ChainVerifier: Sendable {
  /// The case whose chain it is.
  public let caseID: CaseID
  /// The last event that was right.
  public private(set) var head = ChainHead.empty
  /// Events without a payload that no `trace.redacted` event has named yet.
  private var unexplained: Set<Int> = []

  public init(caseID: CaseID) { self.caseID = caseID }

  /// Checks the next event's place and hash. What could not be read of it is nil.
  public mutating func follow(_ header: EventHeader?, seq: Int?, hash: SHA256Bytes?) -> TraceFault? {
    let expected = head.seq + 1
    if let seq, seq > expected {
      return TraceFault(
        .eventMissing, caseID: caseID, seq: expected, "The event is not there; the next one has seq \(seq).")
    }
    guard let header, let hash, header.seq == expected, header.caseID == caseID,
      header.hash(after: head.hash) == hash
    else {
      return TraceFault(
        .eventHash, caseID: caseID, seq: expected,
        "The event's header or hash does not follow from the event before it.")
    }
    head = ChainHead(seq: expected, hash: hash)
    return nil
  }

  /// The event just followed has no payload any more.
  public mutating func noteErased() { unexplained.insert(head.seq) }

  /// Checks what the event just followed commits to: `payload` and `kept` are the commitments to what is stored.
  public func check(_ header: EventHeader, payload: SHA256Bytes, kept: SHA256Bytes?) -> TraceFault? {
    guard payload == header.commitment else {
      return TraceFault(
        .eventPayload, caseID: caseID, seq: header.seq, "The payload is not the one that was recorded.")
    }
    guard kept == header.keptCommitment else {
      return TraceFault(
        .eventKept, caseID: caseID, seq: header.seq, "The list of kept bytes is not the one that was recorded.")
    }
    return nil
  }

  /// The event just followed is `trace.redacted`, with this payload, which was checked.
  mutating func noteRedaction(_ payload: JSONValue?) {
    for seq in payload?["seqs"]?.arrayValue ?? [] {
      if let seq = seq.integerValue, seq < head.seq { unexplained.remove(seq) }
    }
  }

  /// Checks a signed head whose seq is the last one followed.
  public func check(signed: ChainHead) -> TraceFault? {
    guard signed.seq == head.seq, signed.hash == head.hash else {
      return TraceFault(
        .checkpointHead, caseID: caseID, seq: signed.seq, "The event is not the one that was signed.")
    }
    return nil
  }

  /// Checks, at the chain's end, that nothing signed lies beyond it, and that every erased payload is explained.
  public func checkEnd(signedSeq: Int) -> TraceFault? {
    if signedSeq > head.seq {
      return TraceFault(
        .tailMissing, caseID: caseID, seq: head.seq + 1,
        "The chain ends at seq \(head.seq), but seq \(signedSeq) was signed.")
    }
    guard let first = unexplained.min() else { return nil }
    return TraceFault(
      .eventErased, caseID: caseID, seq: first, "The payload is gone, and no trace.redacted event says so.")
  }

  /// Checks a whole stored event, when its payload is in memory; the bytes it refers to are the caller's to check.
  public mutating func check(_ event: SealedEvent) -> TraceFault? {
    if let fault = follow(event.header, seq: event.header.seq, hash: event.hash) { return fault }
    guard let payload = event.payload, let salt = event.salt else {
      noteErased()
      return nil
    }
    if event.header.kind == EventKind.traceRedacted.rawValue {
      noteRedaction(try? JSONValue.parse(payload, limits: .payload))
    }
    return check(
      event.header, payload: Commitment.payload(payload, salt: salt), kept: Commitment.kept(event.kept, salt: salt))
  }
}
