// What a human's count would be, given the program's: a split conformal interval from images that both counted
// (Vovk et al. 2005; Lei et al. 2018).
// What must stay true: the centre comes from other images than the spread; with n images a coverage above n / (n + 1)
// cannot be promised and is refused.

import Glibc

/// How a human's count relates to the program's, as a range of ratios.
public struct CountRatioInterval: Sendable, Hashable, Codable {
  /// Smallest ratio of a human's count to the program's.
  public var low: Double
  /// Largest ratio of a human's count to the program's.
  public var high: Double
  /// Share of images it is made to hold.
  public var coverage: Double
  /// Number of images behind the spread.
  public var imageCount: Int
  /// Median of the program's counts on those images. The range of ratios holds for counts about as large; for smaller
  /// ones `predict` widens it.
  public var medianCount: Int

  /// A range of ratios.
  public init(low: Double, high: Double, coverage: Double, imageCount: Int, medianCount: Int) {
    self.low = low
    self.high = high
    self.coverage = coverage
    self.imageCount = imageCount
    self.medianCount = medianCount
  }

  /// How the interval is made, in words.
  public static let method =
    "split conformal on per-image log ratios of human to program count, widened by counting noise for smaller counts"
  /// What it predicts, in words.
  public static let predicts = "a human's count"

  /// The interval from per-image ratios of a human's count to the program's.
  ///
  /// The score of an image is `|ln(ratio / centre)|`; the k-th smallest of n, with k = ⌈(n + 1) · coverage⌉, is the
  /// half-width in logarithms.
  ///
  /// - Parameters:
  ///   - ratios: one a calibration image, above zero.
  ///   - centre: the ratio expected, found on other images; 1 for none.
  ///   - coverage: share of future images that it must hold, above 0 and below 1.
  ///   - medianCount: median of the program's counts on the calibration images.
  public static func splitConformal(
    ratios: [Double], centre: Double, coverage: Double, medianCount: Int
  ) throws(AnalysisError) -> CountRatioInterval {
    guard coverage > 0, coverage < 1 else {
      throw .badParameter(name: "coverage", value: "\(coverage)", remedy: "use a share above 0 and below 1")
    }
    guard centre.isFinite, centre > 0, ratios.allSatisfy({ $0.isFinite && $0 > 0 }) else {
      throw .badParameter(
        name: "ratios", value: "\(ratios.count) values, centre \(centre)", remedy: "use finite ratios above 0")
    }
    let position = Int((Double(ratios.count + 1) * coverage - 1e-9).rounded(.up))
    guard position <= ratios.count else {
      throw .badParameter(
        name: "coverage", value: "\(coverage) from \(ratios.count) images",
        remedy: "use more images, or a coverage of at most \(Double(ratios.count) / Double(ratios.count + 1))")
    }
    let scores = ratios.map { abs(log($0 / centre)) }.sorted()
    let half = scores[max(0, position - 1)]
    return CountRatioInterval(
      low: centre * exp(-half), high: centre * exp(half), coverage: coverage,
      imageCount: ratios.count, medianCount: medianCount)
  }

  /// The interval for a count of the program's: what a human would have counted.
  ///
  /// Fields with fewer nuclei than those calibrated on vary more. Their half-width in logarithms grows to
  /// √(half² + z² (1/count − 1/medianCount)), the Poisson variance they have beyond the calibration's; z is the normal
  /// quantile of the coverage. This part is a model, not conformal. A count of 0 is predicted as for 1, from 0.
  public func predict(count: Int) -> (low: Double, high: Double) {
    guard low > 0, high >= low, medianCount > 0 else { return (0, .infinity) }
    let counted = Double(max(1, count))
    let centre = (low * high).squareRoot()
    let half = log(high / low) / 2
    let extra = max(0, 1 / counted - 1 / Double(medianCount))
    let z = Self.normalQuantile(twoSided: coverage)
    let wide = (half * half + z * z * extra).squareRoot()
    return (count > 0 ? counted * centre * exp(-wide) : 0, counted * centre * exp(wide))
  }

  /// z with P(|N| ≤ z) = coverage, by bisection on the error function.
  static func normalQuantile(twoSided coverage: Double) -> Double {
    var low = 0.0
    var high = 10.0
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if erf(middle / 2.0.squareRoot()) < coverage { low = middle } else { high = middle }
    }
    return low
  }
}
