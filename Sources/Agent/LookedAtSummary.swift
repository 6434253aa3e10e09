// How much of the slides stands behind an answer: tissue analysed, the scale, and what was left out.
// What must stay true: only evidence counts; areas of regions inside one another are not added twice.

import Domain

extension LookedAt {
  /// What the cited evidence looked at. What was left out comes from the calls that made it, or else from any call
  /// of the case on the same slides.
  static func summary(citing ids: [EvidenceID], evidence: CaseEvidence) -> LookedAt {
    let cited = ids.compactMap { id in evidence.measurement(id).map { (id: id, measurement: $0) } }
    return LookedAt(
      tissueAreaMm2: tissueArea(cited.map(\.measurement), evidence),
      micronsPerPixel: cited.compactMap { $0.measurement.pixels?.micronsPerPixel }.first,
      leftOut: leftOut(cited.map(\.id), evidence))
  }

  /// Denominators in mm² of the regions cited, each region once and none that lies inside another; where nothing was
  /// divided by an area, an area itself.
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
        return outer.slide == inner.slide && outer.rect.contains(inner.rect)
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
    var chosen = all.filter { calls.contains(CallKey(turn: $0.turn, call: $0.call)) }
    if chosen.isEmpty {
      let slides = Set(cited.compactMap { evidence.slideID(of: $0) })
      chosen = all.filter { item in evidence.slideID(of: item.id).map { slides.contains($0) } ?? false }
    }
    // The same thing measured again in the same region counts once, the later value.
    struct Place: Hashable {
      var name: String
      var region: EvidenceID?
      var unit: UCUMUnit
    }
    var order: [Place] = []
    var latest: [Place: Measurement] = [:]
    for item in chosen {
      guard case .measurement(let measurement) = item.body else { continue }
      let place = Place(name: measurement.name, region: measurement.region, unit: measurement.unit)
      if latest.updateValue(measurement, forKey: place) == nil { order.append(place) }
    }
    return LeftOutMeasure.collect(order.compactMap { latest[$0] })
  }
}
