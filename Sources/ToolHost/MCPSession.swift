// The Model Context Protocol as a client over one child's standard input and output: many calls at a time, matched by
// id.
// What must stay true: every call ends, with a result, an error, or the process's own end; a server that sends requests,
// answers twice, changes its tools or speaks what is not MCP loses its process; a cancelled call either is answered
// within the grace or takes the process with it. Nothing the server says of itself (descriptions, annotations) is used.

import Domain
import Glibc
import JSON
import Ports
import Wire

/// A session with one tool process.
actor MCPSession {
  /// What a call gave.
  struct Reply: Sendable {
    /// The response's line, as the server wrote it.
    var raw: [UInt8]
    var result: JSONValue
  }

  /// How a request ended.
  enum Exchange: Sendable {
    case result(Reply)
    case refused(RPCError)
    /// No answer within the time; only where silence is a sign.
    case silent
    case failed(VPathError)
  }

  /// What a request's time-out does.
  enum Silence: Sendable { case endProcess, giveUp }

  private struct Pending {
    var continuation: CheckedContinuation<Exchange, Never>
    var progress: (@Sendable (ToolProgress) -> Void)?
    var lastProgress: ContinuousClock.Instant?
    /// Set when the host gave the call up: its error, whatever ends it.
    var cause: VPathError?
  }

  let patience: Patience
  /// Whether the server is a stranger's, and so is looked at again before each further call.
  private let isStranger: Bool
  private let limits: ToolManifest.Limits
  private let cancelGraceSeconds: Double
  private var process: ToolProcess?
  private var splitter: LineSplitter
  private var pending: [Int: Pending] = [:]
  private var nextID = 1
  /// Requests given up in silence: their answers may still come.
  private var givenUp: Set<Int> = []
  /// The answer to the probe, where it came after the probe was given up.
  private(set) var lateProbe: Exchange?
  var era: Era?
  /// Whether the process ended of itself before it had answered anything.
  private(set) var endedAtProbe = false
  private var tools: [String: MCPListedTool] = [:]
  private var toolsMayHaveChanged = false
  private var end: VPathError?
  /// How the server broke the protocol, once it has.
  private(set) var fault: VPathError?
  /// Bytes received since the last call began: notes without end are a flood too.
  private var receivedBytes = 0

  private static let maxPages = 16
  private static let maxTools = 256

  /// A session that `attach` gives its process.
  init(
    limits: ToolManifest.Limits, cancelGraceSeconds: Double, patience: Patience = Patience(), isStranger: Bool = true
  ) {
    self.limits = limits
    self.isStranger = isStranger
    self.cancelGraceSeconds = cancelGraceSeconds
    self.patience = patience
    splitter = LineSplitter(limitBytes: limits.outputMiB << 20, skipLimitBytes: limits.outputMiB << 20)
  }

  /// Whether calls can be made.
  var isAlive: Bool { end == nil && fault == nil && process?.hasEnded == false }

  /// Takes the process over: from here on its end fails what is pending.
  func attach(_ process: ToolProcess) {
    self.process = process
    Task {
      let end = await process.end()
      processEnded(end)
    }
  }

  /// Finds out what the server speaks and which tools it has. `isOlder`: begin with the handshake, as it was needed
  /// before. Throws what went wrong.
  func start(isOlder: Bool = false) async throws(VPathError) {
    var found = Probe.older
    if !isOlder { found = try await probe() }
    switch found {
    case .era(let era): self.era = era
    case .older: self.era = try await shakeHands()
    }
    tools = try await listTools()
  }

  private func listTools() async throws(VPathError) -> [String: MCPListedTool] {
    var found: [String: MCPListedTool] = [:]
    var cursor: JSONValue?
    for _ in 0..<MCPSession.maxPages {
      let page = try await request(
        "tools/list", cursor.map { ["cursor": $0] } ?? [:], seconds: patience.startSeconds
      ).result
      for entry in page["tools"]?.arrayValue ?? [] {
        if let name = entry["name"]?.stringValue, found.count < MCPSession.maxTools {
          found[name] = MCPListedTool(entry)
        }
      }
      guard let next = page["nextCursor"]?.stringValue else { break }
      cursor = .string(next)
    }
    return found
  }

  /// Calls a tool. The task's cancellation cancels the call; the time limit ends the process.
  func call(
    _ tool: ToolManifest, arguments: JSONValue, input: JSONValue, seconds: Double,
    progress: @escaping @Sendable (ToolProgress) -> Void
  ) async -> Result<Reply, VPathError> {
    receivedBytes = 0
    do throws(VPathError) {
      try await checkTools(tool)
      let reply = try await request(
        "tools/call", ["name": .string(tool.name), "arguments": arguments], seconds: seconds,
        meta: [ToolInput.metaKey: input], progress: progress)
      // What a tool says counts only if it is still the tool that was asked.
      try await checkTools(tool)
      if isStranger { toolsMayHaveChanged = true }
      return .success(reply)
    } catch {
      return .failure(error)
    }
  }

  /// Whether the server has the tool, as tool.json says and as before.
  private func checkTools(_ tool: ToolManifest) async throws(VPathError) {
    if toolsMayHaveChanged {
      toolsMayHaveChanged = false
      let now: [String: MCPListedTool]
      do {
        now = try await listTools()
      } catch {
        toolsMayHaveChanged = true
        throw error
      }
      guard now == tools else {
        throw breakOff("it changed its tools while it ran; what was installed and pinned is what may run")
      }
    }
    guard let listed = tools[tool.name] else {
      throw VPathError(
        .toolBadOutput,
        "The tool's process has no tool named \"\(tool.name)\". Its tools/list and tool.json must agree.")
    }
    if let difference = listed.difference(from: tool.inputSchema) {
      throw VPathError(.toolBadOutput, "The tool's server and its tool.json disagree: \(difference).")
    }
  }

  /// Output from the process, in pieces as it came.
  func received(_ bytes: [UInt8]) {
    receivedBytes += bytes.count
    if receivedBytes > 2 * limits.outputMiB << 20 { return giveUp(.output(limitMiB: limits.outputMiB)) }
    for piece in splitter.feed(bytes) {
      switch piece {
      case .line(let line): take(line)
      case .skipped, .endless: return giveUp(.output(limitMiB: limits.outputMiB))
      }
    }
  }

  // MARK: - Requests

  private func request(
    _ method: String, _ params: [String: JSONValue], seconds: Double, meta: [String: JSONValue] = [:],
    progress: (@Sendable (ToolProgress) -> Void)? = nil
  ) async throws(VPathError) -> Reply {
    switch await exchange(
      method, params, era: era ?? .modern, seconds: seconds, silence: .endProcess, meta: meta, progress: progress)
    {
    case .result(let reply): return reply
    case .refused(let error): throw MCPSession.refused(error)
    case .silent: throw EndReason.timedOut(seconds: seconds).error
    case .failed(let error): throw error
    }
  }

  /// One request with its answer.
  func exchange(
    _ method: String, _ params: [String: JSONValue], era: Era, seconds: Double, silence: Silence,
    meta more: [String: JSONValue] = [:], progress: (@Sendable (ToolProgress) -> Void)? = nil
  ) async -> Exchange {
    if let end = fault ?? end { return .failed(end) }
    guard process != nil else { return .failed(EndReason.released.error) }
    let id = nextID
    nextID += 1
    var meta = more
    if progress != nil { meta[MCP.progressTokenKey] = .number(Double(id)) }
    var params = params
    switch era {
    case .modern: params["_meta"] = MCP.requestMeta(client: "vpathd", version: Product.version, meta)
    case .handshake: if !meta.isEmpty { params["_meta"] = .object(meta) }
    }
    let message = RPCMessage.request(id: .integer(id), method: method, params: .object(params))
    let clock = Task { [weak self] in
      try await Task.sleep(for: .seconds(seconds))
      await self?.timeOut(id, seconds: seconds, silence)
    }
    defer { clock.cancel() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        pending[id] = Pending(continuation: continuation, progress: progress)
        write(message)
        // It may have been cancelled before it was pending.
        if Task.isCancelled { cancel(id) }
      }
    } onCancel: {
      Task { await self.cancel(id) }
    }
  }

  func write(_ message: RPCMessage) { process?.write(message.line) }

  private func timeOut(_ id: Int, seconds: Double, _ silence: Silence) {
    guard pending[id] != nil else { return }
    switch silence {
    case .endProcess:
      pending[id]?.cause = EndReason.timedOut(seconds: seconds).error
      process?.kill(.timedOut(seconds: seconds))
    case .giveUp:
      givenUp.insert(id)
      pending.removeValue(forKey: id)?.continuation.resume(returning: .silent)
    }
  }

  private func cancel(_ id: Int) {
    guard pending[id] != nil, pending[id]?.cause == nil else { return }
    pending[id]?.cause = EndReason.cancelled.error
    var params: [String: JSONValue] = ["requestId": .number(Double(id)), "reason": "the turn was interrupted"]
    if era == nil || era == .modern { params["_meta"] = MCP.requestMeta(client: "vpathd", version: Product.version) }
    write(.notification(method: "notifications/cancelled", params: .object(params)))
    Task {
      try? await Task.sleep(for: .seconds(cancelGraceSeconds))
      if pending[id] != nil { process?.kill(.cancelled) }
    }
  }

  private func giveUp(_ reason: EndReason) {
    if fault == nil { fault = reason.error }
    process?.kill(reason)
  }

  @discardableResult
  private func breakOff(_ words: String) -> VPathError {
    giveUp(.brokeProtocol(words))
    return EndReason.brokeProtocol(words).error
  }

  private func processEnded(_ end: ProcessEnd) {
    let error = end.failure(limits: limits) ?? VPathError(.toolFailed, "The tool's process ended before its answer.")
    self.end = error
    endedAtProbe = era == nil && fault == nil && end.reason == nil && end.started == "1"
    let waiting = pending
    pending = [:]
    for (_, call) in waiting {
      let shared: VPathError =
        switch end.reason {
        case .cancelled, .timedOut:
          VPathError(
            .toolFailed, "The tool's process was ended because of another call on it. Call again.", retryable: true)
        default: fault ?? error
        }
      call.continuation.resume(returning: .failed(call.cause ?? shared))
    }
  }

  // MARK: - Messages

  private func take(_ line: [UInt8]) {
    let message: RPCMessage
    do {
      message = try RPCMessage(
        try JSONValue.parse(
          line, limits: JSONLimits(maxBytes: limits.outputMiB << 20, maxDepth: 64, maxValues: 1_000_000)))
    } catch {
      breakOff("a line on its standard output is no JSON-RPC message")
      return
    }
    switch message {
    case .request(let id, "ping", _):
      // Only the older era has it, and there it must be answered.
      guard case .handshake? = era else {
        breakOff(MCPSession.refusal(ofRequest: "ping"))
        return
      }
      write(.result(id: id, [:]))
    case .request(_, let method, _): breakOff(MCPSession.refusal(ofRequest: method))
    case .notification("notifications/progress", let params): note(params)
    case .notification("notifications/tools/list_changed", _): toolsMayHaveChanged = true
    case .notification: break
    case .result(let id, let result):
      finish(id) {
        switch MCPSession.checked(result, line) {
        case .success(let reply): .result(reply)
        case .failure(let error): .failed(error)
        }
      }
    case .failure(let id, let error):
      guard let id else {
        breakOff("it could not read a request")
        return
      }
      finish(id) { .refused(error) }
    }
  }

  private func finish(_ id: RequestID, _ outcome: () -> Exchange) {
    guard case .integer(let number) = id, let call = pending.removeValue(forKey: number) else {
      if case .integer(let number) = id, (1..<nextID).contains(number) {
        if givenUp.remove(number) == nil {
          breakOff("it answered a request twice")
        } else {
          lateProbe = outcome()
        }
      } else {
        breakOff("it answers what was never asked")
      }
      return
    }
    call.continuation.resume(returning: call.cause.map { .failed($0) } ?? outcome())
  }

  private func note(_ params: JSONValue) {
    guard let id = params["progressToken"]?.integerValue, let call = pending[id], let progress = call.progress else {
      return
    }
    let now = ContinuousClock.now
    if let last = call.lastProgress, now - last < .milliseconds(250) { return }
    pending[id]?.lastProgress = now
    var fraction = params["progress"]?.numberValue
    if let done = fraction {
      fraction = params["total"]?.numberValue.flatMap { $0 > 0 ? min(1, max(0, done / $0)) : nil }
    }
    progress(
      ToolProgress(fraction: fraction, message: PlainText.clean(params["message"]?.stringValue ?? "", limit: 200)))
  }
}
