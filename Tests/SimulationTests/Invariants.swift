// What holds at every moment, for every answer given, and when everything has come to rest.

import Agent
import Domain
import JSON
import OrderedCollections
import Policy
import Ports
import TestSupport
import Wire

@testable import TurnRuntime

extension Simulation {
  // MARK: At every moment

  mutating func checkAlways() {
    if runtime.runningTurns > Simulation.limits.parallelCases { fail("more turns run than may") }
    for (caseID, entry) in runtime.cases {
      let active = entry.queue.filter { runtime.turns[$0]?.phase == .running }
      if active.count > 1 { fail("two turns of \(caseID) run at once") }
      if active.count == 1, entry.queue.first != active[0] { fail("a turn of \(caseID) overtook another") }
      if entry.queue.count > Simulation.limits.turnsPerCase { fail("the queue of \(caseID) is too long") }
    }
    if runtime.turns.count > Simulation.limits.turns { fail("too many turns") }
    if runtime.subscribers.count > Simulation.limits.subscriptions { fail("too many subscriptions") }
    var inFlight: Set<TurnID> = []
    for case .turn(let turn) in runtime.appends.values where !inFlight.insert(turn).inserted {
      fail("\(turn) has two appends in flight")
    }
    for (id, live) in runtime.turns where live.notes.count > Simulation.limits.recentNotes {
      fail("\(id) keeps too many notes")
    }
  }

  // MARK: Before an effect

  mutating func checkRecorded(_ kind: EventKind, of turn: TurnID, _ isIt: (JSONValue) -> Bool) {
    guard let caseID = turn.parts?.caseID,
      disk.events(of: turn, in: caseID).contains(where: { $0.kind == kind && isIt($0.payload) })
    else { return fail("an effect of \(turn) began before \(kind.rawValue) was durable") }
  }

  /// No call without an approval that is for it, unused, and recorded.
  mutating func checkCall(_ call: ApprovedCall, _ work: ToolWork) {
    let name = work.draft.call.rawValue
    checkRecorded(.toolCalled, of: work.turn) { $0["call"]?.stringValue == name }
    checkRecorded(.policyDecided, of: work.turn) {
      $0["call"]?.stringValue == name && $0["decision"]?["effect"] == "permit"
    }
    let expected = PolicyCall(
      action: "tool.call", resource: call.call.resource, arguments: work.draft.arguments)
    do {
      try ledger.redeem(call, for: expected, principal: call.principal, policy: policy.digest)
    } catch {
      fail("\(name) of \(work.turn) runs on an approval that is not for it: \(error)")
    }
    if call.context.turn != work.turn || call.context.caseID != work.caseID { fail("an approval of another turn") }
  }

  // MARK: For every answer

  /// Nothing is acknowledged that is not durable.
  mutating func check(_ asked: Asked, _ reply: Reply) {
    switch (asked, reply) {
    case (.start(let caseID, let key), .started(let turn, _)):
      guard disk.events(of: turn, in: caseID).contains(where: { $0.kind == .turnQueued }) else {
        return fail("\(turn) was acknowledged and is not recorded")
      }
      guard let key else { return }
      if let other = keys[caseID]?[key], other != turn { fail("one key made two turns") }
      keys[caseID, default: [:]][key] = turn
    case (.interrupt(let turn), .interrupted(true)):
      let events = turn.parts.map { disk.events(of: turn, in: $0.caseID) } ?? []
      if !events.contains(where: { $0.kind == .inputReceived }) { fail("an interruption was acknowledged and is lost") }
    case (.end(let turn), .ended):
      let events = turn.parts.map { disk.events(of: turn, in: $0.caseID) } ?? []
      if events.last(where: { $0.turn == turn })?.kind != .turnCompleted { fail("\(turn) was said to have ended") }
    case (.close(let caseID), .recorded):
      if disk.events(of: caseID).last(where: { $0.kind != .slideHashed })?.kind != .caseClosed {
        fail("\(caseID) was said to be closed")
      }
    case (.record, .recorded(let events)):
      for event in events where !disk.events(of: event.caseID).contains(event) { fail("an event is lost") }
    case (_, .failed), (.interrupt, .interrupted(false)): break
    default: fail("an answer of the wrong kind: \(asked), \(reply)")
    }
  }

  // MARK: For every client

  mutating func deliver(_ notes: [TurnNote], to id: SubscriberID) {
    guard var client = clients[id] else { return fail("notes for nobody") }
    if client.owesReady { fail("notes for a client that is not ready") }
    client.got += notes
    client.owesReady = true
    clients[id] = client
    let recorded = notesOnDisk(client)
    if Array(recorded.prefix(client.got.count)) != client.got { fail("a client of \(client.turn) has a gap") }
  }

  mutating func ended(_ id: SubscriberID, _ error: VPathError?) {
    guard let client = clients.removeValue(forKey: id) else { return fail("an end for nobody") }
    guard let error else {
      let recorded = notesOnDisk(client)
      let isWhole = client.got == recorded && (recorded.last?.isLast ?? hasEnded(client))
      if !isWhole && !(recorded.isEmpty && hasEnded(client)) { fail("a client of \(client.turn) lacks its end") }
      return
    }
    let isExpected = [.traceWriteFailed, .serverOverloaded].contains(error.id)
    if !isExpected { fail("a subscription ended with \(error)") }
  }

  private func notesOnDisk(_ client: SimulatedClient) -> [TurnNote] {
    disk.events(of: client.turn, in: client.caseID).compactMap(TurnNote.init).filter { $0.seq > client.after }
  }

  private func hasEnded(_ client: SimulatedClient) -> Bool {
    disk.events(of: client.turn, in: client.caseID).last?.kind == .turnCompleted
  }

  // MARK: At rest

  mutating func checkAtRest() {
    guard failures.isEmpty else { return }
    if let fault = disk.fault() { fail("the chain is broken: \(fault)") }
    let open = runtime.turns.filter { !runtime.isDraining || $0.value.phase != .unrecorded }
    if !open.isEmpty { fail("\(open.keys.map(\.rawValue)) never ended") }
    if !tickets.isEmpty { fail("\(tickets.count) requests were never answered") }
    if !clients.isEmpty { fail("\(clients.count) clients were never told the end") }
    if runtime.isDraining, !wasDrained { fail("draining never ended") }
    for (caseID, turn, events) in disk.turns where !isLeftToTheNextStart(turn, events) {
      checkTurn(caseID, turn, events)
    }
    for (caseID, events) in disk.events { checkCase(caseID, events) }
  }

  /// A daemon that stops while its disk is full leaves turns open, and says so.
  private func isLeftToTheNextStart(_ turn: TurnID, _ events: [Event]) -> Bool {
    runtime.isDraining && events.last?.kind != .turnCompleted
  }

  private mutating func checkTurn(_ caseID: CaseID, _ turn: TurnID, _ events: [Event]) {
    var progress = TurnProgress()
    var started: [String: Int] = [:]
    for event in events {
      if progress.phase == .completed { return fail("\(turn) went on after its end") }
      progress.apply(event)
      guard let note = TurnNote(event), let item = note.params.item else { continue }
      started[item, default: 0] += note.notification == .itemStarted ? 1 : -1
      if started[item] != 0 && started[item] != 1 { fail("\(item) of \(turn) ended without having started, or twice") }
    }
    if progress.phase != .completed { fail("\(turn) has no end") }
    if started.contains(where: { $0.value != 0 }) { fail("an item of \(turn) has no end") }
    let budget = Simulation.limits.budget
    if progress.steps > budget.steps { fail("\(turn) took \(progress.steps) steps") }
    if progress.toolCalls > budget.toolCalls { fail("\(turn) made \(progress.toolCalls) calls") }
    guard let started = events.first(where: { $0.kind == .turnStarted }) else { return }
    var before = CaseState(caseID)
    for event in disk.events(of: caseID) where event.seq < started.seq { before.apply(event) }
    let verdict = TurnReplay.replay(
      events: events,
      before: TurnBefore(
        evidence: before.evidence, earlierCalls: before.earlierCalls,
        tools: SampleTools.builtIn + [SampleTools.brownness]), policy: policy, build: "sim")
    if verdict.kind != .identical { fail("\(turn) does not replay: \(verdict.message ?? "") at \(verdict.seq ?? 0)") }
  }

  private mutating func checkCase(_ caseID: CaseID, _ events: [Event]) {
    var ids: Set<String> = []
    for event in events where event.kind == .evidenceRecorded {
      guard let id = event.payload["evidence"]?["id"]?.stringValue else { continue }
      if !ids.insert(id).inserted { fail("\(caseID) has two pieces of evidence called \(id)") }
    }
    var state = CaseState(caseID)
    for event in events { state.apply(event) }
    if let known = runtime.caseState(caseID), known != state, !hasInterleaved(known, state) {
      fail("what is known of \(caseID) is not what its events say")
    }
  }

  /// Events of different turns may have been acknowledged in another order than they were recorded.
  private func hasInterleaved(_ one: CaseState, _ other: CaseState) -> Bool {
    Set(one.evidence) == Set(other.evidence) && Set(one.turns.keys) == Set(other.turns.keys)
      && one.turns.allSatisfy { other.turns[$0.key] == $0.value } && one.keys == other.keys && one.head == other.head
      && one.isOpen == other.isOpen && one.slides == other.slides
  }
}
