import JSON
import Testing

private struct Everything: Codable, Equatable {
  struct Inner: Codable, Equatable {
    var name: String
    var tags: [String]?
  }
  enum Kind: String, Codable { case one, two }
  enum Choice: Codable, Equatable { case plain, with(value: Int) }
  var int = -7
  var small: UInt8 = 255
  var large: Int64 = 9_007_199_254_740_992
  var double = 0.1
  var float: Float = 1.5
  var bool = true
  var text = "é😀"
  var none: Int?
  var some: Int? = 3
  var kind = Kind.two
  var choice = Choice.with(value: 4)
  var inner = Inner(name: "n", tags: nil)
  var list = [Inner(name: "a", tags: ["x"]), Inner(name: "b", tags: [])]
  var map = ["k": [1, 2]]
  var raw: JSONValue = ["free": [1, nil]]
  var holes: [Int?] = [1, nil]
}

/// Writes two groups of keys into one object, as evidence does.
private struct Split: Codable, Equatable {
  var first: Int
  var rest: Rest
  struct Rest: Codable, Equatable { var second: Int }
  enum CodingKeys: CodingKey { case first }
  init(first: Int, second: Int) {
    self.first = first
    rest = Rest(second: second)
  }
  init(from decoder: any Decoder) throws {
    first = try decoder.container(keyedBy: CodingKeys.self).decode(Int.self, forKey: .first)
    rest = try Rest(from: decoder)
  }
  func encode(to encoder: any Encoder) throws {
    try rest.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(first, forKey: .first)
  }
}

private struct OddError: Error, CustomStringConvertible { let description = "seven is not allowed" }
private struct NoSeven: Codable, Equatable {
  var value: Int
  init(_ value: Int) { self.value = value }
  init(from decoder: any Decoder) throws {
    value = try decoder.singleValueContainer().decode(Int.self)
    if value == 7 { throw OddError() }
    if value == 8 {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "eight is corrupt"))
    }
  }
  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }
}

private func decodingError<T: Decodable>(_ type: T.Type, _ text: String) throws -> JSONError? {
  let value = try JSONValue.parse(text)
  do {
    _ = try decodeJSON(type, from: value)
    return nil
  } catch { return error }
}

@Suite struct CodingTests {
  @Test func everyShapeGoesThereAndBack() throws {
    let value = Everything()
    let json = try encodeJSON(value)
    #expect(json["none"] == nil)
    #expect(json["raw"] == ["free": [1, nil]])
    #expect(json["holes"] == [1, nil])
    #expect(json["choice"] == ["with": ["value": 4]])
    #expect(try decodeJSON(Everything.self, from: json) == value)
    #expect(try decodeJSON(Everything.self, from: JSONValue.parse(json.canonicalBytes())) == value)
  }

  @Test func topLevelScalarsArraysAndOptionalsAreCoded() throws {
    #expect(try encodeJSON(5) == 5)
    #expect(try encodeJSON("x") == "x")
    #expect(try encodeJSON([1, 2]) == [1, 2])
    #expect(try encodeJSON(Int?.none) == nil)
    #expect(try encodeJSON([String: Int]()) == [:])
    #expect(try encodeJSON([Int]()) == [])
    #expect(try decodeJSON([String: Double].self, from: ["a": 1.5]) == ["a": 1.5])
    #expect(try decodeJSON(Int?.self, from: .null) == nil)
  }

  @Test func keysWrittenByTwoContainersShareOneObject() throws {
    let json = try encodeJSON(Split(first: 1, second: 2))
    #expect(json == ["first": 1, "second": 2])
    #expect(try decodeJSON(Split.self, from: json) == Split(first: 1, second: 2))
  }

  @Test func nullAndAbsenceAreBothNoValue() throws {
    struct One: Decodable, Equatable { var a: Int? }
    #expect(try decodeJSON(One.self, from: ["a": nil]) == One(a: nil))
    #expect(try decodeJSON(One.self, from: [:]) == One(a: nil))
  }

  @Test func aWrongTypeIsNamedWithItsPointer() throws {
    let value = try encodeJSON(Everything())
    guard case .object(var members) = value else { return }
    members["list"] = [["name": "a"], ["name": 5]]
    let changed = JSONValue.object(members)
    #expect(throws: JSONError(.typeMismatch, "met 5; expected a string", path: "/list/1/name")) {
      try decodeJSON(Everything.self, from: changed)
    }
  }

  @Test func aMissingKeyIsNamedWithItsPointer() throws {
    #expect(
      try decodingError([Everything.Inner].self, #"[{"name":"a"},{}]"#)
        == JSONError(.missingKey, "the key \"name\" is missing", path: "/1/name"))
  }

  @Test func aPointerEscapesSlashAndTilde() throws {
    #expect(try decodingError([String: Int].self, #"{"a/b~c":"x"}"#)?.path == "/a~1b~0c")
  }

  @Test func integersMustBeWholeAndInRange() throws {
    #expect(try decodingError(Int.self, "1.5") == JSONError(.typeMismatch, "met 1.5; expected an integer", path: ""))
    #expect(try decodingError([UInt8].self, "[256]")?.path == "/0")
    #expect(try decodingError(UInt.self, "-1")?.code == .typeMismatch)
    #expect(try decodingError(Int.self, "1e300")?.code == .typeMismatch)
    #expect(try decodingError(Float.self, "1e300")?.code == .typeMismatch)
  }

  @Test func containersOfTheWrongKindAreNamed() throws {
    #expect(try decodingError([Int].self, #"{"a":1}"#)?.message == "met an object with 1 member; expected an array")
    #expect(try decodingError([String: Int].self, "[1]")?.message == "met an array of 1; expected an object")
    #expect(try decodingError(Bool.self, "\"x\"")?.message == "met \"x\"; expected true or false")
  }

  @Test func anUnknownEnumValueIsAnErrorWithItsPointer() throws {
    #expect(try decodingError([Everything.Kind].self, #"["one","three"]"#)?.path == "/1")
  }

  @Test func whatATypeThrowsItselfGetsThePointer() throws {
    #expect(try decodingError([NoSeven].self, "[1,7]") == JSONError(.typeMismatch, "seven is not allowed", path: "/1"))
    #expect(try decodingError([NoSeven].self, "[8]") == JSONError(.typeMismatch, "eight is corrupt", path: "/0"))
  }

  @Test func aLongValueIsShortenedInAMessage() throws {
    let error = try decodingError(Int.self, "\"" + String(repeating: "x", count: 100_000) + "\"")
    #expect((error?.message.count ?? 1_000) < 120)
  }

  @Test func numbersThatCannotBeReadAgainAreNotWritten() {
    #expect(throws: JSONError(.notFinite, "the number nan is not finite, which JSON cannot hold", path: "/0")) {
      try encodeJSON([Double.nan])
    }
    #expect { try encodeJSON(["a": Int.max]) } throws: { error in
      (error as? JSONError)?.code == .numberOverflow && (error as? JSONError)?.path == "/a"
    }
    #expect { try encodeJSON([UInt64.max]) } throws: { ($0 as? JSONError)?.code == .numberOverflow }
    #expect { try encodeJSON(1e17) } throws: { ($0 as? JSONError)?.code == .numberOverflow }
    #expect { try encodeJSON(JSONValue.array([.number(.infinity)])) } throws: {
      ($0 as? JSONError)?.path == "/0"
    }
    #expect { try encodeJSON(["x": JSONValue.number(1e17)]) } throws: { ($0 as? JSONError)?.path == "/x" }
    #expect { try encodeJSON(["a\u{0}b": 1]) } throws: { ($0 as? JSONError)?.code == .syntax }
  }

  @Test func nestedAndSuperContainersWork() throws {
    struct Nested: Codable, Equatable {
      var x: Int
      var y: [Int]
      enum Keys: CodingKey { case outer, list }
      enum Inner: CodingKey { case x }
      init(x: Int, y: [Int]) {
        self.x = x
        self.y = y
      }
      init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        x = try container.nestedContainer(keyedBy: Inner.self, forKey: .outer).decode(Int.self, forKey: .x)
        var list = try container.nestedUnkeyedContainer(forKey: .list)
        y = []
        while !list.isAtEnd { y.append(try list.decode(Int.self)) }
      }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        var inner = container.nestedContainer(keyedBy: Inner.self, forKey: .outer)
        try inner.encode(x, forKey: .x)
        var list = container.nestedUnkeyedContainer(forKey: .list)
        for value in y { try list.encode(value) }
      }
    }
    let json = try encodeJSON(Nested(x: 1, y: [2, 3]))
    #expect(json == ["outer": ["x": 1], "list": [2, 3]])
    #expect(try decodeJSON(Nested.self, from: json) == Nested(x: 1, y: [2, 3]))
  }
}
