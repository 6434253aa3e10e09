// The driver around RuntimeState: carries out its effects on the ports and feeds it what comes back.
// What must stay true: no decision is made here that the reducer could make; `feed` runs to its end without
// suspension, so inputs are reduced one after another and effects begin in order.

public import JSON
import Agent
public import Domain
public import Logging
public import Policy
public import Ports
public import Wire

/// Runs turns of cases over the ports.
public actor Runtime {
  /// Everything the runtime is given.
  public struct Environment: Sendable {
    /// The trace.
    public var store: any EventStore
    /// The planner.
    public var model: any LanguageModel
    /// The tools.
    public var tools: any ToolRunner
    /// Names of the tools that came with the product.
    public var builtInTools: [String]
    /// Slides on disk.
    public var slides: any SlideFiles
    /// Which slides a case has, outside the trace.
    public var caseFiles: any CaseFiles
    /// Verify and export.
    public var audit: any TraceAudit
    /// Time.
    public var clock: any Clock
    /// Random names.
    public var names: any NameSource
    /// The rules.
    public var policy: Policy
    /// The text they were read from.
    public var policyText: String
    /// Who the daemon is.
    public var daemon: Principal
    /// The program's version, and the build that replay compares.
    public var version: String
    /// What tells this build from others of the version.
    public var build: String
    /// The digests of the programs that measure, and of what they read, by name.
    public var programs: [String: SHA256Hex]
    /// The configuration in force, as JSON; its bytes are kept.
    public var configuration: JSONValue?
    /// Bounds.
    public var limits: RuntimeLimits
    /// Language models, for clients that ask about them.
    public var models: any ModelDirectory
    /// What is not well around the daemon.
    public var health: @Sendable () async -> DaemonHealth
    /// Told of every turn that has ended, so that its approvals can be forgotten.
    public var turnEnded: @Sendable (TurnID) -> Void
    /// Where the daemon's own messages go; never words of a case.
    public var log: Logger

    /// The environment from its parts.
    public init(
      store: any EventStore, model: any LanguageModel, tools: any ToolRunner, builtInTools: [String],
      slides: any SlideFiles, caseFiles: any CaseFiles, audit: any TraceAudit, clock: any Clock,
      names: any NameSource, policy: Policy, policyText: String, daemon: Principal, version: String, build: String,
      programs: [String: SHA256Hex] = [:], configuration: JSONValue? = nil, limits: RuntimeLimits = RuntimeLimits(),
      models: any ModelDirectory = NoModels(),
      health: @escaping @Sendable () async -> DaemonHealth = { DaemonHealth() },
      turnEnded: @escaping @Sendable (TurnID) -> Void = { _ in }, log: Logger
    ) {
      self.store = store
      self.model = model
      self.tools = tools
      self.builtInTools = builtInTools
      self.slides = slides
      self.caseFiles = caseFiles
      self.audit = audit
      self.clock = clock
      self.names = names
      self.policy = policy
      self.policyText = policyText
      self.daemon = daemon
      self.version = version
      self.build = build
      self.programs = programs
      self.configuration = configuration
      self.limits = limits
      self.models = models
      self.health = health
      self.turnEnded = turnEnded
      self.log = log
    }
  }

  let environment: Environment
  var state: RuntimeState
  var knownManifests: [ToolManifest]?
  var owners: [CaseID: UInt32] = [:]
  var grants: [CaseID: [SlideGrant]] = [:]
  var opening = 0
  /// What was read by whom since the start, as far as it is kept; see `recordRead`.
  var readings: Set<Reading> = []
  /// Cases that are being opened under a key.
  var openingKeyed: Set<CaseID> = []
  var lastNumber = 0
  var tickets: [Ticket: CheckedContinuation<Reply, Never>] = [:]
  var works: [WorkID: Task<Void, Never>] = [:]
  var timers: [TimerID: Task<Void, Never>] = [:]
  var sinks: [SubscriberID: AsyncStream<TurnSubscription.Item>.Continuation] = [:]
  var loads: [CaseID: Task<VPathError?, Never>] = [:]
  var whenDrained: [CheckedContinuation<Void, Never>] = []
  var isDrained = false
  let hashing: HashQueue

  /// A runtime that has not begun; see `begin`.
  public init(_ environment: Environment) {
    self.environment = environment
    state = RuntimeState(
      limits: environment.limits, policy: environment.policy, policyText: sha256(Array(environment.policyText.utf8)),
      planner: environment.model.name, model: environment.model.model, build: environment.build)
    hashing = HashQueue()
  }

  // MARK: Inputs

  /// Reduces an input and begins its effects.
  func feed(_ kind: RuntimeInput.Kind) {
    let effects = state.reduce(RuntimeInput(seconds: environment.clock.monotonicSeconds(), kind))
    for effect in effects { begin(effect) }
  }

  /// Feeds an input that has a ticket, and waits for the reply. A caller that is cancelled gets `cancelled`; what it
  /// asked for goes on.
  func ask(_ make: (Ticket) -> RuntimeInput.Kind) async -> Reply {
    lastNumber += 1
    let ticket = Ticket(lastNumber)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        tickets[ticket] = continuation
        feed(make(ticket))
        if Task.isCancelled { abandon(ticket) }
      }
    } onCancel: {
      Task { await self.abandon(ticket) }
    }
  }

  private func abandon(_ ticket: Ticket) {
    guard let continuation = tickets.removeValue(forKey: ticket) else { return }
    feed(.forget(ticket))
    continuation.resume(returning: .failed(VPathError(.cancelled, "The request was cancelled.")))
  }

  /// Records events that belong to no running turn.
  @discardableResult
  func record(_ events: [NewEvent]) async throws(VPathError) -> [Event] {
    switch await ask({ .record($0, events) }) {
    case .recorded(let events): return events
    case .failed(let error): throw error
    case .started, .interrupted, .ended: return []
    }
  }

  // MARK: Cases in memory

  /// The case, read from the trace when it is not in memory. Throws `case.not_found`.
  func loaded(_ caseID: CaseID) async throws(VPathError) -> CaseState {
    guard caseID.isWellFormed, caseID.rawValue.hasPrefix("case-") else { throw RuntimeErrors.caseNotFound(caseID) }
    for _ in 0..<3 {
      if let known = state.caseState(caseID) { return known }
      if let error = await loading(caseID).value { throw error }
    }
    throw VPathError(
      .serverOverloaded, "Too many cases are in use at once for case \(caseID) to stay in memory. Try again.",
      retryable: true)
  }

  private func loading(_ caseID: CaseID) -> Task<VPathError?, Never> {
    if let running = loads[caseID] { return running }
    feed(.caseLoading(caseID))
    let task = Task { () -> VPathError? in
      defer { loads[caseID] = nil }
      do throws(VPathError) {
        let found = try await read(caseID)
        feed(.caseLoaded(caseID, found))
        hashWhatIsNot(found)
        // A stop between the close and this left them.
        if !found.isOpen { await environment.caseFiles.remove(caseID) }
        return nil
      } catch {
        feed(.caseLoaded(caseID, nil))
        return error
      }
    }
    loads[caseID] = task
    return task
  }

  private func read(_ caseID: CaseID) async throws(VPathError) -> CaseState {
    var found = CaseState(caseID)
    while true {
      let page = try await environment.store.events(of: caseID, turn: nil, after: found.head, limit: 1000)
      if page.isEmpty { break }
      for event in page { found.apply(event) }
    }
    guard found.wasOpened else { throw RuntimeErrors.caseNotFound(caseID) }
    return found
  }

  // MARK: Subscriptions

  func follow(_ turn: TurnID, in caseID: CaseID, after seq: Int) -> TurnSubscription {
    lastNumber += 1
    let id = SubscriberID(lastNumber)
    // One item is on its way at a time (the reducer waits for `ready`), and one end.
    let (items, sink) = AsyncStream.makeStream(of: TurnSubscription.Item.self, bufferingPolicy: .unbounded)
    sinks[id] = sink
    feed(.subscribe(id, caseID, turn, after: seq))
    return TurnSubscription(id: id, items: items, runtime: self)
  }

  func subscriberIsReady(_ id: SubscriberID) { feed(.ready(id)) }

  func unsubscribe(_ id: SubscriberID) {
    sinks.removeValue(forKey: id)?.finish()
    feed(.unsubscribe(id))
  }

  // MARK: The end

  /// Refuses new work, interrupts what runs, and returns when every turn's end is recorded or the time is over.
  /// True when all ended; what did not is closed at the next start.
  public func drain(timeoutSeconds: Double, reason: String = "The daemon was stopped.") async -> Bool {
    feed(.drain(by: environment.daemon, reason: reason))
    hashing.stop()
    let timer = Task {
      try await environment.clock.sleep(seconds: timeoutSeconds)
      giveUpDraining()
    }
    if !isDrained { await withCheckedContinuation { whenDrained.append($0) } }
    timer.cancel()
    for task in works.values { task.cancel() }
    for task in timers.values { task.cancel() }
    let allEnded = isDrained
    await recordStop(allEnded)
    return allEnded
  }

  private func giveUpDraining() {
    for continuation in whenDrained { continuation.resume() }
    whenDrained = []
  }

  private func recordStop(_ allEnded: Bool) async {
    do throws(VPathError) {
      let event = NewEvent(caseID: .daemon, kind: .daemonStopped, payload: ["turnsEnded": .bool(allEnded)])
      _ = try await environment.store.append([event])
      try await environment.store.checkpoint(.daemon)
    } catch {
      environment.log.error("the stop could not be recorded", metadata: ["error": "\(error.id.rawValue)"])
    }
  }
}

/// A client's view of a turn it follows.
public struct TurnSubscription: Sendable {
  /// What comes.
  public enum Item: Sendable {
    /// Durable; in order, each once.
    case notes([TurnNote])
    /// Droppable.
    case progress(ProgressParams)
    /// The last, when it is not the turn's last note.
    case ended(SubscriptionEndedParams)
  }

  let id: SubscriberID
  /// The items; it ends after the turn's last note. After each `notes` or `progress` call `ready`.
  public let items: AsyncStream<Item>
  let runtime: Runtime

  /// Asks for the next item.
  public func ready() async { await runtime.subscriberIsReady(id) }
  /// Ends it early.
  public func cancel() async { await runtime.unsubscribe(id) }
}
