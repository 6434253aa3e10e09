// What a candidate region looks like, in numbers: size, shape, rim, stain, and how it stands out from its
// surroundings.
// What must stay true: the same order as the scorer's weights; everything follows from exact integer sums, so a
// region has the same features in every tile that holds it and its surroundings.

import Glibc

/// The features of candidate regions on one picture.
package struct NucleusFeatures {
  /// Names in order.
  package static let names = [
    "logArea", "axisRatio", "ellipticity", "circularity", "level", "rimStep", "meanAboveLevel", "hematoxylinShare",
    "rest",
    "eosin", "growth8", "growth20", "slideHigh", "meanRelative", "meanAboveSurround", "surroundLevel",
    "eosinAboveSurround",
    "surroundEosin", "restAboveSurround",
  ]
  /// Number of features.
  package static let count = 19
  /// Side of the square of surroundings, in micrometres.
  static let surroundUm = 20.0
  /// Growth of the region when the threshold sinks by so many levels; `ln` of the ratio of areas, at most 2.
  static let growthSteps: [Int32] = [8, 20]
  static let largestGrowth: Float = 2

  let regions: [ExtremalRegion]
  let width: Int
  let height: Int
  let micronsPerPixel: Double
  let hematoxylinHigh: Float
  let halfSide: Int
  private let levelSums: PlaneSums
  private let eosinSums: PlaneSums
  private let restSums: PlaneSums

  package init(regions: [ExtremalRegion], input: FloodInput, micronsPerPixel: Double, hematoxylinHigh: Double) {
    self.regions = regions
    self.width = input.width
    self.height = input.height
    self.micronsPerPixel = micronsPerPixel
    self.hematoxylinHigh = Float(hematoxylinHigh)
    self.halfSide = Self.halfSide(micronsPerPixel: micronsPerPixel)
    self.levelSums = PlaneSums(input.levels, width: input.width, height: input.height)
    self.eosinSums = PlaneSums(input.first, width: input.width, height: input.height)
    self.restSums = PlaneSums(input.second, width: input.width, height: input.height)
  }

  static func halfSide(micronsPerPixel: Double) -> Int { max(1, Int((surroundUm / micronsPerPixel / 2).rounded())) }

  /// Writes one region's features. `out` has room for `count`.
  package func write(_ index: Int, into out: UnsafeMutableBufferPointer<Float>) {
    let region = regions[index]
    let area = Float(region.area)
    let count = Int64(region.area)
    // Central second moments times area squared, exact in integers, and so free of where the region lies.
    let square = Double(count * count)
    let xx = Double(count * region.sumXX - region.sumX * region.sumX) / square + 1.0 / 12
    let yy = Double(count * region.sumYY - region.sumY * region.sumY) / square + 1.0 / 12
    let xy = Double(count * region.sumXY - region.sumX * region.sumY) / square
    let determinant = max(1e-6, xx * yy - xy * xy)
    let half = (xx + yy) / 2
    let spread = max(0, half * half - determinant).squareRoot()
    let axisRatio = (max(1e-3, half - spread) / (half + spread)).squareRoot()
    let rim = Float(max(1, region.rimLength))
    let level = Float(region.level) / 255
    let mean = Float(region.sumLevel) / area / 255
    let eosin = Float(region.sumFirst) / area / 1000
    let rest = Float(region.sumSecond) / area / 1000
    let hematoxylin = mean * mean * 2.55
    out[0] = logf(area * Float(micronsPerPixel * micronsPerPixel))
    out[1] = Float(axisRatio)
    out[2] = area / Float(4 * Double.pi * determinant.squareRoot())
    out[3] = Float(64 / Double.pi) * area / (rim * rim)
    out[4] = level
    out[5] = level - Float(region.rimOutside) / rim / 255
    out[6] = mean - level
    out[7] = hematoxylin / (hematoxylin + max(0, eosin) + 0.05)
    out[8] = rest / (hematoxylin + 0.1)
    out[9] = eosin
    out[10] = growth(of: index, by: Self.growthSteps[0])
    out[11] = growth(of: index, by: Self.growthSteps[1])
    out[12] = hematoxylinHigh
    out[13] = mean / (hematoxylinHigh / 2.55).squareRoot()
    let window = surround(of: region)
    let outside = Float(max(1, window.area - Int(region.area)))
    let surroundLevel = Float(levelSums.sum(window) - region.sumLevel) / outside / 255
    let surroundEosin = Float(eosinSums.sum(window) - region.sumFirst) / outside / 1000
    out[14] = mean - surroundLevel
    out[15] = surroundLevel
    out[16] = eosin - surroundEosin
    out[17] = surroundEosin
    out[18] = rest - Float(restSums.sum(window) - region.sumSecond) / outside / 1000
  }

  /// Whether the region's colour is one that no nucleus has.
  func isForeign(_ index: Int) -> Bool {
    let region = regions[index]
    let level = Float(region.sumLevel) / Float(region.area) / 255
    return ForeignColour.isForeign(
      hematoxylin: level * level * 2.55, eosin: Float(region.sumFirst) / Float(region.area) / 1000)
  }

  /// How much larger the region is once the threshold sinks; the largest when it then is no region of a nucleus's size.
  private func growth(of index: Int, by steps: Int32) -> Float {
    let lowest = regions[index].level - steps
    var at = index
    while true {
      let parent = Int(regions[at].parent)
      if parent < 0 { return Self.largestGrowth }
      if regions[parent].level < lowest { break }
      at = parent
    }
    return min(Self.largestGrowth, logf(Float(regions[at].area) / Float(regions[index].area)))
  }

  /// The square of surroundings about the centroid, cut at the frame.
  private func surround(of region: ExtremalRegion) -> PlaneWindow {
    func floorOfCentre(_ sum: Int64) -> Int { Int((2 * sum + Int64(region.area)) / (2 * Int64(region.area))) }
    let x = floorOfCentre(region.sumX)
    let y = floorOfCentre(region.sumY)
    return PlaneWindow(
      left: max(0, x - halfSide), top: max(0, y - halfSide), right: min(width, x + halfSide + 1),
      bottom: min(height, y + halfSide + 1))
  }
}

/// A window of a plane: left and top belong to it, right and bottom do not.
struct PlaneWindow {
  var left: Int
  var top: Int
  var right: Int
  var bottom: Int
  var area: Int { (right - left) * (bottom - top) }
}

/// Sums of an integer plane over any window in constant time. Sums wrap around 32 bits and their differences come out
/// right all the same, as long as one window's sum fits: 4095 times the pixels of a square of 20 µm does.
struct PlaneSums {
  private let stride: Int
  private let sums: [Int32]

  init<Value: FixedWidthInteger>(_ values: [Value], width: Int, height: Int) {
    let stride = width + 1
    self.stride = stride
    self.sums = [Int32](unsafeUninitializedCapacity: stride * (height + 1)) { out, count in
      values.withUnsafeBufferPointer { values in
        for x in 0..<stride { out[x] = 0 }
        for y in 0..<height {
          let above = y * stride
          let row = above + stride
          out[row] = 0
          var running: Int32 = 0
          for x in 0..<width {
            running &+= Int32(truncatingIfNeeded: values[y &* width &+ x])
            out[row &+ x &+ 1] = out[above &+ x &+ 1] &+ running
          }
        }
      }
      count = stride * (height + 1)
    }
  }

  @inline(__always) func sum(_ window: PlaneWindow) -> Int64 {
    let top = window.top * stride
    let bottom = window.bottom * stride
    return Int64(
      sums[bottom + window.right] &- sums[bottom + window.left] &- sums[top + window.right] &+ sums[top + window.left])
  }
}
