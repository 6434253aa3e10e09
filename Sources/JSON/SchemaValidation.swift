// Checks a value against compiled nodes.
// What must stay true: work is bounded by the steps given, recursion by `maxDepth`, and running out of either makes
// the value invalid, never valid. Inside not, if, anyOf and the like a failed check gives no violation of its own;
// there the check stops at the first failure.

struct SchemaRun {
  private let nodes: [SchemaNode]
  private var steps: Int
  private(set) var violations: [SchemaViolation] = []
  private var path: [String] = []
  private var depth = 0
  /// Above zero inside a subschema whose failure is not itself a violation.
  private var probing = 0
  /// What failed last while probing, to explain a failed anyOf or oneOf.
  private var lastFailure: (depth: Int, text: String)?
  private var gaveUp = false

  static let maxViolations = 32
  /// Each level is a subschema applied; a value is at most 64 deep when it was parsed with standard limits.
  static let maxDepth = 320

  init(nodes: [SchemaNode], steps: Int) {
    self.nodes = nodes
    self.steps = steps
  }

  /// Whether the value is valid by one node; violations are collected on the way.
  @discardableResult
  mutating func check(_ index: Int, _ value: JSONValue) -> Bool {
    guard pay(4) else { return false }
    guard depth < SchemaRun.maxDepth else {
      return giveUp("the schema applies more than \(SchemaRun.maxDepth) subschemas inside one another")
    }
    depth += 1
    defer { depth -= 1 }
    switch nodes[index] {
    case .never: return fail("false", "met \(value.shortened()); nothing is allowed here")
    case .all(let assertions):
      var valid = true
      for assertion in assertions {
        if !check(assertion, value) {
          valid = false
          if shouldStop { return false }
        }
      }
      return valid
    }
  }

  private var shouldStop: Bool { gaveUp || probing > 0 || violations.count >= SchemaRun.maxViolations }

  /// Takes steps; false when there are none left.
  private mutating func pay(_ cost: Int) -> Bool {
    steps -= cost
    return steps > 0 ? !gaveUp : giveUp("checking the value takes too long")
  }

  private mutating func giveUp(_ message: String) -> Bool {
    if !gaveUp {
      gaveUp = true
      if violations.count >= SchemaRun.maxViolations { violations.removeLast() }
      violations.append(SchemaViolation(pointer: JSONPointer(path).description, keyword: "limit", message: message))
    }
    return false
  }

  /// Notes a failure. The message is built only when it is kept.
  private mutating func fail(_ keyword: String, _ message: @autoclosure () -> String) -> Bool {
    if gaveUp { return false }
    if probing > 0 {
      if lastFailure == nil || path.count > lastFailure?.depth ?? -1 {
        steps -= 32
        let place = path.isEmpty ? "" : "at \(JSONPointer(path)): "
        lastFailure = (path.count, place + message())
      }
    } else if violations.count < SchemaRun.maxViolations {
      violations.append(
        SchemaViolation(pointer: JSONPointer(path).description, keyword: keyword, message: message()))
    }
    return false
  }

  /// Whether the value is valid by one node, without collecting violations.
  private mutating func probe(_ index: Int, _ value: JSONValue) -> Bool {
    probing += 1
    defer { probing -= 1 }
    return check(index, value)
  }

  private mutating func check(_ index: Int, _ value: JSONValue, at step: String) -> Bool {
    path.append(step)
    defer { path.removeLast() }
    return check(index, value)
  }

  private mutating func check(_ assertion: SchemaAssertion, _ value: JSONValue) -> Bool {
    guard pay(1) else { return false }
    switch assertion {
    case .type(let types): return checkType(types, value)
    case .oneOfValues(let keyword, let values, let text): return checkValues(keyword, values, text, value)
    case .size(let size): return checkSize(size, value)
    case .bound(let bound):
      guard case .number(let number) = value, !bound.accepts(number) else { return true }
      return fail(bound.keyword, "met \(value.shortened()); expected \(bound.expectation)")
    case .multipleOf(let divisor, let text):
      guard case .number(let number) = value, !DecimalNumber(number).isMultiple(of: divisor) else { return true }
      return fail("multipleOf", "met \(value.shortened()); expected a multiple of \(canonicalNumber(text))")
    case .pattern(let pattern):
      guard case .string(let text) = value else { return true }
      return checkPattern(pattern, text)
    case .uniqueItems: return checkUnique(value)
    case .items(let prefix, let rest): return checkItems(prefix, rest, value)
    case .contains(let index, let min, let max): return checkContains(index, min, max, value)
    case .required(let names): return checkRequired(names, value)
    case .dependentRequired(let lists): return checkDependentRequired(lists, value)
    case .dependentSchemas(let schemas): return checkDependentSchemas(schemas, value)
    case .members(let properties, let patterns, let additional):
      return checkMembers(properties, patterns, additional, value)
    case .propertyNames(let index): return checkNames(index, value)
    case .ref(let index, _): return check(index, value)
    case .allOf(let indices): return checkAll(indices, value)
    case .anyOf(let indices): return checkAny(indices, value)
    case .oneOf(let indices): return checkOne(indices, value)
    case .not(let index):
      if probe(index, value) { return fail("not", "met \(value.shortened()), which is what must not be here") }
      return !gaveUp
    case .condition(let condition, let then, let otherwise):
      guard let index = probe(condition, value) ? then : otherwise else { return !gaveUp }
      return check(index, value)
    }
  }
}

// MARK: - Values and numbers
extension SchemaRun {
  private mutating func checkType(_ types: [SchemaType], _ value: JSONValue) -> Bool {
    if types.contains(where: { $0.accepts(value) }) { return true }
    return fail("type", "met \(value.shortened()); expected \(types.map(\.rawValue).joined(separator: " or "))")
  }

  private mutating func checkValues(_ keyword: String, _ values: Set<[UInt8]>, _ text: String, _ value: JSONValue)
    -> Bool
  {
    let bytes = value.canonicalBytes()
    guard pay(bytes.count) else { return false }
    return values.contains(bytes) || fail(keyword, "met \(value.shortened()); expected \(text)")
  }

  private mutating func checkSize(_ size: SchemaSize, _ value: JSONValue) -> Bool {
    let count: Int
    switch (size.measure, value) {
    case (.length, .string(let text)):
      guard pay(text.utf8.count) else { return false }
      count = text.unicodeScalars.count
    case (.items, .array(let elements)): count = elements.count
    case (.properties, .object(let members)): count = members.count
    default: return true
    }
    if size.isMinimum ? Double(count) >= size.limit : Double(count) <= size.limit { return true }
    let unit = size.measure == .length ? "characters" : size.measure.rawValue
    return fail(
      size.keyword,
      "met \(value.shortened()) with \(count) \(unit); expected at \(size.isMinimum ? "least" : "most") "
        + canonicalNumber(size.limit))
  }

  private mutating func checkPattern(_ pattern: SchemaPattern, _ text: String) -> Bool {
    switch matches(pattern, text) {
    case true?: return true
    case false?:
      return fail("pattern", "met \(JSONValue.string(text).shortened()); expected text that matches \(pattern.source)")
    case nil: return false
    }
  }

  /// Nil when the match took too long: that is a violation, and the end of the check.
  private mutating func matches(_ pattern: SchemaPattern, _ text: String) -> Bool? {
    switch pattern.match(text, steps: &steps) {
    case .matched: return true
    case .unmatched: return false
    case .outOfSteps:
      _ = giveUp("matching the pattern \(JSONValue.string(pattern.source).shortened()) takes too long")
      return nil
    }
  }
}

// MARK: - Arrays
extension SchemaRun {
  private mutating func checkUnique(_ value: JSONValue) -> Bool {
    guard case .array(let elements) = value else { return true }
    var seen: [[UInt8]: Int] = [:]
    for (index, element) in elements.enumerated() {
      let bytes = element.canonicalBytes()
      guard pay(bytes.count + 1) else { return false }
      if let first = seen.updateValue(index, forKey: bytes) {
        return fail("uniqueItems", "elements \(first) and \(index) are equal (\(element.shortened()))")
      }
    }
    return true
  }

  private mutating func checkItems(_ prefix: [Int], _ rest: Int?, _ value: JSONValue) -> Bool {
    guard case .array(let elements) = value else { return true }
    var valid = true
    for (position, element) in elements.enumerated() {
      guard let index = position < prefix.count ? prefix[position] : rest else { break }
      if !check(index, element, at: String(position)) {
        valid = false
        if shouldStop { return false }
      }
    }
    return valid
  }

  private mutating func checkContains(_ index: Int, _ min: Int, _ max: Int?, _ value: JSONValue) -> Bool {
    guard case .array(let elements) = value else { return true }
    var count = 0
    for element in elements where probe(index, element) { count += 1 }
    if gaveUp { return false }
    if count < min {
      return fail(
        min == 1 ? "contains" : "minContains",
        "\(count) of \(elements.count) elements are as `contains` asks; expected at least \(min)")
    }
    if let max, count > max {
      return fail(
        "maxContains", "\(count) of \(elements.count) elements are as `contains` asks; expected at most \(max)")
    }
    return true
  }
}

// MARK: - Objects
extension SchemaRun {
  private mutating func checkRequired(_ names: [String], _ value: JSONValue) -> Bool {
    guard case .object(let members) = value else { return true }
    var valid = true
    for name in names where members[name] == nil {
      guard pay(1) else { return false }
      valid = fail("required", "the key \"\(name)\" is missing")
      if shouldStop { return false }
    }
    return valid
  }

  private mutating func checkDependentRequired(_ lists: [String: [String]], _ value: JSONValue) -> Bool {
    guard case .object(let members) = value else { return true }
    for (key, names) in lists.sorted(by: { $0.key < $1.key }) where members[key] != nil {
      if let missing = names.first(where: { members[$0] == nil }) {
        return fail("dependentRequired", "the key \"\(missing)\" is missing; it is required together with \"\(key)\"")
      }
    }
    return true
  }

  private mutating func checkDependentSchemas(_ schemas: [String: Int], _ value: JSONValue) -> Bool {
    guard case .object(let members) = value else { return true }
    var valid = true
    for (key, index) in schemas.sorted(by: { $0.key < $1.key }) where members[key] != nil {
      if !check(index, value) {
        valid = false
        if shouldStop { return false }
      }
    }
    return valid
  }

  private mutating func checkMembers(
    _ properties: [String: Int], _ patterns: [(SchemaPattern, Int)], _ additional: Int?, _ value: JSONValue
  ) -> Bool {
    guard case .object(let members) = value else { return true }
    var valid = true
    for (name, member) in members.sorted(by: { $0.key < $1.key }) {
      guard pay(1) else { return false }
      if !checkMember(name, member, properties, patterns, additional) {
        valid = false
        if shouldStop { return false }
      }
    }
    return valid
  }

  private mutating func checkMember(
    _ name: String, _ member: JSONValue, _ properties: [String: Int], _ patterns: [(SchemaPattern, Int)],
    _ additional: Int?
  ) -> Bool {
    var valid = true
    var isNamed = false
    if let index = properties[name] {
      isNamed = true
      valid = check(index, member, at: name)
      if !valid, shouldStop { return false }
    }
    for (pattern, index) in patterns {
      guard let matched = matches(pattern, name) else { return false }
      guard matched else { continue }
      isNamed = true
      if !check(index, member, at: name) {
        valid = false
        if shouldStop { return false }
      }
    }
    guard !isNamed, let additional else { return valid }
    if case .never = nodes[additional] {
      let known = properties.keys.sorted().prefix(12).joined(separator: ", ")
      return fail(
        "additionalProperties",
        "the key \(JSONValue.string(name).shortened(to: 40)) is not known here"
          + (known.isEmpty ? "" : "; known are \(known)\(properties.count > 12 ? ", …" : "")"))
    }
    return check(additional, member, at: name)
  }

  private mutating func checkNames(_ index: Int, _ value: JSONValue) -> Bool {
    guard case .object(let members) = value else { return true }
    for name in members.keys.sorted() {
      if !probe(index, .string(name)) {
        return fail("propertyNames", "the key \(JSONValue.string(name).shortened(to: 40)) is not allowed as a key")
      }
    }
    return true
  }
}

// MARK: - Combinations
extension SchemaRun {
  private mutating func checkAll(_ indices: [Int], _ value: JSONValue) -> Bool {
    var valid = true
    for index in indices where !check(index, value) {
      valid = false
      if shouldStop { return false }
    }
    return valid
  }

  private mutating func checkAny(_ indices: [Int], _ value: JSONValue) -> Bool {
    let outer = lastFailure
    lastFailure = nil
    for index in indices {
      if probe(index, value) {
        lastFailure = outer
        return true
      }
      if gaveUp { return false }
    }
    let nearest = lastFailure?.text
    lastFailure = outer
    return fail("anyOf", SchemaRun.noneAccepts(indices.count, value, nearest))
  }

  private mutating func checkOne(_ indices: [Int], _ value: JSONValue) -> Bool {
    let outer = lastFailure
    lastFailure = nil
    var accepting: [Int] = []
    for (position, index) in indices.enumerated() {
      if probe(index, value) { accepting.append(position) }
      if gaveUp { return false }
    }
    let nearest = lastFailure?.text
    lastFailure = outer
    switch accepting.count {
    case 1: return true
    case 0: return fail("oneOf", SchemaRun.noneAccepts(indices.count, value, nearest))
    default:
      return fail(
        "oneOf", "met \(value.shortened()), which alternatives \(accepting[0]) and \(accepting[1]) both accept")
    }
  }

  private static func noneAccepts(_ count: Int, _ value: JSONValue, _ nearest: String?) -> String {
    "met \(value.shortened()), which none of \(count) alternatives accepts"
      + (nearest.map { " (the nearest: \($0))" } ?? "")
  }
}
