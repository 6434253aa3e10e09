// A model's step looked at before it is handed on: whether it is one, whether it gets anywhere, and whether an answer
// fits the words of the question.
// What must stay true: pure and deterministic; what passes here is checked by the daemon again.

import Domain
import JSON
import Ports

/// Reviews free steps.
struct StepReview: Sendable {
  /// What a review comes to.
  enum Verdict: Sendable, Hashable {
    case step(JSONValue)
    /// Why not, in words the model can act on.
    case problem(String)
  }

  private let request: StepRequest

  init(_ request: StepRequest) { self.request = request }

  /// Reviews a reply.
  func review(_ text: String, finishReason: String) -> Verdict {
    guard let step = StepSchema.step(from: text) else {
      return .problem(
        finishReason == "length"
          ? "It was cut off before its end; write a shorter one." : "It is not one JSON object.")
    }
    guard let act = step["act"] else { return .problem("It has no \"act\".") }
    let schema: JSONSchema
    do {
      schema = try JSONSchema(request.schema)
    } catch {
      return .problem("No step can be checked now.")
    }
    if let violation = schema.validate(step).first {
      return .problem(
        problem(of: act) ?? "At \(violation.pointer.isEmpty ? "/" : violation.pointer): \(violation.message).")
    }
    if let problem = problem(of: act) { return .problem(problem) }
    return .step(step)
  }

  private func problem(of act: JSONValue) -> String? {
    if let parts = act["parts"]?.arrayValue {
      return request.parts.isEmpty ? RulePlan.problem(inParts: parts, request) : "The question is split already."
    }
    if let tool = act["tool"]?.stringValue {
      guard request.tools.contains(where: { $0.name == tool }) else {
        return "\(tool.prefix(60)) may not be called now."
      }
      guard let arguments = act["args"] else { return "The call has no \"args\"." }
      if let same = request.history.last(where: { $0.tool == tool && $0.arguments == arguments }) {
        let came = same.error == nil ? "gave \(same.evidence.map(\.rawValue).joined(separator: ", "))" : "failed"
        return "The same call was made already and \(came)."
      }
      return nil
    }
    if let answer = act["answer"] {
      guard !request.parts.isEmpty else { return "The question is not split yet." }
      return RulePlan(request).problem(in: answer, evidence: request.evidence)
    }
    return nil
  }
}
