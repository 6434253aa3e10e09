// Clients that follow turns. A client is given some notes, and more only when it says that it has dealt with them;
// what it has not got in the meantime is in memory (the last few) or in the trace.
// What must stay true: a client gets every note of its turn once, in order, whatever its speed; memory does not grow
// with a slow client. How far a call is comes only while the call runs, and to a late or slow client the newest alone.

import OrderedCollections
import Domain
import Ports
import Wire

/// A client that follows a turn.
struct Subscriber: Sendable {
  let caseID: CaseID
  let turn: TurnID
  /// It has every note up to this seq.
  var delivered: Int
  /// It has this one of the turn's words on how far its work is.
  var progressDelivered = 0
  /// It has dealt with what it was given.
  var isReady = true
  var isReading = false
}

extension RuntimeState {
  mutating func subscribe(_ id: SubscriberID, _ caseID: CaseID, _ turn: TurnID, after seq: Int) {
    guard subscribers[id] == nil else { return }
    guard subscribers.count < limits.subscriptions else {
      let error = RuntimeErrors.overloaded("The daemon has too many subscriptions", limit: limits.subscriptions)
      effects.append(.endSubscription(id, caseID, turn, error))
      return
    }
    if turns[turn]?.phase == .unrecorded {
      effects.append(.endSubscription(id, caseID, turn, RuntimeErrors.unrecorded(turn)))
      return
    }
    subscribers[id] = Subscriber(caseID: caseID, turn: turn, delivered: max(0, seq))
    serve(id)
  }

  mutating func ready(_ id: SubscriberID) {
    subscribers[id]?.isReady = true
    serve(id)
  }

  /// New notes are there.
  mutating func tell(subscribersOf turn: TurnID) {
    for (id, subscriber) in subscribers where subscriber.turn == turn { serve(id) }
  }

  private mutating func serve(_ id: SubscriberID) {
    guard let subscriber = subscribers[id], subscriber.isReady, !subscriber.isReading else { return }
    guard let live = turns[subscriber.turn], subscriber.delivered >= live.notesFrom else {
      subscribers[id]?.isReading = true
      effects.append(
        .readPage(
          id, subscriber.caseID, subscriber.turn, after: subscriber.delivered, limit: limits.pageEvents))
      return
    }
    if live.notes.contains(where: { $0.seq > subscriber.delivered }) {
      deliver(live.notes.filter { $0.seq > subscriber.delivered }, to: id)
    } else if let latest = live.latestProgress, live.progressCount > subscriber.progressDelivered {
      subscribers[id]?.progressDelivered = live.progressCount
      subscribers[id]?.isReady = false
      effects.append(.progress(id, latest))
    }
  }

  /// Gives it the first of the notes, if there are any.
  private mutating func deliver(_ notes: [TurnNote], to id: SubscriberID) {
    let given = Array(notes.prefix(limits.notesAtOnce))
    guard let last = given.last else { return }
    subscribers[id]?.delivered = last.seq
    subscribers[id]?.isReady = false
    effects.append(.deliver(id, given))
    if last.isLast { end(id, nil) }
  }

  mutating func pageRead(_ id: SubscriberID, _ result: Result<[Event], VPathError>) {
    guard let subscriber = subscribers[id], subscriber.isReading else { return }
    subscribers[id]?.isReading = false
    switch result {
    case .failure(let error): end(id, error)
    case .success(let events):
      guard let last = events.last else {
        // Nothing after what it has: a turn that lives will tell of more, one that does not has no more.
        guard let live = turns[subscriber.turn] else { return end(id, nil) }
        guard subscriber.delivered >= live.notesFrom else {
          return end(id, VPathError(.internalBug, "The trace does not give events of \(subscriber.turn) it recorded."))
        }
        serve(id)
        return
      }
      let notes = events.compactMap(TurnNote.init).filter { $0.seq > subscriber.delivered }
      if notes.isEmpty {
        subscribers[id]?.delivered = max(subscriber.delivered, last.seq)
        serve(id)
      } else {
        deliver(notes, to: id)
      }
    }
  }

  mutating func progressed(_ work: WorkID, _ progress: ToolProgress) {
    guard let turn = works[work], let item = turns[turn]?.workItem else { return }
    let params = ProgressParams(
      turn: turn, item: item.name, fraction: progress.fraction.map { min(1, max(0, $0)) },
      message: String(progress.message.prefix(200)))
    turns[turn]?.progressCount += 1
    turns[turn]?.latestProgress = params
    tell(subscribersOf: turn)
  }

  mutating func endSubscriptions(of turn: TurnID, _ error: VPathError) {
    for (id, subscriber) in subscribers where subscriber.turn == turn { end(id, error) }
  }

  private mutating func end(_ id: SubscriberID, _ error: VPathError?) {
    guard let subscriber = subscribers.removeValue(forKey: id) else { return }
    effects.append(.endSubscription(id, subscriber.caseID, subscriber.turn, error))
  }
}
