// Redaction: what is erased is gone from every file, and the chain stays right.

import Domain
import Glibc
import JSON
import Ports
import Testing
import Trace

@Suite struct RedactionTests {
  /// Whether the text stands in any file of the directory.
  private func anyFile(of path: String, contains text: String) -> Bool {
    for name in names(in: path) {
      let file = "\(path)/\(name)"
      var status = stat()
      lstat(file, &status)
      if status.st_mode & S_IFMT == S_IFDIR {
        if anyFile(of: file, contains: text) { return true }
      } else if String(decoding: readFile(file), as: UTF8.self).contains(text) {
        return true
      }
    }
    return false
  }

  @Test func anErasedPayloadIsGoneFromEveryFileAndTheChainIsRight() async throws {
    let trace = try await OpenTrace()
    let name = "Erika Mustermann"
    let small = try await trace.store.put(Array("prompt about \(name)".utf8), mediaType: "text/plain")
    let large = try await trace.store.put(
      Array(String(repeating: "again \(name) ", count: 8_000).utf8), mediaType: "text/plain")
    _ = try await trace.store.append([
      event(caseA, .caseOpened, ["title": .string(name)]),
      event(caseA, .modelRequested, ["small": .string(small.rawValue), "large": .string(large.rawValue)]),
      event(caseA, .toolReturned, ["text": .string(String(repeating: "\(name), ", count: 10_000))]),
      event(caseA, .caseClosed, ["n": 1]),
    ])
    #expect(anyFile(of: trace.path, contains: name))
    let redacted = try await trace.store.redact(caseA, seqs: [3, 1, 2, 3], reason: "withdrawn", by: "uid 7")
    #expect(redacted.kind == .traceRedacted && redacted.seq == 5)
    #expect(redacted.payload == ["seqs": [1, 2, 3], "reason": "withdrawn", "by": "uid 7"])
    #expect(!anyFile(of: trace.path, contains: name))
    let events = try await trace.store.events(of: caseA, turn: nil, after: 0, limit: 9)
    #expect(events.map(\.payload) == [nil, nil, nil, ["n": 1], redacted.payload])
    #expect(events.map(\.kind) == [.caseOpened, .modelRequested, .toolReturned, .caseClosed, .traceRedacted])
    #expect(try await trace.store.size(of: small) == nil)
    #expect(try await trace.store.size(of: large) == nil)
    #expect(try TraceVerifier.verify(directory: trace.path).faults == [])
    try await trace.store.export(caseA, to: trace.directory.file("export.jsonl"))
    #expect(!anyFile(of: trace.directory.path, contains: name))
    #expect(try TraceVerifier.verify(export: trace.directory.file("export.jsonl")).isOK)
    #expect(try verdictsOfPython(trace.directory.file("export.jsonl")) == [])
    try await trace.store.close()
    #expect(!anyFile(of: trace.directory.path, contains: name))
    #expect(try verdictsOfPython(trace.path) == [])
  }

  @Test func bytesThatAnotherEventRefersToStay() async throws {
    let trace = try await OpenTrace()
    let hash = try await trace.store.put(Array("the policy".utf8), mediaType: "application/yaml")
    let payload: JSONValue = ["policy": .string(hash.rawValue)]
    _ = try await trace.store.append([event(caseA, .turnStarted, payload), event(caseB, .turnStarted, payload)])
    _ = try await trace.store.redact(caseA, seqs: [1], reason: "", by: "")
    #expect(try await trace.store.size(of: hash) == 10)
    #expect(try await !trace.store.refers(caseA, to: hash))
    _ = try await trace.store.redact(caseB, seqs: [1], reason: "", by: "")
    #expect(try await trace.store.size(of: hash) == nil)
    #expect(try TraceVerifier.verify(directory: trace.path).isOK)
  }

  @Test func whatIsNotThereAndWhatRecordsARedactionCannotBeErased() async throws {
    let trace = try await OpenTrace()
    _ = try await trace.store.append([event(caseA, .caseOpened), event(caseA, .caseClosed)])
    _ = try await trace.store.redact(caseA, seqs: [1], reason: "", by: "")
    for seqs in [[], [9], [2, 9], [3], [0]] {
      let error = await #expect(throws: VPathError.self) {
        try await trace.store.redact(caseA, seqs: seqs, reason: "", by: "")
      }
      #expect(error?.id == .protocolParams)
    }
    let noCase = await #expect(throws: VPathError.self) {
      try await trace.store.redact(caseB, seqs: [1], reason: "", by: "")
    }
    #expect(noCase?.id == .caseNotFound)
    let events = try await trace.store.events(of: caseA, turn: nil, after: 0, limit: 9)
    #expect(events.count == 3 && events[1].payload == [:])
    #expect(try TraceVerifier.verify(directory: trace.path).isOK)
  }

  @Test func anErasedTurnKeepsItsPlaceInTheLists() async throws {
    let trace = try await OpenTrace()
    _ = try await trace.store.append(turnEvents(caseA, turnOne) + [completed(caseA, turnOne)])
    try await trace.store.checkpoint(caseA)
    _ = try await trace.store.redact(caseA, seqs: [1, 2, 3, 4, 5], reason: "all of it", by: "uid 0")
    #expect(try await trace.store.turn(turnOne)?.stop == "answered")
    #expect(try TraceVerifier.verify(directory: trace.path).faults == [])
    #expect(try verdictsOfPython(trace.path) == [])
  }

  /// As when a turn is stopped after its model replied and before that was recorded.
  @Test(arguments: [false, true])
  func bytesThatNoEventCameToReferToAreGoneAtTheNextStart(afterACrash: Bool) async throws {
    let trace = try await OpenTrace()
    let name = "Erika Mustermann"
    let small = try await trace.store.put(Array("prompt about \(name)".utf8), mediaType: "text/plain")
    let large = try await trace.store.put(
      Array(String(repeating: "again \(name) ", count: 8_000).utf8), mediaType: "text/plain")
    let used = try await trace.store.put(Array("the policy".utf8), mediaType: "application/yaml")
    _ = try await trace.store.append([event(caseA, .turnStarted, ["policy": .string(used.rawValue)])])
    try await trace.store.flush()
    let later = TemporaryDirectory()
    if !afterACrash { try await trace.store.close() }
    copyTree(trace.path, later.file("state"))
    #expect(anyFile(of: later.path, contains: name))
    let again = try await OpenTrace(in: later)
    #expect(!anyFile(of: later.path, contains: name))
    for hash in [small, large] { #expect(try await again.store.size(of: hash) == nil) }
    #expect(try await again.store.size(of: used) == 10)
    #expect(try await again.store.put(Array("prompt about \(name)".utf8), mediaType: "text/plain") == small)
    try await again.store.close()
    #expect(try TraceVerifier.verify(directory: again.path).faults == [])
  }
}
