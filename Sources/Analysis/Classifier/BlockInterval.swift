// The interval of a share of tiles: neighbouring tiles are alike, so whole blocks of tissue are the units, not tiles.
// What must stay true: deterministic; fewer than five blocks give no interval; a share of 0 or 1 keeps an interval of
// some width. It says how the share varies over tissue, and nothing of how often the classifier is wrong.

import Glibc

/// Tiles of one block of tissue.
public struct BlockCount: Sendable, Hashable {
  /// Tiles of the class.
  public var hits: Int
  /// All tiles.
  public var tiles: Int

  /// A block with its tiles.
  public init(hits: Int, tiles: Int) {
    self.hits = hits
    self.tiles = tiles
  }
}

/// A share of tiles with its interval.
public struct BlockInterval: Sendable, Hashable {
  /// Ends of the interval, 0 to 1.
  public var low: Double
  public var high: Double
  /// Number of blocks behind it.
  public var blockCount: Int
  /// Number of independent tiles that would vary as much.
  public var effectiveTiles: Double

  /// How the interval is made, in words.
  public static let method = "Wilson interval, effective tiles by delete-one-block jackknife"
  /// Fewest blocks that an interval is given for.
  public static let fewestBlocks = 5

  /// The interval of the share of hits over all blocks; nil for fewer than five blocks with tiles.
  ///
  /// The jackknife leaves out one block at a time: V = (g − 1)/g · Σ (R₍ⱼ₎ − R̄)². A simple random sample of
  /// n* = R (1 − R) / V tiles would vary as much (Kish's effective size, never more than the tiles there are; for a
  /// share of 0 or 1 the number of blocks). The interval is Wilson's with n* and Student's t for g − 1 degrees of
  /// freedom.
  public init?(blocks: [BlockCount], coverage: Double) {
    let blocks = blocks.filter { $0.tiles > 0 }
    guard blocks.count >= Self.fewestBlocks, coverage > 0, coverage < 1 else { return nil }
    let groups = Double(blocks.count)
    let hits = Double(blocks.reduce(0) { $0 + $1.hits })
    let tiles = Double(blocks.reduce(0) { $0 + $1.tiles })
    let share = hits / tiles
    let without = blocks.map { (hits - Double($0.hits)) / (tiles - Double($0.tiles)) }
    let mean = without.reduce(0, +) / groups
    let variance = (groups - 1) / groups * without.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let effective: Double
    if share <= 0 || share >= 1 {
      effective = groups
    } else {
      effective = variance > 0 ? min(tiles, share * (1 - share) / variance) : tiles
    }
    let t = Self.studentQuantile(twoSided: coverage, degrees: blocks.count - 1)
    let square = t * t
    let centre = (share + square / (2 * effective)) / (1 + square / effective)
    let spread = (share * (1 - share) / effective + square / (4 * effective * effective)).squareRoot()
    let half = t / (1 + square / effective) * spread
    low = share <= 0 ? 0 : max(0, centre - half)
    high = share >= 1 ? 1 : min(1, centre + half)
    blockCount = blocks.count
    effectiveTiles = effective
  }

  /// t with P(|T| ≤ t) = coverage, by bisection on the integrated density.
  static func studentQuantile(twoSided coverage: Double, degrees: Int) -> Double {
    let v = Double(max(1, degrees))
    let scale = exp(lgamma((v + 1) / 2) - lgamma(v / 2)) / (v * .pi).squareRoot()
    func density(_ x: Double) -> Double { scale * pow(1 + x * x / v, -(v + 1) / 2) }
    /// P(|T| ≤ t) by Simpson's rule.
    func inside(_ t: Double) -> Double {
      let steps = 400
      let width = t / Double(steps)
      var sum = density(0) + density(t)
      for index in 1..<steps { sum += (index % 2 == 1 ? 4 : 2) * density(Double(index) * width) }
      return 2 * sum * width / 3
    }
    var low = 0.0
    var high = 100.0
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if inside(middle) < coverage { low = middle } else { high = middle }
    }
    return low
  }
}
