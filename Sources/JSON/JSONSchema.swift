// JSON Schema 2020-12, the part that tools, methods and steps need, compiled once and then used for many values.
// What must stay true: a keyword that would assert something is either checked or refused by name, never passed
// over; nothing is fetched; compiling and validating are bounded whatever the schema says.
// To add a keyword: its name in `Vocabulary`, a case of `SchemaAssertion` and its reading in SchemaCompiler.swift,
// its check in SchemaValidation.swift, its file in JSONSchemaSuiteTests.

/// A compiled schema.
///
/// Supported: type, enum, const; properties, required, additionalProperties, patternProperties, propertyNames,
/// minProperties, maxProperties, dependentRequired, dependentSchemas; items, prefixItems, contains, minContains,
/// maxContains, minItems, maxItems, uniqueItems; minLength, maxLength, pattern; minimum, maximum, exclusiveMinimum,
/// exclusiveMaximum, multipleOf; allOf, anyOf, oneOf, not, if, then, else; $ref inside the document, $defs,
/// definitions; true and false. Annotations are accepted; every other keyword is an error.
public struct JSONSchema: Sendable {
  /// The document it was made from.
  public let source: JSONValue
  /// Each (sub)schema once, found by its index, so that `$ref` may go in circles.
  let nodes: [SchemaNode]

  /// Compiles a document.
  ///
  /// - Throws: `SchemaError`, with the pointer to the keyword that is wrong or not supported.
  public init(_ source: JSONValue, limits: SchemaLimits = .standard) throws(SchemaError) {
    self.source = source
    var compiler = SchemaCompiler(document: source, limits: limits)
    nodes = try compiler.compile()
  }

  /// What is wrong with a value; nothing when it is valid. At most 32 violations are given. A value that would cost
  /// too much to check is not valid: its last violation has the keyword `limit`.
  public func validate(_ value: JSONValue) -> [SchemaViolation] { validate(value, steps: 20_000_000) }

  /// Whether the value is valid.
  public func accepts(_ value: JSONValue) -> Bool { validate(value).isEmpty }

  /// `steps` bounds the work: four for a subschema applied, one for each keyword of it, one for each character
  /// compared or matched.
  func validate(_ value: JSONValue, steps: Int) -> [SchemaViolation] {
    var run = SchemaRun(nodes: nodes, steps: steps)
    run.check(0, value)
    return run.violations
  }
}

/// How large a schema may be.
public struct SchemaLimits: Sendable, Hashable {
  /// The most subschemas.
  public var maxSchemas: Int
  /// The most subschemas inside one another.
  public var maxDepth: Int
  /// The most patterns.
  public var maxPatterns: Int

  /// Limits; what is left out is as in `standard`.
  public init(maxSchemas: Int = 5_000, maxDepth: Int = 64, maxPatterns: Int = 500) {
    self.maxSchemas = maxSchemas
    self.maxDepth = maxDepth
    self.maxPatterns = maxPatterns
  }

  /// 5,000 subschemas, 64 deep, 500 patterns.
  public static let standard = SchemaLimits()
}

/// Why a document is no schema that can be checked here.
public struct SchemaError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The JSON pointer to the place in the schema.
  public var pointer: String
  /// The keyword, or an empty text when a whole subschema is wrong.
  public var keyword: String
  /// What is wrong, the value met, and what to write instead.
  public var message: String

  /// An error.
  public init(pointer: String, keyword: String, message: String) {
    self.pointer = pointer
    self.keyword = keyword
    self.message = message
  }

  /// The place and the message.
  public var description: String { "schema at \(pointer.isEmpty ? "the top" : pointer): \(message)" }
}

/// One way in which a value is not what a schema asks for.
public struct SchemaViolation: Sendable, Equatable, CustomStringConvertible {
  /// The JSON pointer to the place in the value.
  public var pointer: String
  /// The keyword that failed; `limit` when the check was given up.
  public var keyword: String
  /// The value met (shortened) and what was expected.
  public var message: String

  /// A violation.
  public init(pointer: String, keyword: String, message: String) {
    self.pointer = pointer
    self.keyword = keyword
    self.message = message
  }

  /// The place and the message.
  public var description: String { "\(pointer.isEmpty ? "the value" : pointer): \(message)" }
}

/// The JSON types a schema can name.
enum SchemaType: String, CaseIterable {
  case null, boolean, integer, number, string, array, object

  func accepts(_ value: JSONValue) -> Bool {
    switch (self, value) {
    case (.null, .null), (.boolean, .bool), (.number, .number), (.string, .string), (.array, .array),
      (.object, .object):
      true
    case (.integer, .number(let number)): number.rounded() == number
    default: false
    }
  }
}

/// One (sub)schema: `false`, or what it asserts (nothing for `true`).
enum SchemaNode: Sendable {
  case never
  case all([SchemaAssertion])
}

/// What one keyword, or several that work together, asserts. An Int is the index of a subschema.
enum SchemaAssertion: Sendable {
  case type([SchemaType])
  /// Canonical bytes, by which values are compared; the text is for messages.
  case oneOfValues(keyword: String, Set<[UInt8]>, String)
  case size(SchemaSize)
  case bound(SchemaBound)
  case multipleOf(DecimalNumber, Double)
  case pattern(SchemaPattern)
  case uniqueItems
  case items(prefix: [Int], rest: Int?)
  case contains(Int, min: Int, max: Int?)
  case required([String])
  case dependentRequired([String: [String]])
  case dependentSchemas([String: Int])
  case members(properties: [String: Int], patterns: [(SchemaPattern, Int)], additional: Int?)
  case propertyNames(Int)
  case ref(Int, String)
  case allOf([Int])
  case anyOf([Int])
  case oneOf([Int])
  case not(Int)
  case condition(if: Int, then: Int?, else: Int?)
}

/// A bound of a length or a number of parts.
struct SchemaSize: Sendable {
  enum Measure: String {
    case length, items, properties
  }
  let keyword: String
  let measure: Measure
  let isMinimum: Bool
  let limit: Double
}

/// A bound of a number.
struct SchemaBound: Sendable {
  let keyword: String
  let limit: Double

  func accepts(_ number: Double) -> Bool {
    switch keyword {
    case "minimum": number >= limit
    case "maximum": number <= limit
    case "exclusiveMinimum": number > limit
    default: number < limit
    }
  }

  var expectation: String {
    switch keyword {
    case "minimum": "at least \(canonicalNumber(limit))"
    case "maximum": "at most \(canonicalNumber(limit))"
    case "exclusiveMinimum": "more than \(canonicalNumber(limit))"
    default: "less than \(canonicalNumber(limit))"
    }
  }
}
