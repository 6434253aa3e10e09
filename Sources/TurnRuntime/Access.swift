// Who may do what: every method asks the policy for its action.
// What must stay true: a case that the caller may not touch is, for anybody but its owner, as if it were not there;
// a decision that lets something be recorded is recorded with it.

import Logging
import OrderedCollections
import Domain
import JSON
import Policy
import Ports

extension Runtime {
  /// What the policy says of an action.
  func decide(
    _ action: PolicyAction, by principal: Principal, caseID: CaseID? = nil, owner: UInt32? = nil, turn: TurnID? = nil,
    resource: [String: JSONValue] = [:]
  ) -> PolicyDecision {
    environment.policy.decide(
      PolicyCall(action, resource: resource), principal: principal,
      context: PolicyContext(caseID: caseID, caseOwnerUID: owner, turn: turn, daemonUID: environment.daemon.uid))
  }

  /// The decision about an action that concerns no case yet, or all of them. Throws `policy.denied`.
  @discardableResult
  func permit(
    _ action: PolicyAction, by principal: Principal, owner: UInt32? = nil, resource: [String: JSONValue] = [:]
  ) throws(VPathError) -> PolicyDecision {
    let decision = decide(action, by: principal, owner: owner, resource: resource)
    if let denial = decision.denial { throw denial }
    return decision
  }

  /// The case and the decision that lets the caller do this with it. Throws `case.not_found` or, for the owner,
  /// `policy.denied`.
  func permit(
    _ action: PolicyAction, on caseID: CaseID, by principal: Principal, turn: TurnID? = nil,
    resource: [String: JSONValue] = [:]
  ) async throws(VPathError) -> (CaseState, PolicyDecision) {
    let found = try await loaded(caseID)
    let decision = decide(
      action, by: principal, caseID: caseID, owner: found.owner, turn: turn, resource: resource)
    if let denial = decision.denial {
      guard mayRead(caseID, owner: found.owner, principal) else { throw RuntimeErrors.caseNotFound(caseID) }
      throw denial
    }
    return (found, decision)
  }

  /// As for a case, by a turn of it. Throws `turn.not_found` or, for the owner, `policy.denied`.
  func permit(_ action: PolicyAction, on turn: TurnID, by principal: Principal) async throws(VPathError) -> (
    CaseState, TurnProgress, PolicyDecision
  ) {
    guard let (caseID, _) = turn.parts else { throw RuntimeErrors.turnNotFound(turn) }
    let found: CaseState
    let decision: PolicyDecision
    do throws(VPathError) {
      (found, decision) = try await permit(action, on: caseID, by: principal, turn: turn)
    } catch {
      throw error.id == .caseNotFound ? RuntimeErrors.turnNotFound(turn) : error
    }
    guard let progress = found.turns[turn] else { throw RuntimeErrors.turnNotFound(turn) }
    return (found, progress, decision)
  }

  /// Whether the case exists for the caller.
  func mayRead(_ caseID: CaseID, owner: UInt32, _ principal: Principal, _ action: PolicyAction = .caseRead) -> Bool {
    owner == principal.uid
      || decide(action, by: principal, caseID: caseID, owner: owner).effect == .permit
  }

  /// Records who read what. For the owner a trace that cannot be written does not forbid reading it.
  func recordRead(
    _ what: PolicyAction, of found: CaseState, turn: TurnID? = nil, by principal: Principal,
    _ decision: PolicyDecision, isContinued: Bool = false
  ) async throws(VPathError) {
    // Whoever goes on where they say they stopped is recorded once, too: the place is their own word.
    let reading = Reading(what: what, caseID: found.caseID, turn: turn, uid: principal.uid)
    if isContinued, readings.contains(reading) { return }
    if readings.count >= Runtime.maxReadings { readings = [] }
    readings.insert(reading)
    var payload: [String: JSONValue] = [
      "what": .string(what.rawValue), "by": json(principal), "decision": json(decision),
    ]
    if let turn { payload["turn"] = .string(turn.rawValue) }
    do throws(VPathError) {
      try await record([NewEvent(caseID: found.caseID, kind: .traceRead, payload: .object(payload))])
    } catch {
      guard principal.uid == found.owner else { throw error }
      environment.log.error("a read could not be recorded", metadata: ["case": "\(found.caseID)"])
    }
  }
}

extension Runtime {
  /// Most readings kept; then all are forgotten, and the next page of each is recorded anew.
  static let maxReadings = 10_000

  /// Reading of a case or of one turn by a user.
  struct Reading: Hashable {
    var what: PolicyAction
    var caseID: CaseID
    var turn: TurnID?
    var uid: UInt32
  }
}
