// What reaches a turn from outside, and what it asks for.
// What must stay true: the turn sees nothing else; inputs and effects together are the whole of its life.

public import Domain
public import JSON
public import Policy
public import Ports

/// An input. `elapsedSeconds` since the turn started comes with each (from the driver's clock, or from the record).
public struct TurnInput: Sendable {
  public var elapsedSeconds: Double
  public var kind: Kind

  /// What reached the turn.
  public enum Kind: Sendable {
    case start
    /// The planner's reply to step `number`.
    case stepReplied(number: Int, Result<StepReply, VPathError>)
    case toolFinished(CallID, ToolResult)
    /// Someone asked for it to end: a client, or the daemon when it stops.
    case interrupted(by: Principal, reason: String)
    /// The turn's wall-time budget ran out.
    case timeRanOut
  }

  public init(elapsedSeconds: Double, _ kind: Kind) {
    self.elapsedSeconds = elapsedSeconds
    self.kind = kind
  }
}

/// An effect, in order. Everything before a later effect must be durable before that effect begins.
public enum TurnEffect: Sendable {
  case record([NewEvent])
  case requestStep(StepRequest)
  case runTool(ApprovedCall, ToolCallInputDraft)
  /// Stop the step or tool in flight; its late reply is to be dropped.
  case cancelWork
  /// The turn has ended; always last, once.
  case complete(TurnOutcome)
}

/// A call as the turn knows it; the driver adds slide paths.
public struct ToolCallInputDraft: Sendable, Hashable, Codable {
  public var call: CallID
  public var tool: String
  public var arguments: JSONValue
  public var slides: [EvidenceID]
  public var evidence: [Evidence]
  public init(call: CallID, tool: String, arguments: JSONValue, slides: [EvidenceID], evidence: [Evidence]) {
    self.call = call
    self.tool = tool
    self.arguments = arguments
    self.slides = slides
    self.evidence = evidence
  }
}

/// How a turn ended. `answer` is nil for a `call` task.
public struct TurnOutcome: Sendable, Hashable, Codable {
  public var stop: StopReason
  public var answer: Answer?
  /// The result of a `call` task: ids it gave, refusals, error.
  public var call: StepOutcome?
  public init(stop: StopReason, answer: Answer?, call: StepOutcome?) {
    self.stop = stop
    self.answer = answer
    self.call = call
  }
}
