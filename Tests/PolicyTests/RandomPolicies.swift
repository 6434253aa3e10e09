// Repeatable randomness, and random policies and requests from a small world in which rules often meet requests.

import Domain
import JSON
import TestSupport

@testable import Policy

extension SeededGenerator {
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
  mutating func pick<T>(_ values: [T]) -> T { values[Int.random(in: 0..<values.count, using: &self)] }
  mutating func some<T>(_ count: ClosedRange<Int>, _ make: (inout SeededGenerator) -> T) -> [T] {
    (0..<Int.random(in: count, using: &self)).map { _ in make(&self) }
  }
}

/// Few values, so that they meet; two spellings of é, a number as text, and a list.
private let values: [JSONValue] = [
  nil, true, false, 0, 1, 2.5, "", "a", "ab", "b", "1", "\u{e9}", "e\u{301}", [1], ["k": "a"],
]
private let knownActions: [PolicyAction] = [.toolCall, .caseRead, .traceRead]

extension PolicyRule {
  static func random(_ id: String, present: Bool = true, using generator: inout SeededGenerator) -> PolicyRule {
    PolicyRule(
      id: id, effect: generator.chance(55) ? .permit : .forbid,
      actions: generator.chance(20) ? nil : Set(generator.some(1...2) { $0.pick(knownActions) }),
      conditions: generator.some(0...3) { .random(present: present, using: &$0) }, why: "because",
      examples: PolicyExamples(match: [], noMatch: []))
  }

  func with(id: String, effect: PolicyDecision.Effect) -> PolicyRule {
    PolicyRule(id: id, effect: effect, actions: actions, conditions: conditions, why: why, examples: examples)
  }
}

extension PolicyCondition {
  static func random(present: Bool, using generator: inout SeededGenerator) -> PolicyCondition {
    let attribute: PolicyAttribute = generator.pick([
      .principalUID, .principalGID, .principalKind, .resource("a"), .resource("b"), .context("c"),
    ])
    return PolicyCondition(
      attribute: attribute, tests: generator.some(1...2) { .random(attribute, present: present, using: &$0) })
  }
}

extension PolicyTest {
  static func random(_ attribute: PolicyAttribute, present: Bool, using generator: inout SeededGenerator) -> PolicyTest
  {
    func operands(_ generator: inout SeededGenerator) -> [PolicyOperand] {
      generator.some(1...3) { generator in
        switch attribute {
        case .principalUID:
          generator.pick([.owner, .daemon, .value(.number(Double(Int.random(in: 0..<4, using: &generator))))])
        case .principalGID: .value(.number(Double(Int.random(in: 0..<4, using: &generator))))
        case .principalKind: .value(.string(generator.pick(Principal.Kind.allCases).rawValue))
        default: .value(generator.pick(values.filter { $0.arrayValue == nil && $0.objectValue == nil }))
        }
      }
    }
    switch Int.random(in: 0..<(present ? 7 : 6), using: &generator) {
    case 0, 1: return .anyOf(operands(&generator))
    case 2: return .noneOf(operands(&generator))
    case 3: return .atMost(generator.pick([0, 1, 2]))
    case 4: return .atLeast(generator.pick([0, 1, 2]))
    case 5: return .prefix(generator.pick(["", "a", "e", "\u{e9}"]))
    default: return .present(generator.chance(60))
    }
  }
}

extension PolicyRequest {
  static func random(using generator: inout SeededGenerator) -> PolicyRequest {
    var resource: [String: JSONValue] = [:]
    for key in ["a", "b"] where generator.chance(70) { resource[key] = generator.pick(values) }
    let uid = { (generator: inout SeededGenerator) in UInt32.random(in: 0..<4, using: &generator) }
    let principal = Principal(
      uid: uid(&generator), gid: uid(&generator), pid: nil, kind: generator.pick(Principal.Kind.allCases))
    return PolicyRequest(
      call: PolicyCall(
        action: generator.chance(95) ? generator.pick(knownActions).rawValue : "unheard.of", resource: resource,
        arguments: .null),
      principal: principal,
      context: PolicyContext(
        caseOwnerUID: generator.chance(70) ? uid(&generator) : nil,
        attributes: generator.chance(70) ? ["c": generator.pick(values)] : [:],
        daemonUID: generator.chance(70) ? uid(&generator) : nil))
  }
}

/// A random policy of up to eight rules.
func randomRules(present: Bool = true, using generator: inout SeededGenerator) -> [PolicyRule] {
  (0..<Int.random(in: 0...8, using: &generator)).map {
    PolicyRule.random("r\($0)", present: present, using: &generator)
  }
}
