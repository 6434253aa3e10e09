import JSON
import Testing

/// The error that parsing gives.
private func failure(_ text: String, limits: JSONLimits = .standard) -> JSONError? { failure(Array(text.utf8), limits) }
private func failure(_ bytes: [UInt8], _ limits: JSONLimits = .standard) -> JSONError? {
  do {
    _ = try JSONValue.parse(bytes, limits: limits)
    return nil
  } catch { return error }
}

@Suite struct ParsingTests {
  @Test func everyKindOfValueMayStandAtTheTop() throws {
    #expect(try JSONValue.parse(" null ") == .null)
    #expect(try JSONValue.parse("true") == true)
    #expect(try JSONValue.parse("-1.5e3") == -1500)
    #expect(try JSONValue.parse(#""é\u00e9\ud83d\ude00""#) == "éé😀")
    #expect(try JSONValue.parse(#"[1,{"a":[],"b":{}}]"#) == [1, ["a": [], "b": [:]]])
  }

  @Test func allOverloadsReadTheSame() throws {
    let text = #"{"a":[1,2]}"#
    let expected: JSONValue = ["a": [1, 2]]
    #expect(try JSONValue.parse(text) == expected)
    #expect(try JSONValue.parse(Array(text.utf8)) == expected)
    #expect(try JSONValue.parse(Array((text + "x").utf8).dropLast()) == expected)
    #expect(try Array(text.utf8).withUnsafeBytes { try JSONValue.parse($0) } == expected)
  }

  @Test func oneAndOnePointZeroAreOneValue() throws {
    #expect(try JSONValue.parse("1.0") == JSONValue.parse("1"))
    #expect(try JSONValue.parse("-0.0").canonicalString() == "0")
    #expect(try JSONValue.parse("-0").canonicalString() == "0")
    #expect(try JSONValue.parse("1e-400") == 0)
  }

  @Test func aSyntaxErrorSaysLineColumnAndByte() {
    #expect(
      failure("{\n \"a\": [1,2,],\n}")
        == JSONError(.syntax, "unexpected token near ']'", line: 2, column: 12, byte: 14))
    let accented = failure("{\"é\": x}")
    #expect(accented?.line == 1)
    #expect(accented?.column == 7)
    #expect(accented?.byte == 8)
    #expect(accented?.description == "line 1, column 7 (byte 8): invalid token near 'x'")
  }

  @Test func anErrorDoesNotQuoteAString() {
    let error = failure(#"{"name" "Jane Doe"}"#)
    #expect(error?.code == .syntax)
    #expect(error?.message.contains("Jane") == false)
  }

  @Test(arguments: [
    "", " ", "[1,]", "{\"a\":1,}", "01", "+1", "1.", ".5", "NaN", "Infinity", "-", "[1 2]", "{\"a\" 1}", "{a:1}",
    "'a'", "// c\n1", "1 2", "[", "{", "\"", "\"\\", "\"\\x\"", "\"\t\"", "tru", "[\u{0}]", "\u{0}", "\"\\u12\"",
    "{\"a\\u0000b\":1}",
  ])
  func whatIsNoJSONIsASyntaxError(text: String) { #expect(failure(text)?.code == .syntax) }

  @Test func aByteOrderMarkIsRefusedByName() {
    #expect(failure([0xEF, 0xBB, 0xBF, 0x31])?.message.contains("byte order mark") == true)
  }

  @Test(arguments: ["\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"", "\"\\ud800\\ud800\""])
  func aLoneSurrogateIsRefused(text: String) { #expect(failure(text)?.code == .syntax) }

  @Test(arguments: [
    [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22],
    [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0xFF],
  ])
  func bytesThatAreNoUTF8AreRefused(bytes: [UInt8]) { #expect(failure(bytes)?.code == .invalidUTF8) }

  @Test func anEscapedNULIsAcceptedInAValue() throws {
    #expect(try JSONValue.parse(#""a\u0000b""#) == "a\u{0}b")
  }

  @Test func aDuplicateKeyIsRefusedHoweverDeep() {
    let error = failure(#"{"x":[{"a":1,"b":2,"a":1}]}"#)
    #expect(error?.code == .duplicateKey)
    #expect(error?.line == 1)
    #expect(failure("{\"a\":1,\"\\u0061\":2}")?.code == .duplicateKey)
  }

  @Test func keysThatSwiftHoldsForEqualAreDuplicates() {
    #expect(failure("{\"\\u00e9\":1,\"e\\u0301\":2}")?.code == .duplicateKey)
  }

  @Test(arguments: [
    "9007199254740993", "-9007199254740993", "9223372036854775807", "9223372036854775808", "1e400", "-1e400",
    "123456789012345678901234567890", "[1e16]", "9007199254740994.0", "1e20",
  ])
  func aNumberThatWouldBeRoundedOrIsNotFiniteIsRefused(text: String) {
    #expect(failure(text)?.code == .numberOverflow)
  }

  @Test func theGreatestIntegersAndRealsAreRead() throws {
    #expect(try JSONValue.parse("9007199254740992").integerValue == 9_007_199_254_740_992)
    #expect(try JSONValue.parse("-9007199254740992").integerValue == -9_007_199_254_740_992)
    #expect(try JSONValue.parse("1.7976931348623157e308") == .number(.greatestFiniteMagnitude))
    #expect(try JSONValue.parse("1e21") == 1e21)
    #expect(try JSONValue.parse("5e-324") == .number(.leastNonzeroMagnitude))
  }

  @Test func nestingIsReadUpToTheLimitAndNotBeyond() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(throws: Never.self) { try JSONValue.parse(nested(64)) }
    #expect(
      failure(nested(65))
        == JSONError(.tooDeep, "more than 64 arrays and objects inside one another", line: 1, column: 65, byte: 65))
    #expect(failure(nested(10_000))?.code == .tooDeep)
    #expect(failure(String(repeating: "{\"a\":", count: 10_000))?.code == .tooDeep)
    #expect(throws: Never.self) { try JSONValue.parse(nested(512), limits: JSONLimits(maxDepth: 9_999)) }
    #expect(failure(nested(513), limits: JSONLimits(maxDepth: 9_999))?.code == .tooDeep)
  }

  @Test func bracketsInsideTextAreNoNesting() throws {
    let text = "\"" + String(repeating: "[{\\\"", count: 1_000) + "\""
    #expect(try JSONValue.parse(text).stringValue?.count == 3_000)
  }

  @Test func aTextBeyondTheLimitIsRefused() {
    #expect(failure("[1,2,3]", limits: JSONLimits(maxBytes: 6))?.code == .tooLarge)
    #expect(failure("[1,2,3]", limits: JSONLimits(maxBytes: 7)) == nil)
    #expect(failure(Array(repeating: 0x20, count: (8 << 20) + 1))?.code == .tooLarge)
  }

  @Test func tooManyValuesAreRefusedBeforeTheyAreBuilt() {
    let text = "[" + Array(repeating: "[]", count: 50).joined(separator: ",\n") + "]"
    let error = failure(text, limits: JSONLimits(maxValues: 20))
    #expect(error?.code == .tooLarge)
    #expect(error?.line == 10)
    #expect(failure(text, limits: JSONLimits(maxValues: 120)) == nil)
  }

  @Test func eightMebibytesOfPathologicalTextAreAnswered() {
    let size = 8 << 20
    #expect(failure(Array(repeating: UInt8(ascii: "["), count: size))?.code == .tooDeep)
    #expect(failure(Array(repeating: UInt8(ascii: "\""), count: size))?.code == .syntax)
    #expect(failure([UInt8(ascii: "\"")] + Array(repeating: UInt8(ascii: "\\"), count: size - 1))?.code == .syntax)
    #expect(failure(Array(repeating: UInt8(ascii: "9"), count: size))?.code == .numberOverflow)
    #expect(failure(Array(("[" + String(repeating: "[],", count: size / 3 - 1)).utf8))?.code == .tooLarge)
    #expect(failure(Array(repeating: UInt8(ascii: ","), count: size))?.code == .tooLarge)
  }
}
