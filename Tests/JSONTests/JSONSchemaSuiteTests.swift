// JSON Schema's public test suite: every file of the keywords we support, in draft 2020-12 (kept in Tests/Fixtures)
// and in draft 7 (Debian's package), whose meaning is the same but for what is listed here.
// What must stay true: a group is either run whole, or listed with the keyword for which it is refused. A listed
// group that compiles after all fails the test, so the lists cannot grow old.

import Foundation
import JSON
import Testing

/// A group of the suite that `JSONSchema` refuses, and the keyword for which it does.
private struct Refused: Hashable {
  let group: String
  let keyword: String
  init(_ group: String, _ keyword: String) {
    self.group = group
    self.keyword = keyword
  }
}

private let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "Fixtures/json-schema-suite/draft2020-12")
private let debian = "/usr/share/json-schema-test-suite/tests/draft7"

private let files2020 = [
  "additionalProperties", "allOf", "anyOf", "boolean_schema", "const", "contains", "default", "defs",
  "dependentRequired", "dependentSchemas", "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "if-then-else",
  "infinite-loop-detection", "items", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum",
  "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf",
  "optional/ecmascript-regex", "optional/float-overflow", "optional/non-bmp-regex", "optional/refOfUnknownKeyword",
  "pattern", "patternProperties", "prefixItems", "properties", "propertyNames", "ref", "required", "type",
  "uniqueItems",
]

private let refused2020: [String: [Refused]] = [
  // References out of the document, and ids and anchors that such references need.
  "defs": [Refused("validate definition against metaschema", "$ref")],
  "ref": [
    Refused("remote ref, containing refs itself", "$ref"),
    Refused("Recursive references between schemas", "$ref"),
    Refused("refs with relative uris and defs", "$id"),
    Refused("relative refs with absolute uris and defs", "$id"),
    Refused("$id must be resolved against nearest parent, not just immediate parent", "$ref"),
    Refused("order of evaluation: $id and $ref", "$ref"),
    Refused("order of evaluation: $id and $anchor and $ref", "$ref"),
    Refused("simple URN base URI with $ref via the URN", "$ref"),
    Refused("URN base URI with URN and JSON pointer ref", "$ref"),
    Refused("URN base URI with URN and anchor ref", "$ref"),
    Refused("URN ref with nested pointer ref", "$ref"),
    Refused("ref to if", "$id"),
    Refused("ref to then", "$id"),
    Refused("ref to else", "$id"),
    Refused("ref with absolute-path-reference", "$ref"),
    Refused("ref creates new scope when adjacent to keywords", "unevaluatedProperties"),
  ],
  "not": [Refused("collect annotations inside a 'not', even if collection is disabled", "unevaluatedProperties")],
  // Names that are no keyword are refused, since they are mostly keywords misspelt.
  "optional/refOfUnknownKeyword": [
    Refused("reference of a root arbitrary keyword ", "unknown-keyword"),
    Refused("reference of an arbitrary keyword of a sub-schema", "unknown-keyword"),
  ],
  // PCRE2 10.42 knows the short names of Unicode properties only.
  "optional/ecmascript-regex": [
    Refused("patterns always use unicode semantics with pattern", "pattern"),
    Refused("pattern with non-ASCII digits", "pattern"),
    Refused("patterns always use unicode semantics with patternProperties", "patternProperties"),
    Refused("patternProperties with non-ASCII digits", "patternProperties"),
    Refused("\\a is not an ECMA 262 control escape", "$ref"),
  ],
]

private let files7 = [
  "additionalProperties", "allOf", "anyOf", "boolean_schema", "const", "contains", "default", "definitions", "enum",
  "exclusiveMaximum", "exclusiveMinimum", "if-then-else", "items", "maxItems", "maxLength", "maxProperties",
  "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern",
  "patternProperties", "properties", "propertyNames", "ref", "required", "type", "uniqueItems",
]

private let refused7: [String: [Refused]] = [
  "definitions": [Refused("valid definition", "$ref"), Refused("invalid definition", "$ref")],
  // 2020-12 writes prefixItems.
  "items": [Refused("an array of schemas for items", "items"), Refused("items with boolean schemas", "items")],
  "ref": [
    Refused("relative pointer ref to array", "items"),
    Refused("escaped pointer ref", "percent%field"),
    Refused("remote ref, containing refs itself", "$ref"),
    Refused("Recursive references between schemas", "$ref"),
  ],
]

/// Tests of groups that do run, whose outcome is another here, each with the reason.
private let otherwise2020: [String: Set<String>] = [:]
private let otherwise7: [String: Set<String>] = [
  // Since 2019-09 the keywords beside $ref count.
  "ref": ["ref overrides any sibling keywords: ref valid, maxItems ignored"]
]

@Suite struct JSONSchemaSuiteTests {
  @Test(arguments: files2020)
  func supportedKeywordsAgreeWithThePublicSuiteOf2020(file: String) throws {
    try run(
      Array(Data(contentsOf: fixtures.appending(path: file + ".json"))), refused: refused2020[file] ?? [],
      otherwise: otherwise2020[file] ?? [])
  }

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: debian),
      "needs draft 7 of the public suite: apt-get install json-schema-test-suite"), arguments: files7)
  func supportedKeywordsAgreeWithThePublicSuiteOfDraft7(file: String) throws {
    try run(
      Array(Data(contentsOf: URL(filePath: "\(debian)/\(file).json"))), refused: refused7[file] ?? [],
      otherwise: otherwise7[file] ?? [])
  }

  private func run(_ bytes: [UInt8], refused: [Refused], otherwise: Set<String>) throws {
    var expected = Set(refused)
    var unexpected = otherwise
    for group in try #require(JSONValue.parse(bytes).arrayValue) {
      let name = try #require(group["description"]?.stringValue)
      let schema: JSONSchema
      do {
        schema = try JSONSchema(try #require(group["schema"]))
      } catch let error as SchemaError {
        if expected.remove(Refused(name, error.keyword)) == nil {
          Issue.record("\(name): refused for \(error.keyword): \(error)")
        }
        continue
      }
      for test in try #require(group["tests"]?.arrayValue) {
        let title = "\(name): \(try #require(test["description"]?.stringValue))"
        let violations = schema.validate(try #require(test["data"]))
        let agrees = violations.isEmpty == test["valid"]?.boolValue
        if !agrees, unexpected.remove(title) == nil { Issue.record("\(title): \(violations)") }
      }
    }
    #expect(expected.isEmpty, "no longer refused")
    #expect(unexpected.isEmpty, "no longer different")
  }
}
