// The turn: a pure reducer from inputs to effects. States, edges and invariants are in TurnState.swift; what a turn
// does with steps and calls is in Turn+Steps.swift and Turn+Calls.swift, how it ends in Turn+Answer.swift.
// What must stay true: no I/O, no clock, no randomness; every input is answered, stale ones with nothing.

public import Domain
import JSON
public import Policy
import Ports

/// One question, or one call, from its start to its end.
public struct Turn: Sendable {
  let brief: TurnBrief
  let permission: TurnPermission
  let events: TurnEvents
  let policyDigest: SHA256Hex

  var phase: TurnPhase = .ready
  var elapsed: Double = 0
  var known: CaseEvidence
  var parts: [QuestionPart] = []
  /// Reasons that the first step gave.
  var presetReasons: [Int: String] = [:]
  var drawnRegions: [EvidenceID] = []
  var calls: [TurnCall] = []
  var usage: Usage
  /// What the model may be sent in this turn; nil where none is asked.
  var disclosure: Disclosure?
  /// Views whose pictures the model was sent in this turn.
  var seenViews: Set<EvidenceID> = []
  /// Places that calls looked at.
  var places: Set<String> = []
  var corrections: [String] = []
  /// Drafts rejected, and steps in a row that were none.
  var rejectedDrafts = 0
  var invalidSteps = 0
  var plannerFailures = 0
  /// What tools and the daemon said, which a reason may repeat.
  var quotedReasons: Set<String> = []

  private var requests: RequestRecorder
  private var ownEvidence: [Evidence] = []
  private var pending: [NewEvent] = []
  private var effects: [TurnEffect] = []

  /// How many steps in a row may be none before the daemon composes the answer.
  static let invalidStepLimit = 4
  /// How often in a row the planner may fail.
  static let plannerFailureLimit = 2

  /// A turn that has not begun.
  public init(brief: TurnBrief, policy: Policy) {
    self.brief = brief
    permission = TurnPermission(brief: brief, policy: policy)
    events = TurnEvents(caseID: brief.caseID, turn: brief.turn)
    policyDigest = policy.digest
    requests = RequestRecorder(brief)
    known = CaseEvidence(slides: brief.slides, evidence: brief.evidence)
    usage = Usage(planner: brief.planner)
  }

  /// Whether the turn has ended.
  public var isCompleted: Bool { phase == .completed }

  /// Evidence of this turn so far, in order.
  public var evidence: [Evidence] { ownEvidence }

  /// Takes one input. Inputs after the end, and replies to work that is not in flight, give nothing.
  public mutating func reduce(_ input: TurnInput) -> [TurnEffect] {
    guard accepts(input.kind) else { return [] }
    // A turn starts at zero, whatever the driver's clock says: the start records no time to replay it with.
    if case .start = input.kind {
      elapsed = 0
    } else if input.elapsedSeconds.isFinite {
      elapsed = max(elapsed, input.elapsedSeconds)
    }
    switch input.kind {
    case .start: start()
    case .stepReplied(let number, .success(let reply)):
      if let error = reply.failure {
        plannerFailed(error, step: number, after: reply)
      } else {
        take(reply, step: number)
      }
    case .stepReplied(let number, .failure(let error)): plannerFailed(error, step: number)
    case .toolFinished(let call, let result): take(result, of: call)
    case .interrupted(let principal, let reason): interrupt(by: principal, reason: reason.excerpt(500))
    case .timeRanOut: timeRanOut()
    }
    flush()
    defer { effects = [] }
    return effects
  }

  private func accepts(_ kind: TurnInput.Kind) -> Bool {
    switch (phase, kind) {
    case (.completed, _): false
    case (.ready, .start), (.ready, .interrupted), (.ready, .timeRanOut): true
    case (.planning(let step), .stepReplied(let number, _)): step == number
    case (.running(let call), .toolFinished(let finished, _)): call == finished
    case (.planning, .interrupted), (.planning, .timeRanOut): true
    case (.running, .interrupted), (.running, .timeRanOut): true
    default: false
    }
  }

  // MARK: Recording and asking

  mutating func record(_ event: NewEvent) { pending.append(event) }

  /// Records evidence and keeps it.
  mutating func record(_ item: Evidence) {
    ownEvidence.append(item)
    known.record(item)
    requests.forget(item.id)
    record(events.evidence(item))
  }

  /// Records that the planner is asked.
  mutating func record(_ request: StepRequest) {
    record(events.requested(requests.record(request, own: ownEvidence)))
  }

  /// Puts an effect behind everything recorded so far.
  mutating func ask(for effect: TurnEffect) {
    flush()
    effects.append(effect)
  }

  private mutating func flush() {
    guard !pending.isEmpty else { return }
    effects.append(.record(pending))
    pending = []
  }

  // MARK: Start and outside events

  private mutating func start() {
    open()
    switch brief.task {
    case .ask: requestStep()
    case .call(let tool, let arguments): begin(tool, arguments)
    }
  }

  /// What a turn begins with: its brief, drawn regions and numbers quoted.
  private mutating func open() {
    record(events.started(RecordedBrief(brief, tools: requests.tools), policy: policyDigest))
    decideDisclosure()
    for region in brief.drawnRegions { drawnRegions.append(recordDrawn(region)) }
    if case .ask(let question) = brief.task { quoteNumbers(of: question, source: "question") }
    if let notes = brief.description.notes { quoteNumbers(of: notes, source: "notes") }
  }

  /// Asks the policy what of the case the model may be sent, and records what it said.
  private mutating func decideDisclosure() {
    guard case .ask = brief.task, let model = brief.model else { return }
    let (disclosure, decision) = permission.disclosure(to: model)
    self.disclosure = disclosure
    record(events.disclosed(to: model, disclosure, decision))
  }

  /// The id of a drawn region. The same region drawn again keeps the id it had.
  private mutating func recordDrawn(_ region: Region) -> EvidenceID {
    let same = known.all.first { item in
      guard item.call == nil, case .region(let other) = item.body else { return false }
      return other.slide == region.slide && other.rect == region.rect && other.polygon == region.polygon
    }
    if let same { return same.id }
    let item = Evidence(
      id: known.nextID(.region), turn: brief.turn, call: nil, tool: nil, body: .region(region))
    record(item)
    return item.id
  }

  private mutating func quoteNumbers(of text: String, source: String) {
    for number in QuotedNumbers.find(in: text) {
      let quote = Quote(text: number, source: source)
      guard !known.all.contains(where: { $0.body == .quote(quote) }) else { continue }
      record(Evidence(id: known.nextID(.quote), turn: brief.turn, call: nil, tool: nil, body: .quote(quote)))
    }
  }

  private mutating func interrupt(by principal: Principal, reason: String) {
    stopWork(reason: "the turn was interrupted") {
      $0.events.interrupted(by: principal, reason: reason, elapsed: $0.elapsed)
    }
    end(.interrupted)
  }

  private mutating func timeRanOut() {
    stopWork(reason: "the time budget of the turn ran out") { $0.events.timeRanOut(elapsed: $0.elapsed) }
    end(.seconds)
  }

  /// Stops what is in flight and records its end.
  private mutating func stopWork(reason: String, input: (Turn) -> NewEvent) {
    if phase == .ready { open() }
    let error = VPathError(.cancelled, "The work was stopped: \(reason).", traceId: brief.turn.rawValue)
    switch phase {
    case .planning(let step):
      ask(for: .cancelWork)
      record(input(self))
      record(events.modelFailed(step: step, error, elapsed: elapsed))
    case .running(let call):
      ask(for: .cancelWork)
      record(input(self))
      record(events.toolFailed(call, ToolResult(error: error), error: nil, elapsed: elapsed))
      settle(call) { $0.outcome.error = error }
    case .ready, .completed:
      record(input(self))
    }
  }

  // MARK: Calls, looked up

  /// Changes a call and marks it settled.
  mutating func settle(_ id: CallID, _ change: (inout TurnCall) -> Void) {
    guard let place = calls.firstIndex(where: { $0.id == id }) else { return }
    change(&calls[place])
    calls[place].isSettled = true
  }

  /// The last act of every turn.
  mutating func complete(_ outcome: TurnOutcome) {
    usage.seconds = elapsed
    record(events.completed(outcome, usage: usage))
    ask(for: .complete(outcome))
    phase = .completed
  }
}
