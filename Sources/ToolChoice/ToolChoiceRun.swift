// A planner measured on tool-choice cases: one step each, scored against what was expected.
// What must stay true: the planner sees the moment as in a real turn; a step that is none is a wrong one, and so is one
// that rules made in the place of a model that plans freely; a planner that is not available ends the run.

import Agent
public import Domain
import JSON
public import Policy
public import Ports

/// How a planner did.
public struct ToolChoiceReport: Sendable, Hashable, Codable {
  /// One case.
  public struct Item: Sendable, Hashable, Codable {
    public var id: String
    /// Whether the planner's own step is right.
    public var isRight: Bool
    /// Whether the step that the turn takes is right, be it the planner's own or that of the rules in its place.
    public var endsRight: Bool
    /// What the turn does: a tool's name, "answer", "not assessable", or "none".
    public var did: String
  }

  public var items: [Item] = []
  public var promptTokens = 0
  public var cachedTokens = 0
  public var completionTokens = 0
  public var seconds = 0.0
  /// Steps in which the model's own choice was not used.
  public var refused = 0

  public var right: Int { items.filter(\.isRight).count }
  public var endedRight: Int { items.filter(\.endsRight).count }
  public var accuracy: Double { items.isEmpty ? 0 : Double(right) / Double(items.count) }
}

/// Measures planners.
public struct ToolChoiceRun: Sendable {
  private let tools: [ToolManifest]
  private let policy: Policy
  private let clock: any Clock

  /// A run with the tools that may be chosen and the policy that permits them.
  public init(tools: [ToolManifest], policy: Policy, clock: any Clock) {
    self.tools = tools
    self.policy = policy
    self.clock = clock
  }

  /// Asks the planner for every case. `progress` is told after each. Throws what the planner throws.
  public func measure(
    _ planner: any LanguageModel, _ cases: [ToolChoiceCase], progress: (Int) -> Void = { _ in }
  ) async throws(VPathError) -> ToolChoiceReport {
    var report = ToolChoiceReport()
    for (index, item) in cases.enumerated() {
      let request = try ToolChoiceMoment.request(item, tools: tools, policy: policy, model: planner.model)
      let begun = clock.monotonicSeconds()
      let reply = try await planner.step(request)
      report.seconds += clock.monotonicSeconds() - begun
      await planner.turnEnded(request.turn)
      for exchange in reply.exchanges ?? [] {
        report.promptTokens += exchange.promptTokens
        report.cachedTokens += exchange.cachedTokens
        report.completionTokens += exchange.completionTokens
        if exchange.problem != nil { report.refused += 1 }
      }
      let did = Self.act(reply.text)
      let isRight = Self.isRight(did, item.expected, request)
      let isOwn = planner.model?.planning != .free || reply.planning == .free
      report.items.append(
        ToolChoiceReport.Item(id: item.id, isRight: isRight && isOwn, endsRight: isRight, did: did.name))
      progress(index + 1)
    }
    return report
  }

  /// What a step does.
  private enum Act {
    case call(String)
    case answer([EvidenceID])
    case notAssessable
    case none

    var name: String {
      switch self {
      case .call(let tool): tool
      case .answer: "answer"
      case .notAssessable: "not assessable"
      case .none: "none"
      }
    }
  }

  private static func act(_ text: String) -> Act {
    guard let act = (try? JSONValue.parse(text))?["act"] else { return .none }
    if let tool = act["tool"]?.stringValue { return .call(tool) }
    guard let answer = act["answer"] else { return .none }
    let ids = (answer["findings"]?.arrayValue ?? []).flatMap { finding in
      (finding["evidence"]?.arrayValue ?? []).compactMap { $0.stringValue.map { EvidenceID($0) } }
    }
    if !ids.isEmpty { return .answer(ids) }
    return (answer["notAssessable"]?.arrayValue ?? []).isEmpty ? .none : .notAssessable
  }

  private static func isRight(_ act: Act, _ expected: ToolChoiceCase.Expected, _ request: StepRequest) -> Bool {
    switch (act, expected) {
    case (.call(let tool), .call(let tools)): return tools.contains(tool)
    case (.notAssessable, .notAssessable): return true
    case (.answer(let ids), .answer(let kinds)):
      let cited = request.evidence.filter { ids.contains($0.id) }
      return cited.count == Set(ids).count && cited.contains { kinds.contains($0.body.kind) }
    default: return false
    }
  }
}
