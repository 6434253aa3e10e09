// Turns in the runtime: asked for, queued, started, carried out record by record, ended.
// What must stay true: see RuntimeState.swift.

import OrderedCollections
import Agent
import Domain
import JSON
import Ports
import Policy
import Wire

extension RuntimeState {
  // MARK: Asked for

  mutating func start(_ request: TurnRequest, _ ticket: Ticket) {
    guard let entry = cases[request.caseID], let state = entry.state else {
      return reply(ticket, .failed(RuntimeErrors.caseNotFound(request.caseID)))
    }
    if let key = request.key, answered(key, request, state, ticket) { return }
    guard draining == nil else { return reply(ticket, .failed(RuntimeErrors.draining)) }
    guard state.isOpen, entry.closing == nil else {
      return reply(ticket, .failed(RuntimeErrors.caseClosed(request.caseID)))
    }
    if let unrecorded = entry.unrecorded {
      retry(unrecorded)
      return reply(ticket, .failed(RuntimeErrors.unrecorded(unrecorded)))
    }
    guard entry.queue.count < limits.turnsPerCase else {
      return reply(
        ticket, .failed(RuntimeErrors.overloaded("The case has too many turns waiting", limit: limits.turnsPerCase)))
    }
    guard turns.count < limits.turns else {
      return reply(
        ticket, .failed(RuntimeErrors.overloaded("The daemon has too many turns waiting", limit: limits.turns)))
    }
    let id = TurnID(request.caseID, number: entry.nextNumber)
    var turn = LiveTurn(id: id, request: request)
    turn.startTickets = [ticket]
    let payload = TurnQueuedPayload(
      task: request.task, regions: request.regions, key: request.key, principal: request.principal,
      position: entry.queue.count, decision: json(request.decision), policyText: policyText)
    cases[request.caseID]?.queue.append(id)
    cases[request.caseID]?.nextNumber += 1
    turn.pending = append(
      [NewEvent(caseID: request.caseID, turn: id, kind: .turnQueued, payload: json(payload))], .turn(id))
    turns[id] = turn
  }

  /// Whether the key has its turn already; then the ticket is or will be answered.
  mutating func answered(_ key: String, _ request: TurnRequest, _ state: CaseState, _ ticket: Ticket) -> Bool {
    let fingerprint = CaseState.fingerprint(request.task, request.regions)
    if let waiting = turns.values.first(where: {
      !$0.exists && $0.request.caseID == request.caseID && $0.request.key == key
    }) {
      if CaseState.fingerprint(waiting.request.task, waiting.request.regions) == fingerprint {
        turns[waiting.id]?.startTickets.append(ticket)
      } else {
        reply(ticket, .failed(RuntimeErrors.keyReused(key)))
      }
      return true
    }
    guard let known = state.keys[key] else { return false }
    reply(
      ticket,
      known.fingerprint == fingerprint
        ? .started(known.turn, position: position(of: known.turn)) : .failed(RuntimeErrors.keyReused(key)))
    return true
  }

  func position(of turn: TurnID) -> Int {
    guard let caseID = turns[turn]?.request.caseID else { return 0 }
    return cases[caseID]?.queue.firstIndex(of: turn) ?? 0
  }

  // MARK: Started, in fair order

  /// Starts turns while there is room: first for the uid that has least at work, then for the one served longest ago.
  mutating func schedule() {
    while draining == nil {
      var running: [UInt32: Int] = [:]
      var busy = 0
      for turn in turns.values where turn.phase == .running || turn.phase == .closing {
        running[turn.request.principal.uid, default: 0] += 1
        busy += 1
      }
      guard busy < limits.parallelCases else { return }
      var best: (order: [Int], turn: TurnID)?
      for entry in cases.values {
        guard let first = entry.queue.first, let turn = turns[first], turn.phase == .queued else { continue }
        let uid = turn.request.principal.uid
        let order = [running[uid] ?? 0, servedUsers[uid] ?? 0, entry.lastServed]
        if best.map({ order.lexicographicallyPrecedes($0.order) }) ?? true { best = (order, first) }
      }
      guard let best else { return }
      begin(best.turn)
    }
  }

  mutating func begin(_ id: TurnID) {
    guard var live = turns[id], let state = cases[live.request.caseID]?.state else { return }
    counter += 1
    cases[live.request.caseID]?.lastServed = counter
    if servedUsers.count > 1024 { servedUsers = [:] }
    servedUsers[live.request.principal.uid] = counter
    let brief = TurnBrief(
      caseID: live.request.caseID, turn: id, task: live.request.task, description: state.description,
      slides: state.slides, drawnRegions: live.request.regions, evidence: state.evidence,
      earlierCalls: state.earlierCalls, tools: tools, builtInTools: builtInTools, principal: live.request.principal,
      caseOwnerUID: state.owner, budget: limits.budget, planner: planner, nonce: live.request.nonce, build: build,
      model: model)
    live.turn = Turn(brief: brief, policy: policy)
    live.phase = .running
    live.startedAt = now
    counter += 1
    let timer = TimerID(number: counter)
    timers[timer] = .turnBudget(id)
    live.budgetTimer = timer
    turns[id] = live
    effects.append(.startTimer(timer, seconds: limits.budget.seconds))
    feed(.start, to: id)
  }

  // MARK: Carried out

  /// Gives the turn an input; what it asks for waits behind what it asked for before.
  mutating func feed(_ kind: TurnInput.Kind, to id: TurnID) {
    guard let startedAt = turns[id]?.startedAt else { return }
    let asked = turns[id]?.turn?.reduce(TurnInput(elapsedSeconds: now - startedAt, kind)) ?? []
    turns[id]?.held += asked.map(LiveTurn.Held.effect)
    carryOn(id)
  }

  /// Carries out what is held, up to the next record.
  mutating func carryOn(_ id: TurnID) {
    while var live = turns[id], live.pending == nil, !live.held.isEmpty {
      let next = live.held.removeFirst()
      switch next {
      case .reply(let ticket, let answer):
        turns[id] = live
        reply(ticket, answer)
      case .finish, .effect(.complete):
        turns[id] = live
        finish(id)
      case .effect(.record(var events)):
        while case .effect(.record(let more))? = live.held.first {
          events += more
          live.held.removeFirst()
        }
        turns[id] = live
        guard !events.isEmpty else { continue }
        let batch = append(events, .turn(id))
        turns[id]?.pending = batch
        turns[id]?.batch = events
      case .effect(.cancelWork):
        turns[id] = live
        stopWork(of: id)
      case .effect(.requestStep(let request)):
        turns[id] = live
        if !live.stopsBeforeWork { beginWork(of: id, .step(request.number)) { .requestStep($0, request) } }
      case .effect(.runTool(let call, let draft)):
        turns[id] = live
        if !live.stopsBeforeWork {
          let work = ToolWork(
            caseID: live.request.caseID, turn: id,
            description: cases[live.request.caseID]?.state?.description ?? CaseDescription(), draft: draft)
          beginWork(of: id, .call(draft.call)) { .runTool($0, call, work) }
        }
      }
    }
  }

  mutating func beginWork(of id: TurnID, _ item: LiveTurn.WorkItem, _ effect: (WorkID) -> RuntimeEffect) {
    counter += 1
    let work = WorkID(number: counter)
    works[work] = id
    turns[id]?.work = work
    turns[id]?.workItem = item
    effects.append(effect(work))
  }

  /// Stops what is in flight; its answer will be stale.
  mutating func stopWork(of id: TurnID) {
    guard let work = turns[id]?.work else { return }
    works[work] = nil
    turns[id]?.work = nil
    turns[id]?.workItem = nil
    turns[id]?.latestProgress = nil
    effects.append(.cancelWork(work))
  }

  /// The turn and item that waited for this answer; nil when nobody does any more.
  mutating func workEnded(_ work: WorkID) -> (TurnID, LiveTurn.WorkItem)? {
    guard let id = works.removeValue(forKey: work), let item = turns[id]?.workItem else { return nil }
    turns[id]?.work = nil
    turns[id]?.workItem = nil
    turns[id]?.latestProgress = nil
    return (id, item)
  }

  mutating func stepFinished(_ work: WorkID, _ result: Result<StepReply, VPathError>) {
    guard let (id, item) = workEnded(work), case .step(let number) = item else { return }
    feed(.stepReplied(number: number, result.map(\.bounded)), to: id)
  }

  mutating func toolFinished(_ work: WorkID, _ result: ToolResult) {
    guard let (id, item) = workEnded(work), case .call(let call) = item, let live = turns[id] else { return }
    if !result.sandboxed {
      let degraded = NewEvent(
        caseID: live.request.caseID, turn: id, kind: .sandboxDegraded,
        payload: [
          "call": .string(call.rawValue), "reason": "the tool is trusted to run without a sandbox",
          "decisions": json(result.decisions ?? []),
        ])
      turns[id]?.held.append(.effect(.record([degraded])))
    }
    feed(.toolFinished(call, result), to: id)
  }

  // MARK: Ended

  /// The end is durable: the case goes on.
  mutating func finish(_ id: TurnID) {
    guard let live = turns[id] else { return }
    stopWork(of: id)
    stopBudgetTimer(of: id)
    for case .reply(let ticket, let answer) in live.held { reply(ticket, answer) }
    for ticket in live.endTickets { reply(ticket, live.failure.map(Reply.failed) ?? .ended(id)) }
    effects.append(.checkpoint(live.request.caseID))
    remove(id)
  }

  mutating func remove(_ id: TurnID) {
    guard let live = turns[id] else { return }
    stopBudgetTimer(of: id)
    if let timer = live.retryTimer {
      timers[timer] = nil
      effects.append(.stopTimer(timer))
    }
    turns[id] = nil
    // A turn that never was may give its number to another.
    if live.exists { effects.append(.turnEnded(id)) }
    let caseID = live.request.caseID
    cases[caseID]?.queue.removeAll { $0 == id }
    if cases[caseID]?.unrecorded == id { cases[caseID]?.unrecorded = nil }
    tell(subscribersOf: id)  // the trace has all of it
    closeIfEmpty(caseID)
  }

  mutating func stopBudgetTimer(of id: TurnID) {
    guard let timer = turns[id]?.budgetTimer else { return }
    timers[timer] = nil
    turns[id]?.budgetTimer = nil
    effects.append(.stopTimer(timer))
  }

  mutating func fired(_ timer: TimerID) {
    switch timers.removeValue(forKey: timer) {
    case .turnBudget(let id):
      turns[id]?.budgetTimer = nil
      if turns[id]?.phase == .running { feed(.timeRanOut, to: id) }
    case .retry(let id):
      turns[id]?.retryTimer = nil
      retry(id)
    case .append(let id):
      turns[id]?.retryTimer = nil
      appendAgain(id)
    case nil: break
    }
  }

  mutating func interrupt(_ id: TurnID, by principal: Principal, reason: String, ticket: Ticket) {
    let accepted = stop(id, by: principal, reason: reason)
    guard turns[id] != nil else { return reply(ticket, .interrupted(false)) }
    turns[id]?.held.append(.reply(ticket, .interrupted(accepted)))
    carryOn(id)
  }

  /// Ends a turn wherever it is. False when it was ending already.
  @discardableResult
  mutating func stop(_ id: TurnID, by principal: Principal, reason: String) -> Bool {
    guard let live = turns[id] else { return false }
    switch live.phase {
    case .running:
      guard let turn = live.turn, !turn.isCompleted else { return false }
      feed(.interrupted(by: principal, reason: reason), to: id)
      return true
    case .recording, .queued:
      let received = NewEvent(
        caseID: live.request.caseID, turn: id, kind: .inputReceived,
        payload: [
          "what": "interrupted", "by": json(principal), "reason": .string(reason), "elapsedSeconds": 0,
        ])
      turns[id]?.closing = (.interrupted, "It was interrupted before it began.")
      turns[id]?.phase = .closing
      let end = live.progress.closing(
        caseID: live.request.caseID, turn: id, stop: .interrupted, reason: "It was interrupted before it began.")
      turns[id]?.held += [.effect(.record([received] + end)), .finish]
      carryOn(id)
      return true
    case .closing, .unrecorded: return false
    }
  }

  mutating func awaitEnd(of id: TurnID, _ ticket: Ticket) {
    guard let live = turns[id] else { return reply(ticket, .ended(id)) }
    if live.phase == .unrecorded {
      reply(ticket, .failed(RuntimeErrors.unrecorded(id)))
    } else {
      turns[id]?.endTickets.append(ticket)
    }
  }

  mutating func forget(_ ticket: Ticket) {
    for id in turns.keys {
      turns[id]?.startTickets.removeAll { $0 == ticket }
      turns[id]?.endTickets.removeAll { $0 == ticket }
    }
  }
}
