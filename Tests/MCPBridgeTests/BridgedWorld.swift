// An MCP client's end of a bridge to a real server and runtime, over fake tools.

import Domain
import Glibc
import JSON
import Logging
import RuntimeTestSupport
import Server
import Synchronization
import SystemPorts
import TestSupport
import Testing
import TurnRuntime
import Wire

@testable import MCPBridge

/// A bridge with its daemon.
struct BridgedWorld: Sendable {
  let world: RuntimeWorld
  let bridge: Bridge
  let client: BridgeClient

  static func with(
    tools: ScriptedTools = ScriptedTools(), _ body: @escaping @Sendable (BridgedWorld) async throws -> Void
  ) async throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/d.sock"
    let world = try await RuntimeWorld(tools: tools, clock: SystemClock())
    let server = Server(
      runtime: world.runtime, socket: try ListeningSocket.open(at: path), limits: ServerLimits(), clock: SystemClock(),
      log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    try await withThrowingTaskGroup(of: Void.self) { group in
      let (ready, sink) = AsyncStream.makeStream(of: Void.self)
      group.addTask { try await server.run { sink.yield() } }
      for await _ in ready { break }
      let client = BridgeClient()
      let bridge = Bridge(socket: path) { client.received($0) }
      client.bridge.withLock { $0 = bridge }
      do {
        try await body(BridgedWorld(world: world, bridge: bridge, client: client))
      } catch {
        await bridge.finish()
        _ = await server.stop(reason: "The test ended.")
        throw error
      }
      await bridge.finish()
      _ = await server.stop(reason: "The test ended.")
      try await group.waitForAll()
    }
    withExtendedLifetime(folder) {}
  }

  /// A case, opened through the bridge.
  func openCase() async throws -> String {
    let opened = await client.call("open_case", ["slides": ["/slides/a.svs"], "organ": "skin", "stain": "H&E"])
    return try #require(opened["result"]?["structuredContent"]?["case"]?.stringValue, "\(opened)")
  }
}

/// The client: sends requests of the newer era, keeps what comes.
final class BridgeClient: Sendable {
  let bridge = Mutex<Bridge?>(nil)
  private let state = Mutex(State())

  private struct State {
    var next = 1
    var lines: [JSONValue] = []
    var waiting: [Int: CheckedContinuation<JSONValue, Never>] = [:]
  }

  /// Everything that came.
  var lines: [JSONValue] { state.withLock { $0.lines } }

  func received(_ bytes: [UInt8]) {
    let value = (try? JSONValue.parse(bytes)) ?? .null
    let waiting = state.withLock { state -> CheckedContinuation<JSONValue, Never>? in
      state.lines.append(value)
      return value["id"]?.integerValue.flatMap { state.waiting.removeValue(forKey: $0) }
    }
    waiting?.resume(returning: value)
  }

  func nextID() -> Int {
    state.withLock { state in
      defer { state.next += 1 }
      return state.next
    }
  }

  /// Sends a request without waiting for its answer.
  func send(_ method: String, _ params: [String: JSONValue], id: Int?, meta: [String: JSONValue] = [:]) async {
    var params = params
    if id != nil { params["_meta"] = MCP.requestMeta(client: "test", version: "1", meta) }
    var members: [String: JSONValue] = ["jsonrpc": "2.0", "method": .string(method), "params": .object(params)]
    members["id"] = id.map { .number(Double($0)) }
    let line = JSONValue.object(members).canonicalBytes()
    if let bridge = bridge.withLock({ $0 }) { _ = await bridge.take(.line(line)) }
  }

  /// Sends a request and waits for its answer.
  func request(_ method: String, _ params: [String: JSONValue], meta: [String: JSONValue] = [:]) async -> JSONValue {
    let id = nextID()
    return await withCheckedContinuation { continuation in
      state.withLock { $0.waiting[id] = continuation }
      Task { await send(method, params, id: id, meta: meta) }
    }
  }

  /// Calls a tool.
  func call(_ name: String, _ arguments: JSONValue, meta: [String: JSONValue] = [:]) async -> JSONValue {
    await request("tools/call", ["name": .string(name), "arguments": arguments], meta: meta)
  }
}
