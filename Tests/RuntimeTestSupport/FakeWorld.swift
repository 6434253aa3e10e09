// The rest of the runtime's surroundings for tests: clock, names, slides, case files, tools, planner.

public import Domain
import JSON
import LanguageModels
public import Policy
public import Ports
import Synchronization
public import TestSupport
public import TurnRuntime
public import Wire

/// A clock that a test moves on. Sleepers wake when their moment has come.
public final class ManualClock: Clock {
  private struct State {
    var seconds = 1000.0
    var wall = 0.0
    var next = 0
    var sleepers: [Int: (until: Double, continuation: CheckedContinuation<Bool, Never>)] = [:]
    var cancelled: Set<Int> = []
  }
  private let state = Mutex(State())

  /// A clock at some moment.
  public init() {}

  public func now() -> String {
    let milliseconds = state.withLock { Int(($0.seconds + $0.wall) * 1000) }
    let seconds = milliseconds / 1000 % 60
    let minutes = milliseconds / 60_000 % 60
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let thousandths = String(String(1000 + milliseconds % 1000).dropFirst())
    return "2026-01-01T00:\(two(minutes)):\(two(seconds)).\(thousandths)Z"
  }

  public func monotonicSeconds() -> Double { state.withLock { $0.seconds } }

  public func sleep(seconds: Double) async throws {
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    let woke = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.cancelled.remove(number) != nil { return true }
          state.sleepers[number] = (state.seconds + seconds, continuation)
          return false
        }
        if isOver { continuation.resume(returning: false) }
      }
    } onCancel: {
      let sleeper = state.withLock { state in
        if let sleeper = state.sleepers.removeValue(forKey: number) { return Optional(sleeper) }
        state.cancelled.insert(number)
        return nil
      }
      sleeper?.continuation.resume(returning: false)
    }
    if !woke { throw CancellationError() }
  }

  /// Moves on and wakes whose moment has come.
  public func advance(_ seconds: Double) {
    let woken = state.withLock { state in
      state.seconds += seconds
      let due = state.sleepers.filter { $0.value.until <= state.seconds }
      for key in due.keys { state.sleepers[key] = nil }
      return due.values.map(\.continuation)
    }
    for continuation in woken { continuation.resume(returning: true) }
  }

  /// Sets the wall clock off by that much; elapsed time goes on as before.
  public func shiftWall(_ seconds: Double) { state.withLock { $0.wall += seconds } }

  /// Sleepers there are.
  public var sleepers: Int { state.withLock { $0.sleepers.count } }
}

/// Names that count up.
public final class CountingNames: NameSource {
  private let count = Mutex(0)
  private let prefix: String
  /// Names with that beginning.
  public init(_ prefix: String = "n") { self.prefix = prefix }
  public func randomName() -> String {
    count.withLock { count in
      count += 1
      return "\(prefix)\(count)"
    }
  }
}

/// Slides that are only names: any path under `/slides/` but those that say otherwise.
public struct NamedSlides: SlideFiles {
  /// The slides.
  public init() {}
  public func resolve(_ path: String) async throws(VPathError) -> ResolvedSlide {
    let name = String(path.split(separator: "/").last ?? "")
    guard path.hasPrefix("/slides/") else {
      throw VPathError(.slideNotAllowed, "\(name) is not in a folder that slides may be in.", subject: name)
    }
    guard !name.contains("missing") else { throw VPathError(.slideNotFound, "There is no \(name).", subject: name) }
    return ResolvedSlide(path: path, companions: [], fileName: name, sizeBytes: 1_938_955)
  }
  public func hash(_ slide: ResolvedSlide) async throws(VPathError) -> SHA256Hex {
    MemoryTrace.hash(Array(slide.path.utf8))
  }
}

/// Case files in memory.
public final class MemoryCaseFiles: CaseFiles {
  private let files = Mutex<[CaseID: [SlideGrant]]>([:])
  /// None.
  public init() {}
  public func save(_ slides: [SlideGrant], of caseID: CaseID) async throws(VPathError) {
    files.withLock { $0[caseID] = slides }
  }
  public func load(_ caseID: CaseID) async throws(VPathError) -> [SlideGrant] { files.withLock { $0[caseID] ?? [] } }
  public func remove(_ caseID: CaseID) async { _ = files.withLock { $0.removeValue(forKey: caseID) } }
  public func kept() async -> [CaseID] { files.withLock { $0.keys.sorted() } }
}

/// An auditor that finds nothing wrong; the real one is Trace's.
public struct PermissiveAudit: TraceAudit {
  private let store: MemoryTrace
  /// Of a trace in memory.
  public init(_ store: MemoryTrace) { self.store = store }
  public func verify(_ caseID: CaseID?) async throws(VPathError) -> TraceVerifyResult {
    let cases = caseID.map { [$0] } ?? store.caseIDs
    return TraceVerifyResult(
      ok: true, cases: cases.count, events: cases.map { store.all($0).count }.reduce(0, +), checkpoints: 0, fault: nil)
  }
  public func export(_ caseID: CaseID, cursor: String?) async throws(VPathError) -> (bytes: [UInt8], next: String?) {
    let text = Array("export of \(caseID)\n".utf8)
    guard let cursor else { return (Array(text.prefix(8)), "8") }
    return (Array(text.dropFirst(Int(cursor) ?? 0)), nil)
  }
}

/// Tools whose results a test gives; the samples' results where it does not.
public final class ScriptedTools: ToolRunner {
  /// What a call does.
  public typealias Behaviour =
    @Sendable (ToolCallInput, @escaping @Sendable (ToolProgress) -> Void) async -> ToolResult?

  private struct State {
    var manifests: [ToolManifest]
    var calls: [ToolCallInput] = []
    var approvals: [ApprovedDigest] = []
    var released: [CaseID] = []
    var cancelled = 0
  }
  private typealias ApprovedDigest = SHA256Hex
  private let state: Mutex<State>
  private let behaviour: Behaviour

  /// The manifest of the tool that opens slides.
  public static let properties: ToolManifest = {
    var manifest = SampleTools.tool(
      "slide_properties", title: "Slide properties", input: .slide,
      schema: [
        "type": "object", "properties": ["slide": ["type": "string"]], "required": ["slide"],
        "additionalProperties": false,
      ], measures: [], answers: nil)
    manifest.vpath.hostOnly = true
    return manifest
  }()

  /// The product's tools. A behaviour that gives nil leaves the call to the samples.
  public init(
    manifests: [ToolManifest] = SampleTools.builtIn + [properties], _ behaviour: @escaping Behaviour = { _, _ in nil }
  ) {
    state = Mutex(State(manifests: manifests.sorted { $0.name < $1.name }))
    self.behaviour = behaviour
  }

  /// Every call that ran.
  public var calls: [ToolCallInput] { state.withLock { $0.calls } }
  /// Cases whose processes were ended.
  public var released: [CaseID] { state.withLock { $0.released } }
  /// Calls that were cancelled while they ran.
  public var cancelled: Int { state.withLock { $0.cancelled } }

  public func manifests() async -> [ToolManifest] { state.withLock { $0.manifests } }

  public func run(
    _ call: ApprovedCall, input: ToolCallInput, progress: @escaping @Sendable (ToolProgress) -> Void
  ) async -> ToolResult {
    let isNew = state.withLock { state in
      state.calls.append(input)
      defer { state.approvals.append(call.digest) }
      return !state.approvals.contains(call.digest)
    }
    guard isNew, call.call.arguments == input.arguments else {
      return ToolResult(error: VPathError(.policyDenied, "The approval is not for this call."))
    }
    let scripted = await behaviour(input, progress)
    if Task.isCancelled {
      state.withLock { $0.cancelled += 1 }
      return ToolResult(error: VPathError(.cancelled, "The call was cancelled."))
    }
    if let scripted { return scripted }
    if input.tool == "slide_properties" { return ScriptedTools.properties(of: input) }
    return (try? SampleResults.answer(input.tool, input.arguments))
      ?? ToolResult(error: VPathError(.toolFailed, "The samples have no result."))
  }

  private static func properties(of input: ToolCallInput) -> ToolResult {
    if input.slides.contains(where: { $0.path.contains("text") }) {
      return ToolResult(error: VPathError(.slideUnsupported, "The file is no slide that the decoder knows."))
    }
    let properties = (try? encodeJSON(SampleResults.properties)) ?? .null
    return ToolResult(evidence: [
      ProposedEvidence(
        key: nil, kind: .slide, body: ["slide": input.arguments["slide"] ?? "s1", "properties": properties])
    ])
  }

  public func release(_ caseID: CaseID) async { state.withLock { $0.released.append(caseID) } }
}

/// A planner that does what a test says; the rule planner's steps where it says nothing.
public struct ScriptedPlanner: LanguageModel {
  private let behaviour: @Sendable (StepRequest) async throws(VPathError) -> StepReply?
  /// A planner.
  public init(_ behaviour: @escaping @Sendable (StepRequest) async throws(VPathError) -> StepReply? = { _ in nil }) {
    self.behaviour = behaviour
  }
  public var name: String { "rule planner" }
  public func step(_ request: StepRequest) async throws(VPathError) -> StepReply {
    if let scripted = try await behaviour(request) { return scripted }
    return RulePlanner.plan(request)
  }
}

/// A door that tasks wait at until a test opens it.
public final class Door: Sendable {
  private struct State {
    var isOpen = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())
  /// A closed door.
  public init() {}
  /// Waits until it is open, or the task is cancelled.
  public func pass() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let goes = state.withLock { state in
          if state.isOpen || Task.isCancelled { return true }
          state.waiting.append(continuation)
          return false
        }
        if goes { continuation.resume() }
      }
    } onCancel: {
      open()
    }
  }
  /// Opens it for good.
  public func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }
  /// Tasks that wait.
  public var waiting: Int { state.withLock { $0.waiting.count } }
}
