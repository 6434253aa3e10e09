// Whatever plans a turn: a language model, a recording, or the rule planner.
// What must stay true: a reply is a stranger's bytes; Agent parses and checks them against the step's schema.

public import Domain
public import JSON

/// Plans one step at a time.
public protocol LanguageModel: Sendable {
  /// Name shown in usage, and version.
  var name: String { get }

  /// One step. Cancelling the task stops the work within a second. Throws `model.unavailable`, `model.context_full`
  /// or `cancelled`.
  func step(_ request: StepRequest) async throws(VPathError) -> StepReply
}

/// What a planner is asked: where the turn stands, and what it may do now.
public struct StepRequest: Sendable, Hashable, Codable {
  public var turn: TurnID
  /// 1 for the first step.
  public var number: Int
  /// A stranger's text.
  public var question: String
  /// Empty on the first step, which splits the question.
  public var parts: [QuestionPart]
  public var description: CaseDescription
  /// Evidence the planner may cite, oldest first.
  public var evidence: [Evidence]
  /// Tools that may be called now.
  public var tools: [ToolManifest]
  /// Tools that are installed and may not be called now, with why.
  public var unavailableTools: [UnavailableTool]
  /// What happened to earlier calls of this turn, oldest first.
  public var history: [StepOutcome]
  /// Regions the client drew for this question.
  public var drawnRegions: [EvidenceID]
  /// JSON Schema of a legal step at this moment.
  public var schema: JSONValue
  /// Steps and calls left.
  public var stepsLeft: Int
  /// What AnswerCheck said of the last draft; empty when there was none.
  public var corrections: [String]

  public init(
    turn: TurnID, number: Int, question: String, parts: [QuestionPart], description: CaseDescription,
    evidence: [Evidence], tools: [ToolManifest], history: [StepOutcome], drawnRegions: [EvidenceID],
    schema: JSONValue, stepsLeft: Int, corrections: [String], unavailableTools: [UnavailableTool] = []
  ) {
    self.turn = turn
    self.number = number
    self.question = question
    self.parts = parts
    self.description = description
    self.evidence = evidence
    self.tools = tools
    self.unavailableTools = unavailableTools
    self.history = history
    self.drawnRegions = drawnRegions
    self.schema = schema
    self.stepsLeft = stepsLeft
    self.corrections = corrections
  }
}

/// An installed tool that may not be called at this moment.
public struct UnavailableTool: Sendable, Hashable, Codable {
  public var tool: ToolManifest
  /// Why, in words a reader understands: the policy's rule, the stain it is made for, the budget.
  public var reason: String

  public init(tool: ToolManifest, reason: String) {
    self.tool = tool
    self.reason = reason
  }
}

/// One call of this turn and what came of it.
public struct StepOutcome: Sendable, Hashable, Codable {
  public var call: CallID
  public var tool: String
  public var arguments: JSONValue
  /// Evidence it gave; of a reused call, the evidence found again.
  public var evidence: [EvidenceID]
  /// Why it failed or was refused: error id and message.
  public var error: VPathError?
  /// What the tool itself said cannot be assessed.
  public var refusals: [String]

  public init(
    call: CallID, tool: String, arguments: JSONValue, evidence: [EvidenceID], error: VPathError?, refusals: [String]
  ) {
    self.call = call
    self.tool = tool
    self.arguments = arguments
    self.evidence = evidence
    self.error = error
    self.refusals = refusals
  }
}

/// A planner's answer to one request.
public struct StepReply: Sendable, Hashable, Codable {
  /// The step as the planner wrote it: JSON text, unchecked.
  public var text: String
  public var promptTokens: Int
  public var completionTokens: Int
  /// SHA-256 of the raw exchange where there is one.
  public var exchangeSha256: SHA256Hex?

  public init(text: String, promptTokens: Int = 0, completionTokens: Int = 0, exchangeSha256: SHA256Hex? = nil) {
    self.text = text
    self.promptTokens = promptTokens
    self.completionTokens = completionTokens
    self.exchangeSha256 = exchangeSha256
  }
}
