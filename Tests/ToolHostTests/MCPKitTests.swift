// Servers built on the official Python SDK, one version of each era, run by this host in its sandbox.
// The environments are made by packaging/mcp-environments, which `make test` calls.

import Domain
import Glibc
import JSON
import Ports
import Synchronization
import Testing

@testable import ToolHost

/// A pinned version of the official SDK.
enum MCPKit: String, CaseIterable, CustomTestStringConvertible {
  case older = "1.30.0"
  case newer = "2.3.0"

  var testDescription: String { "mcp \(rawValue)" }

  var environment: String {
    func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    let cache = value("XDG_CACHE_HOME") ?? "\(value("HOME") ?? "")/.cache"
    return "\(cache)/vpath/mcp-venv-\(rawValue)"
  }

  static let fixture: String = {
    let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    return "/\(tests)/Fixtures/mcp/server.py"
  }()
}

/// One after another: an interpreter with the SDK takes a processor for seconds to start.
@Suite("A server built on the official SDK", .serialized, .enabled(if: Machine.hasBubblewrap, Machine.needs))
struct MCPKitTests {
  private func bench(
    _ kit: MCPKit, _ name: String, arguments: [String] = [], lifetime: ToolManifest.Lifetime = .call,
    change: (inout ToolManifest) -> Void = { _ in }
  ) throws -> HostBench {
    let bench = try HostBench()
    var manifest = HostBench.manifest(name)
    manifest.inputSchema = [
      "type": "object", "additionalProperties": false,
      "properties": .object(Dictionary(uniqueKeysWithValues: arguments.map { ($0, ["type": "string"]) })),
      "required": .array(arguments.map { .string($0) }),
    ]
    manifest.vpath.protocol = .mcp
    manifest.vpath.lifetime = lifetime
    manifest.vpath.limits = .init(seconds: 60, memoryMiB: 1024, outputMiB: 4)
    change(&manifest)
    let program = try OpenFolder.open(String(MCPKit.fixture.dropLast("/server.py".count))).read(
      "server.py", maxBytes: 1 << 20)
    try #require(
      access("\(kit.environment)/bin/python", X_OK) == 0, "packaging/mcp-environments makes \(kit.environment)")
    let folder = try bench.write(
      manifest, program: "#!\(kit.environment)/bin/python\n" + String(decoding: program, as: UTF8.self))
    try bench.registry.install(
      from: folder, grants: ToolGrants(readOnlyPaths: [kit.environment]), by: 0, at: "2026-01-01T00:00:00.000Z")
    return bench
  }

  @Test("lists, is called, and gives text and structured output", arguments: MCPKit.allCases)
  func outputs(_ kit: MCPKit) async throws {
    let named = try await bench(kit, "named", arguments: ["word"]).call("named", ["word": "pink"])
    #expect(named.error == nil)
    #expect(named.evidence.map { $0.body["text"] } == ["It is pink."])
    let counting = try bench(kit, "counted", arguments: ["region"]) {
      $0.vpath.measures = [.init(name: "cells", unit: .one, phrase: "cells", from: "/count")]
      $0.outputSchema = ["type": "object", "properties": ["count": ["type": "integer"]], "required": ["count"]]
    }
    let counted = try await counting.call("counted", ["region": "everywhere"])
    #expect(counted.error == nil)
    #expect(counted.evidence.map(\.kind) == [.measurement, .artefact])
    #expect(counted.evidence.first?.body["value"] == 7)
  }

  @Test("gives a picture", arguments: MCPKit.allCases)
  func picture(_ kit: MCPKit) async throws {
    let bench = try bench(kit, "pictured")
    let result = try await bench.call("pictured")
    #expect(result.error == nil)
    #expect(result.evidence.map { $0.body["mediaType"] } == ["image/png"])
    let hash = try #require(result.evidence.first?.body["sha256"]?.stringValue)
    #expect(bench.blobs[SHA256Hex(hash)]?.starts(with: [0x89, 0x50, 0x4E, 0x47]) == true)
  }

  @Test("reads what the host sends under _meta", arguments: MCPKit.allCases)
  func told(_ kit: MCPKit) async throws {
    let bench = try bench(kit, "slow", lifetime: .case)
    let input = bench.input("slow")
    let approval = try bench.approval(input)
    let seen = Mutex<[ToolProgress]>([])
    let call = Task {
      await bench.host.run(approval, input: input) { note in seen.withLock { $0.append(note) } }
    }
    // It writes into the scratch that `_meta` names, after its first note.
    #expect(await HostBench.eventually { seen.withLock { $0.first } == ToolProgress(fraction: 0.25, message: "begun") })
    call.cancel()
    #expect(await call.value.error?.id == .cancelled)
    await bench.host.stop()
    #expect(HostBench.processes(marked: "\(bench.path)/installed/slow").isEmpty)
  }

  @Test("tells its progress", arguments: MCPKit.allCases)
  func progress(_ kit: MCPKit) async throws {
    let seen = Mutex<[ToolProgress]>([])
    let result = try await bench(kit, "steps").call("steps") { note in seen.withLock { $0.append(note) } }
    #expect(result.evidence.map { $0.body["text"] } == ["done"])
    #expect(seen.withLock { $0.first } == ToolProgress(fraction: 0.25, message: "step 1"))
  }

  @Test("fails in its own words", arguments: MCPKit.allCases)
  func fails(_ kit: MCPKit) async throws {
    let found = try await bench(kit, "broken").call("broken").error
    #expect(found?.id == .toolFailed)
    #expect(found?.message.contains("Error executing tool broken") == true, "\(String(describing: found))")
  }

  @Test(
    "is refused when it asks for the model, the user or folders", arguments: MCPKit.allCases,
    ["sampling/createMessage", "elicitation/create", "roots/list"])
  func asks(_ kit: MCPKit, _ method: String) async throws {
    let found = try await bench(kit, "asks", arguments: ["what"]).call("asks", ["what": .string(method)]).error
    // In the newer era the SDK itself keeps a server from asking.
    #expect(found?.id == (kit == .older ? .toolBadOutput : .toolFailed), "\(String(describing: found))")
    #expect(found?.message.contains(method) == true, "\(String(describing: found))")
  }

  @Test("is refused when it wants input in the middle of a call, as 2026-07-28 has it")
  func wonders() async throws {
    let found = try await bench(.newer, "wonders").call("wonders").error
    #expect(found?.id == .toolBadOutput)
    #expect(found?.message.contains("gives no tool (elicitation)") == true, "\(String(describing: found))")
  }

  @Test("is refused when it changes its tools", arguments: MCPKit.allCases)
  func grows(_ kit: MCPKit) async throws {
    let bench = try bench(kit, "grows", lifetime: .case)
    // The newer era tells nobody who has not subscribed; the next call on the process finds it out.
    if kit == .newer { #expect(try await bench.call("grows").error == nil) }
    let found = try await bench.call("grows").error
    #expect(found?.id == .toolBadOutput)
    #expect(found?.message.contains("changed its tools") == true, "\(String(describing: found))")
    await bench.host.stop()
  }

  @Test("measures a view by the host's contract", arguments: MCPKit.allCases)
  func measured(_ kit: MCPKit) async throws {
    let bench = try bench(kit, "measured", arguments: ["region"]) {
      $0.vpath.needs = .init(input: .view, network: false, viewMicronsPerPixel: 1, viewFormat: .ppm)
    }
    let rgb = [UInt8](repeating: 200, count: 30 * 10 * 3)
    try bench.write(
      "measured", example: "one",
      [
        "arguments": ["region": "r1"],
        "views": [["region": "r1", "file": "one.ppm", "width": 30, "height": 10, "micronsPerPixel": 1]],
        "expect": ["measurements": [["name": "stained area", "value": 75, "unit": "%"]]],
      ], files: ["one.ppm": Array("P6\n30 10\n255\n".utf8) + rgb])
    let run = try await bench.host.runExample(
      directory: "\(bench.path)/sources/measured", name: "one",
      grants: ToolGrants(readOnlyPaths: [kit.environment]))
    #expect(run.differences.isEmpty, "\(run)")
    #expect(run.result.evidence.first?.body["region"] == "r1")
  }
}

extension HostBench {
  /// Puts an example beside a tool's sources.
  fileprivate func write(
    _ tool: String, example name: String, _ value: JSONValue, files: [String: [UInt8]]
  ) throws {
    let examples = try OpenFolder.open("\(path)/sources/\(tool)/examples")
    try examples.write("\(name).json", Array(value.canonicalString().utf8))
    for (file, bytes) in files { try examples.write(file, bytes) }
  }
}
