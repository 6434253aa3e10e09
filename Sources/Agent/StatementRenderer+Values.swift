// A single value in words: the number, what it counts, where, and in brackets what is needed to judge it.
// What must stay true: two significant figures; interval, denominator, limits of validity and flags are never left out.

import Domain

extension StatementRenderer {
  /// "about 3,900 nuclear profiles per mm² of tissue in r2 (2,445 in 0.63 mm²; …)".
  func list(_ items: [MeasuredItem]) -> String {
    if items.count == 1 { return single(items[0]) }
    return items.map { single($0) }.joined(separator: "; ")
  }

  func single(_ item: MeasuredItem) -> String {
    let place = item.measurement.region.map { " in \(self.place($0))" } ?? ""
    return amount(item) + place + bracket(notes(item.measurement))
  }

  /// "about 3,900 nuclear profiles per mm² of tissue".
  func amount(_ item: MeasuredItem) -> String {
    let measurement = item.measurement
    guard let phrase = phrase(of: item) else {
      let unit = measurement.unit.display
      return "\(measurement.name.excerpt(80)): \(about(measurement))" + (unit.isEmpty ? "" : " \(unit)")
    }
    return "\(about(measurement)) \(phrase)"
  }

  func about(_ measurement: Measurement) -> String {
    let text =
      measurement.unit == .one
      ? NumberText.roundedCount(measurement.value) : NumberText.twoFigures(measurement.value)
    return measurement.value == 0 ? text : "about \(text)"
  }

  /// The words that follow the number, from the manifest of the tool that measured it.
  func phrase(of item: MeasuredItem) -> String? {
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
  func notes(_ measurement: Measurement) -> [String] {
    var notes: [String] = []
    if let fraction = fraction(measurement) { notes.append(fraction) }
    if let interval = measurement.interval { notes.append(self.interval(interval, of: measurement)) }
    notes += validity(measurement)
    notes += flags(measurement)
    return notes
  }

  /// "2,445 in 0.63 mm²", "12 of 240 nuclear profiles"; for a count, the count itself.
  func fraction(_ measurement: Measurement) -> String? {
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
  func interval(_ interval: Interval, of measurement: Measurement) -> String {
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

  func validity(_ measurement: Measurement) -> [String] {
    let validity = measurement.validity
    if !validity.limits.isEmpty { return [joined(validity.limits)] }
    if !validity.within { return ["outside what it was validated on"] }
    return validity.imageCount == 0 && measurement.interval == nil ? ["not validated against images"] : []
  }

  func flags(_ measurement: Measurement) -> [String] {
    let flags = measurement.flags.filter { !(measurement.isSelected && $0.hasPrefix("selected")) }
    return flags.isEmpty ? [] : ["flagged: \(joined(flags))"]
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
