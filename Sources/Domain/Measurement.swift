// A number with everything needed to judge it.
// What must stay true: value and interval share the unit; a density names its denominator; an interval names
// its method and what it predicts; outside its validity the statement says so.

/// One measured value.
public struct Measurement: Sendable, Hashable, Codable {
  /// The measure's name in the tool's manifest, such as "nuclear density".
  public var name: String
  /// Finite.
  public var value: Double
  public var unit: UCUMUnit
  /// Where it was measured.
  public var region: EvidenceID?
  public var interval: Interval?
  /// For a density or a share: what was divided by what.
  public var ratio: Ratio?
  public var validity: Validity
  /// The pixels it was computed from.
  public var pixels: PixelDigest?
  /// Things a reader must know, such as "selected as a maximum".
  public var flags: [String]
  /// Place in a ranking of this measure, 1 first.
  public var rank: Int?
  /// For a value selected as the largest of many: by what share of itself selection inflates it on average
  /// (0.13 is 13 %), estimated by splitting the detections.
  public var selectionOptimism: Double?

  public init(
    name: String, value: Double, unit: UCUMUnit, region: EvidenceID? = nil, interval: Interval? = nil,
    ratio: Ratio? = nil, validity: Validity, pixels: PixelDigest? = nil, flags: [String] = [], rank: Int? = nil,
    selectionOptimism: Double? = nil
  ) {
    self.name = name
    self.value = value
    self.unit = unit
    self.region = region
    self.interval = interval
    self.ratio = ratio
    self.validity = validity
    self.pixels = pixels
    self.flags = flags
    self.rank = rank
    self.selectionOptimism = selectionOptimism
  }
}

/// A range and how it was made.
public struct Interval: Sendable, Hashable, Codable {
  public var low: Double
  public var high: Double
  /// The share of cases it is made to hold, 0 to 1.
  public var coverage: Double
  /// For instance "split conformal on per-image count ratios".
  public var method: String
  /// What it predicts, for instance "a human's count".
  public var predicts: String
  /// The number of images behind it.
  public var imageCount: Int

  public init(low: Double, high: Double, coverage: Double, method: String, predicts: String, imageCount: Int) {
    self.low = low
    self.high = high
    self.coverage = coverage
    self.method = method
    self.predicts = predicts
    self.imageCount = imageCount
  }
}

/// Numerator and denominator of a density or share.
public struct Ratio: Sendable, Hashable, Codable {
  /// What was counted, such as "nuclear profiles".
  public var numeratorName: String
  public var numerator: Double
  /// What it was divided by, such as "tissue without flagged pixels".
  public var denominatorName: String
  public var denominator: Double
  public var denominatorUnit: UCUMUnit

  public init(
    numeratorName: String, numerator: Double, denominatorName: String, denominator: Double, denominatorUnit: UCUMUnit
  ) {
    self.numeratorName = numeratorName
    self.numerator = numerator
    self.denominatorName = denominatorName
    self.denominator = denominator
    self.denominatorUnit = denominatorUnit
  }
}

/// What a measurement was validated on, and whether this case lies inside.
public struct Validity: Sendable, Hashable, Codable {
  public var organs: [String]
  public var stains: [String]
  /// Smallest and largest µm/px of the validation images.
  public var micronsPerPixel: [Double]
  public var imageCount: Int
  /// Whether organ, stain and scale of this case lie inside.
  public var within: Bool
  /// What lies outside, in words: "not validated on skin". Empty when inside.
  public var limits: [String]

  public init(
    organs: [String], stains: [String], micronsPerPixel: [Double], imageCount: Int, within: Bool, limits: [String]
  ) {
    self.organs = organs
    self.stains = stains
    self.micronsPerPixel = micronsPerPixel
    self.imageCount = imageCount
    self.within = within
    self.limits = limits
  }
}

/// The decoded pixels something was computed from.
public struct PixelDigest: Sendable, Hashable, Codable {
  /// SHA-256 over the RGB bytes in the order they were read.
  public var sha256: SHA256Hex
  /// The pyramid level read.
  public var level: Int
  public var micronsPerPixel: Double?
  /// Decoder with version.
  public var decoder: String
  /// Resampler with version.
  public var resampler: String

  public init(sha256: SHA256Hex, level: Int, micronsPerPixel: Double?, decoder: String, resampler: String) {
    self.sha256 = sha256
    self.level = level
    self.micronsPerPixel = micronsPerPixel
    self.decoder = decoder
    self.resampler = resampler
  }
}
