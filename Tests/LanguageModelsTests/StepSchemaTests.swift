// Steps between the daemon's schema and a server's.

import JSON
import Testing

@testable import LanguageModels

@Suite struct StepSchemas {
  private let step: JSONValue = [
    "type": "object",
    "properties": [
      "thought": ["type": "string", "maxLength": 2000],
      "act": [
        "anyOf": [
          [
            "type": "object",
            "properties": ["tool": ["const": "x"], "args": ["type": "object", "pattern": "^(a+)+$", "format": "uri"]],
            "required": ["tool", "args"], "additionalProperties": false,
          ]
        ]
      ],
    ],
    "required": ["act"], "additionalProperties": false,
  ]

  @Test func makeAModelThinkBeforeItActs() {
    let sent = StepSchema.forServer(step)
    #expect(sent["required"] == ["about", "act"])
    #expect(sent["properties"]?["thought"] == nil)
    #expect(sent.canonicalString().range(of: "\"about\"") ?? 1 < sent.canonicalString().range(of: "\"act\":{") ?? 0)
    #expect(StepSchema.step(from: "{\"about\":\"why\",\"act\":{}}") == ["thought": "why", "act": [:]])
  }

  @Test func holdNothingThatServersCannotTurnIntoGrammars() {
    let text = StepSchema.forServer(step).canonicalString()
    #expect(!text.contains("pattern") && !text.contains("format"))
    #expect(text.contains("\"const\":\"x\""))
  }

  @Test func giveTextsAndListsAnEnd() {
    let sent = StepSchema.forServer([
      "type": "object",
      "properties": [
        "act": [
          "type": "object",
          "properties": [
            "long": ["type": "string", "maxLength": 5000], "open": ["type": "string"],
            "short": ["type": "string", "maxLength": 8],
            "chosen": ["type": "string", "enum": ["a"]], "list": ["type": "array", "items": ["type": "string"]],
            "few": ["type": "array", "maxItems": 2],
          ],
        ]
      ],
    ])
    let properties = sent["properties"]?["act"]?["properties"]
    #expect(properties?["long"]?["maxLength"] == 400 && properties?["open"]?["maxLength"] == 400)
    #expect(properties?["short"]?["maxLength"] == 8 && properties?["chosen"]?["maxLength"] == nil)
    #expect(properties?["list"]?["maxItems"] == 16 && properties?["few"]?["maxItems"] == 2)
    #expect(properties?["list"]?["items"]?["maxLength"] == 400)
  }

  @Test(arguments: ["", "[]", "null", "{\"act\":", "{\"a\":1,\"a\":2}", String(repeating: "[", count: 50_000)])
  func thatAreNoneAreNone(_ reply: String) { #expect(StepSchema.step(from: reply) == nil) }
}

extension String {
  fileprivate func range(of piece: String) -> Int? {
    let (text, wanted) = (Array(utf8), Array(piece.utf8))
    return (0..<max(0, text.count - wanted.count)).first { text[$0..<$0 + wanted.count].elementsEqual(wanted) }
  }
}
