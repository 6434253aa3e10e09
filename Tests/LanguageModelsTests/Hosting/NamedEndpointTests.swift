// An endpoint that whoever runs the tests names: VPATH_TRY_ENDPOINT (base URL), VPATH_TRY_CA, VPATH_TRY_KEY_FILE,
// VPATH_TRY_NAME. For trying another server by hand; left out otherwise.

import Domain
import Glibc
import JSON
import Prompting
import Testing

@testable import LanguageModels

private func named(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

@Suite(.enabled(if: named("VPATH_TRY_ENDPOINT") != nil, "VPATH_TRY_ENDPOINT is not set"))
struct NamedEndpointTests {
  @Test func itAnswersByASchema() async throws {
    let model = try OpenAIEndpoint(
      EndpointConfiguration(
        target: .url(try EndpointURL(try #require(named("VPATH_TRY_ENDPOINT")))), model: named("VPATH_TRY_NAME"),
        keyFile: named("VPATH_TRY_KEY_FILE"), caFile: named("VPATH_TRY_CA")),
      identity: ModelIdentity(name: "named"))
    let schema: JSONValue = [
      "type": "object", "additionalProperties": false, "required": ["tool"],
      "properties": ["tool": ["enum": ["cell_counter", "slide_overview"]]],
    ]
    let reply = try await model.complete(
      ChatRequest(
        messages: [.init(.system, "Answer in JSON."), .init(.user, "Count the nuclei. Which tool?")], schema: schema,
        maxTokens: 64))
    #expect(try JSONSchema(schema).accepts(JSONValue.parse(reply.text)), "\(reply.text)")
    print(
      "\(model.configuration.name): \(reply.text), \(reply.promptTokens) prompt tokens, \(reply.replyBytes.count) bytes"
    )
  }
}
