// What a tool is to its author: a name, what it takes, what it does.
// What must stay true: a handler may block, since it runs on a thread of its own; it sees nothing but its call.

public import Domain
public import JSON

/// A tool in Swift.
///
/// ```swift
/// let tool = Tool(
///   name: "slide_name", description: "Says which slide it was given.",
///   inputSchema: .object([.optional("slide", .string())])
/// ) { call in
///   ToolOutput(evidence: [["kind": "description", "text": "one slide"]])
/// }
/// StdioServer(name: "my-tools", version: "1.0.0", tools: [tool]).run()
/// ```
public struct Tool: Sendable {
  /// 1 to 128 characters of A-Z a-z 0-9 _ . -
  public let name: String
  /// A name for people.
  public let title: String?
  /// What it does and what it must not be used for; a planner reads it.
  public let description: String
  /// What its arguments must be; an object.
  public let inputSchema: Schema
  /// MCP's hints (`readOnlyHint`, …); nothing rests on them.
  public let annotations: JSONValue?
  /// Does the work.
  public let handler: @Sendable (ToolCall) throws -> ToolOutput

  /// A tool.
  public init(
    name: String, title: String? = nil, description: String, inputSchema: Schema, annotations: JSONValue? = nil,
    handler: @escaping @Sendable (ToolCall) throws -> ToolOutput
  ) {
    self.name = name
    self.title = title
    self.description = description
    self.inputSchema = inputSchema
    self.annotations = annotations
    self.handler = handler
  }

  /// As MCP's `tools/list` shows it.
  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "name": .string(name), "description": .string(description), "inputSchema": inputSchema.json,
      "outputSchema": Self.outputSchema.json,
    ]
    members["title"] = title.map(JSONValue.string)
    members["annotations"] = annotations
    return .object(members)
  }

  /// The shape of every tool's output: DESIGN's contract, items as objects with a `kind`.
  public static let outputSchema: Schema = .object([
    .required(
      "evidence",
      .array(
        of: .object(
          [
            .required(
              "kind",
              .string(enum: [
                "measurement", "region", "artefact", "description", "notAssessable", "view", "slide",
              ]))
          ], additional: true), max: 2000)),
    .optional("isError", .boolean()), .optional("errorId", .string()), .optional("message", .string()),
  ])

  /// Runs the handler and turns what it throws into a result with `isError`.
  func run(_ call: ToolCall) -> ToolOutput {
    do {
      return try handler(call)
    } catch let error as VPathError {
      return ToolOutput(evidence: [], isError: true, errorId: error.id.rawValue, message: error.message)
    } catch {
      return ToolOutput(
        evidence: [], isError: true, errorId: ErrorID.toolFailed.rawValue, message: "\(name) failed: \(error)")
    }
  }
}
