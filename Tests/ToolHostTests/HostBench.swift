// A tool host of a test's own, with real children in a real sandbox.
// What must stay true: nothing here stands in for what is tested; the sandbox is bubblewrap's, the tools are programs.

import Domain
import Glibc
import JSON
import Logging
import Policy
import Ports
import Synchronization
import TestSupport
import Testing

@testable import ToolHost

/// What this machine has.
enum Machine {
  static let hasBubblewrap = access("/usr/bin/bwrap", X_OK) == 0 && access("/usr/bin/python3", X_OK) == 0
  static let needs: Comment = "needs the Debian packages bubblewrap and python3"

  /// A program built beside the tests.
  static func program(_ name: String) -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let path = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) + "/" + name
  }
}

/// Bytes kept by hash.
final class Blobs: Sendable {
  private let state = Mutex<[SHA256Hex: (bytes: [UInt8], mediaType: String)]>([:])
  var sink: BlobSink {
    { bytes, mediaType in
      let hash = sha256(bytes)
      self.state.withLock { $0[hash] = (bytes, mediaType) }
      return hash
    }
  }
  subscript(hash: SHA256Hex) -> [UInt8]? { state.withLock { $0[hash]?.bytes } }
  func text(_ hash: SHA256Hex?) -> String {
    hash.flatMap { self[$0] }.map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}

/// A host with folders of its own.
final class HostBench: Sendable {
  let folder = TemporaryFolder()
  let configuration: ToolHostConfiguration
  let registry: ToolRegistry
  let host: ToolHost
  let blobs = Blobs()
  let caseID = CaseID("case-1")
  private let calls = Mutex(0)

  init(policy: Policy? = nil, _ change: (inout ToolHostConfiguration) -> Void = { _ in }) throws {
    let path = try #require(resolvedPath(folder.path))
    for name in ["built-in", "installed", "work", "sources", "slides"] { mkdir("\(path)/\(name)", 0o700) }
    var configuration = ToolHostConfiguration(
      launcher: Machine.program("vpath-launch"), builtInProgram: "\(path)/vpath-tools",
      builtInDirectory: "\(path)/built-in", installedDirectory: "\(path)/installed", workDirectory: "\(path)/work")
    // On a busy machine a program may take long to start; no test but those of silence waits for it to be silent.
    configuration.probeSeconds = 300
    configuration.startSeconds = 300
    change(&configuration)
    self.configuration = configuration
    registry = ToolRegistry(configuration)
    host = ToolHost(
      configuration: configuration, registry: registry, policy: try policy ?? SamplePolicies.permitting(),
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, put: blobs.sink)
  }

  var path: String { resolvedPath(folder.path) ?? folder.path }

  /// Writes a tool's folder: its manifest and its program.
  @discardableResult
  func write(
    _ manifest: ToolManifest, program: String, files: [String: [UInt8]] = [:]
  ) throws -> String {
    let folder = "\(path)/sources/\(manifest.name)"
    mkdir(folder, 0o700)
    mkdir("\(folder)/examples", 0o700)
    try write("\(folder)/tool.json", Array(try encodeJSON(manifest).prettyString().utf8))
    try write("\(folder)/run.py", Array(program.utf8), mode: 0o755)
    for (name, bytes) in files { try write("\(folder)/\(name)", bytes) }
    return folder
  }

  /// Writes and installs a Python tool; the program has `call`, a dictionary, and answers with `give(evidence…)`.
  func install(
    _ name: String, _ body: String, change: (inout ToolManifest) -> Void = { _ in }
  ) throws {
    var manifest = HostBench.manifest(name)
    change(&manifest)
    let folder = try write(manifest, program: HostBench.once(body))
    try registry.install(from: folder, by: 1000, at: "2026-01-01T00:00:00.000Z")
  }

  private func write(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws {
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
    try #require(fd >= 0)
    defer { close(fd) }
    try OpenFolder.writeAll(bytes[...], to: fd, name: path)
    chmod(path, mode)
  }

  /// A manifest of a small `once` tool.
  static func manifest(_ name: String, input: ToolManifest.Needs.Input = .none) -> ToolManifest {
    ToolManifest(
      name: name, title: "A tool of a test", description: "Does what the test wants.",
      inputSchema: ["type": "object", "additionalProperties": true],
      vpath: .init(
        version: "1.0.0", run: ["./run.py"], protocol: .once, lifetime: .call,
        needs: .init(input: input, network: false), accepts: nil,
        measures: [.init(name: "stained area", unit: .percent, phrase: "% of the area is stained")],
        limits: .init(seconds: 20, memoryMiB: 256, outputMiB: 4), answers: nil, why: "A test."))
  }

  /// A Python program that reads one line and answers.
  static func once(_ body: String) -> String {
    """
    #!/usr/bin/python3
    import json, os, sys
    call = json.loads(sys.stdin.readline())
    def give(*evidence, **more):
        print(json.dumps({"evidence": list(evidence), **more}), flush=True)
    \(body)
    """
  }

  /// Calls a tool as the daemon would: approved by a policy.
  func call(
    _ tool: String, _ arguments: JSONValue = [:], description: CaseDescription = CaseDescription(),
    slides: [SlideGrant] = [], evidence: [Evidence] = [],
    progress: @escaping @Sendable (ToolProgress) -> Void = { _ in }
  ) async throws -> ToolResult {
    let input = input(tool, arguments, description: description, slides: slides, evidence: evidence)
    return await host.run(try approval(input), input: input, progress: progress)
  }

  func input(
    _ tool: String, _ arguments: JSONValue = [:], description: CaseDescription = CaseDescription(),
    slides: [SlideGrant] = [], evidence: [Evidence] = []
  ) -> ToolCallInput {
    let number = calls.withLock { calls in
      calls += 1
      return calls
    }
    return ToolCallInput(
      caseID: caseID, turn: TurnID("turn-1"), call: CallID("call-\(number)"), tool: tool, arguments: arguments,
      description: description, slides: slides, evidence: evidence)
  }

  func approval(_ input: ToolCallInput, isBuiltIn: Bool? = nil) throws -> ApprovedCall {
    let info = try registry.info(input.tool)
    let manifest = try info.problem.map { throw $0 } ?? (try #require(info.manifest))
    return try SamplePolicies.permitting().approve(
      .tool(
        manifest, isBuiltIn: isBuiltIn ?? info.isBuiltIn, description: input.description, arguments: input.arguments),
      principal: Principal(uid: 1000, gid: 1000, pid: nil, kind: .planner),
      context: PolicyContext(caseID: input.caseID, caseOwnerUID: 1000, turn: input.turn), nonce: input.call.rawValue
    ).get()
  }

  /// How many calls have their folders on running processes now.
  var callsOnProcesses: Int {
    guard let work = try? OpenFolder.open(configuration.workDirectory), let names = try? work.names(limit: 100) else {
      return 0
    }
    return names.reduce(0) { $0 + ((try? work.folder("\($1)/scratch").names(limit: 100).count) ?? 0) }
  }

  /// Processes of this machine whose command line or environment names the marker.
  static func processes(marked marker: String) -> [pid_t] {
    guard let proc = try? OpenFolder.open("/proc"), let names = try? proc.names(limit: 100_000) else { return [] }
    return names.compactMap { pid_t($0) }.filter { pid in
      guard pid != getpid(), let folder = try? OpenFolder.open("/proc/\(pid)") else { return false }
      let fd = openat(folder.descriptor, "cmdline", O_RDONLY | O_CLOEXEC)
      guard fd >= 0 else { return false }
      defer { close(fd) }
      var buffer = [UInt8](repeating: 0, count: 65_536)
      let count = read(fd, &buffer, buffer.count)
      return count > 0 && String(decoding: buffer[..<count], as: UTF8.self).contains(marker)
    }
  }

  /// Waits until something is so, for at most that long.
  static func eventually(seconds: Double = 300, _ condition: () async -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
      if await condition() { return true }
      await Task.yield()
      try? await Task.sleep(for: .milliseconds(5))
    }
    return await condition()
  }
}

extension JSONValue {
  /// A place inside, for short expectations.
  subscript(index: Int) -> JSONValue? { arrayValue.flatMap { $0.indices.contains(index) ? $0[index] : nil } }
}
