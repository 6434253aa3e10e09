// A runtime over fakes, with the policy that the product ships.

public import Domain
import Glibc
import JSON
import Logging
public import Policy
public import Ports
public import TurnRuntime
public import Wire

/// A runtime and what is around it.
public struct RuntimeWorld: Sendable {
  /// The runtime, begun.
  public let runtime: Runtime
  /// Its trace.
  public let trace: MemoryTrace
  /// Its tools.
  public let tools: ScriptedTools
  /// Its clock.
  public let clock: any Clock
  /// Its private files.
  public let caseFiles: MemoryCaseFiles

  /// The client most tests are.
  public static let alice = Principal(uid: 1000, gid: 1000, pid: 42, kind: .client)
  /// Another user.
  public static let bob = Principal(uid: 1001, gid: 1001, pid: 43, kind: .client)
  /// The daemon.
  public static let daemon = Principal(uid: 990, gid: 990, pid: 1, kind: .daemon)

  /// A world; what is left out is as on a fresh machine.
  public init(
    trace: MemoryTrace? = nil, tools: ScriptedTools = ScriptedTools(),
    planner: any LanguageModel = ScriptedPlanner(), clock: any Clock = ManualClock(),
    caseFiles: MemoryCaseFiles = MemoryCaseFiles(), names: any NameSource = CountingNames(),
    limits: RuntimeLimits = RuntimeLimits()
  ) async throws {
    let trace = trace ?? MemoryTrace(clock: clock)
    let text = try RuntimeWorld.shippedPolicy()
    let environment = Runtime.Environment(
      store: trace, model: planner, tools: tools,
      builtInTools: [
        "cell_counter", "region_zoom", "report_template_filler", "slide_overview", "slide_properties",
      ], slides: NamedSlides(), caseFiles: caseFiles, audit: PermissiveAudit(trace), clock: clock, names: names,
      policy: try Policy.load(yaml: text), policyText: text, daemon: RuntimeWorld.daemon, version: "test",
      build: "test", limits: limits, log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    runtime = Runtime(environment)
    self.trace = trace
    self.tools = tools
    self.clock = clock
    self.caseFiles = caseFiles
    _ = try await runtime.begin()
  }

  /// policies/default.yaml.
  public static func shippedPolicy(_ here: String = #filePath) throws -> String {
    let root = here.split(separator: "/").dropLast(3).joined(separator: "/")
    let path = "/\(root)/policies/default.yaml"
    guard let file = fopen(path, "r") else { throw VPathError(.internalBug, "There is no \(path).") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer[..<count]
    }
  }

  /// A case of one slide.
  public func openCase(by principal: Principal = alice, slides: [String] = ["/slides/a.svs"]) async throws -> CaseID {
    try await runtime.openCase(
      CaseOpenParams(slides: slides, organ: "skin", stain: "H&E"), by: principal
    ).caseID
  }

  /// Starts a turn.
  public func ask(
    _ caseID: CaseID, _ question: String = "How many nuclei per mm² are there?", key: String? = nil,
    regions: [DrawnRegion]? = nil, by principal: Principal = alice
  ) async throws -> TurnID {
    try await runtime.startTurn(
      TurnStartParams(caseID: caseID, question: question, regions: regions, key: key), by: principal
    ).turn
  }

  /// Every note of a turn to its end, as a client gets them.
  public func follow(_ turn: TurnID, after seq: Int = 0, by principal: Principal = alice) async throws -> [TurnNote] {
    let subscription = try await runtime.subscribe(TurnSubscribeParams(turn: turn, after: seq), by: principal)
    var notes: [TurnNote] = []
    for await item in subscription.items {
      if case .notes(let more) = item { notes += more }
      await subscription.ready()
    }
    return notes
  }

  /// Waits for the turn's end.
  public func finished(_ turn: TurnID, by principal: Principal = alice) async throws -> TurnResult {
    _ = try await follow(turn, by: principal)
    return try await runtime.getTurn(TurnParams(turn: turn), by: principal)
  }
}

/// Lets other tasks run until something is true; false after very many tries.
public func settles(_ condition: () async -> Bool) async -> Bool {
  for _ in 0..<200_000 {
    if await condition() { return true }
    await Task.yield()
  }
  return await condition()
}
