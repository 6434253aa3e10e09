// The MCP client against a real server process: what it sends, what it takes, and what costs a server its process.

import Domain
import Glibc
import JSON
import Policy
import Ports
import Synchronization
import TestSupport
import Testing

@testable import ToolHost

@Suite("A tool that speaks MCP", .enabled(if: Machine.hasBubblewrap, Machine.needs))
struct MCPTests {
  /// Installs one tool of the server program.
  private func install(
    _ bench: HostBench, _ name: String, lifetime: ToolManifest.Lifetime = .call, tools: [String]? = nil,
    seconds: Double = 120
  ) throws {
    var manifest = HostBench.manifest(name)
    manifest.vpath.protocol = .mcp
    manifest.vpath.lifetime = lifetime
    manifest.vpath.limits = .init(seconds: seconds, memoryMiB: 256, outputMiB: 4)
    let folder = try bench.write(manifest, program: ServerProgram.mcp(tools: tools ?? ["first", name]))
    try bench.registry.install(from: folder, by: 0, at: "2026-01-01T00:00:00.000Z")
  }

  private func error(_ name: String, tools: [String]? = nil, seconds: Double = 120) async throws -> VPathError? {
    let bench = try HostBench()
    try install(bench, name, tools: tools, seconds: seconds)
    return try await bench.call(name).error
  }

  @Test("a call carries the required _meta, a progress token and our input")
  func request() async throws {
    let bench = try HostBench()
    try install(bench, "echo")
    let result = try await bench.call("echo", ["n": 1], description: CaseDescription(organ: "skin"))
    let text = try #require(result.evidence.first?.body["text"]?.stringValue, "\(result)")
    let told = try JSONValue.parse(text)
    #expect(told["arguments"] == ["n": 1])
    #expect(told["meta"]?["io.modelcontextprotocol/protocolVersion"] == "2026-07-28")
    #expect(told["meta"]?["io.modelcontextprotocol/clientInfo"]?["name"] == "vpathd")
    #expect(told["meta"]?["progressToken"]?.integerValue != nil)
    #expect(told["meta"]?["org.vpath/input"]?["case"] == ["organ": "skin"])
    #expect(told["meta"]?["org.vpath/input"]?["call"] == "call-1")
    #expect(bench.blobs.text(result.rawSha256).contains("resultType"))
  }

  @Test("a process is kept only where the policy permits it as well; either way the result says what was decided")
  func keptByPolicy() async throws {
    for (policy, effect, count) in [
      (try SamplePolicies.permitting(), "permit", 1), (try SamplePolicies.keepingNothing(), "forbid", 0),
    ] {
      let bench = try HostBench(policy: policy)
      try install(bench, "pid", lifetime: .case)
      for _ in 1...2 {
        let result = try await bench.call("pid")
        #expect(result.error == nil)
        #expect(result.decisions?.map(\.action) == ["tool.keep"])
        #expect(result.decisions?.first?.effect == effect)
        #expect(result.decisions?.first?.policyDigest == policy.digest)
      }
      #expect(await bench.host.keptProcessCount() == count)
      await bench.host.stop()
    }
    let plain = try HostBench()
    try install(plain, "pid", lifetime: .call)
    #expect(try await plain.call("pid").decisions == nil)
  }

  @Test("a process of a case serves the next call too, and each call has a scratch of its own")
  func kept() async throws {
    let bench = try HostBench()
    try install(bench, "pid", lifetime: .case)
    func counted() async throws -> JSONValue? {
      let text = try await bench.call("pid").evidence.first?.body["text"]?.stringValue
      return try text.map { try JSONValue.parse($0) }
    }
    #expect(try await counted()?[0] == 1)
    let second = try await counted()
    #expect(second?[0] == 2)
    #expect(second?[1]?.arrayValue?.count == 1)
    #expect(await bench.host.keptProcessCount() == 1)
    await bench.host.release(bench.caseID)
    #expect(await bench.host.keptProcessCount() == 0)
    #expect(try OpenFolder.open(bench.configuration.workDirectory).names(limit: 10) == [Sandbox.filterName])
    #expect(try await counted()?[0] == 1)
    await bench.host.stop()
  }

  @Test("a process of a call serves that call alone")
  func fresh() async throws {
    let bench = try HostBench()
    try install(bench, "count")
    for _ in 1...2 { #expect(try await bench.call("count").evidence.first?.body["text"] == "1 in tool") }
    #expect(await bench.host.keptProcessCount() == 0)
  }

  @Test("cases, tools and grants do not share a process")
  func notShared() async throws {
    let bench = try HostBench()
    try install(bench, "count", lifetime: .case)
    #expect(try await bench.call("count").evidence.first?.body["text"] == "1 in tool")
    var input = bench.input("count")
    input.caseID = CaseID("case-2")
    let other = await bench.host.run(try bench.approval(input), input: input) { _ in }
    #expect(other.evidence.first?.body["text"] == "1 in tool")
    #expect(await bench.host.keptProcessCount() == 2)
    await bench.host.stop()
    #expect(await bench.host.keptProcessCount() == 0)
  }

  @Test("many calls at once on one process are matched by id")
  func concurrent() async throws {
    let bench = try HostBench { $0.maxConcurrentCalls = 8 }
    try install(bench, "echo", lifetime: .case)
    let answers = try await withThrowingTaskGroup(of: (Int, JSONValue).self) { group in
      for number in 0..<24 {
        group.addTask {
          let text = try await bench.call("echo", ["n": .number(Double(number))]).evidence.first?.body["text"]?
            .stringValue
          return (number, try JSONValue.parse(text ?? "null"))
        }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1["arguments"]?["n"]?.integerValue }
    }
    #expect(answers == Dictionary(uniqueKeysWithValues: (0..<24).map { ($0, $0) }))
    #expect(await bench.host.keptProcessCount() == 1)
    await bench.host.stop()
  }

  @Test("progress is passed on, cleaned, and not more than a few times a second")
  func progress() async throws {
    let bench = try HostBench()
    try install(bench, "slow")
    let seen = Notes()
    let result = try await bench.call("slow") { seen.add($0) }
    #expect(result.error == nil)
    #expect((1...20).contains(seen.all.count), "\(seen.all.count)")
    #expect(seen.all.first == ToolProgress(fraction: 0.01, message: "part 0"))
  }

  @Test("a server that stops when told keeps its process")
  func politeCancel() async throws {
    let bench = try HostBench { $0.cancelGraceSeconds = 10 }
    try install(bench, "polite", lifetime: .case)
    let input = bench.input("polite")
    let approval = try bench.approval(input)
    let call = Task { await bench.host.run(approval, input: input) { _ in } }
    #expect(await HostBench.eventually { bench.callsOnProcesses == 1 })
    call.cancel()
    #expect(await call.value.error?.id == .cancelled)
    #expect(await bench.host.keptProcessCount() == 1)
    await bench.host.stop()
  }

  @Test("a server that does not answer a cancel loses its process, and another call on it is told to try again")
  func deafCancel() async throws {
    let bench = try HostBench()
    try install(bench, "deaf", lifetime: .case)
    let first = bench.input("deaf")
    let second = bench.input("deaf")
    let approvals = (try bench.approval(first), try bench.approval(second))
    let one = Task { await bench.host.run(approvals.0, input: first) { _ in } }
    let two = Task { await bench.host.run(approvals.1, input: second) { _ in } }
    #expect(await HostBench.eventually { bench.callsOnProcesses == 2 })
    #expect(!HostBench.processes(marked: "\(bench.path)/installed/deaf").isEmpty)
    one.cancel()
    #expect(await one.value.error?.id == .cancelled)
    let other = await two.value
    #expect(other.error?.id == .toolFailed)
    #expect(other.error?.retryable == true)
    #expect(HostBench.processes(marked: "\(bench.path)/installed/deaf").isEmpty)
    await bench.host.stop()
  }

  @Test("a call that runs too long ends the process; the next call gets a new one")
  func timeOut() async throws {
    let bench = try HostBench()
    try install(bench, "deaf", lifetime: .case, seconds: 0.3)
    #expect(try await bench.call("deaf").error?.id == .toolTimedOut)
    #expect(try await bench.call("deaf").error?.id == .toolTimedOut)
    await bench.host.stop()
  }

  @Test("a process that dies fails its call and is replaced for the next")
  func death() async throws {
    let bench = try HostBench()
    try install(bench, "die", lifetime: .case)
    for _ in 1...2 {
      let found = try await bench.call("die").error
      #expect(found?.id == .toolFailed)
      #expect(found?.message.contains("exit code 7") == true)
    }
    await bench.host.stop()
  }

  @Test(
    "what breaks the protocol is tool.bad_output",
    arguments: [
      ("asks", "sampling/createMessage"), ("elicits", "elicitation/create"), ("roots", "roots/list"),
      ("pings", "request \"ping\""), ("input", "asks for input in the middle of a call (elicitation/create)"),
      ("task", "made a task"), ("old_task", "made a task"), ("stranger", "resultType"),
      ("capability", "gives no tool (elicitation)"), ("page", "open a page"), ("noise", "no JSON-RPC"),
      ("strays", "never asked"), ("answers_twice", "answered a request twice"),
    ])
  func broken(_ tool: String, _ words: String) async throws {
    let found = try await error(tool)
    #expect(found?.id == .toolBadOutput, "\(String(describing: found))")
    #expect(found?.message.contains(words) == true, "\(String(describing: found))")
  }

  @Test("a result without resultType is complete, as from an older server")
  func legacyResult() async throws { #expect(try await error("legacy") == nil) }

  @Test(
    "a server that speaks before it is asked is tool.bad_output",
    arguments: [("banner", "no JSON-RPC"), ("unasked", "never asked"), ("asks_first", "roots/list")])
  func speaksFirst(_ how: String, _ words: String) async throws {
    let found = try await error("x", tools: ["x", how])
    #expect(found?.id == .toolBadOutput, "\(String(describing: found))")
    #expect(found?.message.contains(words) == true, "\(String(describing: found))")
  }

  @Test("a server that never answers is tool.timed_out, and its process is gone")
  func neverAnswers() async throws {
    let bench = try HostBench {
      $0.probeSeconds = 0.1
      $0.startSeconds = 0.2
    }
    try install(bench, "x", tools: ["x", "mute"])
    #expect(try await bench.call("x").error?.id == .toolTimedOut)
    #expect(HostBench.processes(marked: "\(bench.path)/installed/x").isEmpty)
  }

  @Test("a server that changes its tools during a call is tool.bad_output; one that only says so is not")
  func changesTools() async throws {
    let found = try await error("grows")
    #expect(found?.id == .toolBadOutput)
    #expect(found?.message.contains("changed its tools") == true, "\(String(describing: found))")
    #expect(try await error("says_so") == nil)
  }

  @Test("a server that changes its tools in silence is found out before the next call on its process")
  func changesToolsInSilence() async throws {
    let bench = try HostBench()
    try install(bench, "sneaks", lifetime: .case)
    #expect(try await bench.call("sneaks").error == nil)
    let found = try await bench.call("sneaks").error
    #expect(found?.id == .toolBadOutput)
    #expect(found?.message.contains("changed its tools") == true, "\(String(describing: found))")
    #expect(try await bench.call("sneaks").error == nil, "a new process is a new server")
    await bench.host.stop()
  }

  @Test("endless notes and an endless line are tool.limit", arguments: ["babble", "longline"])
  func floods(_ tool: String) async throws { #expect(try await error(tool)?.id == .toolLimit) }

  @Test("a refusal and a reported failure are tool.failed with the server's words, cleaned")
  func failures() async throws {
    let refused = try await error("refuse")
    #expect(refused?.id == .toolFailed)
    #expect(refused?.message == "The tool refused the call (-32602): no such thing")
    #expect(try await error("failing") == VPathError(.toolFailed, "it broke"))
  }

  @Test("a server of a version to come, and one without the tool, are told apart")
  func discovery() async throws {
    let other = try await error("x", tools: ["other", "x"])
    #expect(other?.id == .toolBadOutput)
    #expect(other?.message.contains("2031-01-01") == true, "\(String(describing: other))")
    let missing = try await error("x", tools: ["y"])
    #expect(missing?.message.contains("no tool named \"x\"") == true)
  }

  @Test("an idle process ends by itself, and the oldest idle one makes room for another")
  func idle() async throws {
    let bench = try HostBench { $0.idleSeconds = 0.1 }
    try install(bench, "count", lifetime: .case)
    #expect(try await bench.call("count").error == nil)
    #expect(await HostBench.eventually { await bench.host.keptProcessCount() == 0 })
    let crowded = try HostBench {
      $0.maxKeptProcesses = 1
      $0.maxConcurrentCalls = 1
    }
    try install(crowded, "count", lifetime: .case)
    for number in 1...4 {
      var input = crowded.input("count")
      input.caseID = CaseID("case-\(number)")
      #expect(await crowded.host.run(try crowded.approval(input), input: input) { _ in }.error == nil)
    }
    #expect(await crowded.host.keptProcessCount() == 2)
    await crowded.host.stop()
  }

  @Test("at most so many calls run at once, at most so many wait, and none is lost")
  func gate() async throws {
    let gate = CallGate(limit: 2, maxWaiting: 2)
    try await gate.enter()
    try await gate.enter()
    let waiting = [Task { () -> VPathError? in await gate.error() }, Task { await gate.error() }]
    #expect(await HostBench.eventually { await gate.waitingCount == 2 })
    #expect(await gate.error()?.id == .serverOverloaded)
    waiting[0].cancel()
    #expect(await waiting[0].value?.id == .cancelled)
    await gate.leave()
    #expect(await waiting[1].value == nil)
  }
}

extension CallGate {
  fileprivate func error() async -> VPathError? {
    do throws(VPathError) {
      try await enter()
      return nil
    } catch {
      return error
    }
  }
}

/// Progress notes seen.
private final class Notes: Sendable {
  private let state = Mutex<[ToolProgress]>([])
  func add(_ note: ToolProgress) { state.withLock { $0.append(note) } }
  var all: [ToolProgress] { state.withLock { $0 } }
}
