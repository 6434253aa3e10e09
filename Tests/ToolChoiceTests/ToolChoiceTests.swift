// The tool-choice suite and how planners are measured on it.

import Domain
import Glibc
import JSON
import LanguageModels
import ModelTestSupport
import Policy
import Ports
import TestSupport
import Testing
import ToolChoice

private struct StoppedClock: Clock {
  func now() -> String { "2026-01-01T00:00:00.000Z" }
  func monotonicSeconds() -> Double { 0 }
  func sleep(seconds: Double) async throws {}
}

private func shipped(_ name: String, _ here: String = #filePath) throws -> ToolChoiceSuite {
  let root = "/" + here.split(separator: "/").dropLast(3).joined(separator: "/")
  let file = try #require(fopen("\(root)/models/tool_choice/\(name).json", "r"))
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 1 << 20)
  let count = fread(&bytes, 1, bytes.count, file)
  return try ToolChoiceSuite(String(decoding: bytes.prefix(count), as: UTF8.self))
}

private func shippedManifest(_ tool: String, _ here: String = #filePath) throws -> ToolManifest {
  let root = "/" + here.split(separator: "/").dropLast(3).joined(separator: "/")
  let bytes = try #require(TemporaryFolder.read("\(root)/tools/\(tool)/tool.json"))
  return try decodeJSON(ToolManifest.self, from: try JSONValue.parse(bytes))
}

@Suite struct ToolChoiceSuites {
  @Test func thatShipHaveTwoHundredAndSixtyCases() throws {
    #expect(try shipped("generated").cases.count == 200)
    #expect(try shipped("handwritten").cases.count == 60)
  }

  static let broken: [(String, String)] = [
    ("[", "no JSON"), ("{\"cases\":[]}", "cases"),
    (
      "{\"what\":\"\",\"cases\":[{\"id\":\"a\",\"question\":\"q\",\"state\":\"old\",\"expect\":{\"act\":\"notAssessable\"}}]}",
      "state"
    ),
    (
      "{\"what\":\"\",\"cases\":[{\"id\":\"a\",\"question\":\"q\",\"state\":\"new\",\"expect\":{\"act\":\"call\"}}]}",
      "tools"
    ),
    (
      "{\"what\":\"\",\"cases\":[{\"id\":\"a\",\"question\":\"q\",\"state\":\"new\",\"expect\":{\"act\":\"dance\"}}]}",
      "none of call"
    ),
    (
      "{\"what\":\"\",\"cases\":[{\"id\":\"a\",\"question\":\"q\",\"more\":1,\"state\":\"new\",\"expect\":{\"act\":\"notAssessable\"}}]}",
      "has id"
    ),
  ]

  @Test(arguments: broken) func thatAreBrokenSayHow(_ text: String, _ words: String) {
    let error = #expect(throws: VPathError.self) { try ToolChoiceSuite(text) }
    #expect(error?.id == .protocolParams && error?.message.contains(words) == true, "\(error?.message ?? "")")
  }
}

@Suite struct PlannersMeasured {
  private func run() throws -> ToolChoiceRun {
    ToolChoiceRun(
      tools: SampleTools.builtIn + [try shippedManifest("tile_classifier")],
      policy: try SamplePolicies.permittingModels(), clock: StoppedClock())
  }

  @Test func theRulesChooseWellWhereTheirWordsReach() async throws {
    let generated = try await run().measure(RulePlanner(), try shipped("generated").cases)
    #expect(
      generated.accuracy >= 0.9,
      "\(generated.right) of 200; wrong: \(generated.items.filter { !$0.isRight }.map { "\($0.id) \($0.did)" })")
    let handwritten = try await run().measure(RulePlanner(), try shipped("handwritten").cases)
    #expect(
      handwritten.accuracy >= 0.7,
      "\(handwritten.right) of 60; wrong: \(handwritten.items.filter { !$0.isRight }.map { "\($0.id) \($0.did)" })")
  }

  @Test func aNarrowedModelIsNoWorseThanTheRules() async throws {
    let cases = try shipped("handwritten").cases
    let rules = try await run().measure(RulePlanner(), cases)
    let narrowed = try await run().measure(
      try ModelPlanner.over(ScriptedChat(["nonsense"]), planning: .narrowed), cases)
    #expect(narrowed.right == rules.right)
  }

  @Test func whatRulesDoInAFreeModelsPlaceIsNotItsOwn() async throws {
    let cases = try shipped("handwritten").cases
    let rules = try await run().measure(RulePlanner(), cases)
    let free = try await run().measure(try ModelPlanner.over(ScriptedChat(["nonsense"]), planning: .free), cases)
    #expect(free.right == 0 && free.endedRight == rules.right)
    #expect(free.refused == 2 * cases.count)
  }

  @Test func aStepThatIsNoneIsWrong() async throws {
    let planner = RecordedPlanner(replies: [
      StepReply(text: "?"), StepReply(text: "{\"act\":{\"tool\":\"cell_counter\",\"args\":{}}}"),
    ])
    let report = try await run().measure(planner, Array(try shipped("handwritten").cases.prefix(2)))
    #expect(report.items.map(\.isRight) == [false, true])
    #expect(report.items.map(\.did) == ["none", "cell_counter"])
  }
}
