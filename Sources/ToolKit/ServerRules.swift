// What one line from a host means: a reply at once, a call to run, a call to stop. Pure; StdioServer does it.
// Protocol: Model Context Protocol 2026-07-28 over stdio. There is no handshake; every request names its version.
// What must stay true: a request that cannot be understood is answered with its own id where that can be read; a
// notification is never answered.

import Domain
import JSON
import Wire

/// What to do about a line.
enum ServerAction: Sendable {
  case reply(RPCMessage)
  case call(RequestID, Tool, ToolInput, progressToken: JSONValue?)
  case cancel(RequestID)
  case ignore
}

/// Reads lines for a set of tools.
struct ServerRules: Sendable {
  let name: String
  let version: String
  private let tools: [String: (tool: Tool, schema: JSONSchema)]
  private let listed: [JSONValue]

  /// How long a host may keep what it was told, in ms.
  static let ttlMs = 3_600_000.0

  /// - Throws: `tool.bad_manifest` when two tools share a name or a schema is none.
  init(name: String, version: String, tools: [Tool]) throws(VPathError) {
    self.name = name
    self.version = version
    var table: [String: (Tool, JSONSchema)] = [:]
    for tool in tools {
      let schema: JSONSchema
      do {
        schema = try JSONSchema(tool.inputSchema.json)
      } catch {
        throw VPathError(.toolBadManifest, "The inputSchema of \(tool.name) is none: \(error)", subject: tool.name)
      }
      guard table.updateValue((tool, schema), forKey: tool.name) == nil else {
        throw VPathError(.toolBadManifest, "Two tools are named \(tool.name).", subject: tool.name)
      }
    }
    self.tools = table
    self.listed = tools.sorted { $0.name < $1.name }.map(\.json)
  }

  /// What a line asks for.
  func action(_ line: [UInt8]) -> ServerAction {
    let value: JSONValue
    do {
      value = try JSONValue.parse(line)
    } catch {
      return .reply(.failure(id: nil, VPathError(.protocolParse, "The line is no JSON: \(error).").rpc))
    }
    do throws(VPathError) {
      switch try RPCMessage(value) {
      case .request(let id, let method, let params): return answer(id, method, params)
      case .notification("notifications/cancelled", let params):
        return params["requestId"].flatMap(RequestID.init(json:)).map { .cancel($0) } ?? .ignore
      case .notification, .result, .failure: return .ignore
      }
    } catch {
      return .reply(.failure(id: RPCMessage.requestID(in: value), error.rpc))
    }
  }

  /// The error for a line that was too long to be read.
  static func tooLong(_ byteCount: Int, limit: Int) -> RPCMessage {
    .failure(
      id: nil,
      VPathError(.protocolRequest, "A line of \(byteCount) bytes was skipped; \(limit) is the limit.").rpc)
  }

  private func answer(_ id: RequestID, _ method: String, _ params: JSONValue) -> ServerAction {
    if let problem = versionProblem(method, params) { return .reply(.failure(id: id, problem)) }
    switch method {
    case "server/discover":
      return .reply(
        .result(
          id: id,
          complete([
            "supportedVersions": [.string(MCP.protocolVersion)], "capabilities": ["tools": [:]],
            "ttlMs": .number(Self.ttlMs), "cacheScope": "public",
          ])))
    case "tools/list":
      if let cursor = params["cursor"] {
        return refuse(id, "\"cursor\" is \(cursor.canonicalString()); there is one page only. Leave it out.")
      }
      return .reply(
        .result(
          id: id,
          complete(["tools": .array(listed), "ttlMs": .number(Self.ttlMs), "cacheScope": "public"])))
    case "tools/call": return call(id, params)
    default:
      return .reply(
        .failure(
          id: id,
          VPathError(
            .protocolMethod,
            "There is no method \"\(method.prefix(100))\" here, only server/discover, tools/list and "
              + "tools/call.", subject: "method"
          ).rpc))
    }
  }

  private func versionProblem(_ method: String, _ params: JSONValue) -> RPCError? {
    let supported: JSONValue = [.string(MCP.protocolVersion)]
    if method == "initialize" {
      return RPCError(
        code: MCP.unsupportedProtocolVersion,
        message: "This server speaks MCP \(MCP.protocolVersion), which has no initialize. Send server/discover.",
        data: ["supported": supported, "requested": params["protocolVersion"] ?? .null])
    }
    guard let asked = params["_meta"]?[MCP.protocolVersionKey]?.stringValue else {
      return VPathError(
        .protocolParams, "params._meta must hold \"\(MCP.protocolVersionKey)\".", subject: MCP.protocolVersionKey
      ).rpc
    }
    guard asked == MCP.protocolVersion else {
      return RPCError(
        code: MCP.unsupportedProtocolVersion,
        message: "MCP version \"\(asked.prefix(40))\" is not spoken here; \(MCP.protocolVersion) is.",
        data: ["supported": supported, "requested": .string(asked)])
    }
    guard case .object? = params["_meta"]?[MCP.clientCapabilitiesKey] else {
      return VPathError(
        .protocolParams, "params._meta must hold \"\(MCP.clientCapabilitiesKey)\", an object.",
        subject: MCP.clientCapabilitiesKey
      ).rpc
    }
    return nil
  }

  private func call(_ id: RequestID, _ params: JSONValue) -> ServerAction {
    guard let name = params["name"]?.stringValue, let (tool, schema) = tools[name] else {
      let met = params["name"].map { String($0.canonicalString().prefix(100)) } ?? "none"
      return refuse(id, "There is no tool \(met). tools/list names them.", subject: "name")
    }
    let arguments = params["arguments"] ?? [:]
    let violations = schema.validate(arguments)
    guard violations.isEmpty else {
      return refuse(
        id, "The arguments of \(name) do not fit: \(violations.prefix(4).map(\.description).joined(separator: "; ")).",
        subject: "arguments")
    }
    let token = params["_meta"]?[MCP.progressTokenKey]
    if let token, token.stringValue == nil, token.integerValue == nil {
      return refuse(id, "A progress token is a string or an integer.", subject: MCP.progressTokenKey)
    }
    do {
      let input = try Self.input(meta: params["_meta"]?[ToolInput.metaKey], arguments: arguments)
      return .call(id, tool, input, progressToken: token)
    } catch {
      return refuse(id, "params._meta[\"\(ToolInput.metaKey)\"] \(error)", subject: ToolInput.metaKey)
    }
  }

  /// The call's input: what the host sent beside the arguments, or nothing but the arguments from another client.
  static func input(meta: JSONValue?, arguments: JSONValue) throws(JSONError) -> ToolInput {
    guard var members = meta?.objectValue else {
      return ToolInput(
        call: CallID("call-1"), arguments: arguments, case: CaseDescription(), slides: [], views: [], evidence: [:],
        scratch: "")
    }
    members["arguments"] = arguments
    return try decodeJSON(ToolInput.self, from: .object(members))
  }

  private func refuse(_ id: RequestID, _ message: String, subject: String? = nil) -> ServerAction {
    .reply(.failure(id: id, VPathError(.protocolParams, message, subject: subject).rpc))
  }

  private func complete(_ members: [String: JSONValue]) -> JSONValue {
    MCP.completeResult(server: name, version: version, members)
  }

  /// The result of a call as a message: the output as structured content, and the same as text.
  func result(_ id: RequestID, _ output: ToolOutput, limit: Int) -> RPCMessage {
    func message(_ output: ToolOutput) -> RPCMessage? {
      guard let structured = try? encodeJSON(output) else { return nil }
      return .result(
        id: id,
        complete([
          "content": [["type": "text", "text": .string(structured.canonicalString())]],
          "structuredContent": structured, "isError": .bool(output.isError ?? false),
        ]))
    }
    if let made = message(output), made.line.count <= limit { return made }
    let refused = ToolOutput(
      evidence: [], isError: true, errorId: ErrorID.toolLimit.rawValue,
      message: "The result does not fit a line of \(limit) bytes. Ask for a smaller region.")
    return message(refused) ?? .failure(id: id, VPathError(.internalBug, "The result could not be written.").rpc)
  }
}
