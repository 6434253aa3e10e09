// Finding a slide's own stain directions (Macenko et al. 2009): the plane of most variation in optical density,
// and in it the two outermost directions.
// What must stay true: deterministic for the same samples in the same order; an estimate that cannot be hematoxylin
// and eosin is replaced by the reference directions, and the profile says so.

import Glibc
public import Raster

/// Gathers pixels of a slide or region tile by tile, and estimates its stains from them.
public struct StainEstimator: Sendable {
  /// Most pixels kept. Beyond it, every second one is dropped and the step doubles.
  static let capacity = 40_000
  /// Least optical density (mean of the channels) of a pixel that counts as stained.
  static let stainedDensity: Float = 0.1
  /// Fewest stained pixels an estimate needs.
  static let fewestStained = 500

  var samples: [RGBColor] = []
  private var step: Int
  private var skipped = 0

  /// An empty estimator that takes every `step`-th pixel it is shown.
  public init(step: Int = 7) { self.step = max(1, step) }

  /// An empty estimator for about this many pixels in all: it takes every n-th so that some 20,000 are kept.
  public init(forPixels count: Int) { self.init(step: count / 20_000) }

  /// Number of pixels kept so far.
  public var sampleCount: Int { samples.count }

  /// Takes pixels of one tile, in row order; only those inside the mask when one is given.
  public mutating func add(_ image: RGBImage, mask: Mask? = nil) {
    let count = image.width * image.height
    if let mask, mask.bits.count != count { return }
    for index in 0..<count {
      if let mask, mask.bits[index] == 0 { continue }
      skipped += 1
      if skipped < step { continue }
      skipped = 0
      samples.append(RGBColor(image.pixels[3 * index], image.pixels[3 * index + 1], image.pixels[3 * index + 2]))
      if samples.count >= Self.capacity {
        samples = stride(from: 0, to: samples.count, by: 2).map { samples[$0] }
        step *= 2
      }
    }
  }

  /// The profile of what was gathered.
  public func profile() -> StainProfile {
    let glass = Self.background(of: samples)
    let tables = glass.map { OpticalDensity.table(background: $0) }
    var rows: [Double] = []
    for sample in samples {
      let red = tables[0][Int(sample.red)]
      let green = tables[1][Int(sample.green)]
      let blue = tables[2][Int(sample.blue)]
      guard red + green + blue > 3 * Self.stainedDensity else { continue }
      rows.append(contentsOf: [Double(red), Double(green), Double(blue)])
    }
    var profile =
      rows.count >= 3 * Self.fewestStained
      ? Self.estimate(rows, background: glass)
      : .reference(background: glass, reason: "only \(rows.count / 3) stained pixels to estimate from")
    profile.hematoxylinHigh = Self.high(rows)
    return profile
  }

  /// The glass: in each channel the 99.5th percentile, within what scanners give for glass.
  static func background(of samples: [RGBColor]) -> [Float] {
    [\RGBColor.red, \.green, \.blue].map { channel in
      var histogram = [Int](repeating: 0, count: 256)
      for sample in samples { histogram[Int(sample[keyPath: channel])] += 1 }
      var left = samples.count / 200
      var value = 255
      while value > 0, left >= histogram[value] {
        left -= histogram[value]
        value -= 1
      }
      return Float(max(200, value))
    }
  }

  private static func estimate(_ rows: [Double], background: [Float]) -> StainProfile {
    guard let moments = LinearAlgebra.covariance(ofRows: rows), let eigen = LinearAlgebra.eigen(ofSymmetric: moments)
    else { return .reference(background: background, reason: "the colours do not vary") }
    // Sign so that the first direction points into the stains' corner; the second one only sets the angle's sense.
    var first = eigen.vectors[2]
    if first.reduce(0, +) < 0 { first = first.map { -$0 } }
    let second = eigen.vectors[1]
    let plane = LinearAlgebra.project(rows: rows, onto: first, second)
    var angles = (0..<(plane.count / 2)).map { atan2(plane[2 * $0 + 1], plane[2 * $0]) }
    angles.sort()
    func direction(at share: Double) -> [Double] {
      let angle = angles[min(angles.count - 1, Int(share * Double(angles.count)))]
      let vector = zip(first, second).map { cos(angle) * $0.0 + sin(angle) * $0.1 }
      return StainProfile.unit(vector.map { max(0, $0) })
    }
    let ends = [direction(at: 0.01), direction(at: 0.99)]
    // Hematoxylin takes more red light than eosin does.
    let hematoxylin = ends[0][0] > ends[1][0] ? ends[0] : ends[1]
    let eosin = ends[0][0] > ends[1][0] ? ends[1] : ends[0]
    if let doubt = doubt(hematoxylin: hematoxylin, eosin: eosin) {
      return .reference(background: background, reason: doubt)
    }
    return StainProfile(
      background: background, hematoxylin: hematoxylin, eosin: eosin, source: .estimated, reason: ""
    )
  }

  /// Why a pair of directions cannot be hematoxylin and eosin; nil when it can.
  static func doubt(hematoxylin: [Double], eosin: [Double]) -> String? {
    let h = StainProfile.cosine(hematoxylin, StainProfile.referenceHematoxylin)
    let e = StainProfile.cosine(eosin, StainProfile.typicalEosin)
    let between = StainProfile.cosine(hematoxylin, eosin)
    func degrees(_ cosine: Double) -> Int { Int((acos(max(-1, min(1, cosine))) * 180 / .pi).rounded()) }
    if h < cos(25 * Double.pi / 180) { return "the first stain lies \(degrees(h))° from hematoxylin" }
    if e < cos(25 * Double.pi / 180) { return "the second stain lies \(degrees(e))° from eosin" }
    if between > cos(10 * Double.pi / 180) { return "the two stains lie only \(degrees(between))° apart" }
    return nil
  }

  /// The 99th percentile of hematoxylin in the search direction, at least `StainProfile.leastHigh`.
  private static func high(_ rows: [Double]) -> Double {
    guard
      let matrix = StainProfile.unmixing(
        hematoxylin: StainProfile.searchHematoxylin, eosin: StainProfile.searchEosin)
    else { return StainProfile.leastHigh }
    var amounts = (0..<(rows.count / 3)).map { row in
      rows[3 * row] * matrix[0] + rows[3 * row + 1] * matrix[3] + rows[3 * row + 2] * matrix[6]
    }
    guard !amounts.isEmpty else { return StainProfile.leastHigh }
    amounts.sort()
    return max(StainProfile.leastHigh, amounts[min(amounts.count - 1, Int(0.99 * Double(amounts.count)))])
  }
}
