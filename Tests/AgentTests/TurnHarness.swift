// Runs turns without any driver, with scripted or rule-made steps and sample tools, and checks the invariants of
// TurnState.swift on every effect.

import Agent
import Domain
import JSON
import LanguageModels
import Policy
import Ports
import TestSupport
import Testing

/// A turn's brief for tests.
func brief(
  _ question: String = "How many nuclei per mm² are there?", turn: String = "turn-1", organ: String? = "skin",
  stain: String? = "H&E", notes: String? = nil, drawn: [LevelZeroRect] = [],
  tools: [ToolManifest] = SampleTools.builtIn,
  opened: Bool = false, evidence: [Evidence] = [], earlierCalls: [EarlierCall] = [], slides: Int = 1,
  budget: TurnBudget = TurnBudget(), task: TurnTask? = nil
) -> TurnBrief {
  let records = (1...slides).map { number in
    SlideRecord(
      id: EvidenceID(.slide, number), fileName: "slide-\(number).svs", sizeBytes: 1_938_955,
      sha256: SHA256Hex(SampleResults.hash("f")), properties: opened ? SampleResults.properties : nil)
  }
  return TurnBrief(
    caseID: CaseID("case-1"), turn: TurnID(turn), task: task ?? .ask(question: question),
    description: CaseDescription(organ: organ, stain: stain, notes: notes), slides: records,
    drawnRegions: drawn.map { Region(slide: "s1", rect: $0, label: "drawn by the client") }, evidence: evidence,
    earlierCalls: earlierCalls, tools: tools.sorted { $0.name < $1.name }, builtInTools: SampleTools.builtInNames,
    principal: client, caseOwnerUID: 1000, budget: budget, planner: "rule planner", nonce: "nonce", build: "test")
}

let client = Principal(uid: 1000, gid: 1000, pid: 42, kind: .client)

/// What a turn came to.
struct FinishedTurn {
  var events: [NewEvent]
  var outcome: TurnOutcome
  var requests: [StepRequest]
  var ran: [ToolCallInputDraft]
  var evidence: [Evidence]
  /// What replay needs besides its events.
  var before: TurnBefore

  /// The answer; an empty one when there is none.
  var answer: Answer {
    outcome.answer
      ?? Answer(
        turn: TurnID("none"), question: "", parts: [], stop: .failed, findings: [], notAssessable: [],
        lookedAt: LookedAt(), usage: Usage())
  }
  func body(_ index: Int) -> EvidenceBody? { evidence.indices.contains(index) ? evidence[index].body : nil }
  func call(_ index: Int) -> ToolCallInputDraft? { ran.indices.contains(index) ? ran[index] : nil }
  func events(_ kind: EventKind) -> [NewEvent] { events.filter { $0.kind == kind } }
  func statements(of part: Int) -> [String] { answer.findings.filter { $0.part == part }.map(\.statement) }
  func reason(of part: Int) -> String? { answer.notAssessable.first { $0.part == part }?.reason }
  /// The record as the trace would give it back.
  var recorded: [Event] {
    events.enumerated().map { index, event in
      Event(
        caseID: event.caseID, seq: index + 1, turn: event.turn, kind: event.kind, time: "2026-01-01T00:00:00.000Z",
        payload: event.payload, hash: SHA256Hex(SampleResults.hash("0")))
    }
  }
}

/// Feeds a turn and checks what it does.
struct TurnDriver {
  var turn: Turn
  let budget: TurnBudget
  private let before: TurnBefore
  /// Nil for a call that a client makes itself.
  private let callLimit: Int?
  private(set) var events: [NewEvent] = []
  private(set) var requests: [StepRequest] = []
  private(set) var ran: [ToolCallInputDraft] = []
  private(set) var outcome: TurnOutcome?
  private(set) var openItems: Set<String> = []
  /// What the turn waits for.
  private(set) var waiting: TurnEffect?
  private var approvals: Set<SHA256Hex> = []
  private var regionsSeen: Set<String> = []
  private var clock = 0.0

  init(_ brief: TurnBrief, _ policy: Policy) {
    turn = Turn(brief: brief, policy: policy)
    budget = brief.budget
    before = TurnBefore(evidence: brief.evidence, earlierCalls: brief.earlierCalls, tools: brief.tools)
    if case .ask = brief.task { callLimit = brief.budget.toolCalls } else { callLimit = nil }
  }

  mutating func feed(_ kind: TurnInput.Kind, after seconds: Double = 0.25) {
    clock += seconds
    let wasCompleted = outcome != nil
    let effects = turn.reduce(TurnInput(elapsedSeconds: clock, kind))
    if wasCompleted { #expect(effects.isEmpty, "after the end a turn does nothing") }
    for effect in effects { take(effect) }
  }

  private mutating func take(_ effect: TurnEffect) {
    #expect(outcome == nil, "complete is the last effect")
    switch effect {
    case .record(let new):
      #expect(!new.isEmpty)
      for event in new { take(event) }
    case .requestStep(let request):
      #expect(openItems == ["step-\(request.number)"])
      #expect(requests.count < budget.steps)
      requests.append(request)
      waiting = effect
    case .runTool(let approved, let draft):
      #expect(openItems == [draft.call.rawValue])
      #expect(approved.call.arguments == draft.arguments)
      #expect(approved.call.resource["tool"] == .string(draft.tool))
      #expect(approvals.insert(approved.digest).inserted, "an approval is used once")
      let decided = events.last { $0.kind == .policyDecided }
      #expect(decided?.payload["call"]?.stringValue == draft.call.rawValue)
      #expect(decided?.payload["decision"]?["effect"] == "permit")
      ran.append(draft)
      #expect(ran.count <= callLimit ?? 1)
      waiting = effect
    case .cancelWork:
      #expect(waiting != nil, "work is cancelled only when there is some")
      waiting = nil
    case .complete(let outcome):
      #expect(openItems.isEmpty, "every started item has ended")
      #expect(events.last?.kind == .turnCompleted)
      self.outcome = outcome
      waiting = nil
    }
  }

  private mutating func take(_ event: NewEvent) {
    events.append(event)
    let payload = event.payload
    #expect(event.caseID == "case-1" && event.turn != nil)
    switch event.kind {
    case .modelRequested: start("step-\(payload["step"]?.integerValue ?? 0)")
    case .modelResponded, .modelFailed: finish("step-\(payload["step"]?.integerValue ?? 0)")
    case .toolCalled: start(payload["call"]?.stringValue ?? "")
    case .toolReturned, .toolFailed: finish(payload["call"]?.stringValue ?? "")
    case .turnStarted: #expect(events.count == 1)
    default: break
    }
  }

  private mutating func start(_ item: String) { #expect(openItems.insert(item).inserted) }
  private mutating func finish(_ item: String) { #expect(openItems.remove(item) != nil, "\(item) was not started") }

  func finished() throws -> FinishedTurn {
    FinishedTurn(
      events: events, outcome: try #require(outcome), requests: requests, ran: ran, evidence: turn.evidence,
      before: before)
  }
}

typealias Plan = (StepRequest) -> Result<StepReply, VPathError>
typealias Tool = (ToolCallInputDraft) throws -> ToolResult

/// The rule planner's steps.
func ruled(_ request: StepRequest) -> Result<StepReply, VPathError> { .success(RulePlanner.plan(request)) }

/// Sample results by tool and arguments.
func sample(_ draft: ToolCallInputDraft) throws -> ToolResult {
  try SampleResults.answer(draft.tool, draft.arguments)
}

/// Steps given one after the other; past their end the planner is gone.
func scripted(_ steps: [String]) -> Plan {
  { request in
    request.number <= steps.count
      ? .success(StepReply(text: steps[request.number - 1], promptTokens: 10, completionTokens: 5))
      : .failure(VPathError(.modelUnavailable, "The script has ended."))
  }
}

/// Runs a turn to its end.
func run(
  _ brief: TurnBrief, policy: Policy? = nil, plan: Plan = ruled, tool: Tool = sample
) throws -> FinishedTurn {
  var driver = TurnDriver(brief, try policy ?? SamplePolicies.permitting())
  driver.feed(.start)
  var rounds = 0
  while let waiting = driver.waiting, driver.outcome == nil {
    rounds += 1
    try #require(rounds < 200, "the turn does not end")
    switch waiting {
    case .requestStep(let request): driver.feed(.stepReplied(number: request.number, plan(request)))
    case .runTool(_, let draft): driver.feed(.toolFinished(draft.call, try tool(draft)))
    default: break
    }
  }
  return try driver.finished()
}

/// A case's state after a turn, for the turn that follows.
func after(_ turns: FinishedTurn..., brief first: TurnBrief) -> (
  evidence: [Evidence], earlier: [EarlierCall], slides: [SlideRecord]
) {
  var evidence = first.evidence
  var slides = first.slides
  var earlier = first.earlierCalls
  for turn in turns {
    for item in turn.evidence {
      if case .slide(let record) = item.body {
        slides = slides.map { $0.id == record.id ? record : $0 }
      } else {
        evidence.append(item)
      }
    }
    for event in turn.events(.toolReturned) {
      let call = turn.events(.toolCalled).first { $0.payload["call"] == event.payload["call"] }
      guard let call, let tool = try? decodeJSON(ToolReference.self, from: call.payload["tool"] ?? .null) else {
        continue
      }
      earlier.append(
        EarlierCall(
          tool: tool, arguments: (call.payload["arguments"] ?? [:]).canonicalString(),
          evidence: (event.payload["evidence"]?.arrayValue ?? []).compactMap { $0.stringValue.map { EvidenceID($0) } },
          refusals: []))
    }
  }
  return (evidence, earlier, slides)
}
