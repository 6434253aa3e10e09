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

  // MARK: Single values

  /// "about 3,900 nuclear profiles per mm² of tissue in r2 (2,445 in 0.63 mm²; …)".
  private func list(_ items: [MeasuredItem]) -> String {
    if items.count == 1 { return single(items[0]) }
    return items.map { single($0) }.joined(separator: "; ")
  }

  private func single(_ item: MeasuredItem) -> String {
    let place = item.measurement.region.map { " in \(self.place($0))" } ?? ""
    return amount(item) + place + bracket(notes(item.measurement))
  }

  /// "about 3,900 nuclear profiles per mm² of tissue".
  private func amount(_ item: MeasuredItem) -> String {
    let measurement = item.measurement
    guard let phrase = phrase(of: item) else {
      let unit = measurement.unit.display
      return "\(measurement.name.excerpt(80)): \(about(measurement))" + (unit.isEmpty ? "" : " \(unit)")
    }
    return "\(about(measurement)) \(phrase)"
  }

  private func about(_ measurement: Measurement) -> String {
    let text =
      measurement.unit == .one
      ? NumberText.roundedCount(measurement.value) : NumberText.twoFigures(measurement.value)
    return measurement.value == 0 ? text : "about \(text)"
  }

  /// The words that follow the number, from the manifest of the tool that measured it.
  private func phrase(of item: MeasuredItem) -> String? {
    guard let tool = evidence[item.id]?.tool else { return nil }
    let sameName = tools.filter { $0.name == tool.name }
    let manifest = sameName.first { $0.vpath.version == tool.version } ?? sameName.first
    let phrases = (manifest?.vpath.measures ?? []).filter { $0.unit == item.measurement.unit }
      .compactMap { $0.phrase(for: item.measurement.name) }
    guard let phrase = phrases.first?.excerpt(160) else { return nil }
    // A phrase usually names the unit in words ("per mm²"); where it does not, the unit follows the number.
    let unit = item.measurement.unit
    return unit.marks.isEmpty || unit.marks.contains(where: { phrase.contains($0) })
      ? phrase : "\(unit.display) \(phrase)"
  }

  /// What stands in brackets behind a value: numerator and denominator, interval, limits of validity, flags.
  private func notes(_ measurement: Measurement) -> [String] {
    var notes: [String] = []
    if let fraction = fraction(measurement) { notes.append(fraction) }
    if let interval = measurement.interval { notes.append(self.interval(interval, of: measurement)) }
    notes += validity(measurement)
    notes += flags(measurement)
    return notes
  }

  /// "2,445 in 0.63 mm²", "12 of 240 nuclear profiles"; for a count, the count itself.
  private func fraction(_ measurement: Measurement) -> String? {
    guard let ratio = measurement.ratio else {
      let exact = NumberText.exactCount(measurement.value)
      guard measurement.unit == .one, exact != NumberText.roundedCount(measurement.value) else { return nil }
      return "counted: \(exact)"
    }
    let numerator = NumberText.exactCount(ratio.numerator)
    if ratio.denominatorUnit == .one {
      return "\(numerator) of \(NumberText.exactCount(ratio.denominator)) \(ratio.denominatorName.excerpt(60))"
    }
    if ratio.denominatorUnit == .squareMillimetre, measurement.unit == .squareMillimetre { return nil }
    let top = measurement.unit == .perSquareMillimetre ? numerator : NumberText.twoFigures(ratio.numerator)
    return "\(top) in \(NumberText.twoFigures(ratio.denominator)) \(ratio.denominatorUnit.display)"
  }

  /// An interval of ratios of human to machine counts is told as factors, any other as a range.
  private func interval(_ interval: Interval, of measurement: Measurement) -> String {
    let coverage = "\(NumberText.trimmed(interval.coverage * 100)) %"
    let predicts = interval.predicts.excerpt(60)
    if interval.method.lowercased().contains("ratio"), measurement.value > 0 {
      let low = NumberText.trimmed(interval.low / measurement.value)
      let high = NumberText.trimmed(interval.high / measurement.value)
      return "on \(NumberText.grouped(interval.imageCount)) validation images \(predicts) lay between ×\(low) and "
        + "×\(high) of it in \(coverage)"
    }
    let unit = measurement.unit.display.isEmpty ? "" : " \(measurement.unit.display)"
    let low = NumberText.twoFigures(interval.low)
    let high = NumberText.twoFigures(interval.high)
    return "\(coverage) interval for \(predicts): \(low) to \(high)\(unit), \(interval.method.excerpt(80)), "
      + "\(NumberText.grouped(interval.imageCount)) \(interval.method.contains("block") ? "blocks" : "images")"
  }

  private func validity(_ measurement: Measurement) -> [String] {
    let validity = measurement.validity
    if !validity.limits.isEmpty { return [joined(validity.limits)] }
    if !validity.within { return ["outside what it was validated on"] }
    return validity.imageCount == 0 && measurement.interval == nil ? ["not validated against images"] : []
  }

  private func flags(_ measurement: Measurement) -> [String] {
    let flags = measurement.flags.filter { !(measurement.isSelected && $0.hasPrefix("selected")) }
    return flags.isEmpty ? [] : ["flagged: \(joined(flags))"]
  }

  // MARK: Rankings

  /// "the most cellular 250 µm window is r5, at x 1204, y 880: about 5,500 …; then r6, …".
  private func ranking(_ items: [MeasuredItem]) -> String {
    guard let first = items.first else { return "" }
    var sentence = ""
    for (index, item) in items.enumerated() {
      let id = item.measurement.region
      let name = id.map { "\($0)\(corner($0))" } ?? item.id.rawValue
      if index == 0, item.measurement.rank == 1 {
        sentence += "the \(highest(item, windowNoun(id))) is \(name): \(amount(item))"
      } else if index == 0 {
        let rank = item.measurement.rank.map { "number \($0)" } ?? "one"
        sentence += "\(name) is \(rank) by \(item.measurement.name.excerpt(80)): \(amount(item))"
      } else {
        sentence += "; then \(name): \(about(item.measurement))"
      }
      if index == 0, let fraction = fraction(item.measurement) { sentence += " (\(fraction))" }
      let flags = flags(item.measurement)
      if !flags.isEmpty { sentence += " (\(flags.joined(separator: "; ")))" }
    }
    sentence += "; a selected maximum: "
    if let optimism = first.measurement.selectionOptimism, optimism.isFinite {
      sentence += "choosing it inflates it by about \(NumberText.trimmed(optimism * 100)) %, no interval applies"
    } else {
      sentence += "how much choosing inflates it was not estimated, no interval applies"
    }
    let limits = validity(first.measurement)
    return limits.isEmpty ? sentence : sentence + "; " + limits.joined(separator: "; ")
  }

  private func highest(_ item: MeasuredItem, _ noun: String) -> String {
    item.measurement.name == "nuclear density"
      ? "most cellular \(noun)" : "\(noun) with the highest \(item.measurement.name.excerpt(80))"
  }

  /// "250 µm window", "500 × 250 µm window", or in pixels where there is no scale.
  private func windowNoun(_ id: EvidenceID?) -> String {
    guard let id, let region = evidence.region(id) else { return "region" }
    let noun = region.label.contains("window") ? "window" : "region"
    guard let scale = evidence.micronsPerPixel(ofSlide: region.slide) else {
      return "\(region.rect.width) × \(region.rect.height) px \(noun)"
    }
    let width = NumberText.micrometres(region.rect.width, micronsPerPixel: scale)
    let height = NumberText.micrometres(region.rect.height, micronsPerPixel: scale)
    return width == height ? "\(width) µm \(noun)" : "\(width) × \(height) µm \(noun)"
  }

  private func corner(_ id: EvidenceID) -> String {
    guard let region = evidence.region(id) else { return "" }
    return ", at x \(region.rect.x), y \(region.rect.y)\(slideSuffix(region.slide))"
  }

  // MARK: Comparisons

  /// "r1 against r2: about 3,900 against about 2,000 nuclear profiles per mm² of tissue, …".
  private func comparison(_ comparison: Comparison, _ items: [MeasuredItem]) -> String {
    guard let left = items.first(where: { $0.id == comparison.left }),
      let right = items.first(where: { $0.id == comparison.right })
    else { return list(items) }
    func place(_ item: MeasuredItem) -> String { item.measurement.region.map { self.place($0) } ?? item.id.rawValue }
    var sentence = "\(place(left)) against \(place(right)): \(about(left.measurement)) against \(amount(right))"
    if let ratio = comparison.ratio {
      sentence += ", a ratio of about \(NumberText.twoFigures(ratio))"
    } else {
      sentence += ", a difference of about \(NumberText.twoFigures(comparison.difference))"
    }
    switch comparison.intervalsSeparate {
    case true?: sentence += "; their intervals do not overlap"
    case false?: sentence += "; their intervals overlap, so the values do not tell the two apart"
    case nil: sentence += "; without intervals for both, how sure the difference is cannot be said"
    }
    for item in [left, right] {
      sentence += "; \(place(item))" + bracket(notes(item.measurement))
    }
    return sentence
  }

  // MARK: Areas left out

  private func leftOut(_ measurements: [Measurement]) -> String {
    let items = LeftOutMeasure.collect(measurements).map { item in
      var text = item.what
      if let area = item.areaMm2 { text += " \(NumberText.twoFigures(area)) mm²" }
      if let share = item.share { text += " (\(NumberText.trimmed(share * 100)) % of the tissue found)" }
      return text
    }
    return "left out of the analysis: " + items.joined(separator: ", ")
  }

  // MARK: Regions, views, files, slides, descriptions

  /// "r5 (candidate) lies at x 1204, y 880, 501 × 501 px, that is 250 × 250 µm".
  private func region(_ id: EvidenceID) -> String? {
    guard let region = evidence.region(id) else { return nil }
    let rect = region.rect
    var text =
      "\(id) (\(told(region.label, by: id, limit: 80))) lies at x \(rect.x), y \(rect.y)\(slideSuffix(region.slide)), "
    text += "\(NumberText.grouped(rect.width)) × \(NumberText.grouped(rect.height)) px"
    if let scale = evidence.micronsPerPixel(ofSlide: region.slide) {
      text +=
        ", that is \(NumberText.micrometres(rect.width, micronsPerPixel: scale)) × \(NumberText.micrometres(rect.height, micronsPerPixel: scale)) µm"
    }
    if let rank = region.rank, let score = region.score {
      text += "; number \(rank) by \(told(score.name, by: id, limit: 80))"
    }
    let flags = regionFlags(id)
    return flags.isEmpty ? text : text + "; flagged: \(joined(flags))"
  }

  /// What a reader must know of a region; that a window was selected is said with the ranking.
  private func regionFlags(_ id: EvidenceID) -> [String] {
    (evidence.region(id)?.flags ?? []).filter { !$0.hasPrefix("selected") }.map { told($0, by: id, limit: 120) }
  }

  private func view(_ id: EvidenceID, _ view: View) -> String {
    let scale = view.micronsPerPixel.map { " at \(NumberText.plain($0)) µm/px" } ?? " without a scale"
    return "\(view.region) is shown\(scale) as \(id)"
  }

  private func artefact(_ id: EvidenceID, _ artefact: Artefact) -> String {
    let caption = told(artefact.caption, by: id, limit: 160)
    return "\(id) is the file \(told(artefact.name, by: id, limit: 80))" + (caption.isEmpty ? "" : " (\"\(caption)\")")
  }

  private func slide(_ slide: SlideRecord) -> String {
    let name = "\(slide.id) is \(slide.fileName.excerpt(80))"
    guard let properties = slide.properties else { return name + ", which no tool has opened yet" }
    var text = name + ": \(NumberText.grouped(properties.width)) × \(NumberText.grouped(properties.height)) px"
    text +=
      ", \(properties.levelCount) level\(properties.levelCount == 1 ? "" : "s"), format \(properties.vendor.excerpt(40))"
    if let scale = properties.scale {
      let source = scale.source == .slide ? "as the file says" : "as stated with the case"
      text += ", \(NumberText.plain(scale.micronsPerPixel)) µm/px \(source)"
    } else {
      text += ", no usable scale" + (properties.scaleProblem.map { " (\($0.excerpt(160)))" } ?? "")
    }
    if let power = properties.objectivePower { text += ", objective \(NumberText.plain(power))× as the file says" }
    return text
  }

  /// A tool's description is shown only when it keeps the rules for words.
  private func description(_ id: EvidenceID, _ description: Description) -> String {
    let tool = evidence[id]?.tool?.name ?? "a tool"
    let view = description.view.map { " of \($0)" } ?? ""
    if let problem = WordRules.problem(inDescription: description.text) {
      return "\(id), a description\(view) by \(tool), is not shown: \(problem)"
    }
    return "\(id), a description\(view) in the words of \(tool): \"\(description.text.excerpt(600))\""
  }

  // MARK: Pieces

  private func place(_ id: EvidenceID) -> String {
    guard let region = evidence.region(id) else { return id.rawValue }
    return id.rawValue + slideSuffix(region.slide)
  }

  /// Which slide, in a case that has several.
  private func slideSuffix(_ slide: EvidenceID) -> String { evidence.slides.count > 1 ? " on \(slide)" : "" }

  private func bracket(_ notes: [String]) -> String { notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))" }
  private func joined(_ texts: [String]) -> String {
    texts.prefix(8).map { $0.excerpt(120) }.joined(separator: ", ")
  }
}

extension UCUMUnit {
  /// Pieces of words that name the unit in a phrase.
  fileprivate var marks: [String] {
    switch self {
    case .perSquareMillimetre, .squareMillimetre: ["mm²", "mm2", "square millimet"]
    case .squareMicrometre: ["µm²", "um2", "square micromet"]
    case .micrometre: ["µm", "um", "micromet", "micron"]
    case .percent: ["%", "percent", "per cent"]
    case .one: []
    case .micrometrePerPixel: ["µm/px", "um/px", "per pixel"]
    case .second: ["second", "s "]
    }
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
