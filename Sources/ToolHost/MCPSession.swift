// The Model Context Protocol, revision 2026-07-28, as a client over one child's standard input and output: many calls
// at a time, matched by id.
// What must stay true: every call ends, with a result, an error, or the process's own end; a server that sends requests,
// asks for input, or speaks what is not MCP loses its process; a cancelled call either is answered within the grace or
// takes the process with it. Nothing the server says of itself (descriptions, annotations) is used.
//
// The older era (`initialize`) would be a second `Era` chosen in `start()`, which probes with server/discover first.

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

  private struct Pending {
    var continuation: CheckedContinuation<Result<Reply, VPathError>, Never>
    var progress: (@Sendable (ToolProgress) -> Void)?
    var lastProgress: ContinuousClock.Instant?
    /// Set when the host gave the call up: its error, whatever ends it.
    var cause: VPathError?
  }

  private enum Era: Sendable { case modern }

  private let limits: ToolManifest.Limits
  private let cancelGraceSeconds: Double
  private var process: ToolProcess?
  private var splitter: LineSplitter
  private var pending: [Int: Pending] = [:]
  private var nextID = 1
  private var era: Era?
  private var toolNames: Set<String> = []
  private var end: VPathError?
  /// Bytes received since the last call began: notes without end are a flood too.
  private var receivedBytes = 0
  private var strayReplies = 0

  private static let maxPages = 16
  private static let maxTools = 256
  private static let maxStrayReplies = 64
  private static let startSeconds = 10.0

  /// A session that `attach` gives its process.
  init(limits: ToolManifest.Limits, cancelGraceSeconds: Double) {
    self.limits = limits
    self.cancelGraceSeconds = cancelGraceSeconds
    splitter = LineSplitter(limitBytes: limits.outputMiB << 20, skipLimitBytes: limits.outputMiB << 20)
  }

  /// Whether calls can be made.
  var isAlive: Bool { end == nil && process?.hasEnded == false }

  /// Takes the process over: from here on its end fails what is pending.
  func attach(_ process: ToolProcess) {
    self.process = process
    Task {
      let end = await process.end()
      processEnded(end)
    }
  }

  /// Finds out what the server speaks and which tools it has. Throws what went wrong.
  func start() async throws(VPathError) {
    let found = try await request("server/discover", [:], seconds: MCPSession.startSeconds)
    let versions = found.result["supportedVersions"]?.arrayValue?.compactMap(\.stringValue) ?? []
    guard versions.contains(MCP.protocolVersion) else {
      throw VPathError(
        .toolBadOutput,
        "The tool speaks MCP \(PlainText.clean(versions.joined(separator: ", "), limit: 100)); this host speaks "
          + "\(MCP.protocolVersion). Update the tool, or use \"protocol\": \"once\".")
    }
    era = .modern
    var cursor: JSONValue?
    for _ in 0..<MCPSession.maxPages {
      let page = try await request(
        "tools/list", cursor.map { ["cursor": $0] } ?? [:], seconds: MCPSession.startSeconds
      ).result
      for tool in page["tools"]?.arrayValue ?? [] {
        if let name = tool["name"]?.stringValue, toolNames.count < MCPSession.maxTools { toolNames.insert(name) }
      }
      guard let next = page["nextCursor"]?.stringValue else { return }
      cursor = .string(next)
    }
  }

  /// Calls a tool. The task's cancellation cancels the call; the time limit ends the process.
  func call(
    tool: String, arguments: JSONValue, input: JSONValue, seconds: Double,
    progress: @escaping @Sendable (ToolProgress) -> Void
  ) async -> Result<Reply, VPathError> {
    guard toolNames.contains(tool) else {
      return .failure(
        VPathError(
          .toolBadOutput, "The tool's process has no tool named \"\(tool)\". Its tools/list and tool.json must agree."))
    }
    receivedBytes = 0
    do {
      return .success(
        try await request(
          "tools/call", ["name": .string(tool), "arguments": arguments], seconds: seconds,
          meta: [ToolInput.metaKey: input], progress: progress))
    } catch {
      return .failure(error)
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
    _ method: String, _ params: [String: JSONValue], seconds: Double, meta more: [String: JSONValue] = [:],
    progress: (@Sendable (ToolProgress) -> Void)? = nil
  ) async throws(VPathError) -> Reply {
    if let end { throw end }
    guard let process else { throw EndReason.released.error }
    let id = nextID
    nextID += 1
    var meta = more
    if progress != nil { meta[MCP.progressTokenKey] = .number(Double(id)) }
    var params = params
    params["_meta"] = MCP.requestMeta(client: "vpathd", version: "1", meta)
    let line = RPCMessage.request(id: .integer(id), method: method, params: .object(params)).line
    let clock = Task { [weak self] in
      try await Task.sleep(for: .seconds(seconds))
      await self?.timeOut(id, seconds: seconds)
    }
    defer { clock.cancel() }
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        pending[id] = Pending(continuation: continuation, progress: progress)
        process.write(line)
        // It may have been cancelled before it was pending.
        if Task.isCancelled { cancel(id) }
      }
    } onCancel: {
      Task { await self.cancel(id) }
    }
    return try result.get()
  }

  private func timeOut(_ id: Int, seconds: Double) {
    guard pending[id] != nil else { return }
    pending[id]?.cause = EndReason.timedOut(seconds: seconds).error
    process?.kill(.timedOut(seconds: seconds))
  }

  private func cancel(_ id: Int) {
    guard pending[id] != nil, pending[id]?.cause == nil else { return }
    pending[id]?.cause = EndReason.cancelled.error
    let note = RPCMessage.notification(
      method: "notifications/cancelled",
      params: [
        "requestId": .number(Double(id)), "reason": "the turn was interrupted",
        "_meta": MCP.requestMeta(client: "vpathd", version: "1"),
      ])
    process?.write(note.line)
    Task {
      try? await Task.sleep(for: .seconds(cancelGraceSeconds))
      if pending[id] != nil { process?.kill(.cancelled) }
    }
  }

  private func giveUp(_ reason: EndReason) {
    process?.kill(reason)
  }

  private func processEnded(_ end: ProcessEnd) {
    let error = end.failure(limits: limits) ?? VPathError(.toolFailed, "The tool's process ended before its answer.")
    self.end = error
    let waiting = pending
    pending = [:]
    for (_, call) in waiting {
      let shared: VPathError =
        switch end.reason {
        case .cancelled, .timedOut:
          VPathError(
            .toolFailed, "The tool's process was ended because of another call on it. Call again.", retryable: true)
        default: error
        }
      call.continuation.resume(returning: .failure(call.cause ?? shared))
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
      return giveUp(.brokeProtocol("a line on its standard output is no JSON-RPC message"))
    }
    switch message {
    case .request(_, let method, _):
      giveUp(.brokeProtocol("it sent the request \"\(PlainText.clean(method, limit: 60))\"; servers send none"))
    case .notification("notifications/progress", let params): note(params)
    case .notification: break
    case .result(let id, let result):
      finish(id) { self.checked(result, line) }
    case .failure(let id, let error):
      guard let id else { return giveUp(.brokeProtocol("it could not read a request")) }
      finish(id) {
        .failure(
          VPathError(
            .toolFailed,
            "The tool refused the call (\(error.code)): \(PlainText.clean(error.message, limit: 500))"))
      }
    }
  }

  private func finish(_ id: RequestID, _ result: () -> Result<Reply, VPathError>) {
    guard case .integer(let number) = id, let call = pending.removeValue(forKey: number) else {
      strayReplies += 1
      if strayReplies > MCPSession.maxStrayReplies { giveUp(.brokeProtocol("it answers what was never asked")) }
      return
    }
    call.continuation.resume(returning: call.cause.map { .failure($0) } ?? result())
  }

  private func checked(_ result: JSONValue, _ line: [UInt8]) -> Result<Reply, VPathError> {
    switch result["resultType"] {
    case nil, "complete": return .success(Reply(raw: line, result: result))
    case "input_required":
      return .failure(
        VPathError(.toolBadOutput, "The tool asks for input in the middle of a call; this host gives none."))
    default:
      return .failure(
        VPathError(.toolBadOutput, "The tool's result has a resultType that this host does not know."))
    }
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

extension MCPSession.Reply {
  /// The tool's output: `structuredContent`, or its error.
  func output(outputSchema: JSONSchema?) throws(VPathError) -> ToolOutput {
    guard let structured = result["structuredContent"] else {
      if result["isError"] == true {
        let text = result["content"]?.arrayValue?.compactMap { $0["text"]?.stringValue }.joined(separator: " ")
        return ToolOutput(evidence: [], isError: true, message: text)
      }
      throw OutputCheck.fault("/structuredContent", "is missing; the tool's output belongs there")
    }
    var output = try OutputCheck.frame(structured, outputSchema: outputSchema)
    if result["isError"] == true { output.isError = true }
    return output
  }
}
