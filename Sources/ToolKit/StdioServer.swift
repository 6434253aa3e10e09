// Serves tools over a pair of file descriptors: MCP by lines, calls on threads of their own.
//
// What must stay true: memory is bounded (lines, calls in flight, calls that wait); after a cancel nothing more is sent
// for that call; each line is written whole; the server ends when its input ends and what was asked for is done, or
// when nobody reads its output any more.

import Dispatch
public import Domain
import Glibc
import JSON
import Synchronization
import Wire

/// Serves tools.
public struct StdioServer: Sendable {
  /// Bounds of a server.
  public struct Limits: Sendable {
    /// Bytes of a line, either way.
    public var lineBytes: Int
    /// Calls that run at once.
    public var callsInFlight: Int
    /// Calls that wait for their turn; one more is refused as `server.overloaded`.
    public var callsWaiting: Int

    /// Bounds; by default 8 MiB, two calls at once, sixteen waiting.
    public init(lineBytes: Int = 8 << 20, callsInFlight: Int = 2, callsWaiting: Int = 16) {
      self.lineBytes = lineBytes
      self.callsInFlight = max(1, callsInFlight)
      self.callsWaiting = max(0, callsWaiting)
    }
  }

  private let name: String
  private let version: String
  private let tools: [Tool]
  private let limits: Limits

  /// A server for some tools. `name` and `version` are the program's own.
  public init(name: String, version: String, tools: [Tool], limits: Limits = Limits()) {
    self.name = name
    self.version = version
    self.tools = tools
    self.limits = limits
  }

  /// Serves until the input ends. Blocks.
  ///
  /// - Throws: `tool.bad_manifest` when two tools share a name or have no proper schema.
  public func run(input: Int32 = 0, output: Int32 = 1) throws(VPathError) {
    signal(SIGPIPE, SIG_IGN)
    let rules = try ServerRules(name: name, version: version, tools: tools)
    let session = ServerSession(rules: rules, limits: limits, output: output)
    var splitter = LineSplitter(limitBytes: limits.lineBytes)
    var buffer = [UInt8](repeating: 0, count: 65_536)
    reading: while !session.isBroken {
      let count = read(input, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      for piece in splitter.feed(buffer[..<count]) {
        guard session.take(piece) else { break reading }
      }
    }
    if let last = splitter.finish() { _ = session.take(last) }
    session.finish()
  }

  /// One call the `once` way: a line with a `ToolInput` in, one line with a `ToolOutput` out.
  ///
  /// - Throws: `tool.not_found`, `protocol.parse`, `protocol.params`.
  public func runOnce(
    tool name: String, input: Int32 = 0, output: Int32 = 1
  ) throws(VPathError) {
    signal(SIGPIPE, SIG_IGN)
    guard let tool = tools.first(where: { $0.name == name }) else {
      throw VPathError(
        .toolNotFound, "There is no tool \"\(name)\"; there are \(tools.map(\.name).sorted().joined(separator: ", ")).",
        subject: name)
    }
    var splitter = LineSplitter(limitBytes: limits.lineBytes)
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var piece: LineSplitter.Piece?
    while piece == nil {
      let count = read(input, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        piece = splitter.finish()
        break
      }
      piece = splitter.feed(buffer[..<count]).first
    }
    guard case .line(let line)? = piece else {
      throw VPathError(.protocolParse, "No line of at most \(limits.lineBytes) bytes with the call's input came.")
    }
    let toolInput: ToolInput
    do {
      let value = try JSONValue.parse(line)
      toolInput = try ServerRules.input(meta: value, arguments: value["arguments"] ?? [:])
      let violations = try JSONSchema(tool.inputSchema.json).validate(toolInput.arguments)
      guard violations.isEmpty else {
        throw VPathError(
          .protocolParams, "The arguments do not fit: \(violations.map(\.description).joined(separator: "; ")).")
      }
    } catch let error as VPathError {
      throw error
    } catch {
      throw VPathError(.protocolParams, "The line is no input of a call: \(error)")
    }
    let result = tool.run(ToolCall(input: toolInput))
    let json =
      (try? encodeJSON(result)) ?? ["evidence": [], "isError": true, "message": "the result cannot be written"]
    OutputPipe(output).write(json.canonicalBytes() + [0x0A])
  }
}

/// A descriptor that takes whole lines from several threads.
private final class OutputPipe: Sendable {
  private let state: Mutex<Bool>
  private let descriptor: Int32

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    state = Mutex(false)
  }

  /// Whether nobody reads any more.
  var isBroken: Bool { state.withLock { $0 } }

  func write(_ bytes: [UInt8]) {
    state.withLock { isBroken in
      var offset = 0
      while offset < bytes.count, !isBroken {
        let written = bytes.withUnsafeBytes {
          Glibc.write(descriptor, $0.baseAddress?.advanced(by: offset), $0.count - offset)
        }
        if written < 0, errno == EINTR { continue }
        if written <= 0 { isBroken = true } else { offset += written }
      }
    }
  }
}

/// The calls of one server: running and waiting.
private final class ServerSession: Sendable {
  private struct Entry {
    var id: RequestID
    var tool: Tool
    var call: ToolCall
  }

  private struct State {
    var running: [RequestID: ToolCall] = [:]
    var waiting: [Entry] = []
  }

  private let rules: ServerRules
  private let limits: StdioServer.Limits
  private let output: OutputPipe
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "org.vpath.toolkit.calls", attributes: .concurrent)
  private let group = DispatchGroup()

  init(rules: ServerRules, limits: StdioServer.Limits, output: Int32) {
    self.rules = rules
    self.limits = limits
    self.output = OutputPipe(output)
  }

  var isBroken: Bool { output.isBroken }

  /// Deals with a piece of input; false when the peer is to be given up.
  func take(_ piece: LineSplitter.Piece) -> Bool {
    switch piece {
    case .endless: return false
    case .skipped(let byteCount): send(ServerRules.tooLong(byteCount, limit: limits.lineBytes))
    case .line(let line):
      switch rules.action(line) {
      case .reply(let message): send(message)
      case .call(let id, let tool, let input, let token): accept(id, tool, input, token)
      case .cancel(let id): cancel(id)
      case .ignore: break
      }
    }
    return true
  }

  /// Waits for the calls that were asked for; stops them when nobody reads their results.
  func finish() {
    while group.wait(timeout: .now() + .milliseconds(50)) == .timedOut {
      guard isBroken else { continue }
      state.withLock { state in
        state.waiting = []
        state.running.values.forEach { $0.cancel() }
      }
    }
  }

  private func send(_ message: RPCMessage) { output.write(message.line) }

  private func accept(_ id: RequestID, _ tool: Tool, _ input: ToolInput, _ token: JSONValue?) {
    let progress = ProgressSender(token: token) { [output] in output.write($0.line) }
    let call = ToolCall(input: input) { progress.send($0, $1) }
    let refusal = state.withLock { state -> RPCError? in
      if state.running[id] != nil || state.waiting.contains(where: { $0.id == id }) {
        return VPathError(.protocolRequest, "The id of the request is in use by a call that has not ended.").rpc
      }
      if state.running.count < limits.callsInFlight {
        state.running[id] = call
        start(Entry(id: id, tool: tool, call: call))
      } else if state.waiting.count < limits.callsWaiting {
        state.waiting.append(Entry(id: id, tool: tool, call: call))
      } else {
        return VPathError(
          .serverOverloaded, "\(limits.callsInFlight) calls run and \(limits.callsWaiting) wait. Try again later."
        ).rpc
      }
      return nil
    }
    if let refusal { send(.failure(id: id, refusal)) }
  }

  private func start(_ entry: Entry) {
    queue.async(group: group) { [self] in
      let result = entry.call.isCancelled ? ToolOutput(evidence: []) : entry.tool.run(entry.call)
      let next = state.withLock { state -> Entry? in
        state.running[entry.id] = nil
        guard !state.waiting.isEmpty else { return nil }
        let next = state.waiting.removeFirst()
        state.running[next.id] = next.call
        return next
      }
      if let next { start(next) }
      if !entry.call.isCancelled { send(rules.result(entry.id, result, limit: limits.lineBytes)) }
    }
  }

  private func cancel(_ id: RequestID) {
    state.withLock { state in
      state.running[id]?.cancel()
      state.waiting.removeAll { $0.id == id }
    }
  }
}

/// Sends progress notes of one call, at most four a second, never falling.
private final class ProgressSender: Sendable {
  private let token: JSONValue?
  private let send: @Sendable (RPCMessage) -> Void
  private let last: Mutex<(time: Double, progress: Double)> = Mutex((-1, -1))

  init(token: JSONValue?, send: @escaping @Sendable (RPCMessage) -> Void) {
    self.token = token
    self.send = send
  }

  func send(_ fraction: Double?, _ message: String) {
    guard let token else { return }
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    let time = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    let progress = last.withLock { last -> Double? in
      guard last.time < 0 || time - last.time >= 0.25 else { return nil }
      // The protocol wants each value above the one before.
      let asked = fraction.map { max(0, min(1, $0)) } ?? 0
      let value = asked > last.progress ? asked : last.progress.nextUp
      last = (time, value)
      return value
    }
    guard let progress else { return }
    send(
      .notification(
        method: "notifications/progress",
        params: [
          "progressToken": token, "progress": .number(progress), "total": 1,
          "message": .string(String(message.prefix(200))),
        ]))
  }
}
