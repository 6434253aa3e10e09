import JSON
import TestSupport
import Testing

@Suite struct JSONPropertyTests {
  @Test(arguments: 0..<20 as Range<UInt64>)
  func whatIsWrittenIsReadAgainAsTheSame(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let value = JSONValue.random(depth: 5, using: &generator)
      let bytes = value.canonicalBytes()
      let again = try JSONValue.parse(bytes)
      #expect(again == value)
      #expect(again.canonicalBytes() == bytes)
      #expect(try JSONValue.parse(value.prettyString()) == value)
      #expect(try decodeJSON(JSONValue.self, from: encodeJSON(value)) == value)
    }
  }

  @Test func everyNumberIsReadAgainBitForBit() throws {
    var generator = SeededGenerator(seed: 8785)
    for _ in 0..<20_000 {
      let number = JSONValue.randomNumber(using: &generator)
      let text = JSONValue.number(number).canonicalString()
      #expect(try JSONValue.parse(text).numberValue?.bitPattern == (number == 0 ? 0 : number.bitPattern), "\(text)")
    }
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func mutatedBytesGiveAValueOrAnErrorWithAPlace(seed: UInt64) {
    var generator = SeededGenerator(seed: 1_000 + seed)
    for _ in 0..<200 {
      var bytes = JSONValue.random(depth: 4, using: &generator).canonicalBytes()
      for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(Array("[]{},:\"\\0e.-".utf8).randomElement(using: &generator) ?? 0, at: place)
        default: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
        }
      }
      do {
        let value = try JSONValue.parse(bytes)
        #expect((try? JSONValue.parse(value.canonicalBytes())) == value)
      } catch {
        #expect(!error.message.isEmpty)
        #expect(error.code == .numberOverflow || error.code == .duplicateKey || error.line != nil)
      }
    }
  }

  @Test(arguments: 0..<10 as Range<UInt64>)
  func aRandomSchemaIsCompiledOrRefusedAndAlwaysDecides(seed: UInt64) {
    var generator = SeededGenerator(seed: 2_000 + seed)
    for _ in 0..<100 {
      let source = randomSchema(depth: 4, using: &generator)
      guard let schema = try? JSONSchema(source) else { continue }
      for _ in 0..<5 {
        let value = JSONValue.random(depth: 3, using: &generator)
        let violations = schema.validate(value)
        #expect(violations.count <= 32)
        // A schema and its negation never agree.
        if let negation = try? JSONSchema(["not": source]), !violations.contains(where: { $0.keyword == "limit" }),
          !source.canonicalString().contains("$ref")
        {
          #expect(negation.accepts(value) != violations.isEmpty)
        }
      }
    }
  }

  private func randomSchema(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
    if depth == 0 || Int.random(in: 0..<6, using: &generator) == 0 { return .bool(Bool.random(using: &generator)) }
    var members: [String: JSONValue] = [:]
    let keywords = [
      "type", "enum", "const", "properties", "required", "additionalProperties", "patternProperties", "propertyNames",
      "items", "prefixItems", "contains", "minContains", "minItems", "uniqueItems", "minLength", "pattern", "minimum",
      "exclusiveMaximum", "multipleOf", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$ref",
    ]
    for _ in 0..<Int.random(in: 1...3, using: &generator) {
      guard let keyword = keywords.randomElement(using: &generator) else { continue }
      switch keyword {
      case "type":
        members[keyword] = ["null", "boolean", "integer", "number", "string", "array", "object"].randomElement(
          using: &generator)
      case "enum": members[keyword] = .array([.random(depth: 1, using: &generator)])
      case "const": members[keyword] = .random(depth: 1, using: &generator)
      case "properties": members[keyword] = ["a": randomSchema(depth: depth - 1, using: &generator)]
      case "patternProperties": members[keyword] = ["^.?$": randomSchema(depth: depth - 1, using: &generator)]
      case "required": members[keyword] = ["a"]
      case "minContains", "minItems", "minLength", "minimum", "exclusiveMaximum":
        members[keyword] = .number(Double(Int.random(in: 0..<4, using: &generator)))
      case "multipleOf": members[keyword] = 0.5
      case "uniqueItems": members[keyword] = true
      case "pattern": members[keyword] = "[a-m]"
      case "$ref": members[keyword] = "#"
      case "allOf", "anyOf", "oneOf", "prefixItems":
        members[keyword] = .array(
          (0..<Int.random(in: 1...2, using: &generator)).map { _ in randomSchema(depth: depth - 1, using: &generator) })
      default: members[keyword] = randomSchema(depth: depth - 1, using: &generator)
      }
    }
    return .object(members)
  }
}
