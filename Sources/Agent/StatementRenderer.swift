// What was measured, in the daemon's words: phrases from the tools' manifests bound to region, denominator, interval
// and validity. Two significant figures; the exact value stays in the evidence.
// What must stay true: every number in a statement is read from the evidence it cites; what is flagged, selected or
// outside its validity is said to be so; a stranger's text (labels, flags, captions) is one bounded line that claims
// nothing about a disease (ToldWords.swift).
// The sentences are listed with examples in docs/answers.md.

import Domain

/// Words statements.
struct StatementRenderer: Sendable {
  var evidence: CaseEvidence
  /// Where the phrases come from.
  var tools: [ToolManifest]

  /// A finding as rendered. `words` are a planner's, checked before.
  func finding(part: Int, citing ids: [EvidenceID], words: String?) -> Finding {
    if let words {
      return Finding(part: part, statement: words.excerpt(1_000), kind: .described, evidence: ids)
    }
    let descriptions = ids.filter { $0.parts?.kind == .description }
    let isDescribed = !descriptions.isEmpty && descriptions.count == ids.count
    return Finding(part: part, statement: statement(of: ids), kind: isDescribed ? .described : .measured, evidence: ids)
  }

  /// The statement that some evidence makes.
  func statement(of ids: [EvidenceID]) -> String {
    var sentences: [String] = []
    var mentioned: Set<EvidenceID> = []
    let measured = ids.compactMap { id in
      evidence.measurement(id).map { MeasuredItem(id: id, measurement: told($0, by: id)) }
    }
    let leftOut = measured.filter { LeftOutMeasure(of: $0.measurement) != nil }
    let stated = measured.filter { LeftOutMeasure(of: $0.measurement) == nil }
    let groups = MeasureGroup.groups(of: stated) { evidence[$0]?.tool?.name ?? "" }
    let comparisons = ids.compactMap { id -> Comparison? in
      if case .comparison(let comparison) = evidence[id]?.body { comparison } else { nil }
    }
    for group in groups {
      if group.isRanking {
        sentences.append(ranking(group.items))
      } else if let comparison = comparisons.first(where: { group.holds($0) }) {
        sentences.append(self.comparison(comparison, group.items))
      } else {
        sentences.append(list(group.items))
      }
      mentioned.formUnion(group.items.compactMap(\.measurement.region))
    }
    if !leftOut.isEmpty { sentences.append(self.leftOut(leftOut.map(\.measurement))) }
    let regions = ids.filter { evidence.region($0) != nil && !mentioned.contains($0) }
    sentences += regions.compactMap { region($0) }
    let flagged = ids.filter { mentioned.contains($0) && !regionFlags($0).isEmpty }
    sentences += flagged.map { "\($0) is flagged: \(joined(regionFlags($0)))" }
    for id in ids {
      switch evidence[id]?.body {
      case .view(let view): sentences.append(self.view(id, view))
      case .artefact(let artefact): sentences.append(self.artefact(id, artefact))
      case .slide(let slide): sentences.append(self.slide(slide))
      case .description(let description): sentences.append(self.description(id, description))
      default: break
      }
    }
    return sentences.map { $0.hasSuffix(".") ? $0 : $0 + "." }.map(\.withCapital).joined(separator: " ")
  }

  // MARK: Areas left out

  func leftOut(_ measurements: [Measurement]) -> String {
    let items = LeftOutMeasure.collect(measurements).map { item in
      var text = item.what
      if let area = item.areaMm2 { text += " \(NumberText.twoFigures(area)) mm²" }
      if let share = item.share { text += " (\(NumberText.trimmed(share * 100)) % of the tissue found)" }
      return text
    }
    return "left out of the analysis: " + items.joined(separator: ", ")
  }

  // MARK: Pieces

  func place(_ id: EvidenceID) -> String {
    guard let region = evidence.region(id) else { return id.rawValue }
    return id.rawValue + slideSuffix(region.slide)
  }

  /// Which slide, in a case that has several.
  func slideSuffix(_ slide: EvidenceID) -> String { evidence.slides.count > 1 ? " on \(slide)" : "" }

  func bracket(_ notes: [String]) -> String { notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))" }
  func joined(_ texts: [String]) -> String {
    texts.prefix(8).map { $0.excerpt(120) }.joined(separator: ", ")
  }
}

extension String {
  /// The text with a capital first letter, unless it starts with an evidence id.
  fileprivate var withCapital: String {
    let first = prefix { !$0.isWhitespace && $0 != "," }
    if EvidenceID(String(first)).parts != nil { return self }
    return prefix(1).uppercased() + dropFirst()
  }
}
