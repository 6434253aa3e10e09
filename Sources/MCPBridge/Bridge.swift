// The bridge between one MCP client and the daemon: lines in, lines out, calls side by side.
// What must stay true: every request is answered once, except one that was cancelled, which is not answered at all; at
// most `maxCalls` calls run; no note of a call comes after its answer; at the end every call has been ended in the
// daemon.

import Domain
import JSON
public import Wire

/// Serves one MCP client.
public actor Bridge {
  /// Calls that run at once; one more is refused as `server.overloaded`.
  public static let maxCalls = 16

  private let calls: DaemonCalls
  private let write: @Sendable ([UInt8]) -> Void
  private var rules = BridgeRules()
  private var running: [RequestID: (control: CallControl, task: Task<Void, Never>)] = [:]

  /// A bridge to the daemon on `socket`. `write` takes whole lines in order, from any thread.
  public init(socket: String, write: @escaping @Sendable ([UInt8]) -> Void) {
    calls = DaemonCalls(socket: socket)
    self.write = write
  }

  /// How long a line from a client may be.
  public static var maxLineBytes: Int { BridgeRules.maxLineBytes }

  /// Deals with a piece of input; false when the client is to be given up.
  public func take(_ piece: LineSplitter.Piece) -> Bool {
    switch piece {
    case .endless: return false
    case .skipped(let count):
      let error = VPathError(
        .protocolRequest, "A line of \(count) bytes was skipped; \(BridgeRules.maxLineBytes) is the limit.")
      send(.failure(id: nil, error.rpc))
    case .line(let line): take(line)
    }
    return true
  }

  /// Ends every call in the daemon, and waits until that is done.
  public func finish() async {
    for (_, call) in running { call.control.cancel() }
    for (_, call) in running { await call.task.value }
  }

  private func take(_ line: [UInt8]) {
    switch rules.action(line) {
    case .ignore: break
    case .reply(let message): send(message)
    case .cancel(let id): running[id]?.control.cancel()
    case .list(let id, let era): start(id, token: nil) { bridge, control in await bridge.list(id, era, control) }
    case .call(let call):
      start(call.id, token: call.progressToken) { bridge, control in await bridge.run(call, control) }
    }
  }

  private func start(
    _ id: RequestID, token: JSONValue?, _ body: @escaping @Sendable (Bridge, CallControl) async -> Void
  ) {
    guard running[id] == nil else {
      let error = VPathError(
        .protocolRequest, "A request with this id is still being worked on. Give each its own id.", subject: "id")
      return send(.failure(id: id, error.rpc))
    }
    guard running.count < Self.maxCalls else {
      let error = VPathError(
        .serverOverloaded, "\(Self.maxCalls) requests are being worked on. Wait for one before sending another.",
        retryable: true)
      return send(.failure(id: id, error.rpc))
    }
    let write = write
    let control = CallControl(token: token) { write($0.line) }
    let task = Task {
      await body(self, control)
      self.ended(id)
    }
    running[id] = (control, task)
  }

  private func ended(_ id: RequestID) { running[id] = nil }

  private func list(_ id: RequestID, _ era: BridgeEra, _ control: CallControl) async {
    do throws(VPathError) {
      var members: [String: JSONValue] = ["tools": .array(try await calls.tools())]
      if era == .modern {
        members["ttlMs"] = .number(BridgeRules.listTTLMs)
        members["cacheScope"] = "private"
      }
      answer(.result(id: id, era.result(members)), control)
    } catch {
      answer(.failure(id: id, error.rpc), control)
    }
  }

  private func run(_ call: BridgeCall, _ control: CallControl) async {
    do throws(VPathError) {
      let outcome = try await calls.run(call, control)
      answer(
        .result(
          id: call.id,
          call.era.result([
            "content": .array(outcome.content), "structuredContent": outcome.structured,
            "isError": .bool(outcome.isError),
          ])), control)
    } catch {
      answer(Self.message(error, call), control)
    }
  }

  /// An error as MCP has it: no such tool and the server's own are JSON-RPC errors; the rest is a result that a model
  /// reads and may act on.
  static func message(_ error: VPathError, _ call: BridgeCall) -> RPCMessage {
    if error.id == .toolNotFound {
      var rpc = error.rpc
      rpc.code = -32602
      return .failure(id: call.id, rpc)
    }
    if DaemonCalls.isServerError(error.id) { return .failure(id: call.id, error.rpc) }
    return .result(
      id: call.id,
      call.era.result([
        "content": [["type": "text", "text": .string("\(error.id.rawValue): \(error.message)")]],
        "structuredContent": ["error": error.rpc.json], "isError": true,
      ]))
  }

  private func answer(_ message: RPCMessage, _ control: CallControl) {
    // A client that cancelled waits for nothing, and is sent nothing.
    if !control.isCancelled { send(message) }
  }

  private func send(_ message: RPCMessage) { write(message.line) }
}
