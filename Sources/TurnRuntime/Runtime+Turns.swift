// Starting, showing, interrupting and following turns.
// What must stay true: `turn/start` answers once the turn is recorded, never before.

import OrderedCollections
import Agent
public import Domain
import JSON
public import Policy
import Ports
public import Wire

extension Runtime {
  /// `turn/start`.
  ///
  /// - Parameter questionBytes: the longest question in UTF-8.
  public func startTurn(
    _ params: TurnStartParams, by principal: Principal, questionBytes: Int = WireLimits.questionBytes
  ) async throws(VPathError) -> TurnStartResult {
    try checkQuestion(params.question, questionBytes)
    let (found, decision) = try await permit(.turnStart, on: params.caseID, by: principal)
    let regions = try DrawnRegions(slides: found.slides).regions(params.regions ?? [])
    let (turn, position) = try await start(
      TurnRequest(
        caseID: params.caseID, task: .ask(question: params.question), regions: regions, key: params.key,
        principal: principal, decision: decision, nonce: environment.names.randomName()))
    return TurnStartResult(turn: turn, position: position)
  }

  private func checkQuestion(_ question: String, _ limit: Int) throws(VPathError) {
    guard question.utf8.count <= limit else {
      throw VPathError(
        .protocolParams,
        "The question has \(question.utf8.count) bytes; at most \(limit) are accepted. Ask in fewer words.",
        subject: "question")
    }
    guard question.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
      throw VPathError(.protocolParams, "The question is empty. Ask something.", subject: "question")
    }
  }

  /// Starts a turn with the tools there are now.
  func start(_ request: TurnRequest) async throws(VPathError) -> (TurnID, position: Int) {
    try await offerTools()
    _ = try await loaded(request.caseID)
    switch await ask({ .startTurn($0, request) }) {
    case .started(let turn, let position): return (turn, position)
    case .failed(let error): throw error
    case .recorded, .interrupted, .ended: throw VPathError(.internalBug, "The turn was not started.")
    }
  }

  /// Tells the reducer which tools are installed, and keeps their manifests as bytes when they are new.
  func offerTools() async throws(VPathError) {
    let manifests = await environment.tools.manifests()
    guard manifests != knownManifests else { return }
    for manifest in manifests {
      _ = try await environment.store.put(json(manifest).canonicalBytes(), mediaType: "application/json")
    }
    knownManifests = manifests
    feed(.toolsChanged(manifests, builtIn: environment.builtInTools))
  }

  /// `turn/get`.
  public func getTurn(_ params: TurnParams, by principal: Principal) async throws(VPathError) -> TurnResult {
    let (found, progress, _) = try await permit(.turnRead, on: params.turn, by: principal)
    let outcome = try await outcome(of: params.turn, in: found, progress)
    return TurnResult(
      turn: params.turn, caseID: found.caseID, state: progress.phase.rawValue, stop: progress.stop,
      error: progress.failure?.rpc.json, answer: outcome?.answer,
      evidence: evidence(of: params.turn, in: found, cited: outcome?.answer))
  }

  /// How a turn ended, from its last event; nil while it has not, or when that was redacted.
  func outcome(of turn: TurnID, in found: CaseState, _ progress: TurnProgress) async throws(VPathError) -> TurnOutcome?
  {
    guard let seq = progress.completedSeq else { return nil }
    let last = try await environment.store.events(of: found.caseID, turn: turn, after: seq - 1, limit: 1).first
    return decoded(TurnOutcome.self, last?.payload["outcome"])
  }

  /// What an answer cites, what that refers to, and the places and files the turn made.
  private func evidence(of turn: TurnID, in found: CaseState, cited answer: Answer?) -> [String: Evidence] {
    var wanted = answer?.findings.flatMap(\.evidence) ?? []
    wanted += found.evidence.filter {
      $0.turn == turn && [.region, .view, .artefact].contains($0.body.kind)
    }.map(\.id)
    var shown: [String: Evidence] = [:]
    while let id = wanted.popLast() {
      guard shown[id.rawValue] == nil, let evidence = found.evidence(id) else { continue }
      shown[id.rawValue] = evidence
      wanted += evidence.body.references
    }
    return shown
  }

  /// `turn/interrupt`.
  public func interruptTurn(_ params: TurnParams, by principal: Principal) async throws(VPathError)
    -> TurnInterruptResult
  {
    _ = try await permit(.turnInterrupt, on: params.turn, by: principal)
    switch await ask({ .interrupt($0, params.turn, by: principal, reason: "A client asked for it.") }) {
    case .interrupted(let accepted): return TurnInterruptResult(accepted: accepted)
    case .failed(let error): throw error
    case .started, .recorded, .ended: return TurnInterruptResult(accepted: false)
    }
  }

  /// `turn/subscribe`: the turn's notes after a seq, then as they come.
  public func subscribe(_ params: TurnSubscribeParams, by principal: Principal) async throws(VPathError)
    -> TurnSubscription
  {
    let (found, _, _) = try await permit(.turnRead, on: params.turn, by: principal)
    return follow(params.turn, in: found.caseID, after: params.after)
  }
}

extension EvidenceBody {
  /// The evidence it refers to.
  var references: [EvidenceID] {
    switch self {
    case .slide, .artefact, .quote: []
    case .region(let region): [region.slide]
    case .view(let view): [view.region]
    case .measurement(let measurement): measurement.region.map { [$0] } ?? []
    case .comparison(let comparison): [comparison.left, comparison.right]
    case .description(let description): description.view.map { [$0] } ?? []
    }
  }
}
