// What is durable, chained by the trace's own logic. Commits succeed whole or fail whole.
// What must stay true: what this returns survives a crash; nothing else does.

import Domain
import JSON
import OrderedCollections
import Ports
import TestSupport

@testable import Trace

struct SimulatedDisk {
  private(set) var events: OrderedDictionary<CaseID, [Event]> = [:]
  private var sealed: [CaseID: [SealedEvent]] = [:]
  private var chains = ChainLog()
  private var salt: SeededGenerator
  private(set) var commits = 0

  init(seed: UInt64) { salt = SeededGenerator(simulation: seed &+ 77) }

  /// Commits requests together. With `fails`, part of the work is done and then rolled back, as when the disk fills.
  mutating func commit(_ requests: [[NewEvent]], time: String, fails: Bool) throws -> [[Event]] {
    var done: [[(SealedEvent, Event)]] = []
    for request in requests {
      var one: [(SealedEvent, Event)] = []
      for event in request {
        let bytes = (0..<4).flatMap { _ in withUnsafeBytes(of: salt.next()) { Array($0) } }
        let prepared = try PreparedEvent(event, salt: bytes)
        let sealed = try chains.seal(prepared, time: time)
        one.append(
          (
            sealed,
            Event(
              caseID: event.caseID, seq: sealed.header.seq, turn: event.turn, kind: event.kind, time: time,
              payload: event.payload, hash: sealed.hash.name)
          ))
      }
      done.append(one)
    }
    if fails {
      chains.rollBack()
      throw VPathError(.traceWriteFailed, "The disk is full.", retryable: true)
    }
    chains.commit()
    commits += 1
    for (sealed, event) in done.joined() {
      events[event.caseID, default: []].append(event)
      self.sealed[event.caseID, default: []].append(sealed)
    }
    return done.map { $0.map(\.1) }
  }

  /// A new process reads the heads from what is stored.
  mutating func restart() {
    chains = ChainLog()
    for (caseID, stored) in sealed {
      if let last = stored.last { chains.load(caseID, ChainHead(seq: last.header.seq, hash: last.hash)) }
    }
    chains.commit()
  }

  func events(of caseID: CaseID) -> [Event] { events[caseID] ?? [] }
  func events(of turn: TurnID, in caseID: CaseID) -> [Event] { events(of: caseID).filter { $0.turn == turn } }

  func page(_ caseID: CaseID, _ turn: TurnID, after seq: Int, limit: Int) -> [Event] {
    Array(events(of: caseID).filter { $0.turn == turn && $0.seq > seq }.prefix(limit))
  }

  /// Turns with their events, oldest first.
  var turns: [(caseID: CaseID, turn: TurnID, events: [Event])] {
    events.flatMap { caseID, events in
      var byTurn: OrderedDictionary<TurnID, [Event]> = [:]
      for event in events { if let turn = event.turn { byTurn[turn, default: []].append(event) } }
      return byTurn.map { (caseID, $0.key, $0.value) }
    }
  }

  /// The first thing that is wrong with a chain.
  func fault() -> String? {
    for caseID in events.keys {
      var verifier = ChainVerifier(caseID: caseID)
      for event in sealed[caseID] ?? [] {
        if let fault = verifier.check(event) { return "\(caseID): \(fault.message)" }
      }
      if let fault = verifier.checkEnd(signedSeq: 0) { return "\(caseID): \(fault.message)" }
      if sealed[caseID]?.count != events[caseID]?.count { return "\(caseID): events and chain differ" }
    }
    return nil
  }
}
