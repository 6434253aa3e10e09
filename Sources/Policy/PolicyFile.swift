// From the tree of a policy file to its rules.
// What must stay true: every key is known or refused by name and line; a rule is complete (why, and examples both
// ways) or the whole file is refused.
// To add a key: read it here, give it a meaning in PolicyReference and CompiledPolicy, and its line in docs and tests.

import Domain
import JSON

enum PolicyFile {
  static let maxRules = 1_000
  static let maxListLength = 1_000
  static let maxExamples = 100
  static let maxTextBytes = 4_096

  static func read(_ text: String) throws(PolicyError) -> [PolicyRule] {
    let root = try PolicyText.parse(text)
    let file = try PolicyMap(root, "the file", known: ["version", "rules"])
    let version = try file.required("version")
    guard case .scalar(.number(1)) = version.content else {
      throw version.error("met version \(version.shape); this daemon reads version 1")
    }
    let list = try file.required("rules")
    var rules: [PolicyRule] = []
    for node in try elements(list, "rules", most: maxRules) {
      let rule = try self.rule(node)
      if rules.contains(where: { $0.id == rule.id }) { throw node.error("the id is there twice", rule: rule.id) }
      rules.append(rule)
    }
    return rules
  }

  private static func rule(_ node: PolicyNode) throws(PolicyError) -> PolicyRule {
    let map = try PolicyMap(node, "a rule", known: ["id", "effect", "action", "when", "why", "examples"])
    let id = try text(map.required("id"), "id")
    guard CaseID(id).isWellFormed else {
      throw try map.required("id").error(
        "met the id \(JSONValue.string(id).canonicalString()); use letters, digits, . _ -")
    }
    do {
      return try rule(id, map)
    } catch {
      var error = error
      error.rule = id
      throw error
    }
  }

  private static func rule(_ id: String, _ map: PolicyMap) throws(PolicyError) -> PolicyRule {
    let effectNode = try map.required("effect")
    guard let effect = PolicyDecision.Effect(rawValue: try text(effectNode, "effect")) else {
      throw effectNode.error("met the effect \(effectNode.shape); it is permit or forbid")
    }
    let why = try text(map.required("why"), "why")
    guard why.contains(where: { !$0.isWhitespace }) else {
      throw try map.required("why").error("why is empty; say why the rule is there")
    }
    let actions = try actions(map.required("action"))
    let conditions = try map.optional("when").map { (node) throws(PolicyError) in try self.conditions(node) } ?? []
    return PolicyRule(
      id: id, effect: effect, actions: actions, conditions: conditions, why: why,
      examples: try PolicyExampleReader.read(map.required("examples")))
  }

  private static func actions(_ node: PolicyNode) throws(PolicyError) -> Set<PolicyAction>? {
    var actions: Set<PolicyAction> = []
    for element in try elements(node, "action", most: maxListLength, orOne: true) {
      let name = try text(element, "action")
      if name == "*" {
        if case .list(let all) = node.content, all.count > 1 {
          throw element.error("\"*\" is every action; it stands alone")
        }
        return nil
      }
      guard let action = PolicyAction(rawValue: name) else {
        let known = PolicyAction.allCases.map(\.rawValue).joined(separator: ", ")
        throw element.error("met the action \(element.shape); known are \(known), or \"*\" alone")
      }
      actions.insert(action)
    }
    return actions
  }

  private static func conditions(_ node: PolicyNode) throws(PolicyError) -> [PolicyCondition] {
    let map = try PolicyMap(node, "when", known: ["principal", "resource", "context"])
    var conditions: [PolicyCondition] = []
    if let principal = map.optional("principal") {
      let map = try PolicyMap(principal, "principal", known: ["uid", "gid", "kind"])
      for (key, attribute) in [("uid", PolicyAttribute.principalUID), ("gid", .principalGID), ("kind", .principalKind)]
      {
        guard let node = map.optional(key) else { continue }
        conditions.append(PolicyCondition(attribute: attribute, tests: try tests(node, attribute)))
      }
    }
    if let resource = map.optional("resource") {
      for (key, node) in try members(resource, "resource") {
        conditions.append(PolicyCondition(attribute: .resource(key), tests: try tests(node, .resource(key))))
      }
    }
    if let context = map.optional("context") {
      for (key, node) in try members(context, "context") {
        conditions.append(PolicyCondition(attribute: .context(key), tests: try tests(node, .context(key))))
      }
    }
    if conditions.isEmpty { throw node.error("when asks for nothing; leave it out, or name a condition") }
    return conditions
  }

  private static func tests(_ node: PolicyNode, _ attribute: PolicyAttribute) throws(PolicyError) -> [PolicyTest] {
    guard case .map = node.content else { return [.anyOf(try operands(node, attribute))] }
    let isPrincipal = [PolicyAttribute.principalUID, .principalGID, .principalKind].contains(attribute)
    let known = isPrincipal ? ["anyOf", "not"] : ["anyOf", "not", "atMost", "atLeast", "prefix", "present"]
    var tests: [PolicyTest] = []
    for (key, value) in try PolicyMap(node, attribute.name, known: known).members {
      switch key {
      case "anyOf": tests.append(.anyOf(try operands(value, attribute)))
      case "not": tests.append(.noneOf(try operands(value, attribute)))
      case "atMost": tests.append(.atMost(try number(value, key)))
      case "atLeast": tests.append(.atLeast(try number(value, key)))
      case "prefix": tests.append(.prefix(try text(value, key)))
      default:
        guard case .scalar(.bool(let expected)) = value.content else {
          throw value.error("met \(value.shape); present is true or false")
        }
        tests.append(.present(expected))
      }
    }
    if tests.isEmpty { throw node.error("\(attribute.name) is asked for nothing") }
    return tests
  }

  private static func operands(_ node: PolicyNode, _ attribute: PolicyAttribute) throws(PolicyError)
    -> [PolicyOperand]
  {
    var operands: [PolicyOperand] = []
    for element in try elements(node, attribute.name, most: maxListLength, orOne: true) {
      guard case .scalar(let value) = element.content else {
        throw element.error(
          "met \(element.shape); \(attribute.name) is compared with text, numbers, true, false or null")
      }
      switch (attribute, value) {
      case (.principalUID, .string("owner")): operands.append(.owner)
      case (.principalUID, .string("self")): operands.append(.daemon)
      case (.principalUID, .number(let number)), (.principalGID, .number(let number)):
        guard UInt32(exactly: number) != nil else {
          throw element.error("met \(element.shape); an id is 0 to 4294967295")
        }
        operands.append(.value(value))
      case (.principalUID, _): throw element.error("met \(element.shape); a uid is owner, self or a number")
      case (.principalGID, _): throw element.error("met \(element.shape); a gid is a number")
      case (.principalKind, .string(let kind)) where Principal.Kind(rawValue: kind) != nil:
        operands.append(.value(value))
      case (.principalKind, _):
        let known = Principal.Kind.allCases.map(\.rawValue).joined(separator: ", ")
        throw element.error("met \(element.shape); the kinds are \(known)")
      default: operands.append(.value(value))
      }
    }
    return operands
  }
}

// MARK: - Pieces
extension PolicyFile {
  static func text(_ node: PolicyNode, _ name: String) throws(PolicyError) -> String {
    guard case .scalar(.string(let text)) = node.content else {
      throw node.error("met \(node.shape); \(name) is text")
    }
    guard text.utf8.count <= maxTextBytes else { throw node.error("\(name) has more than \(maxTextBytes) bytes") }
    return text
  }

  static func number(_ node: PolicyNode, _ name: String) throws(PolicyError) -> Double {
    guard case .scalar(.number(let number)) = node.content else {
      throw node.error("met \(node.shape); \(name) is a number")
    }
    return number
  }

  /// The elements of a list that is not empty; of one value when `orOne`.
  static func elements(_ node: PolicyNode, _ name: String, most: Int, orOne: Bool = false) throws(PolicyError)
    -> [PolicyNode]
  {
    switch node.content {
    case .list(let elements):
      guard !elements.isEmpty else { throw node.error("\(name) is an empty list") }
      guard elements.count <= most else { throw node.error("\(name) has \(elements.count) elements; at most \(most)") }
      return elements
    case .scalar where orOne: return [node]
    case .scalar, .map: throw node.error("met \(node.shape); \(name) is a list")
    }
  }

  static func members(_ node: PolicyNode, _ name: String) throws(PolicyError) -> [(key: String, node: PolicyNode)] {
    guard case .map(let members) = node.content else { throw node.error("met \(node.shape); \(name) is a map") }
    return members
  }
}

/// A map whose keys are all known.
struct PolicyMap {
  let node: PolicyNode
  let name: String
  let members: [(key: String, node: PolicyNode)]

  init(_ node: PolicyNode, _ name: String, known: [String]) throws(PolicyError) {
    self.node = node
    self.name = name
    members = try PolicyFile.members(node, name)
    for (key, value) in members where !known.contains(key) {
      let text = JSONValue.string(String(key.prefix(60))).canonicalString()
      throw value.error("the key \(text) is not known in \(name); known are \(known.joined(separator: ", "))")
    }
  }

  func optional(_ key: String) -> PolicyNode? { members.first { $0.key == key }?.node }

  func required(_ key: String) throws(PolicyError) -> PolicyNode {
    guard let node = optional(key) else { throw self.node.error("the key \"\(key)\" is missing in \(name)") }
    return node
  }
}
