// Where a turn is, and the rules of its life.
//
//   ready ──start──▶ planning(1) ──reply──▶ planning(n+1)        parts were given, a step was no step, a draft was
//     │                 │                                        rejected, a call was refused or answered from evidence
//     │                 ├──reply: a permitted call──▶ running(call) ──result──▶ planning(n+1)
//     │                 └──reply: a draft that passes──▶ completed(answered)
//     └──start of a `call` task──▶ running(call) ──result──▶ completed(answered | failed)
//   planning, running ──interrupted──▶ completed(interrupted)
//   planning, running ──timeRanOut, or a step or token budget spent──▶ completed(budget_exhausted)
//   planning ──the planner failed twice in a row──▶ completed(model_unavailable)
//   planning ──the last redraft was rejected, or steps were no steps too often──▶ completed(composed)
//
// What must stay true
//  1. At most one piece of work is in flight: a step or a call. Only its own reply is taken; anything else is stale.
//  2. Every item that is started ends: `model.requested` in `model.responded|failed`, `tool.called` in
//     `tool.returned|failed`, also when the turn is interrupted.
//  3. No effect runs a tool without an ApprovedCall that the policy made for this call of this turn.
//  4. `complete` comes once, last, after `turn.completed`; then nothing more.
//  5. Budgets are never exceeded by an effect; tokens can be by the reply that spends them. The one call of a `call`
//     task is bounded by time alone.
//  6. The answer names every part of the question, as a finding or as not assessable.
//  7. All events of one input are one record, before the work they lead to.

import Domain
import JSON
import Ports

/// Where a turn is.
enum TurnPhase: Sendable, Hashable {
  case ready
  case planning(step: Int)
  case running(CallID)
  case completed
}

/// A call of this turn.
struct TurnCall: Sendable {
  var id: CallID
  var manifest: ToolManifest
  var arguments: JSONValue
  /// Canonical text of the arguments, by which calls are the same.
  var canonical: String
  /// The parts it is for, as far as the planner said.
  var parts: [Int]
  var outcome: StepOutcome
  /// Whether it ran, or was answered from evidence.
  var isSettled: Bool
  var isReused = false

  /// Whether another call would be this one over again.
  func matches(_ manifest: ToolManifest, _ canonical: String) -> Bool {
    self.manifest.reference == manifest.reference && self.canonical == canonical
  }
}

/// Why a turn ends without a draft that passed.
enum TurnEnd: Sendable, Hashable {
  case composed
  case steps, toolCalls, tokens, seconds
  case interrupted
  case modelUnavailable(VPathError)

  var stop: StopReason {
    switch self {
    case .composed: .composed
    case .steps, .toolCalls, .tokens, .seconds: .budgetExhausted
    case .interrupted: .interrupted
    case .modelUnavailable: .modelUnavailable
    }
  }

  /// Why a part that nothing answers is not assessable.
  func reason(_ budget: TurnBudget) -> String {
    switch self {
    case .composed: "no draft of an answer to this part passed the check, and no evidence of this turn answers it"
    case .steps: "the budget of \(budget.steps) steps ran out before this part was answered; ask for less at once"
    case .toolCalls:
      "the budget of \(budget.toolCalls) tool calls ran out before this part was answered; ask for less at once"
    case .tokens: "the budget of \(budget.tokens) tokens ran out before this part was answered; ask for less at once"
    case .seconds:
      "the budget of \(NumberText.plain(budget.seconds)) seconds ran out before this part was answered"
    case .interrupted: "the turn was interrupted before this part was answered"
    case .modelUnavailable(let error):
      "the planner was not available (\(Self.cause(error))) and no evidence of this turn answers this part"
    }
  }

  /// The error's id and the key of the configuration to look at. Its words stay in the trace: some are a server's own.
  private static func cause(_ error: VPathError) -> String {
    guard let key = error.subject, key.hasPrefix("model.") else { return error.id.rawValue }
    return "\(error.id.rawValue); see \(key.excerpt(40)) of the configuration"
  }
}
