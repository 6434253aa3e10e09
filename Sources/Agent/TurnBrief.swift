// Everything a turn starts from. `turn.started` holds what the record before it does not say (RecordedBrief.swift), so
// that replay needs the trace alone.
// What must stay true: two turns with equal briefs and equal inputs make equal events.

public import Domain
public import JSON
public import Policy
public import Ports

/// What a turn is asked to do.
public enum TurnTask: Sendable, Hashable, Codable {
  /// Answer a question; a planner plans.
  case ask(question: String)
  /// Run one tool for a client (`tools/call`, `report/draft`): no planner.
  case call(tool: String, arguments: JSONValue)
}

/// Limits of a turn. The daemon enforces them and says in the answer which one ended it.
public struct TurnBudget: Sendable, Hashable, Codable {
  public var steps: Int
  public var toolCalls: Int
  public var regions: Int
  public var tokens: Int
  public var seconds: Double
  /// How often a rejected draft may be written anew.
  public var redrafts: Int

  public init(
    steps: Int = 16, toolCalls: Int = 12, regions: Int = 64, tokens: Int = 200_000, seconds: Double = 600,
    redrafts: Int = 2
  ) {
    self.steps = steps
    self.toolCalls = toolCalls
    self.regions = regions
    self.tokens = tokens
    self.seconds = seconds
    self.redrafts = redrafts
  }
}

/// A call made earlier in the case whose evidence may be reused.
public struct EarlierCall: Sendable, Hashable {
  public var tool: ToolReference
  /// Canonical text of the arguments.
  public var arguments: String
  public var evidence: [EvidenceID]
  public var refusals: [String]
  public init(tool: ToolReference, arguments: String, evidence: [EvidenceID], refusals: [String]) {
    self.tool = tool
    self.arguments = arguments
    self.evidence = evidence
    self.refusals = refusals
  }
}

/// What a turn starts from.
public struct TurnBrief: Sendable, Hashable {
  public var caseID: CaseID
  public var turn: TurnID
  public var task: TurnTask
  public var description: CaseDescription
  public var slides: [SlideRecord]
  /// Regions the client drew, checked and inside their slides; they get ids in this turn.
  public var drawnRegions: [Region]
  /// Evidence of the case so far, oldest first, without the slides.
  public var evidence: [Evidence]
  public var earlierCalls: [EarlierCall]
  /// The tools offered, host-only ones left out, sorted by name.
  public var tools: [ToolManifest]
  /// Names of the tools that came with the product.
  public var builtInTools: [String]
  public var principal: Principal
  /// The uid that opened the case.
  public var caseOwnerUID: UInt32
  public var budget: TurnBudget
  /// The planner's name, for usage.
  public var planner: String
  /// The model it asks; nil where rules alone plan.
  public var model: ModelDescription?
  /// Random text that makes this turn's approvals unlike any other's.
  public var nonce: String
  /// The daemon's build, so that replay by another build is told apart; nil when it has no name.
  public var build: String?

  public init(
    caseID: CaseID, turn: TurnID, task: TurnTask, description: CaseDescription, slides: [SlideRecord],
    drawnRegions: [Region], evidence: [Evidence], earlierCalls: [EarlierCall], tools: [ToolManifest],
    builtInTools: [String], principal: Principal, caseOwnerUID: UInt32, budget: TurnBudget, planner: String,
    nonce: String, build: String? = nil, model: ModelDescription? = nil
  ) {
    self.caseID = caseID
    self.turn = turn
    self.task = task
    self.description = description
    self.slides = slides
    self.drawnRegions = drawnRegions
    self.evidence = evidence
    self.earlierCalls = earlierCalls
    self.tools = tools
    self.builtInTools = builtInTools
    self.principal = principal
    self.caseOwnerUID = caseOwnerUID
    self.budget = budget
    self.planner = planner
    self.model = model
    self.nonce = nonce
    self.build = build
  }
}
