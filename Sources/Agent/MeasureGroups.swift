// Measurements of one statement, grouped so that what belongs together is said together: rankings, and values of
// one measure in several regions.
// What must stay true: a group holds one measure of one tool in one unit; a ranking is in order of rank.

import Domain

/// A measurement with its id.
struct MeasuredItem: Sendable, Hashable {
  var id: EvidenceID
  var measurement: Measurement
}

/// Measurements of one measure.
struct MeasureGroup: Sendable {
  var isRanking: Bool
  /// By rank in a ranking, else from the highest value to the lowest.
  var items: [MeasuredItem]

  /// The groups in the order in which their first item is cited.
  static func groups(of items: [MeasuredItem], tool: (EvidenceID) -> String) -> [MeasureGroup] {
    struct Key: Hashable {
      var tool: String
      var name: String
      var unit: UCUMUnit
      var isRanking: Bool
    }
    var keys: [Key] = []
    var members: [Key: [MeasuredItem]] = [:]
    for item in items {
      let measurement = item.measurement
      let key = Key(
        tool: tool(item.id), name: measurement.name, unit: measurement.unit, isRanking: measurement.isSelected)
      if members[key] == nil { keys.append(key) }
      members[key, default: []].append(item)
    }
    return keys.map { key in
      let items = members[key] ?? []
      let sorted = items.enumerated().sorted { left, right in
        let (a, b) = (left.element.measurement, right.element.measurement)
        if key.isRanking, a.rank != b.rank { return (a.rank ?? .max) < (b.rank ?? .max) }
        if a.value != b.value { return a.value > b.value }
        return left.offset < right.offset
      }
      return MeasureGroup(isRanking: key.isRanking, items: sorted.map(\.element))
    }
  }

  /// Whether the comparison is between two of these.
  func holds(_ comparison: Comparison) -> Bool {
    items.contains { $0.id == comparison.left } && items.contains { $0.id == comparison.right }
  }
}

extension Measurement {
  /// Whether the value was selected as one of the largest of many.
  var isSelected: Bool { rank != nil }
}

/// An area that was left out of the analysis. Its measure is called "left out: <what>", in mm² or in percent; the
/// ratio of an area in mm² has the tissue found as its denominator.
struct LeftOutMeasure: Sendable, Hashable {
  var what: String

  /// Nil for any other measure.
  init?(of measurement: Measurement) {
    let name = measurement.name.lowercased()
    guard let prefix = ["left out:", "excluded:"].first(where: { name.hasPrefix($0) }) else { return nil }
    guard measurement.unit == .squareMillimetre || measurement.unit == .percent else { return nil }
    let what = measurement.name.dropFirst(prefix.count).drop(while: \.isWhitespace)
    guard !what.isEmpty else { return nil }
    self.what = String(what).excerpt(60)
  }

  /// What was left out, area and share of each kind, in the order of first mention. Areas of several regions or
  /// slides are added; a share is then left out.
  static func collect(_ measurements: [Measurement]) -> [LookedAt.LeftOut] {
    var items: [LookedAt.LeftOut] = []
    for measurement in measurements {
      guard let measure = LeftOutMeasure(of: measurement) else { continue }
      var share: Double?
      var area: Double?
      if measurement.unit == .percent {
        share = measurement.value / 100
      } else {
        area = measurement.value
        if let ratio = measurement.ratio, ratio.denominatorUnit == .squareMillimetre, ratio.denominator > 0 {
          share = measurement.value / ratio.denominator
        }
      }
      if let place = items.firstIndex(where: { $0.what == measure.what }) {
        if let area, let before = items[place].areaMm2 {
          items[place].areaMm2 = before + area
          items[place].share = nil
        } else {
          items[place].areaMm2 = items[place].areaMm2 ?? area
          items[place].share = items[place].share ?? share
        }
      } else {
        items.append(LookedAt.LeftOut(what: measure.what, areaMm2: area, share: share))
      }
    }
    return items
  }
}
