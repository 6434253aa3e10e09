// A planner without a model: it splits the question, recognises what is asked by closed word lists, and calls the
// tools that measure it. What it does not know it calls not assessable and says what would be needed.
// What must stay true: each step is a pure function of the request; text of the question, of notes and of tools is
// only matched against word lists, never followed.

public import Domain
import JSON
public import Ports

/// Plans by rules.
public struct RulePlanner: LanguageModel {
  /// A planner; it has no settings.
  public init() {}

  public var name: String { "rule planner" }

  public func step(_ request: StepRequest) async throws(VPathError) -> StepReply { Self.plan(request) }

  /// The step that follows from a request.
  public static func plan(_ request: StepRequest) -> StepReply {
    let installed = request.tools + request.unavailableTools.map(\.tool)
    let vocabulary = Vocabulary(toolPhrases: ToolPhrases.of(installed))
    let step: JSONValue
    if request.parts.isEmpty {
      // Whether a part can be answered at all does not depend on how many steps are left.
      var unhurried = request
      unhurried.stepsLeft = .max
      step = split(request.question, vocabulary, PartPlanner(unhurried, vocabulary: vocabulary))
    } else {
      step = next(request, PartPlanner(request, vocabulary: vocabulary))
    }
    return StepReply(text: step.canonicalString())
  }

  /// The first step: parts, those that no call can help with already with their reason.
  private static func split(_ question: String, _ vocabulary: Vocabulary, _ planner: PartPlanner) -> JSONValue {
    let parts = QuestionParts(QuestionWords(question), vocabulary: vocabulary).split()
    let items: [JSONValue] = parts.map { asked in
      if let reason = planner.settledReason(asked) {
        return ["asked": .string(asked), "notAssessable": .string(reason)]
      }
      return ["asked": .string(asked)]
    }
    return [
      "thought": .string("Split the question into \(parts.count == 1 ? "one part" : "parts")."),
      "act": ["parts": .array(items)],
    ]
  }

  /// A later step: the first call that a part still needs, or the answer.
  private static func next(_ request: StepRequest, _ planner: PartPlanner) -> JSONValue {
    let plans = request.parts.map { (part: $0.part, plan: planner.plan($0.asked)) }
    for case (_, .call(let tool, let arguments, let thought)) in plans {
      let served: [JSONValue] = plans.filter { $0.plan.calls(tool, arguments) }.map { .number(Double($0.part)) }
      return [
        "thought": .string(thought),
        "act": ["tool": .string(tool), "args": arguments, "for": .array(served)],
      ]
    }
    var findings: [JSONValue] = []
    var reasons: [JSONValue] = []
    for (part, plan) in plans {
      switch plan {
      case .cite(let ids):
        var seen: Set<EvidenceID> = []
        let cited = ids.filter { seen.insert($0).inserted }.prefix(60).map { JSONValue.string($0.rawValue) }
        findings.append(["part": .number(Double(part)), "evidence": .array(cited)])
      case .notAssessable(let reason):
        reasons.append(["part": .number(Double(part)), "reason": .string(reason)])
      case .call: break
      }
    }
    return [
      "thought": "Every part is settled.",
      "act": ["answer": ["findings": .array(findings), "notAssessable": .array(reasons)]],
    ]
  }
}

extension PartPlan {
  fileprivate func calls(_ tool: String, _ arguments: JSONValue) -> Bool {
    if case .call(let name, let args, _) = self { return name == tool && args == arguments }
    return false
  }
}
