// tools/list and tools/call, in MCP's shapes with the case beside them.

public import Domain
public import JSON

/// A tool as clients see it: MCP's tool object.
public struct ToolListResult: WireType {
  public var tools: [JSONValue]
  public init(tools: [JSONValue]) { self.tools = tools }
  public static var schema: Schema {
    .object([
      .required(
        "tools",
        .array(
          of: .object(
            [.required("name", .text("Name.")), .required("inputSchema", .any())], additional: true)))
    ])
  }
}

/// Calls one tool on a case, through policy, sandbox and trace.
public struct ToolCallParams: WireType {
  public var caseID: CaseID
  public var name: String
  public var arguments: JSONValue
  public var key: String?
  public init(caseID: CaseID, name: String, arguments: JSONValue, key: String? = nil) {
    self.caseID = caseID
    self.name = name
    self.arguments = arguments
    self.key = key
  }
  enum CodingKeys: String, CodingKey {
    case caseID = "case"
    case name, arguments, key
  }
  public static var schema: Schema {
    .object([
      .required("case", .caseID), .required("name", .string(minLength: 1, maxLength: 128)),
      .required("arguments", .object([], additional: true)), .optional("key", .string(minLength: 1, maxLength: 128)),
    ])
  }
}

/// What a call gave: MCP's result with our evidence.
public struct ToolCallResult: WireType {
  public var turn: TurnID
  public var content: [JSONValue]
  public var structuredContent: JSONValue
  public var isError: Bool
  public init(turn: TurnID, content: [JSONValue], structuredContent: JSONValue, isError: Bool) {
    self.turn = turn
    self.content = content
    self.structuredContent = structuredContent
    self.isError = isError
  }
  public static var schema: Schema {
    .object([
      .required("turn", .turnID), .required("content", .array(of: .any())), .required("structuredContent", .any()),
      .required("isError", .boolean()),
    ])
  }
}

/// The methods about tools.
public enum ToolMethods {
  public static let list = Method<Empty, ToolListResult>(
    "tools/list", "The installed tools, by name.", example: [:])
  public static let call = Method<ToolCallParams, ToolCallResult>(
    "tools/call", "Calls one tool on a case; the call is a turn of its own in the trace.",
    errors: [.caseNotFound, .toolNotFound, .policyDenied, .serverOverloaded, .serverDraining, .traceWriteFailed],
    example: ["case": "case-1", "name": "slide_overview", "arguments": ["slide": "s1"]])
}
