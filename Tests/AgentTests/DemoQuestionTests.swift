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
    #expect(turn.answer.usage.toolCalls == 3)
    #expect(
      turn.answer.parts.map(\.asked) == [
        "Where is this tissue most cellular", "how many nuclei per mm² are there", "is any part of it tumour",
      ])
  }

  @Test func isRenderedFromMeasurements() throws {
    let turn = try run(brief(Self.question))
    #expect(
      turn.statements(of: 1) == [
        "The most cellular 250 µm window is r5, at x 1204, y 880: about 5,500 nuclear profiles per mm² of tissue (344 in "
          + "0.063 mm²); then r6, at x 600, y 1500: about 5,100; then r7, at x 1300, y 2100: about 4,900; a selected "
          + "maximum: choosing it inflates it by about 13 %, no interval applies; not validated on skin. r5 is shown at "
          + "0.5 µm/px as v2."
      ])
    #expect(
      turn.statements(of: 2) == [
        "About 3,900 nuclear profiles per mm² of tissue in r4 (2,445 in 0.63 mm²; on 18 validation images a human count "
          + "lay between ×0.8 and ×1.6 of it in 90 %; not validated on skin)."
      ])
    #expect(
      turn.reason(of: 3)
        == "no installed tool can tell tumour from other tissue; it would need a tile classifier whose card is "
        + "validated for skin, H&E, and a pathologist's confirmation")
    #expect(turn.answer.findings.allSatisfy { $0.kind == .measured })
  }

  @Test func saysHowMuchWasLookedAt() throws {
    let looked = try run(brief(Self.question)).answer.lookedAt
    #expect(looked.tissueAreaMm2 == 0.63)
    #expect(looked.micronsPerPixel == 0.499)
    #expect(looked.leftOut.isEmpty, "the calls that are cited left nothing out; another tool's ink is not theirs")
  }

  @Test func everyCitedIdIsEvidenceOfTheTurn() throws {
    let turn = try run(brief(Self.question))
    let ids = Set(turn.evidence.map(\.id))
    for finding in turn.answer.findings { #expect(Set(finding.evidence).isSubset(of: ids)) }
  }

  @Test func anUnanswerableQuestionTakesOneStep() throws {
    let turn = try run(brief("Is any part of it tumour, and what is the Ki-67 index?"))
    #expect(turn.outcome.stop == .answered)
    #expect(turn.answer.usage.steps == 1)
    #expect(turn.ran.isEmpty)
    #expect(turn.answer.findings.isEmpty)
    #expect(turn.answer.notAssessable.count == 2)
  }

  @Test func everyReasonOfTheRulePlannerPassesTheCheck() throws {
    let questions = [
      "tumour?", "diagnosis?", "grade?", "stage?", "margins?", "mitoses?", "Ki-67?", "lymphocytes?", "necrosis?",
      "nuclear size?", "mutation?", "prognosis?", "which organ?", "who is the patient?", "describe it", "flurb?",
      "compare it with another", "show me r99", "how many nuclei are in this region?",
    ]
    for stain in ["H&E", "Ki-67", "CD 3 immunostain", "染色", nil] {
      for question in questions {
        let turn = try run(brief(question, organ: "organ 7 (of 9)", stain: stain))
        #expect(turn.outcome.stop == .answered, "\(question) with \(stain ?? "no stain")")
        #expect(turn.events(.answerChecked).allSatisfy { $0.payload["accepted"] == true })
      }
    }
  }
}
