// What the trace's tests share: a directory that goes away, a clock and random numbers from a seed, events to record.

import Domain
import Glibc
import JSON
import Ports
import Synchronization
import TestSupport
import Trace

/// Directories that are there, so that the end of the process removes those whose values live until then.
private let temporaryPaths: Shared<Set<String>> = {
  atexit { for path in temporaryPaths.value.withLock({ $0 }) { removeTree(path) } }
  return Shared([])
}()

private func removeTree(_ path: String) {
  for name in names(in: path) {
    if unlink("\(path)/\(name)") != 0 { removeTree("\(path)/\(name)") }
  }
  rmdir(path)
}

/// A private directory that is removed with the value, or with the process.
final class TemporaryDirectory: Sendable {
  let path: String

  init() {
    path = TemporaryDirectory.unowned()
    temporaryPaths.value.withLock { [path] in _ = $0.insert(path) }
  }

  deinit {
    removeTree(path)
    temporaryPaths.value.withLock { [path] in _ = $0.remove(path) }
  }

  /// A new directory that nobody removes.
  static func unowned() -> String {
    let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(parent)/vpath-trace-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { fatalError("no temporary directory under \(parent)") }
    return String(cString: made)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }
}

/// Names in a directory, sorted.
func names(in path: String) -> [String] {
  guard let stream = opendir(path) else { return [] }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

func readFile(_ path: String) -> [UInt8] {
  guard let file = fopen(path, "rb") else { return [] }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = fread(&piece, 1, piece.count, file)
    if count == 0 { return bytes }
    bytes += piece[..<count]
  }
}

func writeFile(_ path: String, _ bytes: [UInt8]) {
  guard let file = fopen(path, "wb") else { fatalError("cannot write \(path)") }
  fwrite(bytes, 1, bytes.count, file)
  fclose(file)
}

/// Copies a directory and everything in it.
func copyTree(_ from: String, _ to: String) {
  mkdir(to, 0o700)
  for name in names(in: from) {
    var status = stat()
    lstat("\(from)/\(name)", &status)
    if status.st_mode & S_IFMT == S_IFDIR {
      copyTree("\(from)/\(name)", "\(to)/\(name)")
    } else {
      writeFile("\(to)/\(name)", readFile("\(from)/\(name)"))
    }
  }
}

/// A clock that stands still unless told otherwise.
final class TestClock: Clock {
  private let state = Mutex("2026-03-01T08:00:00.000Z")
  var time: String {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
  func now() -> String { time }
  func monotonicSeconds() -> Double { 0 }
  func sleep(seconds: Double) async throws {}
}

extension SeededGenerator {
  mutating func bytes(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count { withUnsafeBytes(of: next()) { bytes += $0 } }
    return Array(bytes.prefix(count))
  }
}

/// Salts from a seed.
func seededSalts(_ seed: UInt64) -> @Sendable () -> [UInt8] {
  let generator = Shared(SeededGenerator(seed: seed))
  return { generator.value.withLock { $0.bytes(32) } }
}

/// A value that closures share.
final class Shared<Value: Sendable>: Sendable {
  let value: Mutex<Value>
  init(_ value: Value) { self.value = Mutex(value) }
}

extension TraceOptions {
  /// Options for tests: salts from a seed, no disk space held back.
  static func seeded(_ seed: UInt64 = 1) -> TraceOptions {
    var options = TraceOptions()
    options.salt = seededSalts(seed)
    options.reserveBytes = 0
    return options
  }
}

/// A trace in a directory of its own.
struct OpenTrace {
  let directory: TemporaryDirectory
  let clock: TestClock
  let store: TraceStore

  init(in directory: TemporaryDirectory = TemporaryDirectory(), options: TraceOptions = .seeded()) async throws {
    self.directory = directory
    clock = TestClock()
    store = try await TraceStore.open(directory: directory.file("state"), clock: clock, options: options)
  }

  var path: String { directory.file("state") }
}

let caseA = CaseID("case-a")
let caseB = CaseID("case-b")
let turnOne = TurnID("turn-1")

func event(_ caseID: CaseID, _ kind: EventKind, turn: TurnID? = nil, _ payload: JSONValue = [:]) -> NewEvent {
  NewEvent(caseID: caseID, turn: turn, kind: kind, payload: payload)
}

/// The events of a short turn, without its end.
func turnEvents(_ caseID: CaseID, _ turn: TurnID) -> [NewEvent] {
  [
    event(caseID, .turnQueued, turn: turn, ["task": ["ask": ["question": "How many nuclei?"]], "position": 0]),
    event(caseID, .turnStarted, turn: turn, ["brief": ["planner": "rules"]]),
    event(caseID, .modelRequested, turn: turn, ["step": 1]),
    event(caseID, .modelResponded, turn: turn, ["step": 1, "elapsedSeconds": 0.25]),
  ]
}

func completed(_ caseID: CaseID, _ turn: TurnID, stop: String = "answered") -> NewEvent {
  event(caseID, .turnCompleted, turn: turn, ["stop": .string(stop)])
}
