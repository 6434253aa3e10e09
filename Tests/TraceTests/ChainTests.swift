// The chain's arithmetic without any storage: what is hashed, what a rollback leaves, what a verifier notices.

import Domain
import JSON
import TestSupport
import Testing
import Trace

@Suite struct ChainTests {
  private let time = "2026-03-01T08:00:00.000Z"
  private let salt = [UInt8](repeating: 7, count: 32)

  private func prepared(_ caseID: CaseID, _ payload: JSONValue = ["step": 1]) throws -> PreparedEvent {
    try PreparedEvent(NewEvent(caseID: caseID, kind: .inputReceived, payload: payload), salt: salt)
  }

  @Test func headerIsCanonicalJSONAndItsHashIsTheDocumentedOne() throws {
    let kept = try #require(SHA256Bytes(hex: String(repeating: "ab", count: 32)))
    var log = ChainLog()
    let event = NewEvent(caseID: caseA, turn: turnOne, kind: .toolReturned, payload: ["b": 1.0, "a": "é"])
    let sealed = try log.seal(try PreparedEvent(event, salt: salt), time: time, kept: [kept])
    let payload = Array(#"{"a":"é","b":1}"#.utf8)
    let commitment = SHA256Bytes(of: salt, payload)
    let keptCommitment = SHA256Bytes(of: Array("vpath-trace-1 kept\n".utf8), salt, kept.bytes)
    let header =
      #"{"case":"case-a","commitment":"\#(commitment)","kept":"\#(keptCommitment)","kind":"tool.returned","#
      + #""seq":1,"time":"2026-03-01T08:00:00.000Z","turn":"turn-1"}"#
    #expect(sealed.payload == payload)
    #expect(sealed.header.canonicalBytes() == Array(header.utf8))
    let hash = SHA256Bytes(
      of: Array("vpath-trace-1 event\n".utf8), [UInt8](repeating: 0, count: 32), Array(header.utf8))
    #expect(sealed.hash == hash)
    // Computed once by another program, so that a change of the format cannot pass unnoticed.
    #expect(hash.hex == "b0880ae7c49612cf2098784484b12f102c5a5429cae4e9b6988d461fc81141b6")
  }

  @Test func aRollbackPutsEveryHeadBackAndTheNextEventFollowsThere() throws {
    var log = ChainLog()
    let first = try log.seal(prepared(caseA), time: time)
    log.commit()
    _ = try log.seal(prepared(caseA), time: time)
    _ = try log.seal(prepared(caseB), time: time)
    log.rollBack()
    #expect(log.head(of: caseA) == ChainHead(seq: 1, hash: first.hash))
    #expect(log.head(of: caseB) == nil)
    let next = try log.seal(prepared(caseA), time: time)
    #expect(next.header.seq == 2 && next.header.hash(after: first.hash) == next.hash)
  }

  @Test func chainsOfTwoCasesAreIndependent() throws {
    var log = ChainLog()
    var a = ChainVerifier(caseID: caseA)
    var b = ChainVerifier(caseID: caseB)
    for number in 0..<10 {
      #expect(a.check(try log.seal(prepared(caseA, ["n": .number(Double(number))]), time: time)) == nil)
      #expect(b.check(try log.seal(prepared(caseB), time: time)) == nil)
    }
    #expect(a.head == log.head(of: caseA) && b.head == log.head(of: caseB))
    #expect(a.check(try log.seal(prepared(caseB), time: time))?.what == .eventHash)
  }

  @Test func aVerifierNamesTheFirstBadEventAndWhy() throws {
    var log = ChainLog()
    let events = try (1...5).map { number in
      try log.seal(prepared(caseA, ["n": .number(Double(number))]), time: time)
    }
    func firstFault(_ events: [SealedEvent]) -> Verdict? {
      var verifier = ChainVerifier(caseID: caseA)
      for event in events {
        if let fault = verifier.check(event) { return Verdict(fault) }
      }
      return verifier.checkEnd(signedSeq: 5).map { Verdict($0) }
    }
    #expect(firstFault(events) == nil)
    #expect(firstFault(Array(events[..<4])) == Verdict(.tailMissing, caseA, 5))
    #expect(firstFault([events[0], events[2]]) == Verdict(.eventMissing, caseA, 2))
    #expect(firstFault([events[0], events[0]]) == Verdict(.eventHash, caseA, 2))
    var changed = events
    changed[2].payload = Array(#"{"n":9}"#.utf8)
    #expect(firstFault(changed) == Verdict(.eventPayload, caseA, 3))
    changed = events
    changed[3].header.turn = turnOne
    #expect(firstFault(changed) == Verdict(.eventHash, caseA, 4))
    changed = events
    changed[1] = changed[1].redacted
    #expect(firstFault(changed) == Verdict(.eventErased, caseA, 2))
    let redaction = NewEvent(caseID: caseA, kind: .traceRedacted, payload: ["seqs": [2, 9]])
    changed.append(try log.seal(PreparedEvent(redaction, salt: salt), time: time))
    #expect(firstFault(changed) == nil)
    changed[3] = changed[3].redacted
    #expect(firstFault(changed) == Verdict(.eventErased, caseA, 4))
    changed = events
    changed[4].kept = [.zero]
    #expect(firstFault(changed) == Verdict(.eventKept, caseA, 5))
  }

  @Test func everyByteOfAnEventIsCovered() throws {
    var generator = SeededGenerator(seed: 11)
    var log = ChainLog()
    let event = try log.seal(prepared(caseA, ["text": "what the tool said", "n": 12]), time: time)
    for _ in 0..<500 {
      var changed = event
      let bit = UInt8(1 << (generator.next() % 8))
      switch generator.next() % 4 {
      case 0: changed.payload?[Int(generator.next() % UInt64(event.payload?.count ?? 1))] ^= bit
      case 1: changed.salt?[Int(generator.next() % 32)] ^= bit
      case 2: changed.hash = flipped(event.hash, Int(generator.next() % 32), bit)
      default: changed.header.commitment = flipped(event.header.commitment, Int(generator.next() % 32), bit)
      }
      var verifier = ChainVerifier(caseID: caseA)
      #expect(verifier.check(changed) != nil)
    }
  }

  private func flipped(_ digest: SHA256Bytes, _ index: Int, _ bit: UInt8) -> SHA256Bytes {
    var bytes = digest.bytes
    bytes[index] ^= bit
    return SHA256Bytes(bytes) ?? .zero
  }

  @Test func identifiersAndPayloadsOutsideTheFormatAreRefused() throws {
    for id in ["", ".hidden", "case a", "cäse", String(repeating: "x", count: 65), "a\"b"] {
      #expect(throws: VPathError.self) { try prepared(CaseID(id)) }
    }
    var deep: JSONValue = 1
    for _ in 0..<199 { deep = [deep] }
    #expect(try prepared(caseA, deep).payload.count == 399)
    #expect(throws: VPathError.self) { try prepared(caseA, [deep]) }
  }

  @Test func hashesInAPayloadAreFoundWhereverTheyAre() throws {
    let hashes = (0..<3).map { SHA256Bytes(of: [UInt8($0)]) }
    let payload: JSONValue = [
      "policy": .string(hashes[0].hex), "list": [["deep": .string(hashes[1].hex)]], "again": .string(hashes[0].hex),
      "upper": .string(hashes[2].hex.uppercased()), "short": .string(String(hashes[2].hex.dropLast())),
    ]
    #expect(Set(try prepared(caseA, payload).hashesNamed) == [hashes[0], hashes[1]])
  }

  @Test func digestsReadBackWhatTheyWrite() {
    let digest = SHA256Bytes(of: Array("abc".utf8))
    #expect(digest.hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(SHA256Bytes(hex: digest.hex) == digest)
    #expect(SHA256Bytes(digest.bytes) == digest)
    #expect(SHA256Bytes(hex: digest.hex.uppercased()) == nil)
    #expect(SHA256Bytes(hex: "ba78") == nil)
    #expect(SHA256Bytes([1, 2, 3]) == nil)
  }
}

@Suite struct CheckpointTests {
  private let head = ChainHead(seq: 3, hash: SHA256Bytes(of: [1]))

  @Test func aCheckpointReadsBackAndIsSignedByItsKeyAlone() throws {
    let signer = CheckpointSigner()
    let entry = try Checkpoint(
      number: 1, caseID: caseA, head: head, time: "2026-03-01T08:00:00.000Z", previous: .zero, signer: signer)
    let read = try #require(Checkpoint(line: entry.line()))
    #expect(read == entry)
    #expect(read.isSigned(by: signer.publicKey))
    #expect(!read.isSigned(by: CheckpointSigner().publicKey))
    var changed = entry
    changed.head.seq = 4
    #expect(!changed.isSigned(by: signer.publicKey))
  }

  @Test func aLineThatIsNotExactlyTheFormatsIsNoCheckpoint() throws {
    let entry = try Checkpoint(
      number: 1, caseID: caseA, head: head, time: "2026-03-01T08:00:00.000Z", previous: .zero,
      signer: CheckpointSigner())
    let line = String(decoding: entry.line(), as: UTF8.self)
    for wrong in [
      "", "{}", "null", " " + line, line.replacing(",", with: ", "),
      line.replacing("\"number\":1", with: "\"number\":1.0"),
      line.replacing("\"number\":1", with: "\"more\":0,\"number\":1"), line.replacing("\"seq\":3", with: "\"seq\":0"),
      line.replacing("case-a", with: "case a"), line.uppercased(), line + String(repeating: " ", count: 4096),
    ] {
      #expect(Checkpoint(line: Array(wrong.utf8)) == nil)
    }
  }
}
