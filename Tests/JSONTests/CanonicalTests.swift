import JSON
import Testing

/// RFC 8785 appendix B: IEEE-754 bits and their canonical form.
private let appendixB: [(UInt64, String)] = [
  (0x0000_0000_0000_0000, "0"),
  (0x8000_0000_0000_0000, "0"),
  (0x0000_0000_0000_0001, "5e-324"),
  (0x8000_0000_0000_0001, "-5e-324"),
  (0x7FEF_FFFF_FFFF_FFFF, "1.7976931348623157e+308"),
  (0xFFEF_FFFF_FFFF_FFFF, "-1.7976931348623157e+308"),
  (0x4340_0000_0000_0000, "9007199254740992"),
  (0xC340_0000_0000_0000, "-9007199254740992"),
  (0x4340_0000_0000_0001, "9007199254740994"),
  (0x4430_0000_0000_0000, "295147905179352830000"),
  (0x44B5_2D02_C7E1_4AF5, "9.999999999999997e+22"),
  (0x44B5_2D02_C7E1_4AF6, "1e+23"),
  (0x44B5_2D02_C7E1_4AF7, "1.0000000000000001e+23"),
  (0x444B_1AE4_D6E2_EF4E, "999999999999999700000"),
  (0x444B_1AE4_D6E2_EF4F, "999999999999999900000"),
  (0x444B_1AE4_D6E2_EF50, "1e+21"),
  (0x3EB0_C6F7_A0B5_ED8C, "9.999999999999997e-7"),
  (0x3EB0_C6F7_A0B5_ED8D, "0.000001"),
  (0x41B3_DE43_5555_5553, "333333333.3333332"),
  (0x41B3_DE43_5555_5554, "333333333.33333325"),
  (0x41B3_DE43_5555_5555, "333333333.3333333"),
  (0x41B3_DE43_5555_5556, "333333333.3333334"),
  (0x41B3_DE43_5555_5557, "333333333.33333343"),
  (0xBECB_F647_612F_3696, "-0.0000033333333333333333"),
  (0x4314_3FF3_C1CB_0959, "1424953923781206.2"),
]

@Suite struct CanonicalTests {
  @Test(arguments: appendixB)
  func aNumberIsPrintedAsECMAScriptDoes(bits: UInt64, text: String) {
    #expect(JSONValue.number(Double(bitPattern: bits)).canonicalString() == text)
  }

  @Test(arguments: [
    (1e-7, "1e-7"), (1.5e-7, "1.5e-7"), (123e-20, "1.23e-18"), (0.1, "0.1"), (100, "100"),
    (1e20, "100000000000000000000"),
    (-1.25, "-1.25"), (4.35, "4.35"), (1e100, "1e+100"), (0.00001, "0.00001"), (123456.789, "123456.789"),
  ])
  func otherNumbersToo(number: Double, text: String) {
    #expect(JSONValue.number(number).canonicalString() == text)
  }

  @Test func aNumberThatIsNotFiniteIsWrittenAsNull() {
    #expect(JSONValue.array([.number(.nan), .number(.infinity)]).canonicalString() == "[null,null]")
  }

  @Test func theSampleOfTheRFCComesOutAsThere() throws {
    let text = #"""
      {
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
      }
      """#
    let expected =
      #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#
      + #""string":"€$\u000f\nA'B\"\\\\\"/"}"#
    #expect(try JSONValue.parse(text).canonicalString() == expected)
  }

  @Test func keysAreInOrderOfUTF16NotOfUTF8() throws {
    // The RFC's sample: in UTF-8 the emoji would come last.
    let text = #"""
      {"\u20ac":"Euro","\r":"CR","\ufb33":"Dalet","1":"One","\ud83d\ude00":"Emoji","\u0080":"Control","\u00f6":"o"}
      """#
    let keys = ["\r", "1", "\u{80}", "ö", "€", "😀", "\u{FB33}"]
    let canonical = try JSONValue.parse(text).canonicalString()
    let places = try keys.map { key in
      try #require(canonical.firstRange(of: JSONValue.string(key).canonicalString() + ":")?.lowerBound)
    }
    #expect(places == places.sorted())
  }

  @Test func aKeyComesBeforeItsOwnContinuation() {
    #expect(
      (["ab": 1, "a": 2, "": 3, "a\u{1}": 4] as JSONValue).canonicalString() == #"{"":3,"a":2,"a\u0001":4,"ab":1}"#)
  }

  @Test func onlyWhatMustBeEscapedIs() {
    #expect(
      JSONValue.string("\u{0}\u{8}\t\n\u{B}\u{C}\r\u{1F}\"\\/\u{7F}é😀\u{2028}").canonicalString()
        == "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\u{7F}é😀\u{2028}\"")
  }

  @Test func thePrettyFormIsIndentedSortedAndTheSameValue() throws {
    let value: JSONValue = ["b": [1, [:], []], "a": ["x": nil]]
    #expect(
      value.prettyString() == """
        {
          "a": {
            "x": null
          },
          "b": [
            1,
            {},
            []
          ]
        }
        """)
    #expect(try JSONValue.parse(value.prettyString()) == value)
  }
}
