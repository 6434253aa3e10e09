// The classifier's numbers as measurements, each with what is needed to judge it.
// What must stay true: a fraction is of tiles, never of disease; its interval speaks of tissue and not of the
// classifier's errors, whose size stands beside it; an experimental classifier says so with every number.

import Analysis
import Domain
import Raster
import Slides
import ToolKit

/// Makes the classifier's measurements.
struct ClassifierReport {
  let card: ClassifierCard
  let call: ToolCall
  let classified: ClassifiedTiles
  let region: CountedRegion
  let lattice: TileLattice
  /// The region all fractions belong to.
  let place: EvidenceID

  static let coverage = 0.9
  static let selected = "selected as a maximum"
  /// Most regions given in all, and most of one class.
  static let mostRegions = 24
  static let mostOfClass = 3

  static func fraction(_ label: String) -> String { "fraction of tiles resembling \(label)" }
  static func area(_ label: String) -> String { "area of tiles resembling \(label)" }
  static func score(_ label: String) -> String { "classifier score for \(label)" }

  /// Fraction and area of each class, the area looked at, and what was left out.
  func measure(_ map: TissueMap, into items: inout ToolItems) throws(VPathError) {
    let count = classified.tiles.count
    for (index, label) in card.labels.enumerated() {
      let hits = classified.tiles.filter { $0.label == index }
      let interval = BlockInterval(blocks: classified.blocks(label: index), coverage: Self.coverage)
      var flags = flags
      if interval == nil { flags.append("fewer than \(BlockInterval.fewestBlocks) blocks of tissue, so no interval") }
      if hits.isEmpty { flags.append("that no tile resembles it says nothing of the rest of the tissue") }
      try items.measurement(
        Measurement(
          name: Self.fraction(label), value: 100 * Double(hits.count) / Double(count), unit: .percent, region: place,
          interval: interval.map {
            Interval(
              low: 100 * $0.low, high: 100 * $0.high, coverage: Self.coverage, method: BlockInterval.method,
              predicts: "the fraction in tissue like this", imageCount: $0.blockCount)
          },
          ratio: Ratio(
            numeratorName: "tiles resembling \(label)", numerator: Double(hits.count), denominatorName: "tiles",
            denominator: Double(count), denominatorUnit: .one), validity: validity, pixels: classified.pixels,
          flags: flags))
      try items.measurement(
        Measurement(
          name: Self.area(label), value: mm2(hits.map(\.tile)), unit: .squareMillimetre, region: place,
          validity: validity, pixels: classified.pixels, flags: self.flags))
    }
    try items.measurement(
      Measurement(
        name: "analysed tissue area", value: mm2(classified.tiles.map(\.tile)), unit: .squareMillimetre, region: place,
        validity: .none, pixels: classified.pixels))
    for exclusion in Exclusion.allCases {
      let leftOut = region.leftOutMm2(exclusion, map: map)
      guard leftOut > 0 else { continue }
      try items.measurement(
        LeftOut.measurement(exclusion, areaMm2: leftOut, tissueMm2: region.foundMm2, region: place, pixels: map.pixels))
    }
    guard !classified.foreign.isEmpty else { return }
    let foreign = mm2(classified.foreign)
    try items.measurement(
      Measurement(
        name: "left out: tiles of another stain", value: foreign, unit: .squareMillimetre, region: place,
        ratio: Ratio(
          numeratorName: "tiles of another stain", numerator: foreign, denominatorName: "tissue found",
          denominator: region.foundMm2, denominatorUnit: .squareMillimetre), validity: .none,
        pixels: classified.pixels))
  }

  /// The tiles most like each class, as regions with their scores.
  func rank(slide: EvidenceID, into items: inout ToolItems) throws(VPathError) {
    let perClass = max(1, min(Self.mostOfClass, Self.mostRegions / card.labels.count))
    for (index, label) in card.labels.enumerated().prefix(Self.mostRegions) {
      let best = classified.tiles.filter { $0.label == index }.enumerated().sorted { left, right in
        let (a, b) = (left.element.probabilities[index], right.element.probabilities[index])
        return a != b ? a > b : left.offset < right.offset
      }.prefix(perClass).map(\.element)
      for (place, tile) in best.enumerated() {
        let score = (tile.probabilities[index] * 1000).rounded() / 10
        let reference = try items.region(
          "class-\(index + 1)-tile-\(place + 1)",
          Region(
            slide: slide, rect: tile.tile.levelZero, label: "tile resembling \(label)", rank: place + 1,
            score: .init(name: Self.score(label), value: score), flags: [Self.selected]))
        try items.measurement(
          Measurement(
            name: Self.score(label), value: score, unit: .percent, region: reference, validity: validity,
            pixels: classified.pixels, flags: [Self.selected] + identity, rank: place + 1))
      }
    }
  }

  private func mm2(_ tiles: [LatticeTile]) -> Double {
    tiles.reduce(0) { $0 + $1.tissueShare } * lattice.tileMm2
  }

  private var identity: [String] {
    ["\(card.experimental ? "experimental classifier" : "classifier") \(card.name) \(card.version)"]
  }

  private var flags: [String] {
    var flags = identity + ["resemblance of tiles is no diagnosis"]
    if let validated = card.validatedOn {
      let figure = validated.balancedAccuracy
      func two(_ value: Double) -> String { NumberText.figures(value, 2) }
      flags.append(
        "balanced accuracy \(two(figure.value)) (\(two(figure.low)) to \(two(figure.high))) on \(validated.tiles) tiles "
          + "of \(validated.blocks) blocks")
    }
    if classified.passedOver > 0 {
      flags.append("\(NumberText.grouped(classified.passedOver)) tiles evenly passed over")
    }
    return flags.map { String($0.prefix(128)) }
  }

  private var validity: Validity {
    guard let validated = card.validatedOn else {
      return Validity(
        organs: [], stains: [], micronsPerPixel: [], imageCount: 0, within: false, limits: ["not validated"])
    }
    var limits: [String] = []
    let organ = call.input.case.organ.flatMap(OrganNames.canonical)
    let organs = validated.organs.compactMap(OrganNames.canonical)
    if let organ, !organs.contains(organ) { limits.append("not validated on \(organ)") }
    return Validity(
      organs: validated.organs, stains: card.accepts?.stain ?? [], micronsPerPixel: validated.mpp,
      imageCount: validated.tiles, within: limits.isEmpty, limits: limits)
  }
}
