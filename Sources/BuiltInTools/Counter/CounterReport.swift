// The counter's numbers as measurements, each with what is needed to judge it.
// What must stay true: count, density and area agree (count ÷ area is the density); intervals are the card's ratios
// times the count; validity is the card's word on this organ, stain and scale.

import Analysis
import Domain
import Raster
import Slides
import ToolKit

/// Makes the counter's measurements.
struct CounterReport {
  let card: CounterCard
  let call: ToolCall
  let counted: CountedNuclei
  let region: CountedRegion
  /// The region all counts belong to.
  let place: EvidenceID

  static let denominator = "tissue without flagged pixels"
  static let numerator = "nuclear profiles"
  static let selected = "selected as a maximum"

  /// Count, density, area, and what was left out.
  func measure(_ map: TissueMap, into items: inout ToolItems) throws(VPathError) {
    let count = counted.nuclei.count
    let area = region.areaMm2
    let validity = validity()
    let predicted = card.interval.ratio.predict(count: count)
    let flags = count == 0 ? ["no nuclear profile was found"] : []
    func interval(per divisor: Double) -> Interval {
      Interval(
        low: predicted.low / divisor, high: predicted.high / divisor, coverage: card.interval.ratio.coverage,
        method: card.interval.method, predicts: card.interval.predicts, imageCount: card.interval.ratio.imageCount)
    }
    try items.measurement(
      Measurement(
        name: "nuclear density", value: Double(count) / area, unit: .perSquareMillimetre, region: place,
        interval: interval(per: area),
        ratio: Ratio(
          numeratorName: Self.numerator, numerator: Double(count), denominatorName: Self.denominator,
          denominator: area, denominatorUnit: .squareMillimetre), validity: validity, pixels: counted.pixels,
        flags: flags))
    try items.measurement(
      Measurement(
        name: "nuclear profile count", value: Double(count), unit: .one, region: place, interval: interval(per: 1),
        validity: validity, pixels: counted.pixels, flags: flags))
    try items.measurement(
      Measurement(
        name: "analysed tissue area", value: area, unit: .squareMillimetre, region: place, validity: .none,
        pixels: map.pixels))
    for exclusion in Exclusion.allCases {
      let leftOut = region.leftOutMm2(exclusion, map: map)
      guard leftOut > 0 else { continue }
      try items.measurement(
        LeftOut.measurement(exclusion, areaMm2: leftOut, tissueMm2: region.foundMm2, region: place, pixels: map.pixels))
    }
  }

  /// The densest windows as regions and selected densities.
  func rank(
    _ windows: [RankedWindow], optimism: Double?, slide: EvidenceID, picture: AnalysisPicture,
    into items: inout ToolItems
  ) throws(VPathError) {
    for window in windows {
      let reference = try items.region(
        "window-\(window.rank)",
        Region(
          slide: slide, rect: Self.levelZero(window.rect, picture, origin: region.rect), label: "densest window",
          rank: window.rank,
          score: .init(name: "nuclear density", value: (window.densityPerMm2 * 10).rounded() / 10),
          flags: [Self.selected]))
      try items.measurement(
        Measurement(
          name: "nuclear density", value: window.densityPerMm2, unit: .perSquareMillimetre, region: reference,
          ratio: Ratio(
            numeratorName: Self.numerator, numerator: Double(window.count), denominatorName: Self.denominator,
            denominator: window.tissueAreaMm2, denominatorUnit: .squareMillimetre), validity: validity(),
          pixels: counted.pixels, flags: [Self.selected], rank: window.rank,
          selectionOptimism: window.rank == 1 ? optimism : nil))
    }
  }

  /// A window's pixels as a rectangle of the slide.
  static func levelZero(_ rect: PixelRect, _ picture: AnalysisPicture, origin: LevelZeroRect) -> LevelZeroRect {
    let x0 = origin.x + Int((Double(rect.x) * picture.stepX).rounded())
    let y0 = origin.y + Int((Double(rect.y) * picture.stepY).rounded())
    let x1 = min(origin.x + origin.width, origin.x + Int((Double(rect.maxX) * picture.stepX).rounded()))
    let y1 = min(origin.y + origin.height, origin.y + Int((Double(rect.maxY) * picture.stepY).rounded()))
    return LevelZeroRect(x: x0, y: y0, width: x1 - x0, height: y1 - y0)
  }

  private func validity() -> Validity {
    let scales = card.validatedOn.mpp
    let description = call.input.case
    var limits = card.limits(organ: description.organ, micronsPerPixel: counted.pixels.micronsPerPixel ?? 0)
    if description.stain == nil { limits.append("stain not stated") }
    return Validity(
      organs: card.validatedOn.organs, stains: card.accepts.stain,
      micronsPerPixel: [scales.min() ?? 0, scales.max() ?? 0], imageCount: card.validatedOn.images,
      within: limits.isEmpty, limits: limits.map { String($0.prefix(200)) })
  }
}
