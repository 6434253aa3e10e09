// What must be true of every policy and request, after the theorems proved of Cedar
// (Cedar/Thm/Authorization.lean), and the two evaluators against each other.

import JSON
import TestSupport
import Testing

@testable import Policy

/// Runs the body on many random policies and requests.
private func forAll(
  _ seed: UInt64, policies: Int = 50, present: Bool = true,
  _ body: (Policy, PolicyRequest, inout SeededGenerator) -> Void
) {
  var generator = SeededGenerator(seed: seed)
  for _ in 0..<policies {
    let policy = Policy(rules: randomRules(present: present, using: &generator))
    for _ in 0..<20 {
      let request = PolicyRequest.random(using: &generator)
      body(policy, request, &generator)
    }
  }
}

@Suite struct PolicyTheoremTests {
  @Test(arguments: 0..<12 as Range<UInt64>)
  func bothEvaluatorsDecideAlike(seed: UInt64) {
    var permits = 0
    var forbids = 0
    var silent = 0
    forAll(seed, policies: 150) { policy, request, _ in
      let decision = policy.decide(request)
      let reference = PolicyReference(rules: policy.rules).decide(request)
      #expect(decision.effect == reference.effect && decision.rules == reference.rules, "\(policy.rules) \(request)")
      if decision.effect == .permit {
        permits += 1
      } else if decision.rules.isEmpty {
        silent += 1
      } else {
        forbids += 1
      }
    }
    // The worlds are worth testing in: every outcome is met often.
    #expect(permits > 100 && forbids > 100 && silent > 100, "\(permits) \(forbids) \(silent)")
  }

  @Test func forbidTrumpsPermit() {
    forAll(101) { policy, request, _ in
      let reference = PolicyReference(rules: policy.rules)
      if policy.rules.contains(where: { $0.effect == .forbid && reference.holds($0, request) }) {
        #expect(policy.decide(request).effect == .forbid)
      }
    }
  }

  @Test func permittedOnlyIfARulePermits() {
    forAll(102) { policy, request, _ in
      let decision = policy.decide(request)
      let reference = PolicyReference(rules: policy.rules)
      guard decision.effect == .permit else { return }
      #expect(!decision.rules.isEmpty)
      for id in decision.rules {
        #expect(policy.rules.contains { $0.id == id && $0.effect == .permit && reference.holds($0, request) })
      }
    }
  }

  @Test func whatNoRulePermitsIsForbidden() {
    forAll(103) { policy, request, _ in
      let without = Policy(rules: policy.rules.filter { $0.effect == .forbid })
      #expect(without.decide(request).effect == .forbid)
      #expect(Policy(rules: []).decide(request).rules.isEmpty)
    }
  }

  @Test func orderAndRepetitionMeanNothing() {
    forAll(104) { policy, request, generator in
      var rules = policy.rules + policy.rules.filter { _ in generator.chance(50) }
      rules.shuffle(using: &generator)
      let other = Policy(rules: rules)
      #expect(other.decide(request).effect == policy.decide(request).effect)
      #expect(other.decide(request).rules == policy.decide(request).rules)
      #expect(Policy(rules: policy.rules.reversed()).digest == policy.digest)
    }
  }

  @Test func addingAPermitKeepsAPermit() {
    forAll(105) { policy, request, generator in
      guard policy.decide(request).effect == .permit else { return }
      let more = PolicyRule.random("new", using: &generator).with(id: "new", effect: .permit)
      #expect(Policy(rules: policy.rules + [more]).decide(request).effect == .permit)
    }
  }

  @Test func addingAForbidKeepsAForbid() {
    forAll(106) { policy, request, generator in
      guard policy.decide(request).effect == .forbid else { return }
      let more = PolicyRule.random("new", using: &generator).with(id: "new", effect: .forbid)
      #expect(Policy(rules: policy.rules + [more]).decide(request).effect == .forbid)
    }
  }

  @Test func removingAForbidKeepsAPermit() {
    forAll(107) { policy, request, generator in
      guard policy.decide(request).effect == .permit else { return }
      let fewer = policy.rules.filter { $0.effect == .permit || generator.chance(50) }
      #expect(Policy(rules: fewer).decide(request).effect == .permit)
    }
  }

  @Test func whatIsNotSaidNeverHelpsACall() {
    // True of every policy that does not ask whether an attribute is present.
    forAll(108, policies: 300, present: false) { policy, request, generator in
      guard policy.decide(request).effect == .forbid else { return }
      var poorer = request
      if generator.chance(50) { poorer.call.resource["a"] = nil }
      if generator.chance(50) { poorer.call.resource["b"] = nil }
      if generator.chance(50) { poorer.context.attributes = [:] }
      if generator.chance(50) { poorer.context.caseOwnerUID = nil }
      if generator.chance(50) { poorer.context.daemonUID = nil }
      #expect(policy.decide(poorer).effect == .forbid, "\(policy.rules) \(request) \(poorer)")
    }
  }

  @Test func theExplanationAgreesWithTheDecision() {
    forAll(109) { policy, request, _ in
      let decision = policy.decide(request)
      let explanation = policy.explain(request.call, principal: request.principal, context: request.context)
      #expect(explanation.map(\.rule) == policy.rules.map(\.id))
      let holding = explanation.filter { $0.holds && $0.effect == (decision.rules.isEmpty ? .permit : decision.effect) }
      #expect(holding.map(\.rule).sorted() == decision.rules)
      #expect(explanation.allSatisfy { !$0.reason.isEmpty })
    }
  }

  @Test func theDigestChangesWithTheMeaning() {
    var generator = SeededGenerator(seed: 110)
    for _ in 0..<300 {
      let rules = randomRules(using: &generator)
      guard let first = rules.first else { continue }
      let turned = first.with(id: first.id, effect: first.effect == .permit ? .forbid : .permit)
      #expect(Policy(rules: [turned] + rules.dropFirst()).digest != Policy(rules: rules).digest)
      #expect(Policy(rules: Array(rules.dropFirst())).digest != Policy(rules: rules).digest)
    }
  }
}
