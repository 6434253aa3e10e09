// Tools as the rest of the daemon sees them.
// What must stay true: nothing runs without an ApprovedCall; a cancelled call's whole process tree is gone
// within a second.

public import Domain
public import JSON
public import Policy

/// Runs tools, each in its sandbox.
public protocol ToolRunner: Sendable {
  /// The installed tools, sorted by name.
  func manifests() async -> [ToolManifest]

  /// Runs one approved call to its end. Never throws: what went wrong is in the result. Cancelling the task kills
  /// the call; the result then carries `cancelled`. `progress` may be called at most a few times a second.
  func run(_ call: ApprovedCall, input: ToolCallInput, progress: @escaping @Sendable (ToolProgress) -> Void) async
    -> ToolResult

  /// Ends processes kept for a case.
  func release(_ caseID: CaseID) async
}

/// Everything a call is given. The host adds paths of slides, rendered views and scratch.
public struct ToolCallInput: Sendable, Hashable, Codable {
  public var caseID: CaseID
  public var turn: TurnID
  public var call: CallID
  public var tool: String
  /// Valid by the tool's input schema (the host checks again).
  public var arguments: JSONValue
  public var description: CaseDescription
  public var slides: [SlideGrant]
  /// Regions (by id) the arguments name, and all measurements the tool may read, by id.
  public var evidence: [Evidence]

  public init(
    caseID: CaseID, turn: TurnID, call: CallID, tool: String, arguments: JSONValue, description: CaseDescription,
    slides: [SlideGrant], evidence: [Evidence]
  ) {
    self.caseID = caseID
    self.turn = turn
    self.call = call
    self.tool = tool
    self.arguments = arguments
    self.description = description
    self.slides = slides
    self.evidence = evidence
  }
}

/// A slide a call may read. The path is for the sandbox alone.
public struct SlideGrant: Sendable, Hashable, Codable {
  public var id: EvidenceID
  /// Absolute, links resolved, under an allowed directory.
  public var path: String
  /// Further files that belong to it (absolute).
  public var companions: [String]

  public init(id: EvidenceID, path: String, companions: [String] = []) {
    self.id = id
    self.path = path
    self.companions = companions
  }
}

/// A progress note: droppable, never recorded.
public struct ToolProgress: Sendable, Hashable, Codable {
  /// 0 to 1, when known.
  public var fraction: Double?
  public var message: String
  public init(fraction: Double?, message: String) {
    self.fraction = fraction
    self.message = message
  }
}
