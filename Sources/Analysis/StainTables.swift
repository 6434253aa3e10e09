// Unmixing of stains by table: since density is a function of one byte and unmixing is linear, each stain's amount
// is the sum of three table entries.
// What must stay true: integer arithmetic only after the tables are made, so a pixel's amount is the same in every
// tile and on every machine that makes the same tables.

package import Raster

/// Tables from bytes to stain amounts, in thousandths of optical density.
package struct StainTables: Sendable {
  /// Thousandths of optical density make one.
  package static let unit: Float = 1000
  /// Largest amount that is told apart.
  package static let highest: Int32 = 4095

  /// For each of the three stains (hematoxylin, eosin, rest) 256 entries for red, then green, then blue.
  private let tables: [[Int32]]

  /// Tables for two directions against a glass; nil when the two are one.
  package init?(background: [Float], hematoxylin: [Double], eosin: [Double]) {
    guard let matrix = StainProfile.unmixing(hematoxylin: hematoxylin, eosin: eosin) else { return nil }
    let densities = background.map { OpticalDensity.table(background: $0) }
    tables = (0..<3).map { stain in
      (0..<3).flatMap { channel in
        densities[channel].map { Int32((Double($0) * matrix[3 * channel + stain] * Double(Self.unit)).rounded()) }
      }
    }
  }

  /// Hematoxylin (0…4095) and eosin and rest (either sign) of every pixel, in thousandths.
  package func unmix(_ image: RGBImage) -> (hematoxylin: [UInt16], eosin: [Int16], rest: [Int16]) {
    let count = image.width * image.height
    var eosin: [Int16] = []
    var rest: [Int16] = []
    let hematoxylin = [UInt16](unsafeUninitializedCapacity: count) { out, filled in
      eosin = [Int16](unsafeUninitializedCapacity: count) { outEosin, filledEosin in
        rest = [Int16](unsafeUninitializedCapacity: count) { outRest, filledRest in
          image.pixels.withUnsafeBufferPointer { pixels in
            tables[0].withUnsafeBufferPointer { h in
              tables[1].withUnsafeBufferPointer { e in
                tables[2].withUnsafeBufferPointer { r in
                  for index in 0..<count {
                    let red = Int(pixels[3 &* index])
                    let green = 256 &+ Int(pixels[3 &* index &+ 1])
                    let blue = 512 &+ Int(pixels[3 &* index &+ 2])
                    let amount = h[red] &+ h[green] &+ h[blue]
                    out[index] = UInt16(truncatingIfNeeded: max(0, min(Self.highest, amount)))
                    outEosin[index] = Int16(truncatingIfNeeded: Self.clamp(e[red] &+ e[green] &+ e[blue]))
                    outRest[index] = Int16(truncatingIfNeeded: Self.clamp(r[red] &+ r[green] &+ r[blue]))
                  }
                }
              }
            }
          }
          filledRest = count
        }
        filledEosin = count
      }
      filled = count
    }
    return (hematoxylin, eosin, rest)
  }

  @inline(__always) private static func clamp(_ value: Int32) -> Int32 { max(-highest, min(highest, value)) }
}
