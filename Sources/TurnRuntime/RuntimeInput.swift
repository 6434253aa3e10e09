// What reaches the runtime from outside, and what it asks for.
// What must stay true: inputs and effects together are the whole of its life; live, replay and simulation differ only
// in who makes the inputs and carries out the effects.

public import Agent
public import Domain
public import Policy
public import Ports
public import Wire

/// A request of a client that waits for a reply.
public struct Ticket: Sendable, Hashable {
  /// Given by whoever feeds the input.
  public let number: Int
  /// A ticket of that number.
  public init(_ number: Int) { self.number = number }
}

/// A batch of events on its way to the trace.
public struct AppendID: Sendable, Hashable { let number: Int }

/// A step or call that is being worked on.
public struct WorkID: Sendable, Hashable { let number: Int }

/// A timer that runs.
public struct TimerID: Sendable, Hashable { let number: Int }

/// A client that follows a turn.
public struct SubscriberID: Sendable, Hashable {
  /// Given by whoever feeds the input.
  public let number: Int
  /// A subscriber of that number.
  public init(_ number: Int) { self.number = number }
}

/// A turn that is asked for.
public struct TurnRequest: Sendable, Hashable {
  /// The case, which is loaded.
  public var caseID: CaseID
  /// What to do.
  public var task: TurnTask
  /// Regions drawn for it, checked against their slides.
  public var regions: [Region]
  /// The same key gives the same turn.
  public var key: String?
  /// Who asks.
  public var principal: Principal
  /// Why the policy permits it; recorded.
  public var decision: PolicyDecision
  /// Random text for the turn's approvals.
  public var nonce: String

  /// The request from its parts.
  public init(
    caseID: CaseID, task: TurnTask, regions: [Region] = [], key: String? = nil, principal: Principal,
    decision: PolicyDecision, nonce: String
  ) {
    self.caseID = caseID
    self.task = task
    self.regions = regions
    self.key = key
    self.principal = principal
    self.decision = decision
    self.nonce = nonce
  }
}

/// An input, with the moment it came in.
public struct RuntimeInput: Sendable {
  /// Seconds of a clock that never goes back.
  public var seconds: Double
  /// What came in.
  public var kind: Kind

  /// What reached the runtime.
  public enum Kind: Sendable {
    /// Turns that start from now on are offered these tools.
    case toolsChanged([ToolManifest], builtIn: [String])
    /// A case is being read from the trace; its events from now on are kept until it is.
    case caseLoading(CaseID)
    /// What the trace holds of it; nil when it could not be read.
    case caseLoaded(CaseID, CaseState?)
    case startTurn(Ticket, TurnRequest)
    case interrupt(Ticket, TurnID, by: Principal, reason: String)
    /// Replies when the turn's end is durable.
    case awaitEnd(Ticket, TurnID)
    /// Whoever held the ticket is gone.
    case forget(Ticket)
    /// No more turns, and `case.closed` when those that run have ended.
    case closeCase(Ticket, CaseID, by: Principal)
    /// Events that belong to no running turn.
    case record(Ticket, [NewEvent])
    case appended(AppendID, Result<[Event], VPathError>)
    case stepFinished(WorkID, Result<StepReply, VPathError>)
    case toolFinished(WorkID, ToolResult)
    case toolProgressed(WorkID, ToolProgress)
    case timerFired(TimerID)
    case subscribe(SubscriberID, CaseID, TurnID, after: Int)
    /// The subscriber has dealt with what it was given.
    case ready(SubscriberID)
    case pageRead(SubscriberID, Result<[Event], VPathError>)
    case unsubscribe(SubscriberID)
    /// Refuse what is new, interrupt what runs.
    case drain(by: Principal, reason: String)
  }

  /// An input at that moment.
  public init(seconds: Double, _ kind: Kind) {
    self.seconds = seconds
    self.kind = kind
  }
}

/// What a ticket is told; exactly once, unless it was forgotten.
public enum Reply: Sendable, Hashable {
  /// The turn is recorded.
  case started(TurnID, position: Int)
  /// Whether there was something to interrupt; the interruption is recorded.
  case interrupted(Bool)
  /// The turn has ended and its end is recorded.
  case ended(TurnID)
  /// The events are recorded.
  case recorded([Event])
  case failed(VPathError)
}

/// An effect. Effects of one `reduce` are begun in order; each that needs a record is given only once that is durable.
public enum RuntimeEffect: Sendable {
  /// Record all or none; answer with `appended`.
  case append(AppendID, [NewEvent])
  /// Plan; answer with `stepFinished`.
  case requestStep(WorkID, StepRequest)
  /// Run; answer with `toolFinished`.
  case runTool(WorkID, ApprovedCall, ToolWork)
  /// Stop it; an answer that comes all the same is dropped.
  case cancelWork(WorkID)
  case startTimer(TimerID, seconds: Double)
  case stopTimer(TimerID)
  case reply(Ticket, Reply)
  /// Read events of the turn from the trace; answer with `pageRead`.
  case readPage(SubscriberID, CaseID, TurnID, after: Int, limit: Int)
  /// Give it to the client and answer with `ready`.
  case deliver(SubscriberID, [TurnNote])
  case progress(SubscriberID, ProgressParams)
  /// Nothing more comes; the error says why when the turn's end was not delivered.
  case endSubscription(SubscriberID, CaseID, TurnID, VPathError?)
  /// The turn has ended: its approvals are worth nothing any more.
  case turnEnded(TurnID)
  /// Sign the case's head.
  case checkpoint(CaseID)
  /// The case has no turns any more and is closed: its tools' processes can go.
  case releaseTools(CaseID)
  /// All turns have ended.
  case drained
}

/// A call with what the driver needs to give it slides.
public struct ToolWork: Sendable, Hashable {
  /// The case.
  public var caseID: CaseID
  /// The turn.
  public var turn: TurnID
  /// What is stated about the case.
  public var description: CaseDescription
  /// The call as the turn knows it.
  public var draft: ToolCallInputDraft
}
