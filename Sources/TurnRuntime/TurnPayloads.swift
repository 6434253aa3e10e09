// The payloads of the events that the runtime itself records; those of a running turn are Agent's.
// What must stay true: what is written here is all that a restart needs to know of cases and turns.

public import Agent
public import Domain
public import JSON
public import Policy

/// `case.opened`: what a case is. Paths are kept elsewhere (`CaseFiles`).
public struct CaseOpenedPayload: Sendable, Hashable, Codable {
  /// What the client stated.
  public var description: CaseDescription
  /// The slides in order, `s1` first, with what the decoder said of each.
  public var slides: [SlideRecord]
  /// The uid that owns the case.
  public var owner: UInt32
  /// Why the policy permitted it.
  public var decision: JSONValue

  /// The payload from its parts.
  public init(description: CaseDescription, slides: [SlideRecord], owner: UInt32, decision: JSONValue) {
    self.description = description
    self.slides = slides
    self.owner = owner
    self.decision = decision
  }
}

/// `slide.hashed`: the bytes a slide had.
public struct SlideHashedPayload: Sendable, Hashable, Codable {
  /// The slide's id.
  public var slide: EvidenceID
  /// SHA-256 over its files.
  public var sha256: SHA256Hex
  /// Their bytes.
  public var sizeBytes: Int

  /// The payload from its parts.
  public init(slide: EvidenceID, sha256: SHA256Hex, sizeBytes: Int) {
    self.slide = slide
    self.sha256 = sha256
    self.sizeBytes = sizeBytes
  }
}

/// `turn.queued`: what was asked, by whom.
public struct TurnQueuedPayload: Sendable, Hashable, Codable {
  /// The question or call.
  public var task: TurnTask
  /// Regions drawn for it, checked.
  public var regions: [Region]
  /// The client's idempotency key.
  public var key: String?
  /// Who asked.
  public var principal: Principal
  /// Turns of the case before it.
  public var position: Int
  /// Why the policy permitted it.
  public var decision: JSONValue
  /// SHA-256 of the text of the policy in force, kept as bytes; replay reads it.
  public var policyText: SHA256Hex

  /// The payload from its parts.
  public init(
    task: TurnTask, regions: [Region], key: String?, principal: Principal, position: Int, decision: JSONValue,
    policyText: SHA256Hex
  ) {
    self.policyText = policyText
    self.task = task
    self.regions = regions
    self.key = key
    self.principal = principal
    self.position = position
    self.decision = decision
  }
}

/// `report.drafted`: a report made by a turn. Recorded in the case, after the turn's end.
public struct ReportDraftedPayload: Sendable, Hashable, Codable {
  /// The turn that made it.
  public var turn: TurnID
  /// The template's name.
  public var template: String
  /// Its forms: JSON, Markdown, HTML.
  public var artefacts: [EvidenceID]

  /// The payload from its parts.
  public init(turn: TurnID, template: String, artefacts: [EvidenceID]) {
    self.turn = turn
    self.template = template
    self.artefacts = artefacts
  }
}
