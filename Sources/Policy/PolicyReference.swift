// The reference interpreter: the meaning of a rule, written to be read, and to explain a decision.
// What must stay true: it takes no short cut and shares no code with CompiledPolicy; the two are tested against each
// other, so that a mistake must be made twice to pass.

import JSON

/// True, false, or not known (Kleene's strong three-valued logic).
enum Truth: Hashable {
  case yes, no, unknown

  init(_ truth: Bool) { self = truth ? .yes : .no }

  static prefix func ! (truth: Truth) -> Truth {
    switch truth {
    case .yes: .no
    case .no: .yes
    case .unknown: .unknown
    }
  }

  static func all(_ truths: [Truth]) -> Truth {
    if truths.contains(.no) { return .no }
    return truths.contains(.unknown) ? .unknown : .yes
  }

  static func any(_ truths: [Truth]) -> Truth {
    if truths.contains(.yes) { return .yes }
    return truths.contains(.unknown) ? .unknown : .no
  }
}

/// Decides by reading every condition of every rule.
struct PolicyReference {
  let rules: [PolicyRule]

  /// Forbidden by any forbid that holds; else permitted by any permit that holds; else forbidden.
  func decide(_ request: PolicyRequest) -> (effect: PolicyDecision.Effect, rules: [String]) {
    let holding = rules.filter { holds($0, request) }
    let forbidding = Set(holding.filter { $0.effect == .forbid }.map(\.id))
    if !forbidding.isEmpty { return (.forbid, forbidding.sorted()) }
    let permitting = Set(holding.map(\.id))
    return permitting.isEmpty ? (.forbid, []) : (.permit, permitting.sorted())
  }

  func holds(_ rule: PolicyRule, _ request: PolicyRequest) -> Bool {
    guard concerns(rule, request) else { return false }
    let all = Truth.all(rule.conditions.map { truth($0, request) })
    return rule.effect == .permit ? all == .yes : all != .no
  }

  func concerns(_ rule: PolicyRule, _ request: PolicyRequest) -> Bool {
    guard let actions = rule.actions else { return true }
    return actions.contains { $0.rawValue == request.call.action }
  }

  func truth(_ condition: PolicyCondition, _ request: PolicyRequest) -> Truth {
    Truth.all(condition.tests.map { truth($0, request.value(of: condition.attribute), request.context) })
  }

  private func truth(_ test: PolicyTest, _ value: JSONValue?, _ context: PolicyContext) -> Truth {
    switch test {
    case .present(let expected): return Truth((value != nil) == expected)
    case .anyOf(let operands): return isOne(of: operands, value, context)
    case .noneOf(let operands): return !isOne(of: operands, value, context)
    case .atMost(let limit):
      guard case .number(let number)? = value else { return .unknown }
      return Truth(number <= limit)
    case .atLeast(let limit):
      guard case .number(let number)? = value else { return .unknown }
      return Truth(number >= limit)
    case .prefix(let start):
      guard case .string(let text)? = value else { return .unknown }
      return Truth(text.utf8.starts(with: start.utf8))
    }
  }

  private func isOne(of operands: [PolicyOperand], _ value: JSONValue?, _ context: PolicyContext) -> Truth {
    guard let value else { return .unknown }
    return Truth.any(
      operands.map { operand in
        let other: JSONValue?
        switch operand {
        case .value(let constant): other = constant
        case .owner: other = context.caseOwnerUID.map { .number(Double($0)) }
        case .daemon: other = context.daemonUID.map { .number(Double($0)) }
        }
        // Canonical bytes, since Swift holds two spellings of one character for equal.
        guard let other else { return .unknown }
        return Truth(other.canonicalBytes() == value.canonicalBytes())
      })
  }
}

extension PolicyRequest {
  fileprivate func value(of attribute: PolicyAttribute) -> JSONValue? {
    switch attribute {
    case .principalUID: .number(Double(principal.uid))
    case .principalGID: .number(Double(principal.gid))
    case .principalKind: .string(principal.kind.rawValue)
    case .resource(let key): call.resource[key]
    case .context(let key): context.attributes[key]
    }
  }
}

/// What one rule has to do with a request.
public struct PolicyRuleExplanation: Sendable, Hashable, Codable {
  /// The rule.
  public let rule: String
  /// What it says where it holds.
  public let effect: PolicyDecision.Effect
  /// Whether it holds.
  public let holds: Bool
  /// Why it holds or does not, in words.
  public let reason: String
  /// Why the rule is there.
  public let why: String
}

extension PolicyReference {
  /// What each rule has to do with a request, in the order of the file.
  func explain(_ request: PolicyRequest) -> [PolicyRuleExplanation] {
    rules.map { rule in
      PolicyRuleExplanation(
        rule: rule.id, effect: rule.effect, holds: holds(rule, request), reason: reason(rule, request), why: rule.why)
    }
  }

  private func reason(_ rule: PolicyRule, _ request: PolicyRequest) -> String {
    guard concerns(rule, request) else { return "it is not about \(request.call.action)" }
    let truths = rule.conditions.map { (condition: $0, truth: truth($0, request)) }
    if let failed = truths.first(where: { $0.truth == .no }) {
      return "\(met(failed.condition, request)), and it asks for \(failed.condition.expectation)"
    }
    let unknown = truths.filter { $0.truth == .unknown }
    if let first = unknown.first {
      let missing = "\(met(first.condition, request)), so that \(first.condition.expectation) cannot be told"
      return rule.effect == .permit ? missing : missing + ", which counts against the call"
    }
    return rule.conditions.isEmpty ? "it holds for every such call" : "all it asks for is so"
  }

  private func met(_ condition: PolicyCondition, _ request: PolicyRequest) -> String {
    guard let value = request.value(of: condition.attribute) else { return "\(condition.attribute.name) is not stated" }
    let text = value.canonicalString()
    return "\(condition.attribute.name) is \(text.count > 60 ? String(text.prefix(60)) + "…" : text)"
  }
}

extension PolicyCondition {
  fileprivate var expectation: String { tests.map(\.expectation).joined(separator: " and ") }
}

extension PolicyTest {
  fileprivate var expectation: String {
    func list(_ operands: [PolicyOperand]) -> String {
      operands.map { operand in
        switch operand {
        case .value(let value): value.canonicalString()
        case .owner: "the case's owner"
        case .daemon: "the daemon's user"
        }
      }.joined(separator: " or ")
    }
    switch self {
    case .present(let expected): return expected ? "it to be stated" : "it not to be stated"
    case .anyOf(let operands): return list(operands)
    case .noneOf(let operands): return "anything but \(list(operands))"
    case .atMost(let limit): return "at most \(JSONValue.number(limit).canonicalString())"
    case .atLeast(let limit): return "at least \(JSONValue.number(limit).canonicalString())"
    case .prefix(let text): return "text that begins with \(JSONValue.string(text).canonicalString())"
    }
  }
}
