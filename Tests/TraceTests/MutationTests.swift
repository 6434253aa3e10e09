// Random damage and random use, from seeds: whatever is changed is named, whatever is recorded is right.

import Domain
import GRDB
import Glibc
import JSON
import Ports
import TestSupport
import Testing

@testable import Trace

@Suite struct MutationTests {
  /// Where in the database file the record of an event lies.
  private struct Place {
    var caseID: CaseID
    var seq: Int
    var bytes: Range<Int>
  }

  private func find(_ needle: [UInt8], in bytes: [UInt8]) throws -> Int {
    var start = 0
    while let index = bytes[start...].firstIndex(of: needle[0]) {
      if bytes[index...].prefix(needle.count).elementsEqual(needle) { return index }
      start = index + 1
    }
    return try #require(nil, "the bytes are not in the file")
  }

  /// The records of all events whose columns are known to follow one another without gaps.
  private func places(_ trace: TamperedTrace, _ file: [UInt8]) throws -> [Place] {
    let rows = try trace.rows(
      """
      SELECT c.case_id, e.case_ref, e.seq, coalesce(length(e.turn), 0) AS turn, length(e.kind) AS kind,
        lower(hex(e.hash)) AS hash, length(e.payload) AS payload, e.payload_file IS NULL AS isInline, e.salt IS NULL AS isErased
      FROM events e JOIN cases c ON c.id = e.case_ref WHERE e.kept_commitment IS NULL ORDER BY e.id
      """)
    return try rows.map { row in
      let digits: String = row["hash"]
      let hash = try find(try #require(SHA256Bytes(hex: digits)).bytes, in: file)
      func size(_ number: Int) -> Int { number < 2 ? 0 : 1 }
      let (ref, seq, turn, kind): (Int, Int, Int, Int) = (row["case_ref"], row["seq"], row["turn"], row["kind"])
      let payload: Int = row["payload"] ?? 0
      let (isInline, isErased): (Bool, Bool) = (row["isInline"], row["isErased"])
      let body = hash - 32 - 24 - kind - turn - size(seq) - size(ref)
      let header = 13 + (isErased || !isInline || payload < 58 ? 1 : 2)
      let end = hash + 32 + (isErased ? 0 : 32 + (isInline ? payload : 32))
      let caseID: String = row["case_id"]
      #expect(Int(file[body - header]) == header)
      return Place(caseID: CaseID(caseID), seq: seq, bytes: (body - header)..<end)
    }
  }

  @Test func aChangedByteInAnEventsRecordIsNamedByBothVerifiers() async throws {
    let reference = try await ReferenceTrace.shared.value
    let original = readFile("\(reference.path)/\(TraceFile.database)")
    let places = try places(reference.copy(), original)
    #expect(places.count == 13)
    var generator = SeededGenerator(seed: 42)
    var traces: [(trace: TamperedTrace, place: Place, offset: Int)] = []
    for _ in 0..<80 {
      let place = places[Int(generator.next() % UInt64(places.count))]
      let offset = place.bytes.lowerBound + Int(generator.next() % UInt64(place.bytes.count))
      var bytes = original
      bytes[offset] ^= UInt8(1 + generator.next() % 255)
      let trace = reference.copy()
      writeFile(trace.file(TraceFile.database), bytes)
      traces.append((trace, place, offset - place.bytes.lowerBound))
    }
    let python = try verdictsOfPython(paths: traces.map(\.trace.path))
    for ((trace, place, offset), python) in zip(traces, python) {
      let report = try TraceVerifier.verify(directory: trace.path)
      let verdict = report.fault.map { Verdict($0) }
      #expect(
        verdict?.caseID == place.caseID.rawValue && verdict?.seq == place.seq,
        "byte \(offset) of \(place.caseID) \(place.seq): \(String(describing: verdict))")
      #expect(python == report.faults.map { Verdict($0) }, "byte \(offset) of \(place.caseID) \(place.seq)")
    }
  }

  /// Everything in the database that is evidence.
  private func evidence(_ path: String) throws -> [String] {
    let database = try OfflineDatabase.open(path, isImmutable: true)
    return try [
      "SELECT quote(case_ref)||quote(seq)||quote(turn)||quote(kind)||quote(time)||quote(commitment)||quote(hash)||quote(salt)||quote(kept)||quote(payload) FROM events NOT INDEXED ORDER BY case_ref, seq",
      "SELECT quote(number) || quote(line) FROM checkpoints NOT INDEXED",
      "SELECT quote(hash) || quote(bytes) FROM kept_bytes NOT INDEXED ORDER BY id",
      "SELECT quote(id) || quote(case_id) || quote(state) || quote(head) FROM cases NOT INDEXED",
      "SELECT quote(turn)||quote(state)||quote(stop)||quote(first_seq)||quote(last_seq) FROM turns NOT INDEXED",
    ].flatMap { try database.statement($0).rows { $0.text(0) } }
  }

  @Test func whateverByteOfTheDatabaseChangesARightVerdictMeansUnchangedEvidence() async throws {
    let reference = try await ReferenceTrace.shared.value
    let original = readFile("\(reference.path)/\(TraceFile.database)")
    let before = try evidence("\(reference.path)/\(TraceFile.database)")
    var generator = SeededGenerator(seed: 7)
    var right = 0
    for _ in 0..<150 {
      let trace = reference.copy()
      var bytes = original
      let offset = Int(generator.next() % UInt64(bytes.count))
      bytes[offset] ^= UInt8(1 << (generator.next() % 8))
      writeFile(trace.file(TraceFile.database), bytes)
      guard try TraceVerifier.verify(directory: trace.path).isOK else { continue }
      right += 1
      #expect(try evidence(trace.file(TraceFile.database)) == before, "byte \(offset)")
    }
    #expect(right < 150)
  }

  @Test(arguments: 1...6)
  func randomUseGivesATraceThatIsRightAndReadsBack(_ seed: Int) async throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    var trace = try await OpenTrace(options: .seeded(UInt64(seed)))
    var model: [CaseID: [Event]] = [:]
    var kept: [SHA256Hex: [UInt8]] = [:]
    func random(_ count: Int) -> Int { Int(generator.next() % UInt64(count)) }
    for _ in 0..<60 {
      let caseID = CaseID("case-\(random(4))")
      switch random(10) {
      case 0:
        let bytes = generator.bytes([0, 10, 66_000][random(3)])
        kept[try await trace.store.put(bytes, mediaType: "a/b")] = bytes
      case 1: if model[caseID] != nil { try await trace.store.checkpoint(caseID) }
      case 2:
        try await trace.store.close()
        trace = try await OpenTrace(in: trace.directory, options: .seeded(UInt64(seed) &+ generator.next()))
      case 3:
        guard let events = model[caseID] else { continue }
        let seq = 1 + random(events.count)
        guard events[seq - 1].kind != .traceRedacted else { continue }
        let event = try await trace.store.redact(caseID, seqs: [seq], reason: "r", by: "b")
        model[caseID]?[seq - 1].payload = .null
        model[caseID]?.append(event)
        kept = [:]
      default:
        let turn = random(3) == 0 ? nil : TurnID("turn-\(caseID)-\(random(3))")
        let kinds: [EventKind] = [.turnQueued, .turnStarted, .turnCompleted, .toolReturned, .caseOpened, .caseClosed]
        let events = (0...random(5)).map { number in
          event(
            caseID, kinds[random(kinds.count)], turn: turn,
            [
              "n": .number(Double(number)), "stop": random(2) == 0 ? "answered" : nil,
              "kept": kept.keys.sorted().first.map { .string($0.rawValue) } ?? nil,
              "text": .string(String(repeating: "t", count: random(12) == 0 ? 66_000 : random(300))),
            ])
        }
        model[caseID, default: []] += try await trace.store.append(events)
      }
    }
    for (caseID, events) in model {
      #expect(try await trace.store.events(of: caseID, turn: nil, after: 0, limit: 10_000) == events)
    }
    for (hash, bytes) in kept { #expect(try await trace.store.bytes(hash, offset: 0, count: .max) == bytes) }
    try await trace.store.close()
    let report = try TraceVerifier.verify(directory: trace.path)
    #expect(report.faults == [] && report.events == model.values.reduce(0) { $0 + $1.count })
    #expect(try verdictsOfPython(trace.path) == [])
  }

  @Test func aLiveTraceIsVerifiedWhileItGrows() async throws {
    let trace = try await OpenTrace()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<3 {
        group.addTask {
          let caseID = CaseID("case-\(writer)")
          for number in 0..<40 {
            let hash = try await trace.store.put(Array("\(writer) \(number)".utf8), mediaType: "a/b")
            _ = try await trace.store.append([event(caseID, .modelRequested, ["p": .string(hash.rawValue)])])
            try await trace.store.checkpoint(caseID)
            if number % 10 == 9 { _ = try await trace.store.redact(caseID, seqs: [number / 2 + 1], reason: "", by: "") }
          }
        }
      }
      group.addTask {
        for _ in 0..<15 {
          let report = try await trace.store.verify()
          #expect(report.faults == [])
        }
        let python = try verdictsOfPython(trace.path)
        #expect(python == [])
      }
      try await group.waitForAll()
    }
    #expect(try await trace.store.verify().events == 3 * 44)
  }

  @Test func aVerificationCanBeStopped() async throws {
    let trace = try await OpenTrace()
    _ = try await trace.store.append((0..<2_500).map { _ in event(caseA, .inputReceived) })
    let error = #expect(throws: VPathError.self) {
      try TraceVerifier.verify(directory: trace.path, progress: { $0.events < 2_000 })
    }
    #expect(error?.id == .cancelled)
    let task = Task { try await trace.store.verify() }
    task.cancel()
    let result = await task.result
    #expect(throws: VPathError.self) { try result.get() }
  }
}
