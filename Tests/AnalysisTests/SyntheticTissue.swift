// Seeded pictures of drawn nuclei with known centres, made by adding up stains in optical density.

import Analysis
import Glibc
import Raster
import TestSupport

/// A nucleus to draw: an ellipse in pixels.
struct DrawnNucleus {
  var x: Double
  var y: Double
  var radiusX: Double
  var radiusY: Double
}

/// Tissue with drawn nuclei.
struct SyntheticTissue {
  var width: Int
  var height: Int
  var nuclei: [DrawnNucleus]
  var seed: UInt64 = 1
  var hematoxylin = [0.65, 0.70, 0.29]
  var eosin = [0.20, 0.93, 0.30]
  var cytoplasmEosin = 0.25
  var cytoplasmHematoxylin = 0.05
  var nuclearHematoxylin = 0.7
  /// Where tissue lies; glass elsewhere. Everything when nil.
  var tissue: PixelRect?

  /// Nuclei on a jittered grid, `spacing` pixels apart, none nearer than `margin` to the frame.
  static func scattered(
    width: Int, height: Int, spacing: Int, radius: ClosedRange<Double>, margin: Int = 0, seed: UInt64
  ) -> [DrawnNucleus] {
    var generator = SeededGenerator(seed: seed)
    var result: [DrawnNucleus] = []
    for y in stride(from: spacing / 2, to: height - spacing / 4, by: spacing) {
      for x in stride(from: spacing / 2, to: width - spacing / 4, by: spacing) {
        let jitter = Double(spacing) / 8
        let nucleus = DrawnNucleus(
          x: Double(x) + Double.random(in: -jitter...jitter, using: &generator),
          y: Double(y) + Double.random(in: -jitter...jitter, using: &generator),
          radiusX: Double.random(in: radius, using: &generator), radiusY: Double.random(in: radius, using: &generator))
        if x >= margin, y >= margin, x < width - margin, y < height - margin { result.append(nucleus) }
      }
    }
    return result
  }

  func image() -> RGBImage {
    var generator = SeededGenerator(seed: seed)
    var amount = [Double](repeating: 0, count: width * height)
    for nucleus in nuclei {
      let reach = Int(max(nucleus.radiusX, nucleus.radiusY)) + 3
      for y in max(0, Int(nucleus.y) - reach)...min(height - 1, Int(nucleus.y) + reach) {
        for x in max(0, Int(nucleus.x) - reach)...min(width - 1, Int(nucleus.x) + reach) {
          let dx = (Double(x) + 0.5 - nucleus.x) / nucleus.radiusX
          let dy = (Double(y) + 0.5 - nucleus.y) / nucleus.radiusY
          let distance = ((dx * dx + dy * dy).squareRoot() - 1) * min(nucleus.radiusX, nucleus.radiusY)
          // An edge about two pixels wide, as optics make it.
          amount[y * width + x] = max(amount[y * width + x], 1 / (1 + exp(2 * distance)))
        }
      }
    }
    var pixels = [UInt8](repeating: 0, count: 3 * width * height)
    for index in amount.indices {
      let inTissue = tissue?.contains(x: Double(index % width), y: Double(index / width)) ?? true
      let noise = Double.random(in: -0.03...0.03, using: &generator)
      let h = inTissue ? cytoplasmHematoxylin + nuclearHematoxylin * amount[index] + noise : 0
      let e = inTissue ? cytoplasmEosin * (1 - 0.3 * amount[index]) + noise : 0
      for channel in 0..<3 {
        let density = max(0, h * hematoxylin[channel] + e * eosin[channel])
        pixels[3 * index + channel] = UInt8((245 * pow(10, -density)).rounded())
      }
    }
    return RGBImage(width: width, height: height, pixels: pixels)
  }
}

/// How many true centres have a found one within `limit` pixels, each found one used once.
func matches(_ found: [Nucleus], _ truth: [DrawnNucleus], within limit: Double) -> Int {
  var free = found
  var count = 0
  for nucleus in truth {
    let distances = free.map { (($0.x - nucleus.x) * ($0.x - nucleus.x) + ($0.y - nucleus.y) * ($0.y - nucleus.y)) }
    if let best = distances.indices.min(by: { distances[$0] < distances[$1] }), distances[best] <= limit * limit {
      free.remove(at: best)
      count += 1
    }
  }
  return count
}
