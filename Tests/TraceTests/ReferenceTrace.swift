// A small trace with everything in it, written once by the real store, copied for every test that changes it.

import Domain
import GRDB
import Glibc
import JSON
import Testing
import Trace

/// The trace that tampering tests start from.
///
/// case-a: 1 case.opened, 2 to 7 turn-1 (3 keeps a policy, 4 a large prompt, 5 has a large payload, 6 is redacted),
/// 8 to 10 turn-3, 11 trace.redacted, 12 case.closed. case-b: 1 case.opened, 2 to 4 turn-2.
/// Checkpoints: 1 case-a 7, 2 case-b 4, 3 case-a 10, 4 case-a 11, 5 case-a 12.
struct ReferenceTrace: Sendable {
  let directory: TemporaryDirectory
  let policyHash: SHA256Hex
  let promptHash: SHA256Hex

  /// The finished state directory.
  var path: String { directory.file("state") }
  /// A copy of it from before checkpoint 2.
  var olderPath: String { directory.file("older") }
  /// The export of case-a.
  var exportPath: String { directory.file("case-a.jsonl") }

  static let shared = Task { try await ReferenceTrace() }

  private init() async throws {
    var trace = try await OpenTrace()
    directory = trace.directory
    let store = trace.store
    policyHash = try await store.put(Array("permit: tool = \"cell_counter\"\n".utf8), mediaType: "application/yaml")
    promptHash = try await store.put((0..<300_000).map { UInt8(truncatingIfNeeded: $0 * 7) }, mediaType: "text/plain")
    _ = try await store.append([
      event(caseA, .caseOpened, ["title": "skin"]), event(caseA, .turnQueued, turn: turnOne, ["position": 0]),
    ])
    trace.clock.time = "2026-03-01T08:00:01.000Z"
    _ = try await store.append([
      event(caseA, .turnStarted, turn: turnOne, ["policyDigest": .string(policyHash.rawValue)]),
      event(caseA, .modelRequested, turn: turnOne, ["prompt": .string(promptHash.rawValue), "step": 1]),
      event(caseA, .toolReturned, turn: turnOne, ["result": .string(String(repeating: "nucleus ", count: 20_000))]),
      event(caseA, .evidenceRecorded, turn: turnOne, ["evidence": ["name": "a name that must go"]]),
      completed(caseA, turnOne),
    ])
    try await store.checkpoint(caseA)
    try await store.close()
    copyTree(directory.file("state"), directory.file("older"))

    trace = try await OpenTrace(in: directory, options: .seeded(2))
    trace.clock.time = "2026-03-01T08:00:02.000Z"
    let turnTwo = TurnID("turn-2")
    _ = try await trace.store.append([
      event(caseB, .caseOpened), event(caseB, .turnQueued, turn: turnTwo),
      event(caseB, .turnStarted, turn: turnTwo, ["policyDigest": .string(policyHash.rawValue)]),
      completed(caseB, turnTwo, stop: "failed"),
    ])
    try await trace.store.checkpoint(caseB)
    trace.clock.time = "2026-03-01T08:00:03.000Z"
    let turnThree = TurnID("turn-3")
    _ = try await trace.store.append([
      event(caseA, .turnQueued, turn: turnThree), event(caseA, .turnStarted, turn: turnThree),
      completed(caseA, turnThree, stop: "interrupted"),
    ])
    try await trace.store.checkpoint(caseA)
    trace.clock.time = "2026-03-01T08:00:04.000Z"
    _ = try await trace.store.redact(caseA, seqs: [6], reason: "withdrawn consent", by: "uid 1000")
    try await trace.store.checkpoint(caseA)
    trace.clock.time = "2026-03-01T08:00:05.000Z"
    _ = try await trace.store.append([event(caseA, .caseClosed)])
    try await trace.store.export(caseA, to: directory.file("case-a.jsonl"))
    try await trace.store.close()
  }

  /// A copy to change.
  func copy() -> TamperedTrace {
    let copy = TemporaryDirectory()
    copyTree(path, copy.file("state"))
    return TamperedTrace(reference: self, directory: copy)
  }
}

/// A copy of the reference trace, and the ways to change it.
struct TamperedTrace {
  let reference: ReferenceTrace
  let directory: TemporaryDirectory

  var path: String { directory.file("state") }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Runs statements on the database.
  func sql(_ sql: String, _ arguments: StatementArguments = []) throws {
    let queue = try DatabaseQueue(path: file(TraceFile.database))
    try queue.writeWithoutTransaction { try $0.execute(sql: sql, arguments: arguments) }
    try queue.close()
  }

  /// Reads rows of the database.
  func rows(_ sql: String) throws -> [Row] {
    let queue = try DatabaseQueue(path: file(TraceFile.database))
    defer { try? queue.close() }
    return try queue.read { try Row.fetchAll($0, sql: sql) }
  }

  /// `cases.id` of a case.
  func ref(_ caseID: CaseID) -> String { "(SELECT id FROM cases WHERE case_id = '\(caseID)')" }

  /// `WHERE` that finds one event.
  func at(_ caseID: CaseID, _ seq: Int) -> String { "WHERE case_ref = \(ref(caseID)) AND seq = \(seq)" }

  /// The file of large bytes.
  func keptFile(_ hash: SHA256Hex) -> String { file("bytes/\(hash.rawValue.prefix(2))/\(hash)") }

  /// Changes one byte of a file.
  func flip(_ path: String, at offset: Int) {
    var bytes = readFile(path)
    bytes[offset] ^= 0x20
    writeFile(path, bytes)
  }

  /// The checkpoint file's lines.
  var checkpointLines: [String] {
    get {
      String(decoding: readFile(file(TraceFile.checkpoints)), as: UTF8.self).split(separator: "\n").map(String.init)
    }
    nonmutating set {
      writeFile(file(TraceFile.checkpoints), Array(newValue.map { $0 + "\n" }.joined().utf8))
    }
  }

  /// Signs the whole checkpoint log anew with another key, in the database and in the file.
  func signAnew(with signer: CheckpointSigner) throws {
    var previous = SHA256Bytes.zero
    var lines: [String] = []
    for line in checkpointLines {
      let old = try #require(Checkpoint(line: Array(line.utf8)))
      let entry = try Checkpoint(
        number: old.number, caseID: old.caseID, head: old.head, time: old.time, previous: previous, signer: signer)
      let bytes = entry.line()
      previous = SHA256Bytes(of: bytes)
      lines.append(String(decoding: bytes, as: UTF8.self))
      try sql("UPDATE checkpoints SET line = CAST(? AS BLOB) WHERE number = ?", [lines[lines.count - 1], old.number])
    }
    checkpointLines = lines
  }
}

/// A verdict, as far as two verifiers must agree on it.
struct Verdict: Hashable, Sendable, CustomStringConvertible {
  var what: String
  var caseID: String?
  var seq: Int?

  init(_ what: FaultKind, _ caseID: CaseID? = nil, _ seq: Int? = nil) {
    self.what = what.rawValue
    self.caseID = caseID?.rawValue
    self.seq = seq
  }

  init(_ fault: TraceFault) { self.init(fault.what, fault.caseID, fault.seq) }

  init(_ fault: JSONValue) {
    what = fault["what"]?.stringValue ?? ""
    caseID = fault["case"]?.stringValue
    seq = fault["seq"]?.integerValue
  }

  var description: String { "\(what) at \(caseID ?? "-") \(seq.map(String.init) ?? "-")" }
}

/// Where the verifier in Python is.
private let pythonDirectory =
  "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/tools/verify-trace"

/// Runs a shell command: what it printed, and its exit status.
private func run(_ command: String) throws -> (output: [UInt8], status: Int32) {
  let pipe = try #require(popen(command, "r"))
  var output: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 4096)
  while true {
    let count = fread(&piece, 1, piece.count, pipe)
    if count == 0 { break }
    output += piece[..<count]
  }
  return (output, pclose(pipe) >> 8)
}

private func report(_ output: [UInt8]) throws -> JSONValue {
  do {
    return try JSONValue.parse(output)
  } catch {
    Issue.record("verify.py said no JSON: \(String(decoding: output, as: UTF8.self))")
    return .null
  }
}

/// Runs tools/verify-trace/verify.py as a person would, and gives back its verdicts.
func verdictsOfPython(_ path: String, _ arguments: String = "") throws -> [Verdict] {
  let (output, status) = try run("python3 '\(pythonDirectory)/verify.py' --json \(arguments) '\(path)' 2>&1")
  let faults = (try report(output)["faults"]?.arrayValue ?? []).map { Verdict($0) }
  #expect(status == (faults.isEmpty ? 0 : 65))
  return faults
}

/// Runs the verifier in Python over many traces in one process.
func verdictsOfPython(paths: [String]) throws -> [[Verdict]] {
  let program = """
    import json, os, sys
    sys.path.insert(0, sys.argv[1])
    sys.dont_write_bytecode = True
    import verify
    def report(path):
      if os.path.isdir(path): return verify.verify_directory(path, None, None, None)
      return verify.ExportVerifier(path, None).run()
    print(json.dumps([report(path).as_json() for path in sys.argv[2:]]))
    """
  let list = paths.map { "'\($0)'" }.joined(separator: " ")
  let (output, status) = try run("python3 -c '\(program)' '\(pythonDirectory)' \(list) 2>&1")
  #expect(status == 0)
  return (try report(output).arrayValue ?? []).map { ($0["faults"]?.arrayValue ?? []).map { Verdict($0) } }
}
