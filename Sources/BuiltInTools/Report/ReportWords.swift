// The words of a measured value: amount, place, denominator, interval, validity, flags, tool.
// What must stay true: every number is read from the measurement; what is selected, flagged or outside its validity is
// said to be so; a value without an interval says so; text comes out clean, not escaped.

import Domain
import JSON

/// Words one measurement of a case.
struct ReportWords: Sendable {
  var evidence: ReportEvidence

  /// The value that a pick gives. `qualifier` tells it apart in its field.
  func value(_ pick: ReportEvidence.Pick, qualifier: String?) throws(VPathError) -> Report.Value {
    let item = pick.newest
    let measurement = item.measurement
    let unit = measurement.unit.display
    let amount =
      measurement.unit == .one
      ? NumberText.roundedCount(measurement.value) : NumberText.twoFigures(measurement.value)
    var notes: [String] = []
    if let place = place(item) { notes.append(place) }
    if let fraction = fraction(measurement) { notes.append(fraction) }
    notes.append(item.isSelected ? selection(measurement) : interval(measurement))
    notes += validity(measurement)
    let flags = ReportText.lines(
      measurement.flags.filter { !(item.isSelected && $0.lowercased().hasPrefix("selected")) })
    if !flags.isEmpty { notes.append("flagged: " + flags.joined(separator: ", ")) }
    let placeFlags = ReportText.lines(item.region?.flags ?? [])
    if !placeFlags.isEmpty { notes.append("the region is flagged: " + placeFlags.joined(separator: ", ")) }
    if let tool = item.tool { notes.append("by \(Self.words(tool))") }
    if !pick.earlier.isEmpty {
      let shown = pick.earlier.prefix(8).map(\.rawValue).joined(separator: ", ")
      notes.append("the newest of \(pick.earlier.count + 1) such values; earlier: \(shown)")
    }
    var cited = [item.id]
    if let region = measurement.region, item.region != nil { cited.append(region) }
    return Report.Value(
      qualifier: qualifier, text: unit.isEmpty ? amount : "\(amount) \(unit)", notes: notes, evidence: cited,
      json: try json(pick))
  }

  /// "cell_counter 1.0.0".
  static func words(_ tool: ToolReference) -> String {
    "\(ReportText.line(tool.name, limit: 64)) \(ReportText.line(tool.version, limit: 64))"
  }

  /// "in r2 (tissue) on s1"; what the region is, its own label says.
  private func place(_ item: ReportMeasurement) -> String? {
    guard let id = item.measurement.region else {
      return item.slide.map { "on \($0), no region given" } ?? "no region given"
    }
    guard let region = item.region else { return "in a region that the case does not hold" }
    let label = ReportText.line(region.label, limit: 60)
    var words = "in \(id)" + (label.isEmpty ? "" : " (\(label))")
    if item.isSelected, let scale = evidence.micronsPerPixel(of: region.slide) {
      words +=
        ", \(NumberText.micrometres(region.rect.width, micronsPerPixel: scale)) × \(NumberText.micrometres(region.rect.height, micronsPerPixel: scale)) µm"
    }
    return region.slide.parts?.kind == .slide ? words + " on \(region.slide)" : words
  }

  /// "2,445 nuclear profiles in 0.63 mm² of tissue without flagged pixels".
  private func fraction(_ measurement: Measurement) -> String? {
    guard let ratio = measurement.ratio else {
      guard measurement.unit == .one, measurement.value.magnitude >= 100 else { return nil }
      return "counted: \(NumberText.exactCount(measurement.value))"
    }
    let names = [ratio.numeratorName, ratio.denominatorName].map { ReportText.line($0, limit: 60) }
    let unit = ratio.denominatorUnit
    if measurement.unit == unit, unit == .squareMillimetre {
      // An area of an area: the numerator is the value itself, so its share tells more.
      guard ratio.denominator > 0 else { return nil }
      let share = NumberText.trimmed(measurement.value / ratio.denominator * 100)
      return "\(share) % of \(NumberText.twoFigures(ratio.denominator)) \(unit.display)"
        + (names[1].isEmpty ? "" : " of \(names[1])")
    }
    let below = unit == .one ? NumberText.exactCount(ratio.denominator) : NumberText.twoFigures(ratio.denominator)
    let above = NumberText.exactCount(ratio.numerator)
    let top = names[0].isEmpty ? above : "\(above) \(names[0])"
    let bottom = unit.display.isEmpty ? below : "\(below) \(unit.display)"
    return "\(top) in \(bottom)" + (names[1].isEmpty ? "" : " of \(names[1])")
  }

  private func interval(_ measurement: Measurement) -> String {
    guard let interval = measurement.interval else { return "no interval is known" }
    let unit = measurement.unit.display
    let range = "\(NumberText.twoFigures(interval.low)) to \(NumberText.twoFigures(interval.high))"
    let predicts = ReportText.line(interval.predicts, limit: 60)
    return "\(NumberText.trimmed(interval.coverage * 100)) % interval"
      + (predicts.isEmpty ? "" : " for \(predicts)") + ": \(range)" + (unit.isEmpty ? "" : " \(unit)")
      + " (\(ReportText.line(interval.method, limit: 100)); \(images(interval.imageCount)))"
  }

  private func selection(_ measurement: Measurement) -> String {
    let rank = measurement.rank.map { $0 == 1 ? "a selected maximum: " : "number \($0) of a ranking: " }
    let head = rank ?? "a selected value: "
    guard let optimism = measurement.selectionOptimism, optimism.isFinite else {
      return head + "how much choosing it inflates it was not estimated; no interval applies"
    }
    return head + "choosing it inflates it by about \(NumberText.trimmed(optimism * 100)) % on average; "
      + "no interval applies"
  }

  private func validity(_ measurement: Measurement) -> [String] {
    let validity = measurement.validity
    let limits = ReportText.lines(validity.limits)
    if !limits.isEmpty { return [limits.joined(separator: ", ")] }
    if !validity.within { return ["outside what it was validated on"] }
    guard validity.imageCount > 0 else { return measurement.interval == nil ? ["not validated against images"] : [] }
    let what = ReportText.lines(validity.organs, limit: 40) + ReportText.lines(validity.stains, limit: 40)
    return ["validated on \(images(validity.imageCount))" + (what.isEmpty ? "" : " (\(what.joined(separator: ", ")))")]
  }

  private func images(_ count: Int) -> String { "\(NumberText.grouped(count)) image\(count == 1 ? "" : "s")" }

  private func json(_ pick: ReportEvidence.Pick) throws(VPathError) -> JSONValue {
    let item = pick.newest
    do {
      var members: [String: JSONValue] = ["measurement": try encodeJSON(item.measurement.cleaned)]
      members["selected"] = .bool(item.isSelected)
      members["slide"] = item.slide.flatMap { $0.parts?.kind == .slide ? .string($0.rawValue) : nil }
      members["tool"] = item.tool.map { tool in
        [
          "name": .string(ReportText.line(tool.name, limit: 64)),
          "version": .string(ReportText.line(tool.version, limit: 64)),
        ]
      }
      if !pick.earlier.isEmpty { members["earlier"] = .array(pick.earlier.prefix(8).map { .string($0.rawValue) }) }
      return .object(members)
    } catch {
      throw VPathError(.toolFailed, "The measurement \(item.id) cannot be written as JSON: \(error).")
    }
  }
}

extension Measurement {
  /// The same numbers with all text clean and bounded; an id or hash that is none is left out.
  fileprivate var cleaned: Measurement {
    var copy = self
    copy.name = ReportText.line(name, limit: 80)
    copy.region = region.flatMap { $0.parts?.kind == .region ? $0 : nil }
    copy.interval?.method = ReportText.line(interval?.method ?? "")
    copy.interval?.predicts = ReportText.line(interval?.predicts ?? "")
    copy.ratio?.numeratorName = ReportText.line(ratio?.numeratorName ?? "")
    copy.ratio?.denominatorName = ReportText.line(ratio?.denominatorName ?? "")
    copy.validity.organs = ReportText.lines(validity.organs, count: 32)
    copy.validity.stains = ReportText.lines(validity.stains, count: 32)
    copy.validity.micronsPerPixel = Array(validity.micronsPerPixel.prefix(2))
    copy.validity.limits = ReportText.lines(validity.limits, count: 32)
    copy.flags = ReportText.lines(flags, count: 32)
    copy.pixels?.decoder = ReportText.line(pixels?.decoder ?? "")
    copy.pixels?.resampler = ReportText.line(pixels?.resampler ?? "")
    if pixels?.sha256.isWellFormed == false { copy.pixels = nil }
    return copy
  }
}
