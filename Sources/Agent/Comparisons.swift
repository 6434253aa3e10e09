// Comparisons of two measurements, computed by the daemon.
// What must stay true: only values of one measure, one unit and one tool in two regions are compared; a selected
// maximum is never compared.

import Domain

extension Comparison {
  /// The comparison of two measurements. The intervals are separate when both are known and do not meet.
  static func of(
    _ left: EvidenceID, _ leftValue: Measurement, _ right: EvidenceID, _ rightValue: Measurement
  ) -> Comparison {
    var separate: Bool?
    if let one = leftValue.interval, let other = rightValue.interval {
      separate = one.low > other.high || other.low > one.high
    }
    // A ratio to next to nothing is none.
    let ratio = leftValue.value / rightValue.value
    return Comparison(
      left: left, right: right, ratio: ratio.magnitude < 1e12 ? ratio : nil,
      difference: leftValue.value - rightValue.value, unit: leftValue.unit, intervalsSeparate: separate)
  }

  /// The comparison that a finding calls for: its part asks to compare, and it cites exactly two values of one measure
  /// in two regions.
  static func calledFor(by ids: [EvidenceID], asked: String, in evidence: CaseEvidence) -> Comparison? {
    guard asksToCompare(asked) else { return nil }
    let items = ids.compactMap { id in evidence.measurement(id).map { MeasuredItem(id: id, measurement: $0) } }
    let groups = MeasureGroup.groups(of: items) { evidence[$0]?.tool?.name ?? "" }
    for group in groups where !group.isRanking && group.items.count == 2 {
      // In the order in which they are cited.
      let pair = items.filter { group.items.contains($0) }
      guard pair.count == 2, let left = pair[0].measurement.region, let right = pair[1].measurement.region,
        left != right, LeftOutMeasure(of: pair[0].measurement) == nil
      else { continue }
      return of(pair[0].id, pair[0].measurement, pair[1].id, pair[1].measurement)
    }
    return nil
  }

  private static func asksToCompare(_ asked: String) -> Bool {
    let words = asked.lowercased().split { !$0.isLetter }
    return words.contains { word in
      ["compar", "differ", "contrast"].contains { word.hasPrefix($0) }
        || ["versus", "vs", "than", "which", "between", "ratio", "against", "both", "either", "equally"].contains(
          String(word))
    }
  }
}
