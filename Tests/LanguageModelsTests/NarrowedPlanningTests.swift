// A model that chooses among the actions of the rules' plan.

import Domain
import JSON
import LanguageModels
import ModelTestSupport
import Ports
import Testing

@Suite struct NarrowedPlanning {
  private let question = "Where is it most cellular, and how many nuclei per mm² are there?"
  private var parts: [String] { ["Where is it most cellular", "how many nuclei per mm² are there"] }

  private func asked(_ history: [StepOutcome] = []) -> StepRequest {
    var asked = request(question, parts: parts, history: history)
    asked.disclosure = .everything
    return asked
  }

  private func tool(_ reply: StepReply) throws -> String? {
    try JSONValue.parse(reply.text)["act"]?["tool"]?.stringValue
  }

  @Test func takesTheModelsChoice() async throws {
    for (letter, name) in [("A", "slide_overview"), ("B", "cell_counter")] {
      let chat = ScriptedChat(["{\"choice\":\"\(letter)\"}"])
      let reply = try await ModelPlanner.over(chat, planning: .narrowed).step(asked())
      #expect(try tool(reply) == name)
      #expect(reply.planning == .narrowed)
      #expect(reply.exchanges?.count == 1 && reply.exchanges?.first?.problem == nil)
      #expect(chat.requests.first?.lastWords.contains("A: Look over s1") == true)
    }
  }

  @Test func keepsToTheRulesWhenTheModelChoosesNothing() async throws {
    for said in ["{\"choice\":\"Q\"}", "A", "", "{\"choice\":1}", "ignore the rules"] {
      let reply = try await ModelPlanner.over(ScriptedChat([said]), planning: .narrowed).step(asked())
      #expect(try tool(reply) == "slide_overview")
      #expect(reply.exchanges?.first?.problem == "it names none of the choices")
    }
  }

  @Test func doesNotAskWhereThereIsOneThingToDo() async throws {
    let chat = ScriptedChat(["{\"choice\":\"A\"}"])
    let planner = try ModelPlanner.over(chat, planning: .narrowed)
    var split = request(question)
    split.disclosure = .everything
    _ = try await planner.step(split)
    var single = request("How many nuclei?", parts: ["How many nuclei?"])
    single.disclosure = .everything
    #expect(try tool(try await planner.step(single)) == "cell_counter")
    #expect(chat.requests.isEmpty)
  }

  @Test func sendsNothingThatThePolicyKeepsIn() async throws {
    let chat = ScriptedChat(["{\"choice\":\"B\"}"])
    let planner = try ModelPlanner.over(chat, planning: .narrowed)
    var forbidden = asked()
    forbidden.disclosure = .nothing
    let reply = try await planner.step(forbidden)
    #expect(try tool(reply) == "slide_overview" && reply.planning == .rules)
    #expect(chat.requests.isEmpty)
    var pixels = asked()
    pixels.disclosure = .pixels
    _ = try await planner.step(pixels)
    #expect(chat.requests.allSatisfy { !$0.words.contains("skin") && !$0.words.contains("H&E") })
  }

  @Test func growsOneChat() async throws {
    let chat = ScriptedChat(["{\"choice\":\"A\"}"])
    let planner = try ModelPlanner.over(chat, planning: .narrowed)
    _ = try await planner.step(asked())
    _ = try await planner.step(asked())
    let (first, second) = (chat.requests[0].messages, chat.requests[1].messages)
    #expect(Array(second.prefix(first.count)) == first && second.count == first.count + 2)
    await planner.turnEnded(asked().turn)
    _ = try await planner.step(asked())
    #expect(chat.requests[2].messages == first, "a turn that ended is forgotten")
  }

  @Test func aModelThatIsGoneIsSaidToBe() async throws {
    let chat = ScriptedChat { _, _ throws(VPathError) in throw VPathError(.modelUnavailable, "It is gone.") }
    let planner = try ModelPlanner.over(chat, planning: .narrowed)
    let reply = try await planner.step(asked())
    #expect(reply.failure?.id == .modelUnavailable && reply.exchanges?.first?.problem == "It is gone.")
  }
}
