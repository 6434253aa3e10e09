// The check of drafts.

import Domain
import Ports
import TestSupport
import Testing

@testable import Agent

@Suite struct DraftChecking {
  private func check() throws -> AnswerCheck {
    let turn = try run(brief(DemoQuestion.question, notes: "seen 3 times"))
    return AnswerCheck(
      parts: turn.answer.parts, presetReasons: [3: "not measured here"],
      evidence: CaseEvidence(slides: brief(opened: true).slides, evidence: turn.evidence), quotedReasons: [],
      describable: Set(turn.evidence.map(\.id).filter { $0.parts?.kind == .view }))
  }

  private func problems(_ findings: [DraftFinding], _ reasons: [DraftReason] = []) throws -> [String] {
    try check().problems(of: AnswerDraft(findings: findings, notAssessable: reasons))
  }

  private let first = DraftFinding(part: 1, evidence: ["m5"])
  private let second = DraftFinding(part: 2, evidence: ["m3"])

  @Test func aGoodDraftPasses() throws {
    #expect(try problems([first, second]) == [])
    #expect(try problems([first], [DraftReason(part: 2, reason: "not measured here")]) == [])
    #expect(try problems([first, second, second]) == [], "a part may have several findings")
    #expect(
      try problems([first, second, DraftFinding(part: 1, evidence: ["v2"], words: "Crowded dark nuclei.")]) == [])
  }

  @Test func everyPartIsCovered() throws {
    #expect(try problems([first]).first?.hasPrefix("Part 2 (\"how many nuclei per mm² are there\") is neither") == true)
    #expect(try problems([]).count == 2, "part 3 has its reason from the first step")
  }

  static let wrong: [(DraftFinding, String)] = [
    (DraftFinding(part: 4, evidence: ["m5"]), "part 4 does not exist"),
    (DraftFinding(part: 0, evidence: ["m5"]), "part 0 does not exist"),
    (DraftFinding(part: 1, evidence: []), "cites nothing"),
    (DraftFinding(part: 1, evidence: ["m99"]), "no evidence m99"),
    (DraftFinding(part: 1, evidence: ["m5", "m5"]), "cites something twice"),
    (DraftFinding(part: 1, evidence: ["q1"]), "never a result"),
    (DraftFinding(part: 1, evidence: ["m5", "x"]), "no evidence x"),
    (DraftFinding(part: 1, evidence: (1...65).map { EvidenceID(.measurement, $0) }), "more than 64"),
    (DraftFinding(part: 1, evidence: ["r5"], words: "Pale cells."), "need a view"),
    (DraftFinding(part: 1, evidence: ["v2", "m5"], words: "Pale cells."), "worded by the daemon"),
    (DraftFinding(part: 1, evidence: ["v2"], words: "Malignant cells."), "belongs to a diagnosis"),
    (DraftFinding(part: 1, evidence: ["v2"], words: "About 50 cells."), "digit"),
  ]

  @Test(arguments: wrong) func aBadFindingIsNamed(_ finding: DraftFinding, _ why: String) throws {
    let found = try problems([finding, first, second])
    #expect(found.contains { $0.contains(why) }, "\(found)")
  }

  @Test func aBadReasonIsNamed() throws {
    #expect(
      try problems([first, second], [DraftReason(part: 3, reason: "tumour is absent")])
        == ["The reason of part 3: \"absent\" claims something about a disease."])
    #expect(try problems([first, second], [DraftReason(part: 9, reason: "no tool")]) == ["Part 9 does not exist."])
  }

  @Test func aDraftIsBounded() throws {
    let many = Array(repeating: first, count: 100)
    #expect(try problems(many + [second]).contains { $0.contains("more than 64 findings") })
  }

  @Test func aDescribedFindingIsMarkedSo() throws {
    let words = #"{"act":{"answer":{"findings":[{"part":1,"evidence":["v1"],"words":"Pale cells lie in sheets."}]}}}"#
    let turn = try run(
      brief("Describe the slide"),
      plan: scripted([
        #"{"act":{"parts":[{"asked":"Describe the slide"}]}}"#,
        #"{"act":{"tool":"slide_overview","args":{"slide":"s1"},"for":[1]}}"#, words,
      ]))
    #expect(turn.outcome.stop == .answered)
    #expect(turn.answer.findings.map(\.kind) == [.described])
    #expect(turn.statements(of: 1) == ["Pale cells lie in sheets."])
  }
}
