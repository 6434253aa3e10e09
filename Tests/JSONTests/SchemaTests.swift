import Testing

@testable import JSON

/// The violations of one value, by a schema given as text.
private func violations(_ schema: String, _ value: String) throws -> [SchemaViolation] {
  try JSONSchema(JSONValue.parse(schema)).validate(JSONValue.parse(value))
}

/// The error that compiling gives.
private func failure(_ schema: JSONValue, limits: SchemaLimits = .standard) -> SchemaError? {
  do {
    _ = try JSONSchema(schema, limits: limits)
    return nil
  } catch { return error }
}

@Suite struct SchemaTests {
  @Test func aViolationSaysWhereWhatWasMetAndWhatWasExpected() throws {
    let schema =
      #"{"properties":{"mpp":{"type":"number","maximum":4},"stain":{"enum":["H&E","PAS"]}},"required":["id"]}"#
    #expect(
      try violations(schema, #"{"mpp":5,"stain":"IHC"}"#) == [
        SchemaViolation(pointer: "", keyword: "required", message: "the key \"id\" is missing"),
        SchemaViolation(pointer: "/mpp", keyword: "maximum", message: "met 5; expected at most 4"),
        SchemaViolation(
          pointer: "/stain", keyword: "enum", message: #"met "IHC"; expected one of "H&E", "PAS""#),
      ])
  }

  @Test func anUnknownKeyIsNamedWithTheKnownOnes() throws {
    #expect(
      try violations(#"{"properties":{"a":{},"b":{}},"additionalProperties":false}"#, #"{"c":1}"#).map(\.message)
        == [#"the key "c" is not known here; known are a, b"#])
  }

  @Test func aFailedChoiceTellsTheNearestReason() throws {
    let schema = #"{"oneOf":[{"type":"string"},{"properties":{"x":{"properties":{"y":{"type":"integer"}}}}}]}"#
    let found = try violations(schema, #"{"x":{"y":"no"}}"#)
    #expect(found.map(\.keyword) == ["oneOf"])
    #expect(found.first?.message.contains("the nearest: at /x/y: met \"no\"; expected integer") == true)
  }

  @Test func aValueThatTwoChoicesAcceptIsNamed() throws {
    #expect(
      try violations(#"{"oneOf":[{"minimum":1},{"minimum":2},{"minimum":9}]}"#, "3").first?.message
        == "met 3, which alternatives 0 and 1 both accept")
  }

  @Test func violationsAreBounded() throws {
    let many = JSONValue.array(Array(repeating: "x", count: 1_000))
    #expect(try JSONSchema(["items": ["type": "integer"]]).validate(many).count == 32)
  }

  @Test(arguments: [
    "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$anchor", "dependencies", "additionalItems",
    "minimun", "nullable", "propertys",
  ])
  func aKeywordThatIsNotCheckedIsRefusedByName(keyword: String) {
    let error = failure(["properties": ["a": .object([keyword: [:]])]])
    #expect(error?.keyword == keyword)
    #expect(error?.pointer == "/properties/a/\(keyword)")
    #expect(error?.message.contains(keyword) == true)
  }

  @Test func annotationsAreAccepted() {
    let annotations: JSONValue = [
      "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.org/a", "title": "t",
      "description": "d", "default": 1, "examples": [1], "$comment": "c", "deprecated": true, "readOnly": true,
      "writeOnly": false, "format": "date-time", "x-vendor": ["anything": 1], "$defs": ["unused": ["bogus": 1]],
    ]
    #expect(failure(annotations) == nil)
  }

  @Test(
    arguments: [
      (["type": "strin"], "type"), (["type": []], "type"), (["type": ["string", "string"]], "type"),
      (["type": 5], "type"),
      (["enum": "x"], "enum"), (["minLength": -1], "minLength"), (["minItems": 1.5], "minItems"),
      (["multipleOf": 0], "multipleOf"), (["pattern": "("], "pattern"), (["pattern": 5], "pattern"),
      (["required": ["a", "a"]], "required"), (["required": "a"], "required"), (["properties": []], "properties"),
      (["items": [["type": "string"]]], "items"), (["allOf": []], "allOf"), (["anyOf": [:]], "anyOf"),
      (["uniqueItems": 1], "uniqueItems"), (["minimum": "1"], "minimum"), (["$ref": "other.json"], "$ref"),
      (["$ref": "#/nowhere"], "$ref"), (["$ref": "#a"], "$ref"), (["$ref": "#/%zz"], "$ref"),
      (["dependentRequired": ["a": 1]], "dependentRequired"), (["items": ["$id": "x"]], "$id"), (["not": 5], ""),
    ] as [(JSONValue, String)])
  func aKeywordOfTheWrongFormIsRefused(schema: JSONValue, keyword: String) {
    #expect(failure(schema)?.keyword == keyword)
  }

  @Test func theSizeOfASchemaIsBounded() {
    var deep: JSONValue = true
    for _ in 0..<100 { deep = ["not": deep] }
    #expect(failure(deep)?.message == "more than 64 subschemas inside one another")
    #expect(failure(["allOf": .array(Array(repeating: true, count: 6_000))])?.message == "more than 5000 subschemas")
    #expect(
      failure(["allOf": .array(Array(repeating: ["pattern": "a"], count: 3))], limits: SchemaLimits(maxPatterns: 2))?
        .message == "more than 2 patterns")
    #expect(failure(["pattern": .string(String(repeating: "a", count: 5_000))])?.keyword == "pattern")
    #expect(
      failure(["pattern": .string(String(repeating: "(", count: 100) + String(repeating: ")", count: 100))]) != nil)
  }

  @Test func aReferenceMayGoInCirclesThroughTheValue() throws {
    let tree = ##"{"type":"object","properties":{"children":{"items":{"$ref":"#"}}},"additionalProperties":false}"##
    #expect(try violations(tree, #"{"children":[{"children":[]},{}]}"#).isEmpty)
    #expect(
      try violations(tree, #"{"children":[{"children":[{"x":1}]}]}"#).map(\.pointer) == ["/children/0/children/0"])
  }

  @Test(arguments: [
    ##"{"$ref":"#"}"##, ##"{"allOf":[{"$ref":"#"}]}"##, ##"{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}"##,
    ##"{"not":{"$ref":"#"}}"##, ##"{"oneOf":[{"$ref":"#"},{"$ref":"#"},{"$ref":"#"}]}"##,
    ##"{"if":{"$ref":"#"},"then":{"$ref":"#"}}"##,
    ##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}"##,
  ])
  func aReferenceThatNeverEndsIsAViolation(schema: String) throws {
    #expect(try violations(schema, "1").map(\.keyword).contains("limit"))
  }

  @Test func exponentialChoicesEndWithAViolation() throws {
    // Each level tries the next one twice: 2^60 checks without a bound.
    let source = ##"""
      {"$defs": {"x": {"anyOf": [{"allOf": [{"items": {"$ref": "#/$defs/x"}}, {"maxItems": 0}]},
                                 {"allOf": [{"items": {"$ref": "#/$defs/x"}}, {"minItems": 9}]}]}},
       "$ref": "#/$defs/x"}
      """##
    var value: JSONValue = []
    for _ in 0..<60 { value = [value] }
    #expect(try JSONSchema(JSONValue.parse(source)).validate(value, steps: 300_000).map(\.keyword) == ["limit"])
  }

  @Test(arguments: ["^(a+)+$", "(a+)+$", "(a|aa)+$", "^(a|a?)+$", "(.*)*x", "(?:a*)*b", "(a?){30}a{30}b"])
  func aPatternThatBacktracksWithoutEndIsAViolation(pattern: String) throws {
    let schema = try JSONSchema(["pattern": .string(pattern)])
    let found = schema.validate(.string(String(repeating: "a", count: 40) + "c"), steps: 300_000)
    #expect(found.count == 1)
    #expect(["limit", "pattern"].contains(found.first?.keyword))
  }

  @Test func thePatternOfTheBriefRunsOutOfSteps() throws {
    let found = try JSONSchema(["pattern": "^(a+)+$"]).validate(.string(String(repeating: "a", count: 40) + "b"))
    #expect(found.map(\.keyword) == ["limit"])
    #expect(found.first?.message.contains("takes too long") == true)
  }

  @Test func aQuadraticPatternOnALongTextRunsOutOfSteps() throws {
    let text = JSONValue.string(String(repeating: "a", count: 1 << 20))
    #expect(try JSONSchema(["pattern": "a.*[bc]"]).validate(text).map(\.keyword) == ["limit"])
    #expect(try JSONSchema(["pattern": "a.*+[bc]"]).validate(text).map(\.keyword) == ["limit"])
    #expect(try JSONSchema(["pattern": "^[a-z]*$"]).validate(text).isEmpty)
  }

  @Test func manyPatternsShareOneBudget() throws {
    let schema = try JSONSchema(["items": ["pattern": "(a+)+[bc]"]])
    let texts = JSONValue.array(Array(repeating: .string(String(repeating: "a", count: 18)), count: 10_000))
    #expect(schema.validate(texts).map(\.keyword).last == "limit")
  }

  @Test func stepsBoundEveryKeywordThatReadsTheWholeValue() throws {
    let long = JSONValue.array(Array(repeating: .string(String(repeating: "x", count: 100)), count: 1_000))
    for schema in [["uniqueItems": true], ["const": 1], ["items": ["minLength": 1]]] as [JSONValue] {
      #expect(try JSONSchema(schema).validate(long, steps: 50).map(\.keyword) == ["limit"])
    }
  }

  @Test func notDoesNotTurnAGivenUpCheckIntoAValidValue() throws {
    let hard = JSONValue.string(String(repeating: "a", count: 40) + "b")
    let schema = try JSONSchema(["not": ["pattern": "^(a+)+$"]])
    #expect(schema.validate(hard, steps: 300_000).map(\.keyword) == ["limit"])
    let condition = try JSONSchema(["if": ["pattern": "^(a+)+$"]])
    #expect(condition.validate(.string("a")).isEmpty)
    let otherwise = try JSONSchema(["if": ["pattern": "^(a+)+$"], "then": false])
    #expect(otherwise.validate(hard, steps: 300_000).map(\.keyword) == ["limit"])
  }

  @Test(
    arguments: [
      (0.0075, 0.0001, true), (0.00751, 0.0001, false), (1e308, 0.123456789, false), (1e300, 1e-300, true),
      (4.5, 1.5, true), (0.3, 0.1, true), (-0.3, 0.1, true), (9_007_199_254_740_992, 3, false), (0, 7, true),
      (1e-20, 1, false), (4e-300, 2e-300, true),
    ] as [(Double, Double, Bool)])
  func multiplesAreDecidedOnDecimalDigits(number: Double, divisor: Double, expected: Bool) throws {
    #expect(try JSONSchema(["multipleOf": .number(divisor)]).accepts(.number(number)) == expected)
  }

  @Test func lengthsCountCodePoints() throws {
    #expect(try JSONSchema(["maxLength": 2]).accepts("😀😀"))
    #expect(try JSONSchema(["maxLength": 1]).accepts("e\u{301}") == false)
  }

  @Test func equalityIsByCodePoints() throws {
    #expect(try JSONSchema(["const": "\u{e9}"]).accepts("e\u{301}") == false)
    #expect(try JSONSchema(["uniqueItems": true]).accepts(["\u{e9}", "e\u{301}"]))
    #expect(try JSONSchema(["uniqueItems": true]).accepts([1, 1.0]) == false)
  }

  @Test func aDeepValueIsCheckedWithoutEndingTheStack() throws {
    var value: JSONValue = 1
    for _ in 0..<512 { value = [value] }
    let schema = try JSONSchema(["items": ["$ref": "#"]])
    #expect(schema.validate(value).map(\.keyword) == ["limit"])
  }
}

@Suite struct SchemaDeclarationTests {
  @Test func declarationsGiveTheDocumentsTheyStandFor() {
    #expect(
      Schema.string(minLength: 1, maxLength: 5, pattern: "^a", enum: ["a"], description: "d").json == [
        "type": "string", "minLength": 1, "maxLength": 5, "pattern": "^a", "enum": ["a"], "description": "d",
      ])
    #expect(Schema.integer(min: 0, max: 9).json == ["type": "integer", "minimum": 0, "maximum": 9])
    #expect(Schema.number(min: 0.5).json == ["type": "number", "minimum": 0.5])
    #expect(Schema.boolean(description: "b").json == ["type": "boolean", "description": "b"])
    #expect(Schema.null().json == ["type": "null"])
    #expect(Schema.const(1).json == ["const": 1])
    #expect(Schema.any().json == [:])
    #expect(
      Schema.array(of: .any(), min: 1, max: 2, unique: true).json
        == ["type": "array", "items": [:], "minItems": 1, "maxItems": 2, "uniqueItems": true])
    #expect(Schema.map(of: .integer()).json == ["type": "object", "additionalProperties": ["type": "integer"]])
    #expect(Schema.oneOf([.null(), .any()]).json == ["oneOf": [["type": "null"], [:]]])
    #expect(Schema.anyOf([.null()]).json == ["anyOf": [["type": "null"]]])
    #expect(
      Schema.object([.required("a", .integer()), .optional("b", .any())]).json == [
        "type": "object", "properties": ["a": ["type": "integer"], "b": [:]], "required": ["a"],
        "additionalProperties": false,
      ])
    #expect(Schema.object([], additional: true).json == ["type": "object", "properties": [:]])
  }

  @Test func whatIsDeclaredCompilesAndChecks() throws {
    let schema = Schema.object([
      .required("kind", .string(enum: ["leaf", "tree"])),
      .optional("children", .array(of: .ref("node/~x"))),
    ]).defining(["node/~x": .object([.required("id", .integer(min: 1))])])
    let compiled = try JSONSchema(schema.json)
    #expect(compiled.accepts(["kind": "tree", "children": [["id": 1]]]))
    #expect(compiled.validate(["kind": "tree", "children": [["id": 0]]]).map(\.pointer) == ["/children/0/id"])
    #expect(
      compiled.validate(["kind": "bush", "extra": 1]).map(\.keyword).sorted() == ["additionalProperties", "enum"])
  }
}

@Suite struct JSONPointerTests {
  @Test func pointersAreReadAsTheRFCSays() throws {
    let document: JSONValue = ["foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8, "c%d": 2]
    #expect(document[try #require(JSONPointer(parsing: ""))] == document)
    #expect(document[try #require(JSONPointer(parsing: "/foo/0"))] == "bar")
    #expect(document[try #require(JSONPointer(parsing: "/"))] == 0)
    #expect(document[try #require(JSONPointer(parsing: "/a~1b"))] == 1)
    #expect(document[try #require(JSONPointer(parsing: "/m~0n"))] == 8)
    #expect(document[try #require(JSONPointer(parsing: "/foo/00"))] == nil)
    #expect(document[try #require(JSONPointer(parsing: "/foo/-1"))] == nil)
    #expect(document[try #require(JSONPointer(parsing: "/foo/2"))] == nil)
    #expect(JSONPointer(parsing: "foo") == nil)
    #expect(JSONPointer(parsing: "/~2") == nil)
    #expect(JSONPointer(parsing: "/~") == nil)
    #expect(JSONPointer(["a/b", "m~n"]).description == "/a~1b/m~0n")
  }
}
