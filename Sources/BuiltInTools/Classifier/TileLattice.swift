// Which tiles are classified: squares on one lattice over the whole slide, at the scale the network reads.
// What must stay true: a tile of a region is the same tile as on the whole slide; at least half of a tile is tissue
// without flagged pixels inside the region; blocks are squares of whole tiles, about half a millimetre wide.

import Analysis
import Domain
import Raster
import Slides

/// A tile to be classified.
struct LatticeTile: Sendable {
  /// Its place in the slide's picture at the network's scale.
  var rect: PixelRect
  /// The same in level-0 pixels.
  var levelZero: LevelZeroRect
  /// Share of it that is tissue without flagged pixels inside the region.
  var tissueShare: Double
  /// The block of tissue it belongs to.
  var block: Int
}

/// The slide as tiles.
struct TileLattice: Sendable {
  /// The slide's size in pixels of the network's scale.
  let width: Int
  let height: Int
  let side: Int
  /// Level-0 pixels per pixel of that picture.
  let stepX: Double
  let stepY: Double
  /// Tiles along a block's side.
  let blockTiles: Int
  /// Area of a tile in mm².
  let tileMm2: Double

  /// Most tiles that are classified; of more, every second, third, … is taken.
  static let mostTiles = 20_000
  static let leastTissue = 0.5
  static let blockMicrons = 500.0
  /// Side of the grid on which a tile's tissue is measured.
  private static let samples = 28

  init(slide: SlideHandle, scale: SlideScale, input: ClassifierCard.Input) {
    side = input.sidePixels
    width = max(1, Int((Double(slide.bounds.width) * scale.micronsPerPixel / input.mpp).rounded()))
    height = max(1, Int((Double(slide.bounds.height) * scale.micronsPerPixel / input.mpp).rounded()))
    stepX = Double(slide.bounds.width) / Double(width)
    stepY = Double(slide.bounds.height) / Double(height)
    blockTiles = max(2, Int((Self.blockMicrons / input.sideMicrons).rounded()))
    tileMm2 = input.sideMicrons * input.sideMicrons / 1e6
  }

  /// The tiles of a region, and how many of them were passed over because there are too many.
  func tiles(of region: CountedRegion) -> (tiles: [LatticeTile], passedOver: Int) {
    let columns = width / side
    let rows = height / side
    let first = (
      x: max(0, Int(Double(region.rect.x) / stepX) / side), y: max(0, Int(Double(region.rect.y) / stepY) / side)
    )
    let last = (
      x: min(columns, Int(Double(region.rect.x + region.rect.width) / stepX) / side + 1),
      y: min(rows, Int(Double(region.rect.y + region.rect.height) / stepY) / side + 1)
    )
    let blockColumns = columns / blockTiles + 1
    var tiles: [LatticeTile] = []
    for row in first.y..<max(first.y, last.y) {
      for column in first.x..<max(first.x, last.x) {
        let rect = PixelRect(x: column * side, y: row * side, width: side, height: side)
        let levelZero = levelZero(rect)
        let tissue = region.tissue(over: levelZero, width: Self.samples, height: Self.samples).count
        let share = Double(tissue) / Double(Self.samples * Self.samples)
        guard share >= Self.leastTissue else { continue }
        tiles.append(
          LatticeTile(
            rect: rect, levelZero: levelZero, tissueShare: share,
            block: row / blockTiles * blockColumns + column / blockTiles))
      }
    }
    guard tiles.count > Self.mostTiles else { return (tiles, 0) }
    let every = (tiles.count + Self.mostTiles - 1) / Self.mostTiles
    let kept = stride(from: 0, to: tiles.count, by: every).map { tiles[$0] }
    return (kept, tiles.count - kept.count)
  }

  private func levelZero(_ rect: PixelRect) -> LevelZeroRect {
    let x = Int((Double(rect.x) * stepX).rounded())
    let y = Int((Double(rect.y) * stepY).rounded())
    return LevelZeroRect(
      x: x, y: y, width: Int((Double(rect.maxX) * stepX).rounded()) - x,
      height: Int((Double(rect.maxY) * stepY).rounded()) - y)
  }
}
