// Checks one chain, event by event, without any I/O: the same checks for a database, an export and the simulator.
// What must stay true: after the first fault nothing more is asked of the chain; the order of the checks on one
// event is seq, hash, payload, kept list, checkpoint, so that every verifier names the same fault.

public import Domain

/// What is left of an event's payload.
public enum PayloadState: Sendable, Hashable {
  /// The payload's salted commitment, computed from what is stored.
  case present(commitment: SHA256Bytes)
  /// Erased; whether a `trace.redacted` event of this chain says so.
  case erased(isRecorded: Bool)
}

/// Follows one chain from its first event.
public struct ChainVerifier: Sendable {
  /// The case whose chain it is.
  public let caseID: CaseID
  /// The last event that was right.
  public private(set) var head = ChainHead.empty

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

  /// Checks what the event just followed commits to. `kept` is the commitment to the stored list of kept bytes.
  public func check(_ header: EventHeader, payload: PayloadState, kept: SHA256Bytes?) -> TraceFault? {
    switch payload {
    case .erased(isRecorded: true):
      return nil
    case .erased(isRecorded: false):
      return TraceFault(
        .eventErased, caseID: caseID, seq: header.seq, "The payload is gone, and no trace.redacted event says so.")
    case .present(let commitment):
      guard commitment == header.commitment else {
        return TraceFault(
          .eventPayload, caseID: caseID, seq: header.seq, "The payload is not the one that was recorded.")
      }
      guard kept == header.keptCommitment else {
        return TraceFault(
          .eventKept, caseID: caseID, seq: header.seq, "The list of kept bytes is not the one that was recorded.")
      }
      return nil
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

  /// Checks, at the chain's end, that nothing signed lies beyond it.
  public func checkEnd(signedSeq: Int) -> TraceFault? {
    guard signedSeq > head.seq else { return nil }
    return TraceFault(
      .tailMissing, caseID: caseID, seq: head.seq + 1,
      "The chain ends at seq \(head.seq), but seq \(signedSeq) was signed.")
  }

  /// Checks a whole stored event, when its payload is in memory. `isRedacted` says whether a `trace.redacted` event
  /// of this chain names a seq.
  public mutating func check(_ event: SealedEvent, isRedacted: (Int) -> Bool) -> TraceFault? {
    if let fault = follow(event.header, seq: event.header.seq, hash: event.hash) { return fault }
    guard let payload = event.payload, let salt = event.salt else {
      return check(event.header, payload: .erased(isRecorded: isRedacted(event.header.seq)), kept: nil)
    }
    return check(
      event.header, payload: .present(commitment: Commitment.payload(payload, salt: salt)),
      kept: Commitment.kept(event.kept, salt: salt))
  }
}
