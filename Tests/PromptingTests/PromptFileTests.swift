// Prompt files.

import Domain
import Testing

@testable import Prompting

@Suite struct PromptFiles {
  private let good = "---\nname: hello\nversion: 1.2.0\ninputs: [who, what]\n---\nHello {{who}}.\n\n{{what}}\n\nEnd."

  @Test func areFilled() throws {
    let file = try PromptFile(good, name: "hello")
    #expect(file.reference == "hello@1.2.0")
    #expect(file.filled(["who": "you", "what": "Think."]) == "Hello you.\n\nThink.\n\nEnd.")
  }

  @Test func leaveOutWhatIsEmpty() throws {
    #expect(try PromptFile(good, name: "hello").filled(["who": "you"]) == "Hello you.\n\nEnd.")
  }

  @Test func doNotLookIntoWhatWasFilledIn() throws {
    #expect(
      try PromptFile(good, name: "hello").filled(["who": "{{what}}", "what": "x"]) == "Hello {{what}}.\n\nx\n\nEnd.")
  }

  static let broken: [(String, String)] = [
    ("Hello", "front matter"), ("---\nname: hello\n", "front matter"),
    ("---\nname: other\nversion: 1.0.0\ninputs: []\n---\nx", "calls itself other"),
    ("---\nname: hello\nversion: 1.0.0\ninputs: [a]\n---\nx", "never uses it"),
    ("---\nname: hello\nversion: 1.0.0\ninputs: []\n---\n{{b}}", "does not declare"),
    ("---\nname: hello\nversion: 1.0.0\ninputs: []\n---\n{{b", "not closed"),
    ("---\nname: hello\nversion: 1.0.0\ninputs: []\nmore: 1\n---\nx", "other keys"),
    ("---\nname: hello\nversion: 1\ninputs: []\n---\nx", "other keys"),
    ("---\nname: hello\nversion: 1.0.0\ninputs: [a, a]\n---\n{{a}}", "distinct"),
  ]

  @Test(arguments: broken) func thatAreBrokenSayHow(_ text: String, _ words: String) {
    let error = #expect(throws: VPathError.self) { try PromptFile(text, name: "hello") }
    #expect(error?.id == .internalBug)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }
}
