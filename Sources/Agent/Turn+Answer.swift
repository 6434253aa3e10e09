// The end of a turn that was asked a question: a draft that passed is rendered, or the daemon composes an answer from
// the evidence at hand.
// What must stay true: every part ends as a finding or as not assessable with a reason; comparisons are computed here,
// recorded, and cited.

import Domain
import JSON
import Ports

extension Turn {
  /// Ends the turn without a draft that passed.
  mutating func end(_ end: TurnEnd) {
    if case .call = brief.task {
      var outcome = calls.last?.outcome ?? emptyOutcome
      if outcome.error == nil {
        outcome.error = VPathError(.cancelled, "The call was stopped: \(end.stop.rawValue).")
      }
      return complete(TurnOutcome(stop: end.stop, answer: nil, call: outcome))
    }
    if parts.isEmpty { parts = [QuestionPart(part: 1, asked: question)] }
    let composer = AnswerComposer(
      parts: parts, presetReasons: presetReasons, evidence: known, calls: calls,
      defaultReason: end.reason(brief.budget))
    answer(composer.draft(), stop: end.stop)
  }

  private var emptyOutcome: StepOutcome {
    guard case .call(let tool, let arguments) = brief.task else {
      return StepOutcome(call: CallID("call-1"), tool: "", arguments: [:], evidence: [], error: nil, refusals: [])
    }
    return StepOutcome(
      call: CallID("call-1"), tool: tool, arguments: arguments, evidence: [], error: nil, refusals: [])
  }

  /// Renders a draft and completes the turn.
  mutating func answer(_ draft: AnswerDraft, stop: StopReason) {
    let findings = draft.findings.map { finding in
      let asked = parts.first { $0.part == finding.part }?.asked ?? ""
      guard finding.words == nil,
        let comparison = Comparison.calledFor(by: finding.evidence, asked: asked, in: known)
      else { return finding }
      return DraftFinding(part: finding.part, evidence: finding.evidence + [recordOnce(comparison)], words: nil)
    }
    let renderer = StatementRenderer(evidence: known, tools: brief.tools)
    let rendered = findings.map { renderer.finding(part: $0.part, citing: $0.evidence, words: $0.words) }
    usage.seconds = elapsed
    let answer = Answer(
      turn: brief.turn, question: question, parts: parts, stop: stop,
      findings: rendered.enumerated().sorted { ($0.element.part, $0.offset) < ($1.element.part, $1.offset) }
        .map(\.element),
      notAssessable: reasons(draft),
      lookedAt: LookedAt.summary(citing: findings.flatMap(\.evidence), evidence: known), usage: usage)
    record(events.rendered(answer))
    complete(TurnOutcome(stop: stop, answer: answer, call: nil))
  }

  /// The comparison's id; one that the case has already is cited again.
  private mutating func recordOnce(_ comparison: Comparison) -> EvidenceID {
    if let known = known.all.first(where: { $0.body == .comparison(comparison) }) { return known.id }
    let item = Evidence(
      id: known.nextID(.comparison), turn: brief.turn, call: nil, tool: nil, body: .comparison(comparison))
    record(item)
    return item.id
  }

  /// Reasons of the draft, and those of the first step for parts that the draft leaves out.
  private func reasons(_ draft: AnswerDraft) -> [NotAssessable] {
    let found = Set(draft.findings.map(\.part))
    return parts.flatMap { part in
      let given = draft.notAssessable.filter { $0.part == part.part }.map(\.reason)
      let preset = presetReasons[part.part].map { [$0] } ?? []
      let reasons = given.isEmpty && !found.contains(part.part) ? preset : given
      return reasons.map { NotAssessable(part: part.part, asked: part.asked, reason: $0.excerpt(1_000)) }
    }
  }
}
