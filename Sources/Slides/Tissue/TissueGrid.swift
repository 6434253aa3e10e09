// The coarse grid on which tissue is told from glass, and its place on the slide.
// What must stay true: the grid covers the slide from edge to edge; a slide without a scale has a grid too, whose
// pixels have no size in micrometres.

public import Domain
public import Raster

/// A grid over a whole slide.
public struct TissueGrid: Sendable, Hashable {
  /// Grid pixels across.
  public let width: Int
  /// Grid pixels down.
  public let height: Int
  /// Level-0 pixels across the slide.
  public let slideWidth: Int
  /// Level-0 pixels down the slide.
  public let slideHeight: Int
  /// µm per grid pixel (the mean of both axes); nil without a scale.
  public let micronsPerPixel: Double?

  /// Most pixels of a grid.
  static let largest = 12_000_000
  /// Longest side of the grid of a slide without scale.
  static let longestWithoutScale = 2048

  /// The grid of a slide: 2 µm per pixel, or 4, 8, 16, … where that would be more than twelve million pixels; never
  /// finer than the slide. A pyramid level within a twentieth of that is the grid itself. Without a scale, the slide's
  /// longest side in 2,048 pixels.
  public init(slideWidth: Int, slideHeight: Int, micronsPerPixel: Double?, levels: [SlideHandle.Level] = []) {
    self.slideWidth = slideWidth
    self.slideHeight = slideHeight
    guard let own = micronsPerPixel else {
      let ratio = min(1, Double(Self.longestWithoutScale) / Double(max(slideWidth, slideHeight)))
      width = max(1, Int((Double(slideWidth) * ratio).rounded()))
      height = max(1, Int((Double(slideHeight) * ratio).rounded()))
      self.micronsPerPixel = nil
      return
    }
    var target = 2.0
    while Double(slideWidth) * Double(slideHeight) * own * own / (target * target) > Double(Self.largest) {
      target *= 2
    }
    let ratio = min(1, own / target)
    if let level = levels.first(where: { abs($0.downsample * ratio - 1) < 0.05 }) {
      width = level.width
      height = level.height
    } else {
      width = max(1, Int((Double(slideWidth) * ratio).rounded()))
      height = max(1, Int((Double(slideHeight) * ratio).rounded()))
    }
    let area = Double(slideWidth) * Double(slideHeight) * own * own
    self.micronsPerPixel = (area / (Double(width) * Double(height))).squareRoot()
  }

  /// Level-0 pixels per grid pixel, across.
  public var downsampleX: Double { Double(slideWidth) / Double(width) }
  /// Level-0 pixels per grid pixel, down.
  public var downsampleY: Double { Double(slideHeight) / Double(height) }

  /// Area of a number of grid pixels in mm²; nil without a scale.
  public func areaMm2(pixels: Int) -> Double? { micronsPerPixel.map { Double(pixels) * $0 * $0 / 1e6 } }

  /// The slide's rectangle that some grid pixels cover.
  public func levelZeroRect(of rect: PixelRect) -> LevelZeroRect {
    let x0 = Int((Double(rect.x) * downsampleX).rounded())
    let y0 = Int((Double(rect.y) * downsampleY).rounded())
    let x1 = min(slideWidth, Int((Double(rect.maxX) * downsampleX).rounded()))
    let y1 = min(slideHeight, Int((Double(rect.maxY) * downsampleY).rounded()))
    return LevelZeroRect(x: x0, y: y0, width: max(0, x1 - x0), height: max(0, y1 - y0))
  }

  /// A grid corner as a point on the slide.
  public func levelZeroPoint(of corner: Outline.Corner) -> LevelZeroPoint {
    LevelZeroPoint(
      x: min(slideWidth, Int((Double(corner.x) * downsampleX).rounded())),
      y: min(slideHeight, Int((Double(corner.y) * downsampleY).rounded())))
  }

  /// The grid pixels that a rectangle of the slide touches.
  public func pixelRect(of rect: LevelZeroRect) -> PixelRect {
    let cut = rect.intersection(LevelZeroRect(x: 0, y: 0, width: slideWidth, height: slideHeight))
    guard !cut.isEmpty else { return PixelRect(x: 0, y: 0, width: 0, height: 0) }
    let x0 = Int((Double(cut.x) / downsampleX).rounded(.down))
    let y0 = Int((Double(cut.y) / downsampleY).rounded(.down))
    let x1 = min(width, Int((Double(cut.x + cut.width) / downsampleX).rounded(.up)))
    let y1 = min(height, Int((Double(cut.y + cut.height) / downsampleY).rounded(.up)))
    return PixelRect(x: x0, y: y0, width: x1 - x0, height: y1 - y0)
  }

  /// Part of a mask on this grid, as a mask of another size over a rectangle of the slide (nearest grid pixel).
  ///
  /// - Precondition: the mask has the grid's size.
  public func resample(_ mask: Mask, rect: LevelZeroRect, width newWidth: Int, height newHeight: Int) -> Mask {
    precondition(mask.width == width && mask.height == height, "the mask belongs to another grid")
    var result = Mask(width: newWidth, height: newHeight)
    let columns = (0..<newWidth).map { column in
      let x = Double(rect.x) + (Double(column) + 0.5) * Double(rect.width) / Double(newWidth)
      return max(0, min(width - 1, Int(x / downsampleX)))
    }
    for row in 0..<newHeight {
      let y = Double(rect.y) + (Double(row) + 0.5) * Double(rect.height) / Double(newHeight)
      let from = max(0, min(height - 1, Int(y / downsampleY))) * width
      for column in 0..<newWidth { result.bits[row * newWidth + column] = mask.bits[from + columns[column]] }
    }
    return result
  }
}
