// The real llama-server with the model that set-up fetched: `make test` has both.

import Domain
import Glibc
import JSON
import Logging
import Prompting
import TestSupport
import Testing

@testable import LanguageModels

/// What set-up left in the environment.
private struct Hosted {
  static let program = getenv("VPATH_LLAMA_SERVER").map { String(cString: $0) }
  static let model = getenv("VPATH_MODEL").map { String(cString: $0) }
  static let isThere = program != nil && model != nil && StandIn.isPossible

  static func configuration(_ folder: TemporaryFolder) async throws -> LlamaServerConfiguration {
    let path = try #require(model)
    let hash = try #require(await ModelFileChecks.sha256(path))
    var status = stat()
    stat(path, &status)
    let file = ModelFile(role: .weights, file: lastName(path), sizeBytes: Int(status.st_size), sha256: hash)
    let manifest = ModelManifest(
      name: "real", title: "real", licence: "Apache-2.0", source: "set-up", files: [file], vision: false,
      contextTokens: 2048)
    return LlamaServerConfiguration(
      program: try #require(program), programName: "llama-server", launcher: StandIn.launcher,
      bubblewrap: "/usr/bin/bwrap", runDirectory: folder.path + "/run",
      model: ResolvedModel(manifest: manifest, files: [.init(file: file, path: path)]), contextTokens: 2048,
      limits: EndpointLimits(firstByteSeconds: 120, idleSeconds: 120, totalSeconds: 600))
  }
}

@Suite(.serialized, .enabled(if: Hosted.isThere, "needs VPATH_LLAMA_SERVER and VPATH_MODEL, which `make test` sets"))
struct RealLlamaServerTests {
  let folder = TemporaryFolder()

  func using(sleepSeconds: Int = 300, _ body: (LlamaServer) async throws -> Void) async throws {
    var configuration = try await Hosted.configuration(folder)
    configuration.sleepSeconds = sleepSeconds
    let server = LlamaServer(
      configuration, checks: ModelFileChecks(),
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    do {
      try await body(server)
      await server.stop()
    } catch {
      await server.stop()
      throw error
    }
  }

  @Test func aReplyFollowsItsSchemaAndTheNextRequestIsServedFromTheCache() async throws {
    try await using { server in
      let schema: JSONValue = [
        "type": "object", "additionalProperties": false, "required": ["tool"],
        "properties": ["tool": ["enum": ["cell_counter", "slide_overview"]]],
      ]
      var messages: [ChatMessage] = [
        .init(.system, "You choose tools. Answer in JSON."),
        .init(
          .user, "Count the nuclei in region r1. Tools: cell_counter counts nuclei; slide_overview shows the slide."),
      ]
      let first = try await server.complete(ChatRequest(messages: messages, schema: schema, maxTokens: 64))
      let choice = try JSONValue.parse(first.text)
      #expect(try JSONSchema(schema).accepts(choice), "\(first.text)")
      #expect(first.finishReason == "stop")
      #expect(first.promptTokens > 20)
      #expect(first.completionTokens > 0)
      #expect(first.promptSeconds != nil && first.generationSeconds != nil)
      messages += [.init(.assistant, first.text), .init(.user, "And now?")]
      let second = try await server.complete(ChatRequest(messages: messages, schema: schema, maxTokens: 64))
      #expect(second.cachedTokens > first.promptTokens / 2, "\(second.cachedTokens) of \(second.promptTokens)")
      #expect(await server.identity.server.hasPrefix("llama-server b"))
    }
  }

  @Test func theServerMayMakeNoSystemCallThatToolsMayNot() async throws {
    try await using { server in
      try await server.start()
      let status = SmallFile.kernelFile("/proc/\(try serverProcess())/status")
      #expect(status.contains("Seccomp:\t2"), "it runs under a filter")
      #expect(status.contains("NoNewPrivs:\t1"))
    }
  }

  @Test func aPromptLongerThanTheContextIsContextFull() async throws {
    try await using { server in
      let long = String(repeating: "nuclei and tissue ", count: 2000)
      let error = try await #require(throws: ChatFailure.self) {
        try await server.complete(ChatRequest(messages: [.init(.user, long)], maxTokens: 16))
      }.error
      #expect(error.id == .modelContextFull, "\(error)")
    }
  }

  @Test func aCancelledRequestLeavesTheProcessorIdle() async throws {
    try await using { server in
      try await server.start()
      let process = try serverProcess()
      let long = String(repeating: "nuclei and tissue ", count: 500)
      let asking = Task {
        try await server.complete(ChatRequest(messages: [.init(.user, long)], maxTokens: 1000, temperature: 1))
      }
      let before = processorTicks(process)
      try await eventually { processorTicks(process) > before + 10 }
      let atCancel = processorTicks(process)
      asking.cancel()
      _ = await asking.result
      // Idle: no tick within a fifth of a second.
      try await eventually {
        let ticks = processorTicks(process)
        try await Task.sleep(for: .milliseconds(200))
        return processorTicks(process) == ticks
      }
      // It has one thread: a second of work after the cancel is the most, however busy the machine is.
      let hertz = sysconf(Int32(_SC_CLK_TCK))
      #expect(processorTicks(process) - atCancel <= hertz, "\(processorTicks(process) - atCancel) ticks")
    }
  }

  @Test func anIdleServerLetsItsMemoryGoAndWakesForTheNextRequest() async throws {
    try await using(sleepSeconds: 1) { server in
      let asked = ChatRequest(messages: [.init(.user, "Count the nuclei.")], maxTokens: 4)
      let first = try await server.complete(asked)
      let process = try serverProcess()
      let awake = residentKiB(process)
      try await eventually { residentKiB(process) < awake / 2 }
      let again = try await server.complete(asked)
      #expect(again.text == first.text)
      #expect(try serverProcess() == process, "it is the same server")
    }
  }

  private func serverProcess() throws -> pid_t {
    try #require(
      LlamaServerTests.processes(holding: lastName(Hosted.model ?? "")).first { pid in
        SmallFile.kernelFile("/proc/\(pid)/comm").hasPrefix("llama-server") && descends(pid)
      })
  }
}

/// Whether a process was started by this one, directly or not: another server may run on the same machine.
private func descends(_ pid: pid_t) -> Bool {
  var pid = pid
  while pid > 1 {
    let words = SmallFile.kernelFile("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ") ?? []
    guard words.count > 1, let parent = pid_t(words[1]) else { return false }
    if parent == getpid() { return true }
    pid = parent
  }
  return false
}

/// Resident memory of a process.
private func residentKiB(_ pid: pid_t) -> Int {
  let line = SmallFile.kernelFile("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
  return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
}

/// Processor time of a process, in ticks.
private func processorTicks(_ pid: pid_t) -> Int {
  let words = SmallFile.kernelFile("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ") ?? []
  guard words.count > 12 else { return 0 }
  return (Int(words[11]) ?? 0) + (Int(words[12]) ?? 0)
}
