// One rule of a policy, as it was read.
// What must stay true: a rule is plain data that says all there is to say; both evaluators work from it alone.
// Meaning. A condition is true, false or not known: not known when the call does not state the attribute, when the
// attribute has another type than the test needs, or when `owner` or `self` is asked for and the context does not say
// who that is. A permit holds when all its conditions are true. A forbid holds unless one of its conditions is false:
// what is not known counts against the call. `present: true` lets a forbid pass over calls that do not state the
// attribute.

import Domain
public import JSON

/// A rule.
public struct PolicyRule: Sendable, Hashable {
  /// Its name, unique in the file.
  public let id: String
  /// What it says of the calls it holds for.
  public let effect: PolicyDecision.Effect
  /// The actions it is about; nil for every action.
  public let actions: Set<PolicyAction>?
  /// All of these together.
  public let conditions: [PolicyCondition]
  /// Why the rule is there, as a refusal tells it.
  public let why: String
  /// Requests it must hold for, and must not; checked when the file is read.
  public let examples: PolicyExamples
}

/// What is asked of one attribute of a request; all tests must hold.
public struct PolicyCondition: Sendable, Hashable {
  /// The attribute.
  public let attribute: PolicyAttribute
  /// What is asked of it.
  public let tests: [PolicyTest]
}

/// Something a request states.
public enum PolicyAttribute: Sendable, Hashable {
  case principalUID
  case principalGID
  case principalKind
  /// A key of the call's resource.
  case resource(String)
  /// A key of the context's attributes.
  case context(String)

  /// As a policy file spells the way to it.
  public var name: String {
    switch self {
    case .principalUID: "principal.uid"
    case .principalGID: "principal.gid"
    case .principalKind: "principal.kind"
    case .resource(let key): "resource.\(key)"
    case .context(let key): "context.\(key)"
    }
  }
}

/// One test of an attribute.
public enum PolicyTest: Sendable, Hashable {
  /// Whether the attribute is stated at all.
  case present(Bool)
  /// It is one of these.
  case anyOf([PolicyOperand])
  /// It is none of these.
  case noneOf([PolicyOperand])
  /// It is a number not above this.
  case atMost(Double)
  /// It is a number not below this.
  case atLeast(Double)
  /// It is text that begins with this.
  case prefix(String)
}

/// What an attribute is compared with.
public enum PolicyOperand: Sendable, Hashable {
  /// A text, number, truth value or null.
  case value(JSONValue)
  /// The user who opened the case.
  case owner
  /// The user the daemon runs as.
  case daemon
}

/// A call, who makes it, and where it stands.
public struct PolicyRequest: Sendable, Hashable, Codable {
  /// What is to be done.
  public var call: PolicyCall
  /// Who asks.
  public var principal: Principal
  /// Where it stands.
  public var context: PolicyContext

  /// A request.
  public init(call: PolicyCall, principal: Principal, context: PolicyContext) {
    self.call = call
    self.principal = principal
    self.context = context
  }
}

/// The examples of a rule.
public struct PolicyExamples: Sendable, Hashable {
  /// Requests the rule holds for.
  public let match: [PolicyRequest]
  /// Requests the rule does not hold for.
  public let noMatch: [PolicyRequest]
}

// MARK: - Canonical form, from which the policy's digest is made
extension PolicyRule {
  /// The rule as JSON; lists whose order has no meaning are sorted.
  var json: JSONValue {
    var members: [String: JSONValue] = [
      "id": .string(id), "effect": .string(effect.rawValue), "why": .string(why),
      "when": sorted(conditions.map(\.json)),
      "examples": [
        "match": sorted(examples.match.map(\.json)), "noMatch": sorted(examples.noMatch.map(\.json)),
      ],
    ]
    if let actions { members["action"] = sorted(actions.map { .string($0.rawValue) }) }
    return .object(members)
  }
}

extension PolicyCondition {
  var json: JSONValue { ["attribute": .string(attribute.name), "tests": sorted(tests.map(\.json))] }
}

extension PolicyTest {
  var json: JSONValue {
    switch self {
    case .present(let expected): ["present": .bool(expected)]
    case .anyOf(let operands): ["anyOf": sorted(operands.map(\.json))]
    case .noneOf(let operands): ["not": sorted(operands.map(\.json))]
    case .atMost(let limit): ["atMost": .number(limit)]
    case .atLeast(let limit): ["atLeast": .number(limit)]
    case .prefix(let text): ["prefix": .string(text)]
    }
  }
}

extension PolicyOperand {
  var json: JSONValue {
    switch self {
    case .value(let value): ["value": value]
    case .owner: "owner"
    case .daemon: "self"
    }
  }
}

extension PolicyRequest {
  var json: JSONValue { ["call": call.json, "principal": principal.json, "context": context.json] }
}

extension PolicyCall {
  var json: JSONValue { ["action": .string(action), "resource": .object(resource), "arguments": arguments] }
}

extension Principal {
  /// Without the process, which is not what an approval is about.
  var json: JSONValue {
    ["uid": .number(Double(uid)), "gid": .number(Double(gid)), "kind": .string(kind.rawValue)]
  }
}

extension PolicyContext {
  var json: JSONValue {
    var members: [String: JSONValue] = ["attributes": .object(attributes)]
    members["caseID"] = caseID.map { .string($0.rawValue) }
    members["caseOwnerUID"] = caseOwnerUID.map { .number(Double($0)) }
    members["turn"] = turn.map { .string($0.rawValue) }
    members["daemonUID"] = daemonUID.map { .number(Double($0)) }
    return .object(members)
  }
}

/// An array in canonical order without repetitions.
private func sorted(_ values: [JSONValue]) -> JSONValue {
  let byText = Dictionary(values.map { ($0.canonicalBytes(), $0) }) { first, _ in first }
  return .array(byText.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value))
}
