// Exports: whole in pieces, verifiable on their own, readable without an import, and every change to one named.

import Domain
import JSON
import Ports
import Testing
import Trace

/// One way to change the reference export.
private struct ExportTampering: Sendable {
  let name: String
  let expected: Verdict
  let apply: @Sendable (inout [String]) throws -> Void

  init(_ name: String, _ expected: Verdict, _ apply: @escaping @Sendable (inout [String]) throws -> Void) {
    self.name = name
    self.expected = expected
    self.apply = apply
  }

  /// The line of an event.
  private static func index(_ seq: Int, in lines: [String]) throws -> Int {
    try #require(lines.firstIndex { $0.hasPrefix(#"{"event":"#) && $0.contains("\"seq\":\(seq),") })
  }

  private static func isCheckpoint(_ line: String) -> Bool { line.hasPrefix(#"{"checkpoint":"#) }
  private static func isBytes(_ line: String) -> Bool { line.hasPrefix(#"{"bytes":"#) }

  static let all: [ExportTampering] = [
    ExportTampering("a changed payload", Verdict(.eventPayload, caseA, 7)) {
      let index = try index(7, in: $0)
      $0[index] = $0[index].replacing("answered", with: "composed")
    },
    ExportTampering("a changed time", Verdict(.eventHash, caseA, 2)) {
      let index = try index(2, in: $0)
      $0[index] = $0[index].replacing("08:00:00", with: "07:00:00")
    },
    ExportTampering("a deleted event", Verdict(.eventMissing, caseA, 8)) { $0.remove(at: try index(8, in: $0)) },
    ExportTampering("swapped events", Verdict(.eventMissing, caseA, 8)) {
      $0.swapAt(try index(8, in: $0), try index(9, in: $0))
    },
    ExportTampering("a cut tail", Verdict(.tailMissing, caseA, 12)) { $0.remove(at: try index(12, in: $0)) },
    ExportTampering("an end cut off", Verdict(.exportIncomplete, caseA, 13)) { $0.removeLast() },
    ExportTampering("lines after the end", Verdict(.exportFormat, caseA, 13)) { $0.append($0[1]) },
    ExportTampering("an erased payload", Verdict(.eventErased, caseA, 7)) {
      let index = try index(7, in: $0)
      $0[index] = $0[index].replacing(/"payload":"(\\.|[^"\\])*"/, with: #""payload":null"#)
    },
    ExportTampering("changed bytes", Verdict(.bytesAltered, caseA, 3)) {
      let index = try #require($0.firstIndex(where: isBytes))
      $0[index] = $0[index].replacing(#""base64":"cG"#, with: #""base64":"cH"#)
    },
    ExportTampering("removed bytes", Verdict(.bytesMissing, caseA, 3)) {
      $0.remove(at: try #require($0.firstIndex(where: isBytes)))
    },
    ExportTampering("a removed piece of bytes", Verdict(.exportFormat, caseA, 4)) {
      $0.remove(at: try #require($0.firstIndex { isBytes($0) && $0.contains(#""offset":262144"#) }))
    },
    ExportTampering("a changed payload that is kept as bytes", Verdict(.bytesAltered, caseA, 5)) {
      let index = try #require($0.firstIndex { isBytes($0) && $0.contains("bnVjbGV1cyBudWNsZXVz") })
      $0[index] = $0[index].replacing("bnVjbGV1cyBudWNsZXVz", with: "bnVjbGV1cyBOdWNsZXVz", maxReplacements: 1)
    },
    ExportTampering("a changed checkpoint", Verdict(.checkpointSignature, caseA, 7)) {
      let index = try #require($0.firstIndex(where: isCheckpoint))
      $0[index] = $0[index].replacing("08:00:01", with: "08:00:02")
    },
    ExportTampering("a removed checkpoint", Verdict(.exportIncomplete, caseA, 13)) {
      $0.remove(at: try #require($0.firstIndex(where: isCheckpoint)))
    },
    ExportTampering("swapped checkpoints", Verdict(.checkpointOrder, caseA, 7)) {
      let indices = $0.indices.filter { [lines = $0] in isCheckpoint(lines[$0]) }
      $0.swapAt(indices[0], indices[1])
    },
    ExportTampering("a checkpoint that is none", Verdict(.checkpointOrder, caseA)) {
      $0[try #require($0.firstIndex(where: isCheckpoint))] = #"{"checkpoint":"{}"}"#
    },
    ExportTampering("another count of events", Verdict(.exportIncomplete, caseA, 13)) {
      $0[0] = $0[0].replacing(#""events":12"#, with: #""events":13"#)
    },
    ExportTampering("another case in the first line", Verdict(.eventHash, caseB, 1)) {
      $0[0] = $0[0].replacing("case-a", with: "case-b")
    },
    ExportTampering("a second first line", Verdict(.exportFormat, caseA, 1)) { $0.insert($0[0], at: 1) },
    ExportTampering("no first line", Verdict(.exportFormat)) { $0.removeFirst() },
    ExportTampering("a line that is no JSON", Verdict(.exportFormat, caseA, 1)) { $0.insert("{", at: 1) },
    ExportTampering("a key that comes twice", Verdict(.exportFormat, caseA, 9)) {
      let index = try index(9, in: $0)
      $0[index] = $0[index].replacing(#""seq":9,"#, with: #""seq":9,"seq":9,"#)
    },
    ExportTampering("an empty file", Verdict(.exportFormat)) { $0 = [] },
  ]
}

@Suite struct ExportTests {
  private func lines(_ path: String) -> [String] {
    String(decoding: readFile(path), as: UTF8.self).split(separator: "\n").map(String.init)
  }

  @Test func anExportIsRightForBothVerifiers() async throws {
    let reference = try await ReferenceTrace.shared.value
    let report = try TraceVerifier.verify(export: reference.exportPath)
    #expect(report.faults == [] && report.notes == [])
    #expect([report.cases, report.events, report.checkpoints] == [1, 12, 4])
    #expect(try verdictsOfPython(reference.exportPath) == [])
  }

  @Test func bothVerifiersNameTheSameFaultOfAChangedExport() async throws {
    let original = lines(try await ReferenceTrace.shared.value.exportPath)
    let directory = TemporaryDirectory()
    var paths: [String] = []
    for (number, tampering) in ExportTampering.all.enumerated() {
      var changed = original
      try tampering.apply(&changed)
      #expect(changed != original, "\(tampering.name)")
      paths.append(directory.file("\(number).jsonl"))
      writeFile(paths[number], Array(changed.map { $0 + "\n" }.joined().utf8))
      let report = try TraceVerifier.verify(export: paths[number])
      #expect(report.faults.map { Verdict($0) } == [tampering.expected], "\(tampering.name)")
    }
    let verdicts = try verdictsOfPython(paths: paths)
    for (tampering, verdicts) in zip(ExportTampering.all, verdicts) {
      #expect(verdicts == [tampering.expected], "\(tampering.name)")
    }
    #expect(verdicts.count == ExportTampering.all.count)
  }

  @Test func anExportHoldsNothingOfOtherCases() async throws {
    let text = String(decoding: readFile(try await ReferenceTrace.shared.value.exportPath), as: UTF8.self)
    #expect(!text.contains("case-b") && !text.contains("turn-2") && !text.contains("a name that must go"))
  }

  @Test func anExportReadsLikeTheTraceItWasMadeFrom() async throws {
    let reference = try await ReferenceTrace.shared.value
    let exported = try await TraceArchive.open(reference.exportPath)
    let stored = try await TraceArchive.open(reference.path)
    let events = try await stored.events(of: caseA, turn: nil, after: 0, limit: 100)
    #expect(events.count == 12)
    #expect(try await exported.events(of: caseA, turn: nil, after: 0, limit: 100) == events)
    #expect(
      try await exported.events(of: caseA, turn: turnOne, after: 3, limit: 2).map(\.seq) == [4, 5])
    for hash in [reference.policyHash, reference.promptHash] {
      #expect(try await exported.size(of: hash) == stored.size(of: hash))
      let whole = try await stored.bytes(hash, offset: 0, count: .max)
      #expect(try await exported.bytes(hash, offset: 0, count: .max) == whole)
      #expect(
        try await exported.bytes(hash, offset: 5, count: 262_144) == Array(whole.dropFirst(5).prefix(262_144)))
    }
    #expect(try await exported.turns(of: nil, limit: 10, cursor: nil).turns.map(\.stop) == ["interrupted", "answered"])
    #expect(try await exported.turn(turnOne) == stored.turn(turnOne))
    #expect(try await exported.cases(limit: 10, cursor: nil).cases == [stored.cases(limit: 1, cursor: nil).cases[0]])
    await #expect(throws: VPathError.self) { try await exported.append([event(caseA, .caseClosed)]) }
    await #expect(throws: VPathError.self) { try await exported.events(of: caseB, turn: nil, after: 0, limit: 1) }
  }

  @Test func anExportInPiecesIsWholeWhateverHappensBetweenThem() async throws {
    let trace = try await OpenTrace()
    let hashes = try await [
      trace.store.put([UInt8](repeating: 1, count: 1_300_000), mediaType: "a/b"),
      trace.store.put([], mediaType: "text/plain"),
    ]
    let payload: JSONValue = ["a": .string(hashes[0].rawValue), "b": .string(hashes[1].rawValue)]
    for _ in 0..<20 {
      _ = try await trace.store.append([event(caseA, .modelRequested, payload), event(caseA, .modelResponded, payload)])
    }
    var cursor: String?
    var bytes: [UInt8] = []
    var pieces = 0
    repeat {
      let piece = try await trace.store.exportPiece(of: caseA, cursor: cursor)
      #expect(piece.bytes.count <= 1 << 20 && piece.bytes.last == 0x0A)
      bytes += piece.bytes
      pieces += 1
      cursor = piece.next
      #expect((cursor?.utf8.count ?? 0) <= 200)
      _ = try await trace.store.append([event(caseA, .inputReceived), event(caseB, .caseOpened)])
    } while cursor != nil
    #expect(pieces > 1)
    let path = trace.directory.file("export.jsonl")
    writeFile(path, bytes)
    let report = try TraceVerifier.verify(export: path)
    #expect(report.faults == [] && report.events == 40 && report.notes == [])
    #expect(try verdictsOfPython(path) == [])
  }

  @Test func anExportOfNoCaseAndWithAStrangersCursorIsRefused() async throws {
    let trace = try await OpenTrace()
    await #expect(throws: VPathError.self) { try await trace.store.exportPiece(of: caseA) }
    _ = try await trace.store.append([event(caseA, .caseOpened)])
    for cursor in [
      "", "1", "1.2.3.4", "a.b.c.d.e", "-1.0.0.0.0", "9.9.9.9.9", "1.1.2.0.0", "1.1.1.77.77",
      "1.1.1.0.9223372036854775807", "1.1.1.0.9007199254740992",
    ] {
      let error = await #expect(throws: VPathError.self) {
        try await trace.store.exportPiece(of: caseA, cursor: cursor)
      }
      #expect(error?.id == .protocolParams || cursor.hasSuffix(".77.77"))
    }
  }

  @Test func aKeyGivenBeforehandIsBelievedOverTheExportsOwn() async throws {
    let reference = try await ReferenceTrace.shared.value
    let other = CheckpointSigner().publicKey
    let report = try TraceVerifier.verify(export: reference.exportPath, publicKey: other)
    #expect(report.fault?.what == .checkpointSignature)
  }
}
