// A chat request as it goes over the wire.

import JSON
import Prompting
import Testing

@testable import LanguageModels

@Suite struct ChatRequestBodyTests {
  func body(_ request: ChatRequest, _ change: (inout EndpointConfiguration) -> Void = { _ in }) throws -> JSONValue {
    var configuration = EndpointConfiguration(target: .unixSocket(path: "/s"))
    change(&configuration)
    return try JSONValue.parse(try ChatRequestBody.bytes(request, configuration: configuration))
  }

  @Test func theSameRequestGivesTheSameBytes() throws {
    let request = ChatRequest(
      messages: [.init(.user, "q")], schema: ["type": "object", "properties": ["b": true, "a": true]], seed: 7)
    let configuration = EndpointConfiguration(target: .unixSocket(path: "/s"), model: "m")
    let bytes = try ChatRequestBody.bytes(request, configuration: configuration)
    let expected =
      #"{"max_tokens":512,"messages":[{"content":"q","role":"user"}],"model":"m","response_format":{"json_schema":"#
      + #"{"name":"reply","schema":{"properties":{"a":true,"b":true},"type":"object"},"strict":true},"#
      + #""type":"json_schema"},"seed":7,"stream":true,"stream_options":{"include_usage":true},"temperature":0}"#
    #expect(String(decoding: bytes, as: UTF8.self) == expected)
  }

  @Test func aPictureGoesAsADataURLAndOnlyToAModelThatSees() throws {
    let request = ChatRequest(
      messages: [.init(.user, [.text("What?"), .image(bytes: [1, 2, 3, 4], mediaType: "image/png")])])
    #expect(throws: EndpointFailure.noVision) { try body(request) }
    let parts = try body(request) { $0.vision = true }["messages"]?.arrayValue?.first?["content"]?.arrayValue
    #expect(parts?.last == ["type": "image_url", "image_url": ["url": "data:image/png;base64,AQIDBA=="]])
  }

  @Test func quirksChangeTheRequest() throws {
    let request = ChatRequest(messages: [.init(.system, "s"), .init(.user, "q")], schema: ["type": "object"])
    let plain = try body(request) { $0.quirks = [.noJSONSchema] }
    #expect(plain["response_format"] == nil)
    let merged = try body(request) { $0.quirks = [.noSystemRole] }["messages"]?.arrayValue
    #expect(merged?.map { $0["role"]?.stringValue } == ["user"])
    #expect(merged?.first?["content"]?.arrayValue?.first?["text"] == "s")
  }

  @Test func aRequestBeyondTheLimitIsContextFull() throws {
    let request = ChatRequest(messages: [.init(.user, String(repeating: "x", count: 1000))])
    #expect(throws: EndpointFailure.self) { try body(request) { $0.limits.requestBytes = 999 } }
  }
}
