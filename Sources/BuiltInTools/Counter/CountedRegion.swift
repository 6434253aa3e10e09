// What is to be counted in: all tissue of a slide, or one region of it.
// What must stay true: the area is that of tissue without flagged pixels inside the region's outline; it is the
// denominator of every density, and nothing outside it is counted.

import Domain
import Raster
import Slides

/// A rectangle of a slide with the tissue in it that may be counted.
struct CountedRegion: Sendable {
  /// The region's frame in level-0 pixels.
  let rect: LevelZeroRect
  /// Tissue without flagged pixels inside the region, over `rect`.
  let tissue: Mask
  /// All tissue inside the region, over `rect`.
  let found: Mask
  /// The region itself, over `rect`: full for a rectangle.
  let outline: Mask
  /// Area of one pixel of these masks in mm².
  let pixelMm2: Double

  /// Most pixels of the masks of a region that is looked at finer than the tissue grid.
  private static let most = 16_000_000

  /// All tissue of a slide, or the part of it inside a rectangle and polygon.
  init?(map: TissueMap, rect asked: LevelZeroRect?, polygon: [LevelZeroPoint]?) {
    guard let gridMicrons = map.grid.micronsPerPixel else { return nil }
    guard let asked else {
      rect = LevelZeroRect(x: 0, y: 0, width: map.grid.slideWidth, height: map.grid.slideHeight)
      tissue = map.unflagged
      found = map.tissue
      outline = Mask(width: map.grid.width, height: map.grid.height, filled: true)
      pixelMm2 = gridMicrons * gridMicrons / 1e6
      return
    }
    rect = asked
    // Four mask pixels a grid pixel, so that the region's edge is cut finer than the grid.
    var step = (map.grid.downsampleX * map.grid.downsampleY).squareRoot() / 2
    while Double(asked.width) * Double(asked.height) / (step * step) > Double(Self.most) { step *= 2 }
    let width = max(1, Int((Double(asked.width) / step).rounded()))
    let height = max(1, Int((Double(asked.height) / step).rounded()))
    let shape =
      polygon.map { polygon in
        Mask(
          width: width, height: height,
          polygon: polygon.map { point in
            (
              x: Double(point.x - asked.x) * Double(width) / Double(asked.width),
              y: Double(point.y - asked.y) * Double(height) / Double(asked.height)
            )
          })
      } ?? Mask(width: width, height: height, filled: true)
    outline = shape
    tissue = map.grid.resample(map.unflagged, rect: asked, width: width, height: height).and(shape)
    found = map.grid.resample(map.tissue, rect: asked, width: width, height: height).and(shape)
    let slideMm2 = Double(map.grid.width) * Double(map.grid.height) * gridMicrons * gridMicrons / 1e6
    let levelZeroMm2 = slideMm2 / (Double(map.grid.slideWidth) * Double(map.grid.slideHeight))
    pixelMm2 = levelZeroMm2 * Double(asked.width) * Double(asked.height) / Double(width * height)
  }

  /// Area of tissue without flagged pixels, in mm².
  var areaMm2: Double { Double(tissue.count) * pixelMm2 }
  /// Area of all tissue found, in mm².
  var foundMm2: Double { Double(found.count) * pixelMm2 }

  /// What is left out inside the region for a reason, in mm².
  func leftOutMm2(_ exclusion: Exclusion, map: TissueMap) -> Double {
    guard let mask = map.excluded[exclusion] else { return 0 }
    let inside = map.grid.resample(mask, rect: rect, width: outline.width, height: outline.height).and(outline)
    return Double(inside.count) * pixelMm2
  }

  /// The countable tissue over a part of the slide, at another size.
  func tissue(over part: LevelZeroRect, width: Int, height: Int) -> Mask {
    var result = Mask(width: width, height: height)
    for row in 0..<height {
      let y = Double(part.y) + (Double(row) + 0.5) * Double(part.height) / Double(height) - Double(rect.y)
      let from = Int((y * Double(tissue.height) / Double(rect.height)).rounded(.down))
      guard from >= 0, from < tissue.height else { continue }
      for column in 0..<width {
        let x = Double(part.x) + (Double(column) + 0.5) * Double(part.width) / Double(width) - Double(rect.x)
        let at = Int((x * Double(tissue.width) / Double(rect.width)).rounded(.down))
        if at >= 0, at < tissue.width { result.bits[row * width + column] = tissue.bits[from * tissue.width + at] }
      }
    }
    return result
  }
}
