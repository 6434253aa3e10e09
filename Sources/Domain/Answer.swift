// An answer as it is shown, and how a turn ends.
// What must stay true: each part of the question ends as a finding or as not assessable; a measured statement
// was rendered by the daemon; every answer says how much was looked at.

/// Why a turn ended.
public enum StopReason: String, Sendable, Codable, Hashable, CaseIterable {
  case answered
  /// The daemon composed the answer from evidence after the planner's drafts failed the check.
  case composed
  case budgetExhausted = "budget_exhausted"
  case interrupted
  case modelUnavailable = "model_unavailable"
  case failed
}

/// A part of the question, as the first step split it.
public struct QuestionPart: Sendable, Hashable, Codable {
  /// 1 for the first.
  public var part: Int
  /// The words of the question it covers.
  public var asked: String
  public init(part: Int, asked: String) {
    self.part = part
    self.asked = asked
  }
}

/// A statement about one part.
public struct Finding: Sendable, Hashable, Codable {
  /// Who worded it: the daemon from measurements, or a model.
  public enum Kind: String, Sendable, Codable, Hashable { case measured, described }
  public var part: Int
  /// As rendered.
  public var statement: String
  public var kind: Kind
  public var evidence: [EvidenceID]
  public init(part: Int, statement: String, kind: Kind, evidence: [EvidenceID]) {
    self.part = part
    self.statement = statement
    self.kind = kind
    self.evidence = evidence
  }
}

/// A part that cannot be answered, and what would be needed.
public struct NotAssessable: Sendable, Hashable, Codable {
  public var part: Int
  public var asked: String
  public var reason: String
  public init(part: Int, asked: String, reason: String) {
    self.part = part
    self.asked = asked
    self.reason = reason
  }
}

/// How much of the slide stands behind an answer.
public struct LookedAt: Sendable, Hashable, Codable {
  /// Tissue analysed, flagged pixels taken out; nil when nothing was measured in mm².
  public var tissueAreaMm2: Double?
  /// The scale the analysis ran at.
  public var micronsPerPixel: Double?
  /// What was left out: "ink", its area and share of the tissue found.
  public var leftOut: [LeftOut]

  /// Something that was left out and why.
  public struct LeftOut: Sendable, Hashable, Codable {
    public var what: String
    public var areaMm2: Double?
    /// Share of the tissue found, 0 to 1.
    public var share: Double?
    public init(what: String, areaMm2: Double?, share: Double?) {
      self.what = what
      self.areaMm2 = areaMm2
      self.share = share
    }
  }

  public init(tissueAreaMm2: Double? = nil, micronsPerPixel: Double? = nil, leftOut: [LeftOut] = []) {
    self.tissueAreaMm2 = tissueAreaMm2
    self.micronsPerPixel = micronsPerPixel
    self.leftOut = leftOut
  }
}

/// What a turn cost, and who planned it.
public struct Usage: Sendable, Hashable, Codable {
  public var steps: Int
  public var toolCalls: Int
  /// Calls answered from evidence already there.
  public var reusedCalls: Int
  public var regions: Int
  /// Model tokens, of prompts and replies.
  public var tokens: Int
  /// Prompt tokens that came from the model server's cache.
  public var cachedTokens: Int
  /// How often a model was asked.
  public var modelRequests: Int
  /// Wall time in seconds; not part of the replayed bytes.
  public var seconds: Double
  /// "rule planner" or a model's name.
  public var planner: String
  /// Who decided the steps: "rules", "narrowed" (a model among the rules' actions), "free" (a model among all legal
  /// actions), or "free, then rules" (the model's steps stopped making sense).
  public var planning: String

  public init(
    steps: Int = 0, toolCalls: Int = 0, reusedCalls: Int = 0, regions: Int = 0, tokens: Int = 0,
    cachedTokens: Int = 0, modelRequests: Int = 0, seconds: Double = 0, planner: String = "", planning: String = "rules"
  ) {
    self.steps = steps
    self.toolCalls = toolCalls
    self.reusedCalls = reusedCalls
    self.regions = regions
    self.tokens = tokens
    self.cachedTokens = cachedTokens
    self.modelRequests = modelRequests
    self.seconds = seconds
    self.planner = planner
    self.planning = planning
  }
}

extension Usage {
  /// Records of earlier versions lack what was not counted then.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      steps: try container.decode(Int.self, forKey: .steps),
      toolCalls: try container.decode(Int.self, forKey: .toolCalls),
      reusedCalls: try container.decode(Int.self, forKey: .reusedCalls),
      regions: try container.decode(Int.self, forKey: .regions),
      tokens: try container.decode(Int.self, forKey: .tokens),
      cachedTokens: try container.decodeIfPresent(Int.self, forKey: .cachedTokens) ?? 0,
      modelRequests: try container.decodeIfPresent(Int.self, forKey: .modelRequests) ?? 0,
      seconds: try container.decode(Double.self, forKey: .seconds),
      planner: try container.decode(String.self, forKey: .planner),
      planning: try container.decode(String.self, forKey: .planning))
  }
}

/// The rendered answer of a turn.
public struct Answer: Sendable, Hashable, Codable {
  public var turn: TurnID
  public var question: String
  public var parts: [QuestionPart]
  public var stop: StopReason
  public var findings: [Finding]
  public var notAssessable: [NotAssessable]
  public var lookedAt: LookedAt
  public var usage: Usage

  public init(
    turn: TurnID, question: String, parts: [QuestionPart], stop: StopReason, findings: [Finding],
    notAssessable: [NotAssessable], lookedAt: LookedAt, usage: Usage
  ) {
    self.turn = turn
    self.question = question
    self.parts = parts
    self.stop = stop
    self.findings = findings
    self.notAssessable = notAssessable
    self.lookedAt = lookedAt
    self.usage = usage
  }
}
