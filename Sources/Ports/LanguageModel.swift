// Whatever plans a turn: a language model, a recording, or the rule planner.
// What must stay true: a reply is a stranger's bytes; Agent parses and checks them against the step's schema.

public import Domain
public import JSON

/// Plans one step at a time.
public protocol LanguageModel: Sendable {
  /// Name shown in usage, and version.
  var name: String { get }

  /// The model that is asked; nil where rules alone plan. The policy decides about it in every turn.
  var model: ModelDescription? { get }

  /// One step. Cancelling the task stops the work within a second. Throws `model.unavailable`, `model.context_full`
  /// or `cancelled`; a failure of which bytes are kept comes as a reply that names it.
  func step(_ request: StepRequest) async throws(VPathError) -> StepReply

  /// Told of every turn that has ended, so that what was kept for it can be forgotten.
  func turnEnded(_ turn: TurnID) async
}

extension LanguageModel {
  public var model: ModelDescription? { nil }
  public func turnEnded(_ turn: TurnID) async {}
}

/// A model as policy and trace know it.
public struct ModelDescription: Sendable, Hashable, Codable {
  /// The name in its manifest.
  public var name: String
  /// SHA-256 of its files, the weights first; empty where they are on another machine.
  public var filesSha256: [SHA256Hex]
  /// Whether prompts leave this machine.
  public var remote: Bool
  /// Whether it sees pictures.
  public var vision: Bool
  /// How it plans.
  public var planning: StepPlanning

  public init(
    name: String, filesSha256: [SHA256Hex] = [], remote: Bool, vision: Bool, planning: StepPlanning
  ) {
    self.name = name
    self.filesSha256 = filesSha256
    self.remote = remote
    self.vision = vision
    self.planning = planning
  }
}

/// Who decided a step.
public enum StepPlanning: String, Sendable, Hashable, Codable {
  /// Rules alone.
  case rules
  /// A model, among the actions of the rules' plan.
  case narrowed
  /// A model, among all legal actions.
  case free
}

/// What of a case a model may be sent, as the policy decided for the turn.
public enum Disclosure: String, Sendable, Hashable, Codable {
  case everything
  /// The question, ids, places and pictures, without anything stated about the case, its notes, and names of its files.
  case pixels
  /// Nothing: rules plan.
  case nothing
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
  /// Why the last step could not be taken, or what AnswerCheck said of the last draft; empty when there was none.
  public var corrections: [String]
  /// What a model may be sent; nil, where the policy was not asked, lets nothing out.
  public var disclosure: Disclosure?

  public init(
    turn: TurnID, number: Int, question: String, parts: [QuestionPart], description: CaseDescription,
    evidence: [Evidence], tools: [ToolManifest], history: [StepOutcome], drawnRegions: [EvidenceID],
    schema: JSONValue, stepsLeft: Int, corrections: [String], unavailableTools: [UnavailableTool] = [],
    disclosure: Disclosure? = nil
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
    self.disclosure = disclosure
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
  /// Who decided it; nil for a planner that does not say.
  public var planning: StepPlanning?
  /// What was asked of a model for it, in order; nil where none was asked.
  public var exchanges: [ModelExchange]?
  /// Why there is no step, where a model failed after something had gone over the wire; `text` is empty then.
  public var failure: VPathError?

  public init(
    text: String, promptTokens: Int = 0, completionTokens: Int = 0, planning: StepPlanning? = nil,
    exchanges: [ModelExchange]? = nil, failure: VPathError? = nil
  ) {
    self.text = text
    self.promptTokens = promptTokens
    self.completionTokens = completionTokens
    self.planning = planning
    self.exchanges = exchanges
    self.failure = failure
  }
}

extension [ModelExchange] {
  /// Tokens of all prompts, those from a cache included.
  public var promptTokens: Int { reduce(0) { $0 &+ Swift.max(0, $1.promptTokens) } }
  /// Tokens written.
  public var completionTokens: Int { reduce(0) { $0 &+ Swift.max(0, $1.completionTokens) } }
}

/// One request to a model and its reply; the bytes are kept by hash.
public struct ModelExchange: Sendable, Hashable, Codable {
  /// The model's name, the SHA-256 of its files (weights first), and the server with its build.
  public var model: String
  public var filesSha256: [SHA256Hex]
  public var server: String
  /// The prompt files it was made from: name and version.
  public var prompt: String
  /// The bytes that went over the wire, without credentials.
  public var requestSha256: SHA256Hex
  /// Of a failed exchange, what had come; nil when nothing had.
  public var replySha256: SHA256Hex?
  /// Views whose pictures it was sent; nil for none.
  public var views: [EvidenceID]?
  public var promptTokens: Int
  /// Prompt tokens that came from the server's cache.
  public var cachedTokens: Int
  public var completionTokens: Int
  public var seed: Int
  public var temperature: Double
  public var finishReason: String
  /// Time the server says it took.
  public var promptSeconds: Double?
  public var generationSeconds: Double?
  /// From the request to the end of the reply, as the daemon saw it.
  public var elapsedSeconds: Double?
  /// Why the reply was not used; nil when it was.
  public var problem: String?

  public init(
    model: String, filesSha256: [SHA256Hex], server: String, prompt: String, requestSha256: SHA256Hex,
    replySha256: SHA256Hex?, views: [EvidenceID]? = nil, promptTokens: Int, cachedTokens: Int, completionTokens: Int,
    seed: Int,
    temperature: Double, finishReason: String, promptSeconds: Double? = nil, generationSeconds: Double? = nil,
    elapsedSeconds: Double? = nil, problem: String? = nil
  ) {
    self.model = model
    self.filesSha256 = filesSha256
    self.server = server
    self.prompt = prompt
    self.requestSha256 = requestSha256
    self.replySha256 = replySha256
    self.views = views
    self.promptTokens = promptTokens
    self.cachedTokens = cachedTokens
    self.completionTokens = completionTokens
    self.seed = seed
    self.temperature = temperature
    self.finishReason = finishReason
    self.promptSeconds = promptSeconds
    self.generationSeconds = generationSeconds
    self.elapsedSeconds = elapsedSeconds
    self.problem = problem
  }
}
