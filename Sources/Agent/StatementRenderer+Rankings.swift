// Several values of one measure in words: a ranking of selected maxima, a comparison of two.
// What must stay true: a selected maximum is said to be one, with what selecting did to it; a comparison says whether
// its intervals tell the two apart.

import Domain

extension StatementRenderer {
  /// "the most cellular 250 µm window is r5, at x 1204, y 880: about 5,500 …; then r6, …".
  func ranking(_ items: [MeasuredItem]) -> String {
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

  func highest(_ item: MeasuredItem, _ noun: String) -> String {
    item.measurement.name == "nuclear density"
      ? "most cellular \(noun)" : "\(noun) with the highest \(item.measurement.name.excerpt(80))"
  }

  /// "250 µm window", "500 × 250 µm window", or in pixels where there is no scale.
  func windowNoun(_ id: EvidenceID?) -> String {
    guard let id, let region = evidence.region(id) else { return "region" }
    let noun = region.label.contains("window") ? "window" : "region"
    guard let scale = evidence.micronsPerPixel(ofSlide: region.slide) else {
      return "\(region.rect.width) × \(region.rect.height) px \(noun)"
    }
    let width = NumberText.micrometres(region.rect.width, micronsPerPixel: scale)
    let height = NumberText.micrometres(region.rect.height, micronsPerPixel: scale)
    return width == height ? "\(width) µm \(noun)" : "\(width) × \(height) µm \(noun)"
  }

  func corner(_ id: EvidenceID) -> String {
    guard let region = evidence.region(id) else { return "" }
    return ", at x \(region.rect.x), y \(region.rect.y)\(slideSuffix(region.slide))"
  }

  // MARK: Comparisons

  /// "r1 against r2: about 3,900 against about 2,000 nuclear profiles per mm² of tissue, …".
  func comparison(_ comparison: Comparison, _ items: [MeasuredItem]) -> String {
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
}
