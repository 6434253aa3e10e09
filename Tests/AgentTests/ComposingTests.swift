// Answers that the daemon makes when no draft stands.

import Agent
import Domain
import JSON
import Ports
import TestSupport
import Testing

@Suite struct Composing {
  private let question = "Where is it most cellular and how large is the tissue?"
  private let split =
    #"{"act":{"parts":[{"asked":"Where is it most cellular"},{"asked":"how large is the tissue"}]}}"#
  private func call(_ tool: String, _ parts: String) -> String {
    #"{"act":{"tool":"\#(tool)","args":{"slide":"s1"}\#(parts)}}"#
  }

  @Test func evidenceGoesToThePartsTheCallWasFor() throws {
    let turn = try run(
      brief(question),
      plan: scripted([split, call("cell_counter", #","for":[1]"#), call("slide_overview", #","for":[2]"#)]))
    #expect(turn.outcome.stop == .modelUnavailable)
    #expect(turn.statements(of: 1).first?.hasPrefix("The most cellular 250 µm window is r2") == true)
    #expect(turn.statements(of: 2).first?.hasPrefix("About 0.58 mm² of tissue in r5") == true)
  }

  @Test func withoutThatWordsDecide() throws {
    let turn = try run(brief(question), plan: scripted([split, call("slide_overview", "")]))
    #expect(turn.statements(of: 1).isEmpty)
    #expect(turn.reason(of: 1)?.contains("the planner was not available") == true)
    let one = try run(
      brief("What is the nuclear density?"),
      plan: scripted([#"{"act":{"parts":[{"asked":"What is the nuclear density"}]}}"#, call("cell_counter", "")]))
    #expect(one.statements(of: 1).first?.hasPrefix("About 3,900 nuclear profiles") == true)
  }

  @Test func evidenceIsNotGivenToAPartItDoesNotAnswer() throws {
    let turn = try run(
      brief("Is any part of it tumour?"),
      plan: scripted([#"{"act":{"parts":[{"asked":"Is any part of it tumour"}]}}"#, call("cell_counter", "")]))
    #expect(turn.answer.findings.isEmpty)
    #expect(turn.answer.notAssessable.count == 1)
  }

  @Test func aRefusalIsToldRatherThanTheBudget() throws {
    let turn = try run(
      brief("What is the nuclear density?", budget: TurnBudget(steps: 3)),
      plan: scripted([
        #"{"act":{"parts":[{"asked":"What is the nuclear density"}]}}"#, call("cell_counter", #","for":[1]"#),
      ]), tool: { _ in ToolResult(refusals: [ToolRefusal(reason: "no scale")]) })
    #expect(turn.reason(of: 1) == "no scale")
  }

  @Test func partsThatTheFirstStepRefusedKeepTheirReason() throws {
    let turn = try run(
      brief("Is it tumour and what is the nuclear density?"),
      plan: scripted([
        #"{"act":{"parts":[{"asked":"Is it tumour","notAssessable":"no tool"},{"asked":"what is the nuclear density"}]}}"#
      ]))
    #expect(turn.outcome.stop == .modelUnavailable)
    #expect(turn.reason(of: 1) == "no tool")
  }
}
