// The runtime, its turns and the trace's chains under a seeded scheduler: anything may happen next, in any order, and
// anything may fail.
// What must stay true: the only chance is the generator's; the only code under test is the product's.

import Agent
import Domain
import JSON
import LanguageModels
import OrderedCollections
import Policy
import Ports
import RuntimeTestSupport
import TestSupport
import Wire

@testable import TurnRuntime

/// One run.
struct Simulation {
  let seed: UInt64
  var random: SeededGenerator
  let policy: Policy
  var runtime: RuntimeState
  var disk: SimulatedDisk
  var failures: [String] = []
  /// What happened, for comparing two runs of one seed.
  var journal: [String] = []

  /// Who plans: rules and strangers' bytes, or the product's own planner over a model that is one.
  var planner: SimulatedPlanner

  // The world at this moment.
  var now = 0.0
  var wall = 1_000_000.0
  var isDiskFull = false
  var hasFaults = true
  var waiting: [(id: AppendID, events: [NewEvent])] = []
  var answers: [(id: AppendID, result: Result<[Event], VPathError>)] = []
  var works: [(id: WorkID, work: Work)] = []
  /// Works that were stopped and whose late answer may still come.
  var stopped: [(id: WorkID, work: Work)] = []
  var timers: [(id: TimerID, due: Double)] = []
  var pages: [(id: SubscriberID, caseID: CaseID, turn: TurnID, after: Int, limit: Int)] = []
  var loading: [CaseID] = []
  var clients: OrderedDictionary<SubscriberID, SimulatedClient> = [:]
  var tickets: OrderedDictionary<Ticket, Asked> = [:]
  var ledger = ApprovedCallLedger()
  /// Tickets whose holders are gone; an answer to them is nobody's.
  var forgotten: Set<Ticket> = []
  var lastNumber = 0
  var keys: [CaseID: [String: TurnID]] = [:]
  var wasDrained = false
  /// Turns whose end the planner has not heard of.
  var endedTurns: [TurnID] = []

  static let limits = RuntimeLimits(
    parallelCases: 2, turnsPerCase: 4, turns: 9, idleCases: 2, subscriptions: 12, recentNotes: 4, notesAtOnce: 2,
    pageEvents: 5, retrySeconds: 1, budget: TurnBudget(steps: 6, toolCalls: 3, regions: 8, tokens: 5000, seconds: 50))
  static let policyText = SHA256Hex(SampleResults.hash("9"))

  enum Work {
    case step(StepRequest)
    case tool(ToolWork)
  }

  enum Asked {
    case start(CaseID, key: String?)
    case interrupt(TurnID)
    case end(TurnID)
    case record
    case close(CaseID)
  }

  init(seed: UInt64, policy: Policy) throws {
    self.seed = seed
    self.policy = policy
    random = SeededGenerator(simulation: seed)
    disk = SimulatedDisk(seed: seed)
    planner = try SimulatedPlanner(seed: seed)
    runtime = Simulation.newRuntime(policy, planner.model)
    for index in 0..<(2 + random.below(3)) { try openCase(index) }
    begin()
  }

  static func newRuntime(_ policy: Policy, _ model: ModelDescription?) -> RuntimeState {
    RuntimeState(
      limits: limits, policy: policy, policyText: policyText, planner: model?.name ?? "rule planner", model: model,
      build: "sim")
  }

  private mutating func openCase(_ index: Int) throws {
    let slides = [
      SlideRecord(
        id: EvidenceID(.slide, 1), fileName: "a.svs", sizeBytes: 10, properties: SampleResults.properties)
    ]
    let opened = CaseOpenedPayload(
      description: CaseDescription(organ: "skin", stain: "H&E"), slides: slides, owner: UInt32(1000 + index % 2),
      decision: [:])
    _ = try disk.commit(
      [[NewEvent(caseID: CaseID("case-\(index)"), kind: .caseOpened, payload: encoded(opened))]], time: time,
      fails: false)
  }

  private func encoded(_ value: some Encodable) -> JSONValue { (try? encodeJSON(value)) ?? .null }

  // MARK: Time

  /// The wall clock, which may go back; elapsed time never does.
  var time: String {
    let total = Int(wall * 1000)
    func padded(_ value: Int, _ width: Int) -> String {
      String(repeating: "0", count: max(0, width - String(value).count)) + String(value)
    }
    let (hours, minutes, seconds) = (total / 3_600_000 % 24, total / 60_000 % 60, total / 1000 % 60)
    return "2026-01-0\(1 + total / 86_400_000 % 9)T\(padded(hours, 2)):\(padded(minutes, 2)):\(padded(seconds, 2))"
      + ".\(padded(total % 1000, 3))Z"
  }

  private mutating func pass(_ seconds: Double) {
    now += seconds
    wall += hasFaults && random.once(in: 20) ? -Double(random.below(5000)) : seconds
    if wall < 0 { wall = 0 }
  }

  // MARK: Feeding

  mutating func feed(_ kind: RuntimeInput.Kind) {
    for effect in runtime.reduce(RuntimeInput(seconds: now, kind)) { carryOut(effect) }
    checkAlways()
  }

  mutating func fail(_ message: String) { if failures.count < 5 { failures.append(message) } }

  private mutating func number() -> Int {
    lastNumber += 1
    return lastNumber
  }

  mutating func ask(_ asked: Asked, _ kind: (Ticket) -> RuntimeInput.Kind) {
    let ticket = Ticket(number())
    tickets[ticket] = asked
    feed(kind(ticket))
  }

  // MARK: Effects

  private mutating func carryOut(_ effect: RuntimeEffect) {
    switch effect {
    case .append(let id, let events): waiting.append((id, events))
    case .requestStep(let id, let request):
      checkRecorded(.modelRequested, of: request.turn) { $0["step"]?.integerValue == request.number }
      works.append((id, .step(request)))
    case .runTool(let id, let call, let work):
      checkCall(call, work)
      works.append((id, .tool(work)))
    case .cancelWork(let id):
      if let index = works.firstIndex(where: { $0.id == id }) { stopped.append(works.remove(at: index)) }
    case .startTimer(let id, let seconds): timers.append((id, now + seconds))
    case .stopTimer(let id): timers.removeAll { $0.id == id }
    case .reply(let ticket, let reply):
      guard let asked = tickets.removeValue(forKey: ticket) else {
        if forgotten.remove(ticket) == nil { fail("a ticket was answered twice") }
        return
      }
      check(asked, reply)
    case .readPage(let id, let caseID, let turn, let after, let limit): pages.append((id, caseID, turn, after, limit))
    case .deliver(let id, let notes): deliver(notes, to: id)
    case .progress(let id, _):
      if clients[id] == nil { fail("progress for nobody") } else { clients[id]?.owesReady = true }
    case .endSubscription(let id, _, _, let error): ended(id, error)
    case .turnEnded(let turn):
      ledger.end(turn)
      endedTurns.append(turn)
    case .checkpoint, .releaseTools: break
    case .drained: wasDrained = true
    }
  }

  // MARK: The scheduler

  /// Lets things happen, then lets everything come to rest.
  mutating func run(actions: Int) async throws {
    for _ in 0..<actions where failures.isEmpty { try await act() }
    try await rest()
    checkAtRest()
    guard failures.isEmpty, runtime.isDraining else { return }
    // What could not be recorded before the stop is closed by the next start.
    try crash()
    try await rest()
    checkAtRest()
  }

  private mutating func act() async throws {
    pass(Double(random.below(1000)) / 1000)
    if isDiskFull, random.once(in: 15) { isDiskFull = false }
    switch random.below(200) {
    case 0..<40: try commit()
    case 40..<80: acknowledge()
    case 80..<120: await finishWork()
    case 120..<135: startTurn()
    case 135..<142: subscribe()
    case 142..<164: clientMoves()
    case 164..<172: answerPage()
    case 172..<176: fireTimer()
    case 176..<180: interrupt()
    case 180..<183: await lateAnswer()
    case 183: isDiskFull = true
    case 184..<188: load()
    case 188: feed(.toolsChanged(SampleTools.builtIn + [SampleTools.brownness], builtIn: SampleTools.builtInNames))
    case 189: if random.once(in: 3) { closeCase() }
    case 190: if random.once(in: 2) { try crash() }
    case 191: if random.once(in: 12) { drain() }
    case 192..<195: progress()
    default: recordSomething()
    }
  }

  private mutating func commit() throws {
    guard !waiting.isEmpty else { return }
    // A group commit: some of what waits, in the order it came.
    let group = Array(waiting.prefix(1 + random.below(waiting.count)))
    waiting.removeFirst(group.count)
    let fails = hasFaults && (isDiskFull ? !random.once(in: 4) : random.once(in: 40))
    do {
      let recorded = try disk.commit(group.map(\.events), time: time, fails: fails)
      for (request, events) in zip(group, recorded) { answers.append((request.id, .success(events))) }
      journal.append("commit \(recorded.map { $0.map(\.hash.rawValue) })")
    } catch let error as VPathError {
      let overloaded = VPathError(.serverOverloaded, "Too many events wait.", retryable: true)
      let refusal = hasFaults && random.once(in: 3) ? overloaded : error
      for request in group { answers.append((request.id, .failure(refusal))) }
    }
  }

  private mutating func acknowledge() {
    guard !answers.isEmpty else { return }
    let answer = answers.remove(at: random.below(answers.count))
    feed(.appended(answer.id, answer.result))
  }

  private mutating func finishWork() async {
    guard !works.isEmpty else { return }
    let (id, work) = works[random.below(works.count)]
    if hasFaults, random.once(in: 12) { return }  // it hangs a while longer
    works.removeAll { $0.id == id }
    await answer(id, work)
  }

  private mutating func lateAnswer() async {
    guard !stopped.isEmpty else { return }
    let (id, work) = stopped.remove(at: random.below(stopped.count))
    await answer(id, work)
  }

  private mutating func answer(_ id: WorkID, _ work: Work) async {
    switch work {
    case .step(let request):
      feed(.stepFinished(id, await planned(request)))
    case .tool(let work): feed(.toolFinished(id, toolResult(work)))
    }
  }

  private mutating func progress() {
    guard let work = works.first else { return }
    feed(.toolProgressed(work.id, ToolProgress(fraction: 0.5, message: "half")))
  }

  private mutating func fireTimer() {
    let due = timers.filter { $0.due <= now }
    guard let timer = due.first ?? (random.once(in: 6) ? timers.randomElement(using: &random) : nil) else { return }
    now = max(now, timer.due)
    timers.removeAll { $0.id == timer.id }
    feed(.timerFired(timer.id))
  }

  private mutating func load() {
    if let caseID = loading.first, !random.once(in: 4) {
      loading.removeFirst()
      var state = CaseState(caseID)
      for event in disk.events(of: caseID) { state.apply(event) }
      feed(.caseLoaded(caseID, hasFaults && random.once(in: 10) ? nil : state))
    } else {
      let caseID = random.pick(Array(disk.events.keys))
      if runtime.caseState(caseID) == nil, !loading.contains(caseID) {
        loading.append(caseID)
        feed(.caseLoading(caseID))
      }
    }
  }

  // MARK: Clients

  private static let questions = [
    "How many nuclei per mm² are there?", "How large is the tissue?", "Is any part of it tumour?",
    "Where is it most cellular, and how brown is it?", "Wie geht es?", "Compare the two densest regions.",
  ]

  private mutating func startTurn() {
    let caseID = random.pick(Array(disk.events.keys))
    if runtime.caseState(caseID) == nil, !random.once(in: 5) { return load() }
    let owner = UInt32(1000 + (Int(caseID.rawValue.dropFirst(5)) ?? 0) % 2)
    let key = random.once(in: 3) ? "key-\(random.below(3))" : nil
    let task: TurnTask =
      switch key {
      case let key?: .ask(question: "How many nuclei are there, for \(key)?")
      case nil where random.once(in: 3):
        .call(tool: random.pick(["slide_overview", "no_such_tool", "cell_counter"]), arguments: ["slide": "s1"])
      case nil: .ask(question: random.pick(Simulation.questions))
      }
    let request = TurnRequest(
      caseID: caseID, task: task, key: key, principal: Principal(uid: owner, gid: 1, pid: 1, kind: .client),
      decision: PolicyDecision(effect: .permit, rules: ["sim"], why: "sim", policyDigest: policy.digest),
      nonce: "nonce-\(number())")
    ask(.start(caseID, key: key)) { .startTurn($0, request) }
  }

  private func someTurn(_ random: inout SeededGenerator) -> (CaseID, TurnID)? {
    let turns = disk.turns
    guard !turns.isEmpty else { return nil }
    let turn = turns[random.below(turns.count)]
    return (turn.caseID, turn.turn)
  }

  private mutating func subscribe() {
    guard let (caseID, turn) = someTurn(&random) else { return }
    let id = SubscriberID(number())
    let seqs = disk.events(of: turn, in: caseID).map(\.seq)
    let after = random.once(in: 2) ? 0 : random.pick(seqs)
    clients[id] = SimulatedClient(caseID: caseID, turn: turn, after: after)
    feed(.subscribe(id, caseID, turn, after: after))
  }

  private mutating func clientMoves() {
    guard !clients.isEmpty else { return }
    let id = clients.keys[random.below(clients.count)]
    if hasFaults, random.once(in: 15) {
      clients[id] = nil
      feed(.unsubscribe(id))
    } else if clients[id]?.owesReady == true {
      clients[id]?.owesReady = false
      feed(.ready(id))
    }
  }

  private mutating func answerPage() {
    guard !pages.isEmpty else { return }
    let page = pages.remove(at: random.below(pages.count))
    if hasFaults, random.once(in: 20) {
      clients[page.id]?.mayEndEarly = true
      feed(.pageRead(page.id, .failure(VPathError(.traceWriteFailed, "The disk cannot be read."))))
    } else {
      feed(.pageRead(page.id, .success(disk.page(page.caseID, page.turn, after: page.after, limit: page.limit))))
    }
  }

  private mutating func interrupt() {
    guard let (_, turn) = someTurn(&random) else { return }
    if random.once(in: 3) {
      ask(.end(turn)) { .awaitEnd($0, turn) }
    } else {
      ask(.interrupt(turn)) {
        .interrupt($0, turn, by: Principal(uid: 1000, gid: 1, pid: 2, kind: .client), reason: "A client asked for it.")
      }
    }
    if random.once(in: 10), let ticket = tickets.keys.first {
      tickets[ticket] = nil
      forgotten.insert(ticket)
      feed(.forget(ticket))
    }
  }

  private mutating func closeCase() {
    let caseID = random.pick(Array(disk.events.keys))
    guard disk.events.count > 1 else { return }
    ask(.close(caseID)) { .closeCase($0, caseID, by: Principal(uid: 1000, gid: 1, pid: 2, kind: .client)) }
  }

  private mutating func recordSomething() {
    let caseID = random.pick(Array(disk.events.keys))
    let hashed = SlideHashedPayload(
      slide: EvidenceID(.slide, 1), sha256: SHA256Hex(SampleResults.hash("7")), sizeBytes: 10)
    let event = NewEvent(caseID: caseID, kind: .slideHashed, payload: encoded(hashed))
    ask(.record) { .record($0, [event]) }
  }

  private mutating func drain() {
    feed(.drain(by: Principal(uid: 990, gid: 1, pid: 1, kind: .daemon), reason: "The daemon was stopped."))
  }

  // MARK: Death and rebirth

  /// SIGKILL: everything in memory is gone, what was sent and not committed never was.
  private mutating func crash() throws {
    journal.append("crash")
    waiting = []
    answers = []
    works = []
    stopped = []
    timers = []
    pages = []
    loading = []
    clients = [:]
    tickets = [:]
    ledger = ApprovedCallLedger()
    // Its chats are gone, too.
    planner = try planner.begunAnew()
    runtime = Simulation.newRuntime(policy, planner.model)
    wasDrained = false
    disk.restart()
    try repair()
    begin()
  }

  /// As at a real start; it may be killed between any two commits, and starts again.
  private mutating func repair() throws {
    for (caseID, turn, events) in disk.turns {
      var progress = TurnProgress()
      for event in events { progress.apply(event) }
      let closing = progress.closing(
        caseID: caseID, turn: turn, stop: .failed, reason: TurnProgress.crashReason)
      guard !closing.isEmpty else { continue }
      _ = try disk.commit([closing], time: time, fails: false)
      if hasFaults, random.once(in: 10) {
        disk.restart()
        return try repair()
      }
    }
  }

  private mutating func begin() {
    feed(.toolsChanged(SampleTools.builtIn + [SampleTools.brownness], builtIn: SampleTools.builtInNames))
    for caseID in disk.events.keys where random.once(in: 2) {
      feed(.caseLoading(caseID))
      loading.append(caseID)
    }
  }

  // MARK: Rest

  /// No more faults and no new work: everything that is under way ends.
  private mutating func rest() async throws {
    hasFaults = false
    isDiskFull = false
    for _ in 0..<20_000 where failures.isEmpty {
      if !waiting.isEmpty {
        try commit()
      } else if !answers.isEmpty {
        acknowledge()
      } else if !pages.isEmpty {
        answerPage()
      } else if let id = clients.first(where: { $0.value.owesReady })?.key {
        clients[id]?.owesReady = false
        feed(.ready(id))
      } else if !loading.isEmpty {
        load()
      } else if !works.isEmpty {
        await finishWork()
      } else if let timer = timers.min(by: { $0.due < $1.due }) {
        now = max(now, timer.due)
        timers.removeAll { $0.id == timer.id }
        feed(.timerFired(timer.id))
      } else {
        return
      }
    }
    if failures.isEmpty { fail("it does not come to rest") }
  }
}

/// A client that follows a turn, and what it was given.
struct SimulatedClient {
  let caseID: CaseID
  let turn: TurnID
  let after: Int
  var got: [TurnNote] = []
  var owesReady = false
  var mayEndEarly = false
}
