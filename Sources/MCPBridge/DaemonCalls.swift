// What a call from an MCP client does in the daemon, on a connection of its own: the same methods, policy, sandbox and
// record as any client's.
// What must stay true: a cancelled question is interrupted and a cancelled tool call cancelled in the daemon before its
// connection closes; arguments are held to the schema the client was shown.

import Client
import Domain
import JSON
import Wire

/// What a call gave.
struct CallOutcome: Sendable {
  var content: [JSONValue]
  var structured: JSONValue
  var isError = false
}

/// Calls on the daemon behind a socket.
struct DaemonCalls: Sendable {
  let socket: String

  /// The tools that can be offered: the bridge's own, then the daemon's by name.
  func tools() async throws(VPathError) -> [JSONValue] {
    let found = try await connected { connection throws(VPathError) in
      try await connection.call(ToolMethods.list, Empty())
    }
    return BridgeTool.allCases.map(\.json) + found.tools.compactMap { DaemonTool($0)?.json }
  }

  /// Runs a call. Throws what is to be shown to the client.
  func run(_ call: BridgeCall, _ control: CallControl) async throws(VPathError) -> CallOutcome {
    try await connected { connection throws(VPathError) in
      if let tool = BridgeTool(rawValue: call.name) {
        try Self.check(.object(call.arguments), tool.input)
        return try await self.run(tool, call.arguments, connection, control)
      }
      return try await self.runDaemonTool(call, connection, control)
    }
  }

  /// Whether an error is the server's own, to be told as a JSON-RPC error; all others are results a model can read.
  static func isServerError(_ id: ErrorID) -> Bool {
    switch id {
    case .serverOverloaded, .serverDraining, .serverUnreachable, .traceWriteFailed, .internalBug: true
    default: false
    }
  }

  private func connected<R: Sendable>(
    _ body: @escaping @Sendable (ClientConnection) async throws(VPathError) -> R
  ) async throws(VPathError) -> R {
    // In a task of its own: cancelling the caller must not break the connection before the daemon was told.
    let task = Task { () -> Result<R, VPathError> in
      do {
        return try await ClientConnection.withConnection(socket: socket) { connection in
          do throws(VPathError) {
            return .success(try await body(connection))
          } catch {
            return .failure(error)
          }
        }
      } catch let error as VPathError {
        return .failure(error)
      } catch {
        return .failure(
          VPathError(.serverUnreachable, "The connection to the daemon broke. Try again.", retryable: true))
      }
    }
    return try await task.value.get()
  }

  private static func check(_ arguments: JSONValue, _ schema: Schema) throws(VPathError) {
    let compiled: JSONSchema
    do {
      compiled = try JSONSchema(schema.json)
    } catch {
      throw VPathError(.internalBug, "An own schema is wrong: \(error). Please report it.")
    }
    guard let first = compiled.validate(arguments).first else { return }
    throw VPathError(
      .protocolParams,
      "The arguments do not fit at \(first.pointer.isEmpty ? "the top" : first.pointer): \(first.message).",
      subject: first.pointer)
  }

  // MARK: - The bridge's own tools

  private func run(
    _ tool: BridgeTool, _ arguments: [String: JSONValue], _ connection: ClientConnection, _ control: CallControl
  ) async throws(VPathError) -> CallOutcome {
    let caseID = CaseID(arguments["case"]?.stringValue ?? "")
    switch tool {
    case .openCase:
      let opened = try await connection.call(
        CaseMethods.open, try CaseMethods.open.decodeParams(.object(arguments)), timeoutSeconds: 300)
      let slides = opened.slides.map { "\($0.id) (\($0.fileName))" }.joined(separator: ", ")
      return try outcome("\(opened.caseID) is open, with \(slides). Ask with ask_case.", opened)
    case .listCases:
      let page = try await connection.call(CaseMethods.list, PageParams(limit: 50))
      let rows = page.cases.map { "\($0.caseID) (\($0.state), changed \($0.changedAt))" }
      return try outcome(rows.isEmpty ? "There is no case yet." : rows.joined(separator: "\n"), page)
    case .askCase: return try await ask(caseID, arguments, connection, control)
    case .getEvidence:
      let ids = arguments["ids"]?.arrayValue?.compactMap(\.stringValue).map { EvidenceID($0) } ?? []
      let found = try await connection.call(EvidenceMethods.get, EvidenceGetParams(caseID: caseID, ids: ids))
      return try outcome(nil, found)
    case .readArtefact:
      let read = try await Pictures(connection: connection, caseID: caseID)
        .artefact(EvidenceID(arguments["id"]?.stringValue ?? ""))
      return CallOutcome(content: [read.content], structured: read.about)
    case .closeCase:
      _ = try await connection.call(CaseMethods.close, CaseParams(caseID: caseID))
      return CallOutcome(
        content: [Self.text("\(caseID) is closed.")], structured: ["case": .string(caseID.rawValue)])
    }
  }

  private func ask(
    _ caseID: CaseID, _ arguments: [String: JSONValue], _ connection: ClientConnection, _ control: CallControl
  ) async throws(VPathError) -> CallOutcome {
    var params: [String: JSONValue] = ["case": .string(caseID.rawValue)]
    for name in ["question", "regions"] { params[name] = arguments[name] }
    let started = try await connection.call(
      TurnMethods.start, try TurnMethods.start.decodeParams(.object(params)))
    control.onCancel {
      Task { try? await connection.call(TurnMethods.interrupt, TurnParams(turn: started.turn), timeoutSeconds: 10) }
    }
    try await follow(started.turn, connection, control)
    let turn = try await connection.call(TurnMethods.get, TurnParams(turn: started.turn))
    guard turn.state == "completed" else {
      throw VPathError(
        .serverUnreachable, "The daemon stopped sending before the turn ended. Ask again.",
        subject: started.turn.rawValue, retryable: true, traceId: started.turn.rawValue)
    }
    var content = [Self.text(AnswerWords.text(turn))]
    if arguments["images"] != false, !control.isCancelled {
      let cited = turn.answer?.findings.flatMap(\.evidence) ?? []
      content += await Pictures(connection: connection, caseID: caseID).content(of: turn.evidence, cited: cited)
    }
    let structured = try AnswerDocument.json(turn, trace: "the daemon's; `vpath trace explain \(turn.turn)`")
    return CallOutcome(content: content, structured: structured, isError: turn.answer == nil)
  }

  /// Waits for a turn's end, telling of its steps.
  private func follow(
    _ turn: TurnID, _ connection: ClientConnection, _ control: CallControl
  ) async throws(VPathError) {
    for await notification in connection.notifications {
      switch notification {
      case .event(let kind, let params) where params.turn == turn:
        if kind == .turnCompleted { return }
        control.step(params.title)
      case .progress(let progress) where progress.turn == turn:
        let share = progress.fraction.map { " (\(Int(($0 * 100).rounded())) %)" } ?? ""
        control.step(progress.message + share)
      case .ended(let ended, let error) where ended == turn: throw error
      case .error(let error): throw error
      case .event, .progress, .ended, .unknown: continue
      }
    }
  }

  // MARK: - The daemon's tools

  private func runDaemonTool(
    _ call: BridgeCall, _ connection: ClientConnection, _ control: CallControl
  ) async throws(VPathError) -> CallOutcome {
    let listed = try await connection.call(ToolMethods.list, Empty()).tools.compactMap { DaemonTool($0) }
    guard let tool = listed.first(where: { $0.name == call.name }) else {
      throw VPathError(
        .toolNotFound, "There is no tool \"\(call.name.prefix(100))\" here. tools/list names those there are.",
        subject: String(call.name.prefix(100)))
    }
    guard let caseID = call.arguments[tool.caseArgument]?.stringValue, !caseID.isEmpty, caseID.utf8.count <= 64 else {
      throw VPathError(
        .protocolParams, "The argument \"\(tool.caseArgument)\" must be a case's id, from open_case or list_cases.",
        subject: tool.caseArgument)
    }
    var arguments = call.arguments
    arguments[tool.caseArgument] = nil
    let params = ToolCallParams(caseID: CaseID(caseID), name: tool.daemonName, arguments: .object(arguments))
    let pass: @Sendable (CallProgressParams) -> Void = { control.pass($0) }
    let progress = control.wantsProgress ? pass : nil
    let running = Task { () -> Result<ToolCallResult, VPathError> in
      do throws(VPathError) {
        return .success(try await connection.callTool(params, progress: progress))
      } catch {
        return .failure(error)
      }
    }
    control.onCancel { running.cancel() }
    let result = try await running.value.get()
    var structured: [String: JSONValue] = result.structuredContent.objectValue ?? [:]
    structured["turn"] = .string(result.turn.rawValue)
    var content = result.content
    if !result.isError, !control.isCancelled {
      let evidence = (structured["evidence"]?.objectValue ?? [:]).compactMapValues {
        try? decodeJSON(Evidence.self, from: $0)
      }
      content += await Pictures(connection: connection, caseID: CaseID(caseID)).content(of: evidence)
    }
    return CallOutcome(content: content, structured: .object(structured), isError: result.isError)
  }

  // MARK: - Results

  private static func text(_ text: String) -> JSONValue { ["type": "text", "text": .string(text)] }

  private func outcome(_ words: String?, _ value: some Encodable) throws(VPathError) -> CallOutcome {
    do {
      let structured = try encodeJSON(value)
      return CallOutcome(content: [Self.text(words ?? structured.canonicalString())], structured: structured)
    } catch {
      throw VPathError(.internalBug, "A result cannot be written as JSON: \(error.message).")
    }
  }
}
