// Whether colours can be those of hematoxylin and eosin at all: a guard against other stains, other pictures, and ink.
// What must stay true: it refuses for a stated reason with the value met; it is coarse, and what it lets through is
// not thereby H&E.

public import Raster

/// What the colours of a slide or region look like, by shares of its stained pixels.
public struct StainVerdict: Sendable, Hashable {
  /// Share of all pixels that are stained.
  public var stainedShare: Double
  /// Share of stained pixels with a colour (saturation above 0.08).
  public var colouredShare: Double
  /// Share of stained pixels that are brown or yellow (hue 10° to 80°), as DAB and pigment are.
  public var brownShare: Double
  /// Share of stained pixels that are green or cyan (hue 80° to 200°), as ink is.
  public var greenShare: Double
  /// Share of stained pixels from violet over pink to red (hue 240° to 10°), as hematoxylin and eosin are.
  public var violetToRedShare: Double
  /// Median optical density of stained pixels, mean of the channels.
  public var medianDensity: Double
  /// Why this does not look like hematoxylin and eosin; nil when it may be.
  public var refusal: String?

  /// Whether it may be hematoxylin and eosin.
  public var isAccepted: Bool { refusal == nil }
}

extension StainVerdict {
  // Limits set by hand between H&E images (11 sources) and other stains and pictures; none is near a single source.
  static let fewestStained = 50
  static let leastColoured = 0.6
  static let mostBrown = 0.15
  static let mostGreen = 0.4
  static let leastVioletToRed = 0.25
  static let mostDensity = 0.8

  /// Judges samples of a slide or region against their glass.
  init(samples: [RGBColor], background: [Float]) {
    let tables = background.map { OpticalDensity.table(background: $0) }
    var densities: [Float] = []
    var coloured = 0
    var brown = 0
    var green = 0
    var violet = 0
    for sample in samples {
      let density = (tables[0][Int(sample.red)] + tables[1][Int(sample.green)] + tables[2][Int(sample.blue)]) / 3
      guard density > StainEstimator.stainedDensity else { continue }
      densities.append(density)
      let (hue, saturation, _) = sample.hsv
      guard saturation > 0.08 else { continue }
      coloured += 1
      switch hue {
      case 10..<80: brown += 1
      case 80..<200: green += 1
      case 200..<240: break
      default: violet += 1
      }
    }
    densities.sort()
    let count = Double(max(1, densities.count))
    stainedShare = Double(densities.count) / Double(max(1, samples.count))
    colouredShare = Double(coloured) / count
    brownShare = Double(brown) / count
    greenShare = Double(green) / count
    violetToRedShare = Double(violet) / count
    medianDensity = densities.isEmpty ? 0 : Double(densities[densities.count / 2])
    refusal = nil
    refusal = Self.refusal(self, stained: densities.count)
  }

  private static func refusal(_ verdict: StainVerdict, stained: Int) -> String? {
    func percent(_ share: Double) -> String { "\(Int((100 * share).rounded())) %" }
    if stained < fewestStained { return "hardly anything is stained (\(stained) of the pixels looked at)" }
    if verdict.colouredShare < leastColoured {
      return "only \(percent(verdict.colouredShare)) of what is stained has a colour"
    }
    if verdict.brownShare > mostBrown {
      return "\(percent(verdict.brownShare)) of what is stained is brown, as DAB is"
    }
    if verdict.greenShare > mostGreen { return "\(percent(verdict.greenShare)) of what is stained is green, as ink is" }
    if verdict.violetToRedShare < leastVioletToRed {
      return "only \(percent(verdict.violetToRedShare)) of what is stained lies between violet and red"
    }
    if verdict.medianDensity > mostDensity {
      return "it is darker than a stained section (median optical density \(verdict.medianDensity))"
    }
    return nil
  }
}

extension StainEstimator {
  /// Whether the colours gathered so far can be those of hematoxylin and eosin.
  public func verdict() -> StainVerdict {
    StainVerdict(samples: samples, background: Self.background(of: samples))
  }

  /// Whether the colours of one tile can be those of hematoxylin and eosin, against the glass of everything gathered.
  public func verdict(of tile: RGBImage) -> StainVerdict {
    let count = tile.width * tile.height
    let colors = stride(from: 0, to: count, by: max(1, count / 4_000)).map { index in
      RGBColor(tile.pixels[3 * index], tile.pixels[3 * index + 1], tile.pixels[3 * index + 2])
    }
    return StainVerdict(samples: colors, background: Self.background(of: samples))
  }
}
