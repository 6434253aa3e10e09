// The runtime as a pure reducer: queues, fairness, effects held back until their records are durable, timers,
// cancellation, keys, subscriptions, draining.
//
// A turn:  recording ──▶ queued ──▶ running ──▶ (gone)
//              │            │          │  append failed
//              │            └────▶ closing ──▶ (gone)      closing: its end is being recorded
//              ▼                       │ append failed
//            (gone)                 unrecorded ──▶ closing  (a timer or a new turn tries again)
//
// What must stay true:
// - a turn has at most one append in flight, and no effect after a record begins before that record is durable;
// - turns of a case run one after another, in the order they were asked for;
// - a reply to work that was cancelled, or to a turn that has ended, changes nothing;
// - same inputs, same effects: no dictionary without order is ever walked.

import JSON
import Agent
public import Domain
import OrderedCollections
public import Policy
public import Ports
import Wire

/// The state of the runtime.
public struct RuntimeState: Sendable {
  let limits: RuntimeLimits
  let policy: Policy
  let policyText: SHA256Hex
  let planner: String
  let model: ModelDescription?
  let build: String?
  var tools: [ToolManifest] = []
  var builtInTools: [String] = []
  var cases: OrderedDictionary<CaseID, CaseEntry> = [:]
  var turns: OrderedDictionary<TurnID, LiveTurn> = [:]
  var appends: [AppendID: AppendPurpose] = [:]
  var works: [WorkID: TurnID] = [:]
  var timers: [TimerID: TimerPurpose] = [:]
  var subscribers: OrderedDictionary<SubscriberID, Subscriber> = [:]
  /// When a uid or a case was last given a turn, by `clock`.
  var servedUsers: [UInt32: Int] = [:]
  var draining: (by: Principal, reason: String)?
  var saidDrained = false
  /// Counts everything that needs an order or a number.
  var counter = 0
  var now = 0.0
  var effects: [RuntimeEffect] = []

  /// A runtime without cases.
  ///
  /// - Parameters:
  ///   - policyText: SHA-256 of the policy's text, whose bytes the trace keeps.
  ///   - planner: the planner's name, for usage.
  ///   - model: the model it asks, for the policy.
  ///   - build: the daemon's build, so that replay by another one is told apart.
  public init(
    limits: RuntimeLimits, policy: Policy, policyText: SHA256Hex, planner: String,
    model: ModelDescription? = nil, build: String? = nil
  ) {
    self.limits = limits
    self.policy = policy
    self.policyText = policyText
    self.planner = planner
    self.model = model
    self.build = build
  }

  /// A case that is in memory.
  struct CaseEntry: Sendable {
    enum Content: Sendable {
      /// Events recorded while the trace is being read.
      case loading([Event])
      case loaded(CaseState)
    }
    var content: Content
    /// Turns that wait or run, in order; the first may be running.
    var queue: [TurnID] = []
    var nextNumber = 1
    /// The turn whose end could not be recorded.
    var unrecorded: TurnID?
    /// Who closes it, once the queue is empty.
    var closing: (ticket: Ticket, by: Principal)?
    var lastServed = 0

    var state: CaseState? {
      if case .loaded(let state) = content { return state }
      return nil
    }
  }

  /// Why events were sent to the trace.
  enum AppendPurpose: Sendable {
    case turn(TurnID)
    case ticket(Ticket)
    case caseClosed(CaseID, Ticket)
  }

  enum TimerPurpose: Sendable {
    case turnBudget(TurnID)
    case retry(TurnID)
    case append(TurnID)
  }

  /// Takes an input in and says what to do.
  public mutating func reduce(_ input: RuntimeInput) -> [RuntimeEffect] {
    now = max(now, input.seconds)
    effects = []
    switch input.kind {
    case .toolsChanged(let manifests, let builtIn):
      tools = manifests.filter { $0.vpath.hostOnly != true }.sorted { $0.name < $1.name }
      builtInTools = builtIn.sorted()
    case .caseLoading(let caseID):
      if cases[caseID] == nil { cases[caseID] = CaseEntry(content: .loading([])) }
    case .caseLoaded(let caseID, let state): load(caseID, state)
    case .startTurn(let ticket, let request): start(request, ticket)
    case .interrupt(let ticket, let turn, let principal, let reason):
      interrupt(turn, by: principal, reason: reason, ticket: ticket)
    case .awaitEnd(let ticket, let turn): awaitEnd(of: turn, ticket)
    case .forget(let ticket): forget(ticket)
    case .closeCase(let ticket, let caseID, let principal): close(caseID, by: principal, ticket)
    case .record(let ticket, let events): append(events, .ticket(ticket))
    case .appended(let id, let result): appended(id, result)
    case .stepFinished(let work, let result): stepFinished(work, result)
    case .toolFinished(let work, let result): toolFinished(work, result)
    case .toolProgressed(let work, let progress): progressed(work, progress)
    case .timerFired(let timer): fired(timer)
    case .subscribe(let id, let caseID, let turn, let after): subscribe(id, caseID, turn, after: after)
    case .ready(let id): ready(id)
    case .pageRead(let id, let result): pageRead(id, result)
    case .unsubscribe(let id): subscribers[id] = nil
    case .drain(let principal, let reason): drain(by: principal, reason: reason)
    }
    schedule()
    if draining != nil, !saidDrained, turns.values.allSatisfy({ $0.phase == .unrecorded }) {
      saidDrained = true
      effects.append(.drained)
    }
    defer { effects = [] }
    return effects
  }

  // MARK: What drivers and tests ask

  /// A case that is loaded.
  public func caseState(_ caseID: CaseID) -> CaseState? { cases[caseID]?.state }
  /// Turns at work.
  public var runningTurns: Int { turns.values.count { $0.phase == .running } }
  /// Turns waiting.
  public var queuedTurns: Int { turns.values.count { $0.phase == .queued || $0.phase == .recording } }
  /// Turns whose end is not in the trace because it could not be written.
  public var unrecordedTurns: Int { turns.values.count { $0.phase == .unrecorded } }
  /// Whether new work is refused.
  public var isDraining: Bool { draining != nil }
  /// Whether the turn waits or runs here.
  public func isLive(_ turn: TurnID) -> Bool { turns[turn] != nil }
  /// Turns of a case that wait or run here, oldest first.
  public func liveTurns(of caseID: CaseID) -> [TurnID] { cases[caseID]?.queue ?? [] }

  // MARK: Cases

  mutating func load(_ caseID: CaseID, _ state: CaseState?) {
    guard case .loading(let events)? = cases[caseID]?.content else { return }
    guard var state else {
      cases[caseID] = nil
      return
    }
    for event in events where event.seq > state.head { state.apply(event) }
    cases[caseID]?.content = .loaded(state)
    cases[caseID]?.nextNumber = (state.turns.keys.compactMap { $0.parts?.number }.max() ?? 0) + 1
    counter += 1
    cases[caseID]?.lastServed = counter
    forgetIdleCases()
  }

  /// Keeps memory bounded: the case that was idle longest goes first.
  mutating func forgetIdleCases() {
    let idle = cases.filter { $0.value.queue.isEmpty && $0.value.closing == nil && $0.value.state != nil }
    guard idle.count > max(1, limits.idleCases) else { return }
    let oldest = idle.sorted { ($0.value.lastServed, $0.key) < ($1.value.lastServed, $1.key) }
    for (caseID, _) in oldest.prefix(idle.count - max(1, limits.idleCases)) { cases[caseID] = nil }
  }

  mutating func apply(_ event: Event) {
    switch cases[event.caseID]?.content {
    case .loading(var events):
      events.append(event)
      cases[event.caseID]?.content = .loading(events)
    case .loaded(var state):
      cases[event.caseID]?.content = .loading([])  // so that the state below is not copied
      state.apply(event)
      cases[event.caseID]?.content = .loaded(state)
    case nil: break
    }
  }

  mutating func close(_ caseID: CaseID, by principal: Principal, _ ticket: Ticket) {
    guard let entry = cases[caseID], let state = entry.state, state.isOpen, entry.closing == nil else {
      return reply(ticket, .failed(RuntimeErrors.caseClosed(caseID)))
    }
    if let unrecorded = entry.unrecorded { return reply(ticket, .failed(RuntimeErrors.unrecorded(unrecorded))) }
    cases[caseID]?.closing = (ticket, principal)
    for turn in entry.queue { stop(turn, by: principal, reason: "The case was closed.") }
    closeIfEmpty(caseID)
  }

  mutating func closeIfEmpty(_ caseID: CaseID) {
    guard let entry = cases[caseID], let closing = entry.closing, entry.queue.isEmpty else { return }
    let event = NewEvent(caseID: caseID, kind: .caseClosed, payload: ["by": json(closing.by)])
    append([event], .caseClosed(caseID, closing.ticket))
  }

  // MARK: The trace

  @discardableResult
  mutating func append(_ events: [NewEvent], _ purpose: AppendPurpose) -> AppendID {
    counter += 1
    let id = AppendID(number: counter)
    appends[id] = purpose
    effects.append(.append(id, events))
    return id
  }

  mutating func appended(_ id: AppendID, _ result: Result<[Event], VPathError>) {
    guard let purpose = appends.removeValue(forKey: id) else { return }
    if case .success(let events) = result { for event in events { apply(event) } }
    switch (purpose, result) {
    case (.turn(let turn), .success(let events)): recorded(events, of: turn)
    case (.turn(let turn), .failure(let error)): notRecorded(turn, error)
    case (.ticket(let ticket), .success(let events)): reply(ticket, .recorded(events))
    case (.ticket(let ticket), .failure(let error)): reply(ticket, .failed(error))
    case (.caseClosed(let caseID, let ticket), .success(let events)):
      cases[caseID]?.closing = nil
      effects.append(.checkpoint(caseID))
      effects.append(.releaseTools(caseID))
      reply(ticket, .recorded(events))
    case (.caseClosed(let caseID, let ticket), .failure(let error)):
      cases[caseID]?.closing = nil
      reply(ticket, .failed(error))
    }
  }

  mutating func reply(_ ticket: Ticket, _ reply: Reply) { effects.append(.reply(ticket, reply)) }

  // MARK: Ending

  mutating func drain(by principal: Principal, reason: String) {
    guard draining == nil else { return }
    draining = (principal, reason)
    for turn in Array(turns.keys) { stop(turn, by: principal, reason: reason) }
  }
}
