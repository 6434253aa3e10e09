// The tool host as the daemon sets it up, with a registry of its own, and what a direct call is given in its place.
// What must stay true: host and direct call get the same slide, the same arguments and an empty scratch folder.

import Crypto
import Domain
import Glibc
import JSON
import Logging
import Policy
import Ports
import ToolHost

/// Calls through a host.
final class HostedCalls {
  let direct: DirectCalls
  private let host: ToolHost
  private let registry: ToolRegistry
  private let policy: Policy
  private let slide: SlideGrant
  private let scratch: String
  private let caseID = CaseID("case-1")
  private let description = CaseDescription(organ: "skin", stain: "H&E")
  private var number = 0

  init(_ options: Program) throws {
    for name in ["work", "installed", "direct"] {
      guard mkdir("\(options.scratch)/\(name)", 0o700) == 0 else {
        throw BenchFailure("--scratch: give an empty folder")
      }
    }
    let environment = [
      "VPATH_MODELS": options.resources + "/models", "VPATH_TOOLS": options.resources + "/tools",
      "VPATH_OPENSLIDE": options.openslide,
    ]
    let configuration = ToolHostConfiguration(
      launcher: options.programs + "/vpath-launch", builtInProgram: options.programs + "/vpath-tools",
      builtInDirectory: options.resources + "/tools", installedDirectory: options.scratch + "/installed",
      workDirectory: options.scratch + "/work", builtInReadOnlyPaths: environment.values.sorted(),
      builtInEnvironment: environment)
    registry = ToolRegistry(configuration)
    for name in ["answers_at_once", "never_ends"] {
      try registry.install(from: "\(options.plugIns)/\(name)", by: getuid(), at: "2026-01-01T00:00:00.000Z")
    }
    policy = try Policy.load(yaml: HostedCalls.rules)
    host = ToolHost(
      configuration: configuration, registry: registry, policy: policy,
      log: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
    ) { bytes, _ in SHA256Hex(bytes: SHA256.hash(data: bytes)) }
    slide = SlideGrant(id: EvidenceID("s1"), path: options.slide)
    scratch = options.scratch + "/direct"
    direct = DirectCalls(environment: environment)
  }

  /// What a tool is asked.
  static func arguments(_ tool: String) -> JSONValue {
    tool == "region_zoom" ? ["rect": ["x": 1024, "y": 1024, "width": 256, "height": 256]] : [:]
  }

  /// Milliseconds of one call through the host.
  func call(_ tool: String) async throws -> Double {
    let (approved, input) = try approved(tool)
    let began = ContinuousClock.now
    let result = await host.run(approved, input: input) { _ in }
    let took = (ContinuousClock.now - began).milliseconds
    if let error = result.error { throw BenchFailure("\(tool), through the host: \(error.message)") }
    guard result.sandboxed else { throw BenchFailure("\(tool) ran without its sandbox; that is not what is measured") }
    return took
  }

  /// Milliseconds from the cancel of a running call to its return, when its whole process tree is gone.
  func cancel(_ tool: String) async throws -> Double {
    let (approved, input) = try approved(tool)
    let host = host
    let call = Task { await host.run(approved, input: input) { _ in } }
    // Time for its processes to be there and busy.
    try await Task.sleep(for: .milliseconds(500))
    let began = ContinuousClock.now
    call.cancel()
    let result = await call.value
    let took = (ContinuousClock.now - began).milliseconds
    guard result.error?.id == .cancelled else {
      throw BenchFailure("\(tool) ended before it was cancelled: \(result.error?.message ?? "with a result")")
    }
    return took
  }

  private func approved(_ tool: String) throws -> (ApprovedCall, ToolCallInput) {
    number += 1
    let input = ToolCallInput(
      caseID: caseID, turn: TurnID("turn-1"), call: CallID("call-\(number)"), tool: tool,
      arguments: HostedCalls.arguments(tool), description: description, slides: [slide], evidence: [])
    let info = try registry.info(tool)
    guard let manifest = info.manifest else {
      throw BenchFailure("\(tool): \(info.problem?.message ?? "is not there")")
    }
    let approved = try policy.approve(
      .tool(manifest, isBuiltIn: info.isBuiltIn, description: description, arguments: input.arguments),
      principal: Principal(uid: getuid(), gid: getgid(), pid: nil, kind: .planner),
      context: PolicyContext(caseID: caseID, caseOwnerUID: getuid(), turn: input.turn), nonce: input.call.rawValue
    ).get()
    return (approved, input)
  }

  /// Ends the case's processes, so that the next call starts one.
  func release() async { await host.release(caseID) }

  /// Ends everything that was started.
  func stop() async { await host.stop() }

  /// A direct call's input, with a scratch folder of its own.
  func directInput(_ arguments: JSONValue) throws -> (value: JSONValue, text: String) {
    number += 1
    let folder = "\(scratch)/\(number)"
    guard mkdir(folder, 0o700) == 0 else { throw BenchFailure("no folder can be made in --scratch") }
    let input = try encodeJSON(
      ToolInput(
        call: CallID("call-\(number)"), arguments: arguments, case: description,
        slides: [ToolInput.Slide(id: slide.id, path: slide.path, properties: nil)], views: [], evidence: [:],
        scratch: folder))
    return (input, input.canonicalString())
  }

  private static let rules = """
    version: 1
    rules:
      - id: tools
        effect: permit
        action: [tool.call, tool.keep]
        why: the benchmark calls tools
        examples:
          match:
            - {call: {action: tool.call}, principal: {kind: planner, uid: 1}}
          noMatch:
            - {call: {action: case.open}, principal: {kind: planner, uid: 1}}

    """
}

/// Why the run ended.
struct BenchFailure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
