// The picture nuclei are looked for in: hematoxylin, lightly smoothed, in hundredths of optical density.
// What must stay true: a pixel's level depends on the pixels within `reach` of it and on nothing else; integer
// arithmetic, so it is the same in every tile.

package import Raster

/// Hematoxylin levels of a picture and its other two stain amounts.
package struct NucleusChannel {
  /// Pixels to each side that a level depends on.
  package static let reach = 4
  /// Levels go with the square root of density, so that a faint nucleus on faint ground spans as many of them as a dark
  /// one on dark ground: level 255 is a density of 2.55, level 80 a density of 0.25.
  static let levelTable: [UInt8] = (0..<4096).map { UInt8(min(255, (Float($0) / 2550).squareRoot() * 255).rounded()) }

  /// The level of an optical density.
  package static func level(ofDensity density: Double) -> UInt8 {
    levelTable[Int(max(0, min(4095, (density * 1000).rounded())))]
  }

  /// Unmixes a picture and smooths its hematoxylin `passes` times with the binomial 1 4 6 4 1 in both directions
  /// (each pass a Gaussian of standard deviation 1 pixel).
  package static func make(from image: RGBImage, tables: StainTables, passes: Int = 1) -> FloodInput {
    var (hematoxylin, eosin, rest) = tables.unmix(image)
    for _ in 0..<passes { hematoxylin = smoothed(hematoxylin, width: image.width, height: image.height) }
    let levels = [UInt8](unsafeUninitializedCapacity: hematoxylin.count) { out, count in
      levelTable.withUnsafeBufferPointer { table in
        hematoxylin.withUnsafeBufferPointer { values in
          for index in 0..<values.count { out[index] = table[Int(values[index] & 4095)] }
        }
      }
      count = hematoxylin.count
    }
    return FloodInput(width: image.width, height: image.height, levels: levels, first: eosin, second: rest)
  }

  /// Binomial smoothing; at the frame the outermost pixels repeat. Values are at most 4095, so sums fit 16 bits.
  static func smoothed(_ values: [UInt16], width: Int, height: Int) -> [UInt16] {
    guard width > 0, height > 0 else { return values }
    let across = [UInt16](unsafeUninitializedCapacity: width * height) { out, count in
      values.withUnsafeBufferPointer { values in
        for y in 0..<height {
          let row = y * width
          for x in 0..<width where x < 2 || x >= width - 2 {
            let left = UInt16(4) &* values[row + max(0, x - 1)] &+ values[row + max(0, x - 2)]
            let right = UInt16(4) &* values[row + min(width - 1, x + 1)] &+ values[row + min(width - 1, x + 2)]
            out[row + x] = (6 &* values[row + x] &+ left &+ right &+ 8) >> 4
          }
          guard width > 4 else { continue }
          for at in (row + 2)..<(row + width - 2) {
            let near = 4 &* (values[at &- 1] &+ values[at &+ 1])
            let far = values[at &- 2] &+ values[at &+ 2]
            out[at] = (6 &* values[at] &+ near &+ far &+ 8) >> 4
          }
        }
      }
      count = width * height
    }
    return [UInt16](unsafeUninitializedCapacity: width * height) { out, count in
      across.withUnsafeBufferPointer { values in
        for y in 0..<height {
          let row = y * width
          let up1 = max(0, y - 1) * width
          let up2 = max(0, y - 2) * width
          let down1 = min(height - 1, y + 1) * width
          let down2 = min(height - 1, y + 2) * width
          for x in 0..<width {
            let near = 4 &* (values[up1 &+ x] &+ values[down1 &+ x])
            let far = values[up2 &+ x] &+ values[down2 &+ x]
            out[row &+ x] = (6 &* values[row &+ x] &+ near &+ far &+ 8) >> 4
          }
        }
      }
      count = width * height
    }
  }
}
