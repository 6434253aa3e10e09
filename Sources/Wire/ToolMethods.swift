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
  /// MCP's: with a `progressToken` (text or integer), `notifications/progress` tell how far the call is.
  public var meta: JSONValue?
  public init(
    caseID: CaseID, name: String, arguments: JSONValue, key: String? = nil, meta: JSONValue? = nil
  ) {
    self.caseID = caseID
    self.name = name
    self.arguments = arguments
    self.key = key
    self.meta = meta
  }
  enum CodingKeys: String, CodingKey {
    case caseID = "case"
    case meta = "_meta"
    case name, arguments, key
  }
  public static var schema: Schema {
    .object([
      .required("case", .caseID), .required("name", .string(minLength: 1, maxLength: 128)),
      .required("arguments", .object([], additional: true)), .optional("key", .string(minLength: 1, maxLength: 128)),
      .optional(
        "_meta",
        .object(
          [.optional("progressToken", .any(description: "Text or an integer; its notes carry it back."))],
          description: "With a progressToken, notifications/progress tell how far the call is.", additional: true)),
    ])
  }
}

/// The parameters of `notifications/progress`, MCP's: how far a `tools/call` is. Droppable.
public struct CallProgressParams: WireType {
  /// The notification's name.
  public static let method = "notifications/progress"
  /// The call's own.
  public var progressToken: JSONValue
  /// Grows with every note of a call; of `total` where that is given.
  public var progress: Double
  public var total: Double?
  public var message: String?

  public init(progressToken: JSONValue, progress: Double, total: Double? = nil, message: String? = nil) {
    self.progressToken = progressToken
    self.progress = progress
    self.total = total
    self.message = message
  }
  public static var schema: Schema {
    .object([
      .required("progressToken", .any(description: "The call's own.")), .required("progress", .number(min: 0)),
      .optional("total", .number(min: 0)), .optional("message", .text("One line.")),
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
