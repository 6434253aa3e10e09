// What lines from an MCP client mean, in both eras.

import Domain
import JSON
import Testing
import Wire

@testable import MCPBridge

@Suite("The bridge's reading of a line") struct BridgeRulesTests {
  static let meta: JSONValue = MCP.requestMeta(client: "test", version: "1")

  static func line(_ method: String, _ params: JSONValue = [:], id: JSONValue? = 1) -> [UInt8] {
    var members: [String: JSONValue] = ["jsonrpc": "2.0", "method": .string(method), "params": params]
    members["id"] = id
    return JSONValue.object(members).canonicalBytes()
  }

  private func reply(_ rules: inout BridgeRules, _ method: String, _ params: JSONValue) throws -> JSONValue {
    guard case .reply(let message) = rules.action(Self.line(method, params)) else {
      Issue.record("\(method) is not answered at once")
      return .null
    }
    return message.json
  }

  @Test("2026-07-28: server/discover names the version, tools and instructions")
  func discover() throws {
    var rules = BridgeRules()
    let result = try reply(&rules, "server/discover", ["_meta": Self.meta])["result"]
    #expect(result?["supportedVersions"] == ["2026-07-28"])
    #expect(result?["resultType"] == "complete")
    #expect(result?["capabilities"] == ["tools": [:]])
    #expect(result?["cacheScope"] == "private")
    #expect(result?["instructions"]?.stringValue?.contains("not a medical device") == true)
  }

  @Test(
    "the older era: initialize settles on the client's revision, or offers the newest",
    arguments: [("2024-11-05", "2024-11-05"), ("2025-11-25", "2025-11-25"), ("2031-01-01", "2025-11-25")])
  func initialize(_ asked: String, _ given: String) throws {
    var rules = BridgeRules()
    let params: JSONValue = [
      "protocolVersion": .string(asked), "capabilities": [:], "clientInfo": ["name": "c", "version": "1"],
    ]
    let result = try reply(&rules, "initialize", params)["result"]
    #expect(result?["protocolVersion"] == .string(given))
    #expect(result?["resultType"] == nil)
    #expect(try reply(&rules, "ping", [:])["result"] == [:])
    guard case .list(_, .handshake) = rules.action(Self.line("tools/list")) else {
      Issue.record("tools/list without _meta follows initialize")
      return
    }
    guard case .list(_, .modern) = rules.action(Self.line("tools/list", ["_meta": Self.meta])) else {
      Issue.record("a request with _meta is of the newer era, whatever came before")
      return
    }
  }

  @Test("what is missing or unknown is refused with its own id and what would be right")
  func refusals() throws {
    func code(_ method: String, _ params: JSONValue) throws -> Int? {
      var rules = BridgeRules()
      let answer = try reply(&rules, method, params)
      #expect(answer["id"] == 1)
      return answer["error"]?["code"]?.integerValue
    }
    #expect(try code("tools/list", [:]) == -32602)
    #expect(try code("tools/list", ["_meta": ["io.modelcontextprotocol/protocolVersion": "2031-01-01"]]) == -32022)
    #expect(try code("tools/list", ["_meta": ["io.modelcontextprotocol/protocolVersion": "2026-07-28"]]) == -32602)
    #expect(try code("tools/list", ["_meta": Self.meta, "cursor": "x"]) == -32602)
    #expect(try code("ping", ["_meta": Self.meta]) == -32601)
    #expect(try code("resources/list", ["_meta": Self.meta]) == -32601)
    #expect(try code("tools/call", ["_meta": Self.meta]) == -32602)
    #expect(try code("tools/call", ["_meta": Self.meta, "name": "x", "arguments": [1]]) == -32602)
    #expect(try code("initialize", [:]) == -32602)
    var rules = BridgeRules()
    for (bytes, found) in [("{", -32700), ("[]", -32600), ("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}", -32600)] {
      guard case .reply(let message) = rules.action(Array(bytes.utf8)) else {
        Issue.record("\(bytes) is answered")
        continue
      }
      #expect(message.json["error"]?["code"]?.integerValue == found)
    }
  }

  @Test("a call keeps its arguments and token; a cancel its id; other notes mean nothing")
  func calls() {
    var rules = BridgeRules()
    let meta = MCP.requestMeta(client: "test", version: "1", ["progressToken": "p"])
    let params: JSONValue = ["_meta": meta, "name": "ask_case", "arguments": ["case": "case-1"]]
    guard case .call(let call) = rules.action(Self.line("tools/call", params, id: "a")) else {
      Issue.record("a call is a call")
      return
    }
    #expect(call.id == .string("a") && call.name == "ask_case" && call.era == .modern)
    #expect(call.arguments == ["case": "case-1"] && call.progressToken == "p")
    guard case .cancel(.integer(7)) = rules.action(Self.line("notifications/cancelled", ["requestId": 7], id: nil))
    else {
      Issue.record("a cancel names a request")
      return
    }
    for method in ["notifications/initialized", "notifications/roots/list_changed"] {
      guard case .ignore = rules.action(Self.line(method, id: nil)) else {
        Issue.record("\(method) means nothing here")
        continue
      }
    }
  }

  @Test("a tool of the daemon's takes the case beside its own arguments, under a name that is free")
  func daemonTools() throws {
    let plain = try #require(
      DaemonTool([
        "name": "cell_counter",
        "inputSchema": ["type": "object", "properties": ["slide": ["type": "string"]], "required": ["slide"]],
        "outputSchema": ["type": "object", "required": ["evidence", "nothing else"]],
      ]))
    #expect(plain.caseArgument == "case")
    #expect(plain.json["inputSchema"]?["required"] == ["case", "slide"])
    #expect(plain.json["inputSchema"]?["properties"]?.objectValue?.keys.sorted() == ["case", "slide"])
    #expect(plain.json["outputSchema"]?["required"] == ["turn", "evidence"])
    let taken = try #require(
      DaemonTool(["name": "ask_case", "inputSchema": ["type": "object", "properties": ["case": ["type": "integer"]]]]))
    #expect(taken.name == "tool.ask_case" && taken.daemonName == "ask_case" && taken.caseArgument == "vpath_case")
  }

  @Test("every own tool has schemas that are schemas, and keeps its word about what it changes")
  func ownTools() throws {
    for tool in BridgeTool.allCases {
      let json = tool.json
      _ = try JSONSchema(try #require(json["inputSchema"]))
      _ = try JSONSchema(try #require(json["outputSchema"]))
      #expect(json["description"]?.stringValue?.isEmpty == false)
    }
    #expect(BridgeTool.getEvidence.json["annotations"]?["readOnlyHint"] == true)
    #expect(BridgeTool.askCase.json["annotations"]?["readOnlyHint"] == false)
  }

  @Test("errors follow the table: no such tool and the server's own are errors, the rest is a result to read")
  func errors() {
    let call = BridgeCall(id: .integer(3), era: .modern, name: "x", arguments: [:])
    func message(_ id: ErrorID) -> JSONValue { Bridge.message(VPathError(id, "words"), call).json }
    #expect(message(.toolNotFound)["error"]?["code"] == -32602)
    #expect(message(.serverOverloaded)["error"]?["code"] == 1001)
    #expect(message(.serverOverloaded)["error"]?["data"]?["id"] == "server.overloaded")
    let denied = message(.policyDenied)["result"]
    #expect(denied?["isError"] == true && denied?["resultType"] == "complete")
    #expect(denied?["structuredContent"]?["error"]?["data"]?["id"] == "policy.denied")
    #expect(denied?["structuredContent"]?["error"]?["code"] == 1301)
    #expect(denied?["content"] == [["type": "text", "text": "policy.denied: words"]])
    for id in ErrorID.allCases { #expect(message(id)["id"] == 3, "\(id)") }
  }
}
