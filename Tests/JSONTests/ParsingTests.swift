import JSON
import Testing

@Test func parses() throws {
  #expect(try JSONValue.parse(#"{"a":[1,2.5,true,null,"x"]}"#).canonicalString() == #"{"a":[1,2.5,true,null,"x"]}"#)
}
