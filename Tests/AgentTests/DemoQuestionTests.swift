// The question of the demo, from its first step to its rendered answer.

import Agent
import Domain
import JSON
import Ports
import TestSupport
import Testing

@Suite struct DemoQuestion {
  static let question =
    "Where is this tissue most cellular, how many nuclei per mm² are there, and is any part of it tumour?"

  @Test func isAnsweredInFiveStepsAndThreeCalls() throws {
    let turn = try run(brief(Self.question))
    #expect(turn.outcome.stop == .answered)
    #expect(turn.ran.map(\.tool) == ["slide_overview", "cell_counter", "region_zoom"])
    #expect(turn.answer.usage.steps == 5)
    #expect(
      turn.answer.parts.map(\.asked) == [
        "Where is this tissue most cellular", "how many nuclei per mm² are there", "is any part of it tumour",
      ])
    for finding in turn.answer.findings { print(finding.part, finding.statement, finding.evidence) }
    for item in turn.answer.notAssessable { print(item.part, item.reason) }
    print(turn.answer.lookedAt)
  }
}
