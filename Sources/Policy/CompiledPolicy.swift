// The evaluator that decides: rules sorted by action, each condition made into one check with sets and bounds.
// What must stay true: it says what PolicyReference says. It asks a different question of each check ("must it hold?"
// for permits, "may it hold?" for forbids) instead of computing three truth values.

import JSON

/// Rules prepared for deciding.
struct CompiledPolicy: Sendable {
  private struct Rule: Sendable {
    let id: String
    let checks: [Check]
  }

  /// Everything one rule asks of one attribute.
  private struct Check: Sendable {
    let attribute: PolicyAttribute
    var presence: Bool?
    var contradictsItself = false
    /// Each must contain the value.
    var allowed: [Choice] = []
    /// None may contain it.
    var refused: [Choice] = []
    var lower: Double?
    var upper: Double?
    var prefixes: [[UInt8]] = []
  }

  /// A set of operands.
  fileprivate struct Choice: Sendable {
    var texts: Set<[UInt8]> = []
    var numbers: Set<Double> = []
    var truths: Set<Bool> = []
    var hasNull = false
    var hasOwner = false
    var hasDaemon = false
  }

  private let permits: [String: [Rule]]
  private let forbids: [String: [Rule]]
  private let permitsForAll: [Rule]
  private let forbidsForAll: [Rule]

  init(_ rules: [PolicyRule]) {
    var byAction: [PolicyDecision.Effect: [String: [Rule]]] = [:]
    var forAll: [PolicyDecision.Effect: [Rule]] = [:]
    for rule in rules {
      let compiled = Rule(id: rule.id, checks: CompiledPolicy.checks(rule.conditions))
      if let actions = rule.actions {
        for action in actions { byAction[rule.effect, default: [:]][action.rawValue, default: []].append(compiled) }
      } else {
        forAll[rule.effect, default: []].append(compiled)
      }
    }
    permits = byAction[.permit] ?? [:]
    forbids = byAction[.forbid] ?? [:]
    permitsForAll = forAll[.permit] ?? []
    forbidsForAll = forAll[.forbid] ?? []
  }

  func decide(_ request: PolicyRequest) -> (effect: PolicyDecision.Effect, rules: [String]) {
    let action = request.call.action
    let forbidding = holding(forbids[action] ?? [], forbidsForAll, request, doubtCounts: true)
    if !forbidding.isEmpty { return (.forbid, forbidding) }
    let permitting = holding(permits[action] ?? [], permitsForAll, request, doubtCounts: false)
    return (permitting.isEmpty ? .forbid : .permit, permitting)
  }

  private func holding(_ named: [Rule], _ general: [Rule], _ request: PolicyRequest, doubtCounts: Bool) -> [String] {
    var ids: [String] = []
    for rules in [named, general] {
      for rule in rules where rule.checks.allSatisfy({ passes($0, request, doubtCounts) }) { ids.append(rule.id) }
    }
    return Set(ids).sorted()
  }

  /// Whether the check holds; where that cannot be told, `doubt`.
  private func passes(_ check: Check, _ request: PolicyRequest, _ doubt: Bool) -> Bool {
    if check.contradictsItself { return false }
    let value: JSONValue?
    switch check.attribute {
    case .principalUID: value = .number(Double(request.principal.uid))
    case .principalGID: value = .number(Double(request.principal.gid))
    case .principalKind: value = .string(request.principal.kind.rawValue)
    case .resource(let key): value = request.call.resource[key]
    case .context(let key): value = request.context.attributes[key]
    }
    guard let value else {
      if check.presence == true { return false }
      let asksMore =
        !check.allowed.isEmpty || !check.refused.isEmpty || check.lower != nil || check.upper != nil
        || !check.prefixes.isEmpty
      return asksMore ? doubt : true
    }
    if check.presence == false { return false }
    return passes(check, value, request.context, doubt)
  }

  private func passes(_ check: Check, _ value: JSONValue, _ context: PolicyContext, _ doubt: Bool) -> Bool {
    for choice in check.allowed {
      if choice.contains(value, context) { continue }
      if !(doubt && choice.isOpen(context)) { return false }
    }
    for choice in check.refused {
      if choice.contains(value, context) { return false }
      if !doubt, choice.isOpen(context) { return false }
    }
    if check.lower != nil || check.upper != nil {
      if case .number(let number) = value {
        if let lower = check.lower, number < lower { return false }
        if let upper = check.upper, number > upper { return false }
      } else if !doubt {
        return false
      }
    }
    if !check.prefixes.isEmpty {
      if case .string(let text) = value {
        let bytes = Array(text.utf8)
        if !check.prefixes.allSatisfy({ bytes.starts(with: $0) }) { return false }
      } else if !doubt {
        return false
      }
    }
    return true
  }

  private static func checks(_ conditions: [PolicyCondition]) -> [Check] {
    var checks: [PolicyAttribute: Check] = [:]
    for condition in conditions {
      var check = checks[condition.attribute] ?? Check(attribute: condition.attribute)
      for test in condition.tests {
        switch test {
        case .present(let expected):
          if let presence = check.presence, presence != expected { check.contradictsItself = true }
          check.presence = expected
        case .anyOf(let operands): check.allowed.append(Choice(operands))
        case .noneOf(let operands): check.refused.append(Choice(operands))
        case .atMost(let limit): check.upper = min(limit, check.upper ?? limit)
        case .atLeast(let limit): check.lower = max(limit, check.lower ?? limit)
        case .prefix(let text): check.prefixes.append(Array(text.utf8))
        }
      }
      checks[condition.attribute] = check
    }
    return Array(checks.values)
  }
}

extension CompiledPolicy.Choice {
  fileprivate init(_ operands: [PolicyOperand]) {
    for operand in operands {
      switch operand {
      case .owner: hasOwner = true
      case .daemon: hasDaemon = true
      case .value(.string(let text)): texts.insert(Array(text.utf8))
      case .value(.number(let number)): numbers.insert(number)
      case .value(.bool(let truth)): truths.insert(truth)
      case .value(.null): hasNull = true
      // The file reader lets no list or object in.
      case .value(.array), .value(.object): break
      }
    }
  }

  fileprivate func contains(_ value: JSONValue, _ context: PolicyContext) -> Bool {
    switch value {
    case .string(let text): texts.contains(Array(text.utf8))
    case .number(let number):
      numbers.contains(number) || (hasOwner && context.caseOwnerUID.map(Double.init) == number)
        || (hasDaemon && context.daemonUID.map(Double.init) == number)
    case .bool(let truth): truths.contains(truth)
    case .null: hasNull
    case .array, .object: false
    }
  }

  /// Whether it names someone whom the context does not know.
  fileprivate func isOpen(_ context: PolicyContext) -> Bool {
    (hasOwner && context.caseOwnerUID == nil) || (hasDaemon && context.daemonUID == nil)
  }
}
