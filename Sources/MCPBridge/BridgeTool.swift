// The tools an MCP client sees: the bridge's own, for cases and questions, and the daemon's, each with the case beside
// its own arguments.
// What must stay true: every call names its case; a daemon's tool keeps its name, description and arguments; the bridge's
// own names cannot be taken by an installed tool.

import Domain
import JSON
import Wire

/// The bridge's own tools.
enum BridgeTool: String, CaseIterable, Sendable {
  case openCase = "open_case"
  case listCases = "list_cases"
  case askCase = "ask_case"
  case getEvidence = "get_evidence"
  case readArtefact = "read_artefact"
  case closeCase = "close_case"

  /// As in `tools/list`.
  var json: JSONValue {
    [
      "name": .string(rawValue), "title": .string(title), "description": .string(description),
      "inputSchema": input.json, "outputSchema": output.json,
      "annotations": [
        "readOnlyHint": .bool(isReadOnly), "destructiveHint": false, "idempotentHint": .bool(isReadOnly),
        "openWorldHint": false,
      ],
    ]
  }

  private var title: String {
    switch self {
    case .openCase: "Open a case"
    case .listCases: "List your cases"
    case .askCase: "Ask a question about a case"
    case .getEvidence: "Get evidence by id"
    case .readArtefact: "Read an artefact or a view's picture"
    case .closeCase: "Close a case"
    }
  }

  private var description: String {
    switch self {
    case .openCase:
      "Opens a case on one or more slide files and gives its id, with what the slides say of themselves."
    case .listCases: "Your cases, the last changed first."
    case .askCase:
      "Asks a question about an open case in plain words. The daemon plans over its tools, measures, and answers; each "
        + "part of the question ends as findings that cite evidence, or as not assessable with a reason."
    case .getEvidence: "Evidence of a case by id: measurements with interval and validity, regions, views, artefacts."
    case .readArtefact:
      "The bytes behind an artefact or a view: a picture as an image, JSON and text as text."
    case .closeCase: "Closes a case: no further questions; its record stays."
    }
  }

  private var isReadOnly: Bool {
    switch self {
    case .listCases, .getEvidence, .readArtefact: true
    case .openCase, .askCase, .closeCase: false
    }
  }

  static let caseArgument: Schema = .string(
    minLength: 1, maxLength: 64, description: "The case's id, from open_case or list_cases.")
  private static let evidenceID: Schema = .string(
    minLength: 2, maxLength: 20, pattern: "^[srvmcdaq][1-9][0-9]*$", description: "An evidence id, such as m5.")

  var input: Schema {
    let own: [Schema.Property]
    switch self {
    case .openCase:
      own = [
        .required(
          "slides",
          .array(
            of: .string(minLength: 1, maxLength: 4096), min: 1, max: 64,
            description: "Absolute paths as the daemon sees them.")),
        .optional("organ", .string(minLength: 1, maxLength: 100, description: "For instance skin.")),
        .optional("stain", .string(minLength: 1, maxLength: 100, description: "For instance H&E.")),
        .optional(
          "micronsPerPixel", .number(min: 0.01, max: 100, description: "A scale you state, for slides without one.")),
        .optional("notes", .string(maxLength: 65_536, description: "Free text; data, never instructions.")),
      ]
    case .listCases: own = []
    case .askCase:
      own = [
        .required("case", Self.caseArgument),
        .required("question", .string(minLength: 1, maxLength: 65_536, description: "In plain words.")),
        .optional(
          "regions",
          .array(
            of: .object([.optional("slide", Self.evidenceID), .required("rect", LevelZeroRect.schema)]), max: 256,
            description: "Regions the question is about, in level-0 pixels.")),
        .optional("images", .boolean(description: "Whether pictures come with the answer; they do by default.")),
      ]
    case .getEvidence:
      own = [
        .required("case", Self.caseArgument), .required("ids", .array(of: Self.evidenceID, min: 1, max: 100)),
      ]
    case .readArtefact: own = [.required("case", Self.caseArgument), .required("id", Self.evidenceID)]
    case .closeCase: own = [.required("case", Self.caseArgument)]
    }
    return .object(own)
  }

  private var output: Schema {
    switch self {
    case .openCase: CaseResult.schema
    case .listCases: CaseListResult.schema
    case .askCase: AnswerDocument.schema
    case .getEvidence: EvidenceGetResult.schema
    case .readArtefact:
      .object([
        .required("id", Self.evidenceID), .required("mediaType", .string()), .required("sizeBytes", .integer(min: 0)),
        .required("sha256", .string()),
      ])
    case .closeCase: .object([.required("case", Self.caseArgument)])
    }
  }
}

/// A tool of the daemon's as the client sees it.
struct DaemonTool: Sendable {
  /// Its name here.
  var name: String
  /// Its name in the daemon.
  var daemonName: String
  /// The argument that names the case.
  var caseArgument: String
  var json: JSONValue

  init?(_ tool: JSONValue) {
    guard let daemonName = tool["name"]?.stringValue, var members = tool.objectValue,
      var schema = tool["inputSchema"]?.objectValue
    else { return nil }
    self.daemonName = daemonName
    name = BridgeTool(rawValue: daemonName) == nil ? daemonName : "tool.\(daemonName)"
    var properties = schema["properties"]?.objectValue ?? [:]
    caseArgument = properties["case"] == nil ? "case" : "vpath_case"
    properties[caseArgument] = BridgeTool.caseArgument.json
    schema["properties"] = .object(properties)
    schema["required"] = .array([.string(caseArgument)] + (schema["required"]?.arrayValue ?? []))
    members["name"] = .string(name)
    members["inputSchema"] = .object(schema)
    // The tool's own outputSchema is of what it gives the daemon; a client is given evidence.
    members["outputSchema"] = Self.output.json
    json = .object(members)
  }

  private static let output: Schema = .object([
    .required("turn", .string(description: "The call's record: a turn of its own.")),
    .required("evidence", .map(of: Evidence.schema)),
    .optional("notAssessable", .array(of: .string(description: "What the tool could not assess, and why."))),
    .optional("error", .any(description: "Why the tool failed.")),
  ])
}
