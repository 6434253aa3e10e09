// The rule planner's plan for a moment, taken apart: what may be done next, and whether an answer fits it.
// What must stay true: pure; it never allows what the rules would not do.

import Domain
import JSON
import Ports

/// What the rules would do now.
struct RulePlan: Sendable {
  /// Calls that parts need, each once, in the order of the parts; empty when the rules would answer.
  var calls: [PlannedRuleCall]
  /// The rules' own step.
  var step: StepReply
  private let plans: [(part: QuestionPart, plan: PartPlan, intent: PartIntent)]

  /// A call of the plan.
  struct PlannedRuleCall: Sendable, Hashable {
    var tool: String
    var arguments: JSONValue
    var thought: String
    var parts: [Int]
  }

  init(_ request: StepRequest) {
    let installed = request.tools + request.unavailableTools.map(\.tool)
    let vocabulary = Vocabulary(toolPhrases: ToolPhrases.of(installed))
    let planner = PartPlanner(request, vocabulary: vocabulary)
    plans = request.parts.map { ($0, planner.plan($0.asked), planner.intent(of: $0.asked)) }
    var calls: [PlannedRuleCall] = []
    for (part, plan, _) in plans {
      guard case .call(let tool, let arguments, let thought) = plan else { continue }
      if let known = calls.firstIndex(where: { $0.tool == tool && $0.arguments == arguments }) {
        calls[known].parts.append(part.part)
      } else {
        calls.append(PlannedRuleCall(tool: tool, arguments: arguments, thought: thought, parts: [part.part]))
      }
    }
    self.calls = calls
    step = RulePlanner.plan(request)
  }

  /// The step that makes a call of the plan.
  func step(making call: PlannedRuleCall) -> StepReply {
    let step: JSONValue = [
      "thought": .string(call.thought),
      "act": [
        "tool": .string(call.tool), "args": call.arguments, "for": .array(call.parts.map { .number(Double($0)) }),
      ],
    ]
    return StepReply(text: step.canonicalString())
  }

  // MARK: Answers

  /// Why an answer does not fit what the rules know of the question; nil when it does. Parts whose words the rules do
  /// not know are the model's.
  func problem(in answer: JSONValue, evidence: [Evidence]) -> String? {
    let items = Dictionary(evidence.map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
    for finding in answer["findings"]?.arrayValue ?? [] {
      guard let number = finding["part"]?.integerValue, let known = plans.first(where: { $0.part.part == number })
      else {
        continue
      }
      let cited = (finding["evidence"]?.arrayValue ?? []).compactMap {
        $0.stringValue.flatMap { items[EvidenceID($0)] }
      }
      // Words about a view have rules of their own.
      if case .limit(.description, _) = known.intent, finding["words"] != nil { continue }
      if case .limit = known.intent {
        guard case .notAssessable(let reason) = known.plan else { continue }
        return "Part \(number) is not assessable: \(reason)."
      }
      if let wanted = known.intent.missing(in: cited) { return "Part \(number) asks for \(wanted); cite that." }
    }
    for item in answer["notAssessable"]?.arrayValue ?? [] {
      guard let number = item["part"]?.integerValue, let known = plans.first(where: { $0.part.part == number }) else {
        continue
      }
      switch known.plan {
      case .call(let tool, _, _): return "Part \(number) can be assessed: \(tool) may be called for it."
      case .cite(let ids):
        return "Part \(number) can be answered from \(ids.prefix(8).map(\.rawValue).joined(separator: ", "))."
      case .notAssessable: continue
      }
    }
    return nil
  }

  /// Why a first step does not fit the question; nil when it does: each part is a piece of the question, what the rules
  /// know in the question is in some part, and a reason stands only where nothing can be called.
  static func problem(inParts parts: [JSONValue], _ request: StepRequest) -> String? {
    var unhurried = request
    unhurried.stepsLeft = .max
    let installed = request.tools + request.unavailableTools.map(\.tool)
    let vocabulary = Vocabulary(toolPhrases: ToolPhrases.of(installed))
    let planner = PartPlanner(unhurried, vocabulary: vocabulary)
    let question = QuestionWords(request.question)
    var covered: Set<String> = []
    for (index, part) in parts.enumerated() {
      let words = QuestionWords(part["asked"]?.stringValue ?? "").words.map(\.text)
      guard question.holds(words) else { return "Part \(index + 1) is not in the words of the question." }
      covered.formUnion(words)
    }
    for asked in QuestionParts(question, vocabulary: vocabulary).split() where planner.intent(of: asked) != .unknown {
      let words = QuestionWords(asked).words.map(\.text)
      guard 2 * words.filter(covered.contains).count > words.count else {
        return "A part of the question is left out: \(asked.prefix(120))."
      }
    }
    for (index, part) in parts.enumerated() where part["notAssessable"] != nil {
      guard let asked = part["asked"]?.stringValue, case .call(let tool, _, _) = planner.plan(asked) else { continue }
      return "Part \(index + 1) can be assessed: \(tool) may be called for it. Leave its reason out."
    }
    return nil
  }
}

extension PartIntent {
  /// What an answer to this lacks among the evidence it cites, in words; nil when nothing.
  fileprivate func missing(in cited: [Evidence]) -> String? {
    let measurements = cited.compactMap { item -> Measurement? in
      if case .measurement(let measurement) = item.body { return measurement }
      return nil
    }
    func named(_ names: Set<String>) -> [Measurement] { measurements.filter { names.contains($0.name) } }
    let isOnly: ([Measurement]) -> Bool = { $0.count == measurements.count && !$0.isEmpty }
    let counts: Set<String> = ["nuclear density", "nuclear profile count"]
    switch self {
    case .densest:
      return isOnly(named(["nuclear density"])) && measurements.contains { $0.rank != nil } ? nil : "ranked windows"
    case .nuclei(let scope, _):
      let fitting = named(counts).filter { $0.rank == nil || scope == .densestWindow || scope == .focus }
      guard isOnly(fitting) else { return "a count or density of nuclei that is not a ranked window's" }
      if case .named(let ids) = scope, !fitting.allSatisfy({ $0.region.map(ids.contains) ?? false }) {
        return "nuclei in \(ids.map(\.rawValue).joined(separator: ", "))"
      }
      return nil
    case .compareNuclei: return isOnly(named(counts)) && measurements.count > 1 ? nil : "two counts or densities"
    case .tissueArea: return isOnly(named(["tissue area", "analysed tissue area"])) ? nil : "the tissue's area"
    case .tissueShare: return isOnly(named(["tissue share of the slide"])) ? nil : "the tissue's share of the slide"
    case .leftOut:
      let fits = measurements.allSatisfy { $0.name.hasPrefix("left out: ") || $0.name == "tissue area" }
      return fits && !cited.isEmpty ? nil : "what was left out"
    case .show: return cited.contains { $0.body.kind == .view } && measurements.isEmpty ? nil : "a view"
    case .overview: return cited.contains { [.artefact, .view].contains($0.body.kind) } ? nil : "the overview"
    case .slideFacts: return cited.contains { $0.body.kind == .slide } && measurements.isEmpty ? nil : "the slide"
    case .report, .files: return cited.contains { $0.body.kind == .artefact } ? nil : "a file"
    case .tool(let name, _): return cited.contains { $0.tool?.name == name } ? nil : "what \(name) gave"
    case .lowest: return "nothing that can be measured"
    case .limit, .unknown: return nil
    }
  }
}
