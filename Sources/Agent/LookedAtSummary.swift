// How much of the slides stands behind an answer: tissue analysed, the scale, and what was left out.
// What must stay true: only evidence counts; areas of regions that lie mostly inside one another are not
// added twice, so that no more tissue is claimed than was seen.

import Domain

extension LookedAt {
  /// What the cited evidence looked at. What was left out comes from the calls that made it.
  static func summary(citing ids: [EvidenceID], evidence: CaseEvidence) -> LookedAt {
    let cited = ids.compactMap { id in evidence.measurement(id).map { (id: id, measurement: $0) } }
    return LookedAt(
      tissueAreaMm2: tissueArea(
        cited.map(\.measurement) + cited.flatMap { besides($0.id, $0.measurement, evidence) }, evidence),
      micronsPerPixel: scale(cited.map(\.measurement)),
      leftOut: leftOut(cited.map(\.id), evidence))
  }

  /// Of a count, what the same call measured in the same region: its density says over which area.
  private static func besides(
    _ id: EvidenceID, _ measurement: Measurement, _ evidence: CaseEvidence
  ) -> [Measurement] {
    guard measurement.unit == .one, measurement.ratio == nil, let own = evidence[id], own.call != nil else { return [] }
    return evidence.all.compactMap { item in
      guard item.turn == own.turn, item.call == own.call, case .measurement(let other) = item.body,
        other.region == measurement.region, other.ratio?.denominatorUnit == .squareMillimetre, !other.isSelected
      else { return nil }
      return other
    }
  }

  /// The scale of the measurement over the largest area; of the first where none is over an area.
  private static func scale(_ measurements: [Measurement]) -> Double? {
    let scaled = measurements.filter { $0.pixels?.micronsPerPixel != nil }
    let widest = scaled.enumerated().max { left, right in
      let (a, b) = (denominator(left.element), denominator(right.element))
      return a != b ? a < b : left.offset > right.offset
    }
    return widest?.element.pixels?.micronsPerPixel
  }

  private static func denominator(_ measurement: Measurement) -> Double {
    guard let ratio = measurement.ratio, ratio.denominatorUnit == .squareMillimetre else { return 0 }
    return ratio.denominator
  }

  /// Denominators in mm² of the regions cited, each region once and none that lies mostly inside another; where nothing
  /// was divided by an area, an area itself.
  private static func tissueArea(_ measurements: [Measurement], _ evidence: CaseEvidence) -> Double? {
    struct Piece {
      var region: Region?
      var area: Double
    }
    func pieces(_ area: (Measurement) -> Double?) -> [Piece] {
      measurements.compactMap { measurement in
        area(measurement).map { Piece(region: measurement.region.flatMap { evidence.region($0) }, area: $0) }
      }
    }
    var found = pieces { measurement in
      guard let ratio = measurement.ratio, ratio.denominatorUnit == .squareMillimetre else { return nil }
      return LeftOutMeasure(of: measurement) == nil ? ratio.denominator : nil
    }
    if found.isEmpty {
      found = pieces { $0.unit == .squareMillimetre && LeftOutMeasure(of: $0) == nil ? $0.value : nil }
    }
    var kept: [Piece] = []
    for piece in found.sorted(by: { $0.area > $1.area }) {
      let isInside = kept.contains { other in
        guard let outer = other.region, let inner = piece.region else { return true }
        return outer.slide == inner.slide && inner.rect.liesMostly(in: outer.rect)
      }
      if !isInside { kept.append(piece) }
    }
    return kept.isEmpty ? nil : kept.reduce(0) { $0 + $1.area }
  }

  private static func leftOut(_ cited: [EvidenceID], _ evidence: CaseEvidence) -> [LeftOut] {
    guard !cited.isEmpty else { return [] }
    struct CallKey: Hashable {
      var turn: TurnID?
      var call: CallID?
    }
    let all = evidence.all.filter { item in
      if case .measurement(let measurement) = item.body { LeftOutMeasure(of: measurement) != nil } else { false }
    }
    let calls = Set(cited.compactMap { evidence[$0] }.map { CallKey(turn: $0.turn, call: $0.call) })
    let chosen = all.filter { calls.contains(CallKey(turn: $0.turn, call: $0.call)) }
    // The same thing measured again in the same region counts once, the later value; inside a larger region where it
    // was measured as well, not at all.
    struct Place: Hashable {
      var name: String
      var unit: UCUMUnit
      var slide: EvidenceID?
      var rect: LevelZeroRect?
    }
    var order: [Place] = []
    var latest: [Place: Measurement] = [:]
    for item in chosen {
      guard case .measurement(let measurement) = item.body else { continue }
      let region = measurement.region.flatMap { evidence.region($0) }
      let place = Place(name: measurement.name, unit: measurement.unit, slide: region?.slide, rect: region?.rect)
      if latest.updateValue(measurement, forKey: place) == nil { order.append(place) }
    }
    let outermost = order.filter { place in
      !order.contains { other in
        guard other != place, other.name == place.name, other.unit == place.unit, other.slide == place.slide,
          let outer = other.rect, let inner = place.rect
        else { return false }
        // Of two that hold one another, the one measured first.
        if outer.liesMostly(in: inner), let a = order.firstIndex(of: other), let b = order.firstIndex(of: place), b < a
        {
          return false
        }
        return inner.liesMostly(in: outer)
      }
    }
    let collected = LeftOutMeasure.collect(outermost.compactMap { latest[$0] })
    // A share is one region's; of several regions together it was not measured.
    let regions = Set(cited.compactMap { evidence.measurement($0)?.region })
    let rects = regions.compactMap { evidence.region($0) }
    let areSeveral = rects.contains { one in
      !rects.contains { $0.slide == one.slide && $0.rect != one.rect && $0.rect.contains(one.rect) }
        && rects.contains { $0.slide != one.slide || !one.rect.contains($0.rect) }
    }
    guard areSeveral else { return collected }
    return collected.compactMap { item in
      item.areaMm2.map { LeftOut(what: item.what, areaMm2: $0, share: nil) }
    }
  }
}

extension LevelZeroRect {
  /// Whether more than half of it lies in the other.
  fileprivate func liesMostly(in other: LevelZeroRect) -> Bool {
    let shared = intersection(other)
    guard !shared.isEmpty else { return false }
    return Double(shared.width) * Double(shared.height) > 0.5 * Double(width) * Double(height)
  }
}
