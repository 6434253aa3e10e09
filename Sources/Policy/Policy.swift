// A policy: rules that say what may be done, by whom and with what.
// What must stay true: what no rule permits is forbidden; a forbid wins over every permit; the order of rules and
// their repetition mean nothing; a file is taken whole or not at all.

import Crypto
public import Domain
import JSON

/// A policy whose examples have been checked.
public struct Policy: Sendable {
  /// The rules, as the file has them.
  public let rules: [PolicyRule]
  /// SHA-256 of the canonical form of the rules, examples and reasons included.
  public let digest: SHA256Hex
  private let compiled: CompiledPolicy

  /// A policy from rules; the file reader has checked them.
  init(rules: [PolicyRule]) {
    self.rules = rules
    compiled = CompiledPolicy(rules)
    let sorted = rules.map { (id: $0.id, json: $0.json) }.sorted { $0.id < $1.id }.map(\.json)
    digest = sha256(["version": 1, "rules": .array(sorted)])
  }

  /// Reads a policy from the text of its file, and checks every rule's examples.
  ///
  /// - Throws: `PolicyError` with line and rule; nothing of the file is used then.
  public static func load(yaml: String) throws(PolicyError) -> Policy {
    let policy = Policy(rules: try PolicyFile.read(yaml))
    try policy.checkExamples()
    return policy
  }

  /// What the policy says of a call.
  public func decide(_ call: PolicyCall, principal: Principal, context: PolicyContext) -> PolicyDecision {
    decide(PolicyRequest(call: call, principal: principal, context: context))
  }

  /// What the policy says of a request.
  public func decide(_ request: PolicyRequest) -> PolicyDecision {
    let (effect, ids) = compiled.decide(request)
    return PolicyDecision(effect: effect, rules: ids, why: why(effect, ids, request), policyDigest: digest)
  }

  /// What each rule has to do with a call, in the order of the file.
  public func explain(_ call: PolicyCall, principal: Principal, context: PolicyContext) -> [PolicyRuleExplanation] {
    PolicyReference(rules: rules).explain(PolicyRequest(call: call, principal: principal, context: context))
  }

  private func why(_ effect: PolicyDecision.Effect, _ ids: [String], _ request: PolicyRequest) -> String {
    if ids.isEmpty {
      let action = String(request.call.action.prefix(64))
      return "No rule permits \(action) for this \(request.principal.kind.rawValue)."
    }
    let reasons = ids.compactMap { id in rules.first { $0.id == id }.map { "\(id): \($0.why)" } }
    return (effect == .permit ? "Permitted by " : "Forbidden by ") + reasons.joined(separator: "; ")
  }

  private func checkExamples() throws(PolicyError) {
    let reference = PolicyReference(rules: rules)
    for rule in rules {
      for (index, request) in rule.examples.match.enumerated() where !reference.holds(rule, request) {
        throw wrongExample(rule, "match", index, request, "the rule does not hold")
      }
      for (index, request) in rule.examples.noMatch.enumerated() where reference.holds(rule, request) {
        throw wrongExample(rule, "noMatch", index, request, "the rule holds")
      }
    }
  }

  private func wrongExample(
    _ rule: PolicyRule, _ list: String, _ index: Int, _ request: PolicyRequest, _ outcome: String
  ) -> PolicyError {
    let explanation = explain(request.call, principal: request.principal, context: request.context)
    let reason = explanation.first { $0.rule == rule.id }?.reason ?? ""
    return PolicyError("example \(index + 1) under \(list) is wrong: \(outcome), since \(reason)", rule: rule.id)
  }
}

extension Policy: Hashable {
  /// Policies are equal when their digests are.
  public static func == (left: Policy, right: Policy) -> Bool { left.digest == right.digest }
  /// By the digest.
  public func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}

/// SHA-256 of a value's canonical JSON.
func sha256(_ value: JSONValue) -> SHA256Hex {
  var hash = SHA256()
  value.canonicalBytes().withUnsafeBytes { hash.update(bufferPointer: $0) }
  return SHA256Hex(bytes: hash.finalize())
}
