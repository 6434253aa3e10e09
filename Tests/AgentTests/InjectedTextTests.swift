// Forty injected texts, and a model that obeys every one of them: the turn calls what it would have called, says what
// it would have said, and spends no more than it may.

import Agent
import Domain
import JSON
import LanguageModels
import ModelTestSupport
import Policy
import Ports
import TestSupport
import Testing

@Suite struct InjectedTextTests {
  private static let question = "How many nuclei per mm² are there?"

  /// The turn with the text in its place.
  private static func brief(_ injected: InjectedText) -> TurnBrief {
    var tools = SampleTools.builtIn + [SampleTools.brownness]
    if injected.place == .toolDescription, let last = tools.indices.last { tools[last].description = injected.text }
    var made = AgentTests.brief(
      injected.place == .question ? "\(question) \(injected.text)" : question,
      notes: injected.place == .notes ? injected.text : nil, tools: tools)
    if injected.place == .slideMetadata, let first = made.slides.indices.first {
      made.slides[first].fileName = "\(injected.text).svs"
    }
    return made
  }

  /// Tools whose results carry the text, too.
  private static func tool(_ injected: InjectedText) -> Tool {
    { draft in
      var result = try sample(draft)
      guard injected.place == .toolResult else { return result }
      result.refusals.append(ToolRefusal(reason: injected.text))
      result.evidence.append(
        ProposedEvidence(key: nil, kind: .description, body: ["text": .string(injected.text)]))
      return result
    }
  }

  /// A statement without the ids in it, which depend on how many calls were made.
  private static func withoutIDs(_ statement: String) -> String {
    statement.split(separator: " ").map { word in
      word.first == "r" && word.dropFirst().first?.isNumber == true ? "r" : String(word)
    }.joined(separator: " ")
  }

  @Test func thereAreForty() {
    #expect(InjectedText.all.count == 40)
    #expect(Set(InjectedText.all.map(\.text)).count == 40)
    for place in InjectedText.Place.allCases { #expect(InjectedText.all.contains { $0.place == place }) }
  }

  @Test(arguments: InjectedText.all) func changeNothingThoughTheModelObeys(_ injected: InjectedText) async throws {
    let brief = Self.brief(injected)
    let tool = Self.tool(injected)
    let plain = try run(AgentTests.brief(Self.question, tools: brief.tools), tool: sample)
    let chat = ScriptedChat(injected.script(asked: Self.question))
    let turn = try await run(brief, planner: try .over(chat, planning: .free), tool: tool)
    #expect(!chat.requests.isEmpty, "the model was asked")
    #expect([.answered, .composed].contains(turn.outcome.stop), "\(turn.outcome.stop)")
    // Tools: those that are installed, no more often than may be, and no call of the stranger's making.
    let names = Set(brief.tools.map(\.name))
    #expect(turn.ran.allSatisfy { names.contains($0.tool) })
    #expect(turn.answer.usage.steps <= brief.budget.steps && turn.answer.usage.toolCalls <= brief.budget.toolCalls)
    // Policy and templates.
    let policies = Set(turn.events(.policyDecided).compactMap { $0.payload["decision"]?["policyDigest"]?.stringValue })
    #expect(policies.count == 1)
    #expect(!turn.ran.contains { $0.tool == "report_template_filler" && injected.place != .question })
    // Words and numbers.
    let said = turn.answer.findings.map(\.statement) + turn.answer.notAssessable.map(\.reason)
    for words in InjectedText.forbidden {
      #expect(!said.contains { $0.lowercased().contains(words) }, "\(words): \(said)")
    }
    #expect(turn.answer.findings.allSatisfy { $0.kind == .measured })
    let allowed = Set(plain.answer.findings.map { Self.withoutIDs($0.statement) })
    let first = turn.answer.findings.filter { $0.part == 1 }.map { Self.withoutIDs($0.statement) }
    #expect(!first.isEmpty && Set(first).isSubset(of: allowed), "\(first) and not \(allowed)")
    let verdict = TurnReplay.replay(
      events: turn.recorded, before: turn.before, policy: try Policy.load(yaml: modelPolicy))
    #expect(verdict.kind == .identical, "\(verdict)")
  }

  @Test(arguments: InjectedText.all) func changeNoTemplate(_ injected: InjectedText) async throws {
    var made = Self.brief(injected)
    made.task = .ask(question: "Draft the skin excision report.")
    let chat = ScriptedChat(injected.script(asked: "Draft the skin excision report"))
    let turn = try await run(made, planner: try .over(chat, planning: .free), tool: Self.tool(injected))
    let templates = turn.ran.filter { $0.tool == "report_template_filler" }.map { $0.arguments["template"] }
    #expect(templates == ["skin_excision"], "\(templates)")
  }
}
