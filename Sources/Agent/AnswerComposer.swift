// An answer that the daemon makes from the evidence of a turn alone, when no draft of the planner stands.
// What must stay true: evidence is given to a part only when the planner made the call for it, or when the part's
// words name what was measured; nothing is guessed, the rest keeps a reason.

import Domain
import Ports

/// Composes drafts.
struct AnswerComposer: Sendable {
  var parts: [QuestionPart]
  var presetReasons: [Int: String]
  var evidence: CaseEvidence
  var calls: [TurnCall]
  /// Why a part without evidence is not assessable.
  var defaultReason: String

  /// The most ids a composed finding cites.
  private static let limit = 12

  /// A finding for each part that evidence of this turn belongs to, a reason for every other.
  func draft() -> AnswerDraft {
    var draft = AnswerDraft()
    for part in parts {
      if let preset = presetReasons[part.part] {
        draft.notAssessable.append(DraftReason(part: part.part, reason: preset))
        continue
      }
      let own = calls.filter { $0.isSettled && belongs($0, to: part) }
      let ids = cited(own, for: part)
      if ids.isEmpty {
        let refusal = own.compactMap { $0.outcome.refusals.first ?? $0.outcome.error?.message }.first
        draft.notAssessable.append(DraftReason(part: part.part, reason: refusal ?? defaultReason))
      } else {
        draft.findings.append(DraftFinding(part: part.part, evidence: ids, words: nil))
      }
    }
    return draft
  }

  private func belongs(_ call: TurnCall, to part: QuestionPart) -> Bool {
    if call.parts.contains(part.part) { return true }
    guard call.parts.isEmpty else { return false }
    let manifest = call.manifest
    let texts = manifest.vpath.measures.flatMap { [$0.name, $0.phrase] } + (manifest.vpath.answers ?? [])
    return !stems(of: part.asked).isDisjoint(with: Set(texts.flatMap { stems(of: $0) }))
  }

  /// Measurements of the calls that the part asks for, rankings where it asks where, with views behind them; else
  /// regions, views and files.
  private func cited(_ calls: [TurnCall], for part: QuestionPart) -> [EvidenceID] {
    let ids = calls.flatMap(\.outcome.evidence)
    let measured = ids.compactMap { id in evidence.measurement(id).map { (id: id, measurement: $0) } }
    let ranked = measured.filter(\.measurement.isSelected).map(\.id)
    let plain = measured.filter { !$0.measurement.isSelected && LeftOutMeasure(of: $0.measurement) == nil }.map(\.id)
    let asksWhere = !stems(of: part.asked).isDisjoint(with: Self.placeStems)
    let chosen = asksWhere && !ranked.isEmpty ? ranked : plain.isEmpty ? ranked : plain
    let regions = chosen.compactMap { evidence.measurement($0)?.region }
    let views = ids.filter { id in
      guard case .view(let view) = evidence[id]?.body else { return false }
      return chosen.isEmpty || regions.contains(view.region)
    }
    var seen: Set<EvidenceID> = []
    let others = chosen.isEmpty ? ids.filter { [.artefact, .region].contains($0.parts?.kind) } : regions
    return Array((chosen + others + views).filter { seen.insert($0).inserted }.prefix(Self.limit))
  }

  private static let placeStems: Set<String> = ["where", "most", "dense", "highe", "which", "rank", "hotsp"]

  /// The first five letters of each word that says something.
  private func stems(of text: String) -> Set<String> {
    var stems: Set<String> = []
    for word in text.lowercased().split(whereSeparator: { !$0.isLetter }) where word.count > 3 {
      let stem = String(word.prefix(5))
      if !Self.general.contains(stem) { stems.insert(stem) }
    }
    return stems
  }

  private static let general: Set<String> = [
    "tissu", "what", "this", "that", "there", "slide", "image", "area", "measu", "value", "with", "from", "have",
    "each",
    "many", "much", "show", "part", "regio",
  ]
}
