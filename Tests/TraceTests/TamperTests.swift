// Every way to change a trace that we know of, each with the fault that both verifiers must name first.

import Domain
import GRDB
import Glibc
import JSON
import Testing
import Trace

/// One way to change the reference trace.
struct Tampering: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let expected: Verdict
  let apply: @Sendable (TamperedTrace) throws -> Void

  init(_ name: String, _ expected: Verdict, _ apply: @escaping @Sendable (TamperedTrace) throws -> Void) {
    testDescription = name
    self.expected = expected
    self.apply = apply
  }

  static let all = ofEvents + ofKeptBytes + ofCheckpoints + ofTheRest

  private static let ofEvents: [Tampering] = [
    Tampering("a flipped byte of a payload", Verdict(.eventPayload, caseA, 3)) {
      try $0.sql("UPDATE events SET payload = CAST(replace(payload, 'policy', 'Policy') AS BLOB) \($0.at(caseA, 3))")
    },
    Tampering("another salt", Verdict(.eventPayload, caseA, 2)) {
      try $0.sql("UPDATE events SET salt = zeroblob(32) \($0.at(caseA, 2))")
    },
    Tampering("another time", Verdict(.eventHash, caseA, 4)) {
      try $0.sql("UPDATE events SET time = '2026-03-01T09:00:01.000Z' \($0.at(caseA, 4))")
    },
    Tampering("another kind", Verdict(.eventHash, caseB, 3)) {
      try $0.sql("UPDATE events SET kind = 'turn.queued' \($0.at(caseB, 3))")
    },
    Tampering("another turn", Verdict(.eventHash, caseA, 9)) {
      try $0.sql("UPDATE events SET turn = 'turn-1' \($0.at(caseA, 9))")
    },
    Tampering("a kind that would break the header's JSON", Verdict(.eventHash, caseA, 2)) {
      try $0.sql("UPDATE events SET kind = 'turn.queued\",\"seq\":2,\"time\":\"' \($0.at(caseA, 2))")
    },
    Tampering("a commitment to another payload", Verdict(.eventHash, caseA, 2)) {
      let payload = Array(#"{"position":7}"#.utf8)
      let salt = [UInt8](repeating: 7, count: 32)
      let commitment = SHA256Bytes(of: salt, payload).bytes
      try $0.sql(
        "UPDATE events SET payload = \(literal(payload)), salt = \(literal(salt)), commitment = \(literal(commitment)) \($0.at(caseA, 2))"
      )
    },
    Tampering("another hash", Verdict(.eventHash, caseA, 8)) {
      try $0.sql("UPDATE events SET hash = zeroblob(32) \($0.at(caseA, 8))")
    },
    Tampering("a hash of another type", Verdict(.eventHash, caseA, 8)) {
      try $0.sql(
        """
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'hash BLOB NOT NULL,', 'hash ANY NOT NULL,') WHERE name = 'events';
        """)
      try $0.sql("UPDATE events SET hash = 'not a digest' \($0.at(caseA, 8))")
    },
    Tampering("a deleted event in the middle", Verdict(.eventMissing, caseA, 4)) {
      try $0.sql("DELETE FROM events \($0.at(caseA, 4))")
    },
    Tampering("a deleted event with the rest renumbered", Verdict(.eventHash, caseA, 4)) {
      try $0.sql("DELETE FROM events \($0.at(caseA, 4))")
      for seq in 5...12 { try $0.sql("UPDATE events SET seq = \(seq - 1) \($0.at(caseA, seq))") }
    },
    Tampering("a rewritten event with all later hashes made anew", Verdict(.checkpointHead, caseA, 10)) {
      try rewrite($0, caseA, from: 8, kind: "turn.queued", time: "2026-03-01T08:00:02.500Z")
    },
    Tampering("a cut tail", Verdict(.tailMissing, caseA, 12)) {
      try $0.sql("DELETE FROM events WHERE case_ref = \($0.ref(caseA)) AND seq > 11")
    },
    Tampering("a cut tail with the record of a redaction in it", Verdict(.tailMissing, caseA, 11)) {
      try $0.sql("DELETE FROM events WHERE case_ref = \($0.ref(caseA)) AND seq > 10")
    },
    Tampering("a cut tail with the lists to match", Verdict(.tailMissing, caseB, 2)) {
      try $0.sql("DELETE FROM events WHERE case_ref = \($0.ref(caseB)) AND seq > 1")
      try $0.sql("UPDATE cases SET head = 1 WHERE case_id = 'case-b'")
      try $0.sql("DELETE FROM turns WHERE turn = 'turn-2'")
    },
    Tampering("swapped events", Verdict(.eventHash, caseA, 8)) {
      try $0.sql("UPDATE events SET seq = 99 \($0.at(caseA, 9))")
      try $0.sql("UPDATE events SET seq = 9 \($0.at(caseA, 8))")
      try $0.sql("UPDATE events SET seq = 8 \($0.at(caseA, 99))")
    },
    Tampering("an event moved to another case", Verdict(.tailMissing, caseA, 12)) {
      try $0.sql("UPDATE events SET case_ref = \($0.ref(caseB)), seq = 5 \($0.at(caseA, 12))")
    },
    Tampering("an added event", Verdict(.eventHash, caseB, 5)) {
      try $0.sql(
        """
        INSERT INTO events (case_ref, seq, kind, time, commitment, hash, salt, payload)
        SELECT case_ref, 5, kind, time, commitment, hash, salt, payload FROM events \($0.at(caseB, 4))
        """)
    },
    Tampering("an erased payload", Verdict(.eventErased, caseA, 3)) {
      try $0.sql("UPDATE events SET payload = NULL, salt = NULL, kept = NULL \($0.at(caseA, 3))")
    },
    Tampering("an erased redaction", Verdict(.eventErased, caseA, 6)) {
      try $0.sql("UPDATE events SET payload = NULL, salt = NULL \($0.at(caseA, 11))")
    },
    Tampering("an event of a case that has no name", Verdict(.eventStray)) {
      try $0.sql(
        """
        INSERT INTO events (case_ref, seq, kind, time, commitment, hash)
        VALUES (99, 1, 'case.opened', '2026-03-01T08:00:00.000Z', zeroblob(32), zeroblob(32))
        """)
    },
  ]

  private static let ofKeptBytes: [Tampering] = [
    Tampering("an altered file of kept bytes", Verdict(.bytesAltered, caseA, 4)) {
      $0.flip($0.keptFile($0.reference.promptHash), at: 250_000)
    },
    Tampering("a removed file of kept bytes", Verdict(.bytesMissing, caseA, 4)) {
      unlink($0.keptFile($0.reference.promptHash))
    },
    Tampering("a file of kept bytes that became a link", Verdict(.bytesMissing, caseA, 4)) {
      let path = $0.keptFile($0.reference.promptHash)
      rename(path, $0.file("elsewhere"))
      symlink($0.file("elsewhere"), path)
    },
    Tampering("altered kept bytes in the database", Verdict(.bytesAltered, caseA, 3)) {
      try $0.sql("UPDATE kept_bytes SET bytes = CAST('permit: everything' AS BLOB) WHERE bytes IS NOT NULL")
    },
    Tampering("removed kept bytes in the database", Verdict(.bytesMissing, caseA, 3)) {
      try $0.sql("DELETE FROM kept_bytes WHERE bytes IS NOT NULL")
    },
    Tampering("a shortened list of kept bytes", Verdict(.eventKept, caseA, 4)) {
      try $0.sql("UPDATE events SET kept = NULL \($0.at(caseA, 4))")
    },
    Tampering("an altered payload file", Verdict(.bytesAltered, caseA, 5)) {
      $0.flip(try payloadFile($0), at: 100)
    },
    Tampering("a removed payload file", Verdict(.bytesMissing, caseA, 5)) { unlink(try payloadFile($0)) },
    Tampering("a payload file that another one took the place of", Verdict(.bytesAltered, caseA, 5)) {
      let other = SHA256Bytes($0.reference.promptHash)?.bytes ?? []
      try $0.sql("UPDATE events SET payload_file = \(literal(other)) \($0.at(caseA, 5))")
    },
  ]

  private static let ofCheckpoints: [Tampering] = [
    Tampering("a deleted case", Verdict(.caseMissing, caseB, 4)) {
      try $0.sql("DELETE FROM events WHERE case_ref = \($0.ref(caseB))")
      try $0.sql("DELETE FROM turns WHERE case_ref = \($0.ref(caseB))")
      try $0.sql("DELETE FROM cases WHERE case_id = 'case-b'")
    },
    Tampering("a case taken out of the list of cases", Verdict(.caseMissing, caseB, 4)) {
      try $0.sql("DELETE FROM cases WHERE case_id = 'case-b'")
    },
    Tampering("a deleted case with its checkpoints", Verdict(.checkpointMissing, caseB, 4)) {
      try $0.sql("DELETE FROM events WHERE case_ref = \($0.ref(caseB))")
      try $0.sql("DELETE FROM checkpoints WHERE case_id = 'case-b'; DELETE FROM cases WHERE case_id = 'case-b'")
    },
    Tampering("a restored older copy of the database", Verdict(.checkpointMissing, caseB, 4)) {
      writeFile($0.file(TraceFile.database), readFile("\($0.reference.olderPath)/\(TraceFile.database)"))
    },
    Tampering("the last checkpoint deleted from the database", Verdict(.checkpointMissing, caseA, 12)) {
      try $0.sql("DELETE FROM checkpoints WHERE number = 5")
    },
    Tampering("a log signed anew with another key", Verdict(.checkpointSignature, caseA, 7)) {
      try $0.signAnew(with: CheckpointSigner())
    },
    Tampering("one checkpoint signed anew with another key", Verdict(.checkpointSignature, caseA, 11)) {
      var lines = $0.checkpointLines
      let old = try #require(Checkpoint(line: Array(lines[3].utf8)))
      let entry = try Checkpoint(
        number: old.number, caseID: old.caseID, head: old.head, time: old.time, previous: old.previous,
        signer: CheckpointSigner())
      lines[3] = String(decoding: entry.line(), as: UTF8.self)
      $0.checkpointLines = lines
      try $0.sql("UPDATE checkpoints SET line = CAST(? AS BLOB) WHERE number = 4", [lines[3]])
    },
    Tampering("a checkpoint with another head", Verdict(.checkpointSignature, caseA, 10)) {
      try $0.sql(
        """
        UPDATE checkpoints SET line = CAST(replace(CAST(line AS TEXT), '"hash":"', '"hash":"0') AS BLOB) WHERE number = 3
        """)
      try $0.sql(
        """
        UPDATE checkpoints SET line = CAST(substr(CAST(line AS TEXT), 1, instr(CAST(line AS TEXT), '"hash":"') + 71)
          || substr(CAST(line AS TEXT), instr(CAST(line AS TEXT), '"hash":"') + 73) AS BLOB) WHERE number = 3
        """)
    },
    Tampering("a checkpoint that cannot be read", Verdict(.checkpointOrder)) {
      try $0.sql("UPDATE checkpoints SET line = CAST('{}' AS BLOB) WHERE number = 2")
    },
    Tampering("swapped checkpoints", Verdict(.checkpointOrder, caseB, 4)) {
      try $0.sql("UPDATE checkpoints SET number = 99 WHERE number = 1")
      try $0.sql("UPDATE checkpoints SET number = 1 WHERE number = 2")
      try $0.sql("UPDATE checkpoints SET number = 2 WHERE number = 99")
    },
    Tampering("a checkpoint filed under another case", Verdict(.checkpointOrder, caseB, 4)) {
      try $0.sql("UPDATE checkpoints SET case_id = 'case-a' WHERE number = 2")
    },
    Tampering("a changed line of the checkpoint file", Verdict(.checkpointFile, caseB, 4)) {
      var lines = $0.checkpointLines
      lines[1] = lines[1].replacing("08:00:02", with: "08:00:09")
      $0.checkpointLines = lines
    },
    Tampering("a checkpoint file without its last three lines", Verdict(.checkpointFile, caseA, 10)) {
      $0.checkpointLines = Array($0.checkpointLines.prefix(2))
    },
    Tampering("a removed checkpoint file", Verdict(.checkpointFile, caseA, 7)) {
      unlink($0.file(TraceFile.checkpoints))
    },
    Tampering("a removed public key", Verdict(.keyMissing)) { unlink($0.file(TraceFile.publicKey)) },
    Tampering("another public key", Verdict(.checkpointSignature, caseA, 7)) {
      writeFile($0.file(TraceFile.publicKey), Array((String(repeating: "ab", count: 32) + "\n").utf8))
    },
  ]

  private static let ofTheRest: [Tampering] = [
    Tampering("another stop reason in the list of turns", Verdict(.listing, caseA, 8)) {
      try $0.sql("UPDATE turns SET stop = 'answered' WHERE turn = 'turn-3'")
    },
    Tampering("a turn taken out of the list of turns", Verdict(.listing, caseA, 2)) {
      try $0.sql("DELETE FROM turns WHERE turn = 'turn-1'")
    },
    Tampering("a turn added to the list of turns", Verdict(.listing, caseB)) {
      try $0.sql(
        "INSERT INTO turns (turn, case_ref, state, queued_at, first_seq, last_seq) VALUES ('t', \($0.ref(caseB)), 'queued', '', 1, 1)"
      )
    },
    Tampering("a closed case listed as open", Verdict(.listing, caseA, 12)) {
      try $0.sql("UPDATE cases SET state = 'open'")
    },
    Tampering("a trigger", Verdict(.databaseUnreadable)) {
      try $0.sql("CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM events WHERE id = new.id; END")
    },
    Tampering("a view in the place of the events", Verdict(.databaseUnreadable)) {
      try $0.sql("ALTER TABLE events RENAME TO other; CREATE VIEW events AS SELECT * FROM other")
    },
    Tampering("another format", Verdict(.databaseUnreadable)) { try $0.sql("UPDATE meta SET value = 'vpath-trace-0'") },
    Tampering("a file that is no database", Verdict(.databaseUnreadable)) {
      writeFile($0.file(TraceFile.database), Array("not a database, but long enough to be looked at".utf8))
    },
    Tampering("no database", Verdict(.databaseMissing)) { unlink($0.file(TraceFile.database)) },
    Tampering("a pipe in the place of the database", Verdict(.databaseMissing)) {
      unlink($0.file(TraceFile.database))
      mkfifo($0.file(TraceFile.database), 0o600)
    },
    Tampering("a pipe in the place of the key", Verdict(.keyMissing)) {
      unlink($0.file(TraceFile.publicKey))
      mkfifo($0.file(TraceFile.publicKey), 0o600)
    },
  ]

}

/// The bytes as a literal of SQL.
private func literal(_ bytes: [UInt8]) -> String {
  "x'\(hexText(bytes))'"
}

/// The path of the payload file of case-a's event 5.
private func payloadFile(_ trace: TamperedTrace) throws -> String {
  let rows = try trace.rows("SELECT lower(hex(payload_file)) AS name FROM events \(trace.at(caseA, 5))")
  let name: String = try #require(rows.first)["name"]
  return trace.keptFile(SHA256Hex(name))
}

/// What an attacker without the key can do: change an event, and make the hashes of it and all after it anew.
private func rewrite(_ trace: TamperedTrace, _ caseID: CaseID, from seq: Int, kind: String, time: String) throws {
  try trace.sql("UPDATE events SET kind = ?, time = ? \(trace.at(caseID, seq))", [kind, time])
  let rows = try trace.rows(
    """
    SELECT seq, turn, kind, time, lower(hex(commitment)) AS commitment, lower(hex(kept_commitment)) AS kept,
      lower(hex(hash)) AS hash FROM events WHERE case_ref = \(trace.ref(caseID)) ORDER BY seq
    """)
  var previous = SHA256Bytes.zero
  for row in rows {
    let turn: String? = row["turn"]
    let commitment: String = row["commitment"]
    let kept: String? = row["kept"]
    let stored: String = row["hash"]
    let header = EventHeader(
      caseID: caseID, seq: row["seq"], turn: turn.map { TurnID($0) }, kind: row["kind"], time: row["time"],
      commitment: try #require(SHA256Bytes(hex: commitment)), keptCommitment: kept.flatMap { SHA256Bytes(hex: $0) })
    let hash = try #require(header.hash(after: previous))
    if header.seq < seq { #expect(hash.hex == stored) }
    try trace.sql("UPDATE events SET hash = \(literal(hash.bytes)) \(trace.at(caseID, header.seq))")
    previous = hash
  }
}

@Suite struct TamperTests {
  @Test func anUntouchedTraceIsRightForBothVerifiers() async throws {
    let reference = try await ReferenceTrace.shared.value
    let report = try TraceVerifier.verify(directory: reference.path)
    #expect(report.faults == [])
    #expect(report.notes == [])
    #expect([report.cases, report.events, report.checkpoints] == [2, 16, 5])
    #expect(try verdictsOfPython(reference.path) == [])
  }

  @Test(arguments: Tampering.all)
  func verificationNamesTheFirstFault(_ tampering: Tampering) async throws {
    let trace = try await ReferenceTrace.shared.value.copy()
    try tampering.apply(trace)
    #expect(try TraceVerifier.verify(directory: trace.path).fault.map { Verdict($0) } == tampering.expected)
  }

  @Test func theVerifierInPythonNamesTheSameFaults() async throws {
    let reference = try await ReferenceTrace.shared.value
    let traces = try Tampering.all.map { tampering in
      let trace = reference.copy()
      try tampering.apply(trace)
      return trace
    }
    let verdicts = try verdictsOfPython(paths: traces.map(\.path))
    #expect(verdicts.count == traces.count)
    for ((trace, tampering), verdicts) in zip(zip(traces, Tampering.all), verdicts) {
      let report = try TraceVerifier.verify(directory: trace.path)
      #expect(verdicts == report.faults.map { Verdict($0) }, "\(tampering.testDescription)")
    }
  }

  @Test func aTraceSignedAnewWithAnotherKeyIsRightOnlyForWhoBelievesItsOwnKey() async throws {
    let reference = try await ReferenceTrace.shared.value
    let trace = reference.copy()
    let trusted = hexDigits(readFile(trace.file(TraceFile.publicKey)))
    let signer = CheckpointSigner()
    try trace.signAnew(with: signer)
    writeFile(trace.file(TraceFile.publicKey), Array(hexText(signer.publicKey).utf8))
    #expect(try TraceVerifier.verify(directory: trace.path).isOK)
    let report = try TraceVerifier.verify(directory: trace.path, publicKey: bytes(hex: trusted))
    #expect(report.fault.map { Verdict($0) } == Verdict(.checkpointSignature, caseA, 7))
    #expect(try verdictsOfPython(trace.path, "--key \(trusted)") == [Verdict(.checkpointSignature, caseA, 7)])
  }

  @Test func pythonsOwnSignatureCheckAgreesWithTheLibrary() async throws {
    let reference = try await ReferenceTrace.shared.value
    #expect(try verdictsOfPython(reference.path, "--pure") == [])
    let trace = reference.copy()
    try trace.signAnew(with: CheckpointSigner())
    #expect(try verdictsOfPython(trace.path, "--pure") == [Verdict(.checkpointSignature, caseA, 7)])
  }

  @Test func oneCaseIsVerifiedWithoutTheOthers() async throws {
    let trace = try await ReferenceTrace.shared.value.copy()
    try trace.sql("UPDATE events SET time = '2027-01-01T00:00:00.000Z' \(trace.at(caseB, 2))")
    let right = try TraceVerifier.verify(directory: trace.path, case: caseA)
    #expect(right.isOK && right.cases == 1 && right.events == 12 && right.checkpoints == 4)
    #expect(try verdictsOfPython(trace.path, "--case case-a") == [])
    let wrong = try TraceVerifier.verify(directory: trace.path, case: caseB)
    #expect(wrong.fault.map { Verdict($0) } == Verdict(.eventHash, caseB, 2))
    #expect(wrong.error?.id == .traceTampered)
    #expect(throws: VPathError.self) { try TraceVerifier.verify(directory: trace.path, case: CaseID("case-z")) }
  }

  @Test func everyCaseIsLookedAtAfterAFault() async throws {
    let trace = try await ReferenceTrace.shared.value.copy()
    try trace.sql("UPDATE events SET time = '2027-01-01T00:00:00.000Z' WHERE seq = 2")
    let report = try TraceVerifier.verify(directory: trace.path)
    #expect(report.faults.map { Verdict($0) } == [Verdict(.eventHash, caseA, 2), Verdict(.eventHash, caseB, 2)])
    #expect(try verdictsOfPython(trace.path) == report.faults.map { Verdict($0) })
  }

  @Test func verificationChangesNothingInTheDirectory() async throws {
    let trace = try await ReferenceTrace.shared.value.copy()
    let before = names(in: trace.path).map { [UInt8]($0.utf8) + readFile(trace.file($0)) }
    _ = try TraceVerifier.verify(directory: trace.path)
    _ = try verdictsOfPython(trace.path)
    #expect(names(in: trace.path).map { [UInt8]($0.utf8) + readFile(trace.file($0)) } == before)
  }
}

private func hexDigits(_ text: [UInt8]) -> String { String(decoding: text.prefix(64), as: UTF8.self) }

private func hexText(_ bytes: [UInt8]) -> String {
  bytes.map { String($0 / 16, radix: 16) + String($0 % 16, radix: 16) }.joined()
}

private func bytes(hex: String) -> [UInt8] { SHA256Bytes(hex: hex)?.bytes ?? [] }
