// What a turn does when its events are durable, and when they cannot be made so.
// What must stay true: see RuntimeState.swift; what waits for a record goes on only once that is durable, in order.

import OrderedCollections
import Agent
import Domain
import JSON
import Ports
import Policy
import Wire

extension RuntimeState {
  mutating func recorded(_ events: [Event], of id: TurnID) {
    guard turns[id] != nil else { return }
    turns[id]?.pending = nil
    turns[id]?.batch = []
    turns[id]?.appendRetries = 0
    turns[id]?.exists = true
    turns[id]?.take(events, keeping: limits.recentNotes)
    tell(subscribersOf: id)
    if turns[id]?.phase == .recording { turns[id]?.phase = .queued }
    answerStart(id)
    carryOn(id)
  }

  mutating func answerStart(_ id: TurnID) {
    let tickets = turns[id]?.startTickets ?? []
    turns[id]?.startTickets = []
    for ticket in tickets { reply(ticket, .started(id, position: position(of: id))) }
  }

  mutating func notRecorded(_ id: TurnID, _ error: VPathError) {
    guard let live = turns[id] else { return }
    if waitToAppendAgain(live, error) { return }
    turns[id]?.pending = nil
    turns[id]?.batch = []
    for case .reply(let ticket, _) in live.held { reply(ticket, .failed(error)) }
    turns[id]?.held = []
    turns[id]?.failure = error
    guard live.exists else {
      for ticket in live.startTickets + live.endTickets { reply(ticket, .failed(error)) }
      endSubscriptions(of: id, error)
      remove(id)
      return
    }
    stopWork(of: id)
    stopBudgetTimer(of: id)
    turns[id]?.turn = nil
    if live.phase == .closing {
      unrecorded(id, error)
    } else {
      turns[id]?.closing = (.failed, RuntimeErrors.reasonOfEnd(error))
      recordEnd(of: id)
    }
  }

  /// A trace that has too much to write takes the same events a while later; false when that is not the matter, or was
  /// tried often enough. Until then `pending` stays, so that nothing of the turn goes on.
  mutating func waitToAppendAgain(_ live: LiveTurn, _ error: VPathError) -> Bool {
    guard error.id == .serverOverloaded, live.exists, live.phase != .closing, !live.batch.isEmpty,
      live.appendRetries < limits.appendRetries
    else { return false }
    counter += 1
    let timer = TimerID(number: counter)
    timers[timer] = .append(live.id)
    turns[live.id]?.retryTimer = timer
    turns[live.id]?.appendRetries += 1
    effects.append(.startTimer(timer, seconds: min(60, limits.retrySeconds * Double(1 << min(live.appendRetries, 10)))))
    return true
  }

  mutating func appendAgain(_ id: TurnID) {
    guard let live = turns[id], live.pending != nil, !live.batch.isEmpty else { return }
    let batch = append(live.batch, .turn(id))
    turns[id]?.pending = batch
  }

  /// Records the end of a turn that cannot go on by itself.
  mutating func recordEnd(of id: TurnID) {
    guard let live = turns[id] else { return }
    let elapsed = live.startedAt > 0 ? now - live.startedAt : 0
    turns[id]?.phase = .closing
    turns[id]?.held = [
      .effect(
        .record(
          live.progress.closing(
            caseID: live.request.caseID, turn: id, stop: live.closing.stop, reason: live.closing.reason,
            error: live.closing.stop == .failed ? RuntimeErrors.notRecorded(id, live.failure) : nil,
            elapsedSeconds: elapsed))), .finish,
    ]
    carryOn(id)
  }

  /// Not even the end could be recorded: those who wait are told, the case waits, a timer tries again.
  mutating func unrecorded(_ id: TurnID, _ error: VPathError) {
    guard let live = turns[id] else { return }
    turns[id]?.phase = .unrecorded
    for ticket in live.endTickets { reply(ticket, .failed(error)) }
    turns[id]?.endTickets = []
    endSubscriptions(of: id, error)
    let caseID = live.request.caseID
    cases[caseID]?.unrecorded = id
    if let closing = cases[caseID]?.closing {
      cases[caseID]?.closing = nil
      reply(closing.ticket, .failed(error))
    }
    if draining != nil { return }  // the next start closes it
    counter += 1
    let timer = TimerID(number: counter)
    timers[timer] = .retry(id)
    turns[id]?.retryTimer = timer
    turns[id]?.retries += 1
    effects.append(.startTimer(timer, seconds: min(60, limits.retrySeconds * Double(1 << min(live.retries, 10)))))
  }

  mutating func retry(_ id: TurnID) {
    guard turns[id]?.phase == .unrecorded else { return }
    if let timer = turns[id]?.retryTimer {
      timers[timer] = nil
      turns[id]?.retryTimer = nil
      effects.append(.stopTimer(timer))
    }
    recordEnd(of: id)
  }
}
