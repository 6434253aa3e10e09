// The chat in which a model chooses among the actions of the rules' plan. It only grows, like TurnConversation.
// What must stay true: the choices are the daemon's own words; a letter is all that the model gives back.

import Domain
public import JSON
public import Ports

/// A growing chat of choices over one turn.
public struct ChoiceConversation: Sendable {
  /// The chat so far, oldest first.
  public private(set) var messages: [ChatMessage] = []
  private let prompts: PromptSet
  private var toldCalls: Set<CallID> = []

  /// The most choices of one step: as many as there are letters.
  public static let maxChoices = 16

  public init(_ prompts: PromptSet) { self.prompts = prompts }

  /// The letters of so many choices, "A" first.
  public static func letters(_ count: Int) -> [String] {
    (0..<min(count, maxChoices)).map { String(UnicodeScalar(UInt8(0x41 + $0))) }
  }

  /// Appends a choice. `choices` say what each action is.
  public mutating func ask(_ request: StepRequest, choices: [String]) {
    if messages.isEmpty {
      messages.append(ChatMessage(.system, prompts.chooseSystem.filled([:])))
    }
    var text: [String] = []
    if messages.count == 1 {
      var facts: [String] = []
      if request.disclosure == .everything {
        if let organ = request.description.organ {
          facts.append("organ: \(StrangersText.line(organ, maxCharacters: 80))")
        }
        if let stain = request.description.stain {
          facts.append("stain: \(StrangersText.line(stain, maxCharacters: 80))")
        }
      }
      text.append(
        prompts.chooseQuestion.filled([
          "case": facts.isEmpty ? "" : "<case>\n\(facts.joined(separator: "\n"))\n</case>",
          "question": StrangersText.fenced(request.question, as: "question", maxCharacters: 2_000),
        ]))
    }
    let done = request.history.filter { !toldCalls.contains($0.call) }.map { outcome in
      StrangersText.line(outcome.tool, maxCharacters: 80) + (outcome.error == nil ? " is done." : " failed.")
    }
    let listed = zip(Self.letters(choices.count), choices).map {
      "\($0): \(StrangersText.line($1, maxCharacters: 160))"
    }
    text.append(
      prompts.chooseStep.filled([
        "outcome": done.joined(separator: "\n"), "choices": listed.joined(separator: "\n"),
      ]))
    messages.append(ChatMessage(.user, text.joined(separator: "\n\n")))
    toldCalls.formUnion(request.history.map(\.call))
  }

  /// JSON Schema of a reply: one of the letters.
  public static func schema(_ count: Int) -> JSONValue {
    [
      "type": "object", "properties": ["choice": ["enum": .array(letters(count).map { .string($0) })]],
      "required": ["choice"], "additionalProperties": false,
    ]
  }

  /// The place that a reply names; nil when it names none.
  public static func place(in reply: String, of count: Int) -> Int? {
    guard let letter = (try? JSONValue.parse(reply))?["choice"]?.stringValue else { return nil }
    return letters(count).firstIndex(of: letter)
  }

  /// Appends the model's own reply.
  public mutating func answered(_ text: String) { messages.append(ChatMessage(.assistant, text)) }
}
