// Places on a slide, always in level-0 pixels with the origin at the top left.
// What must stay true: coordinates are integers; physical size needs a scale that is passed in, never assumed.

/// An axis-parallel rectangle in level-0 pixels.
public struct LevelZeroRect: Sendable, Hashable, Codable, CustomStringConvertible {
  /// Left edge.
  public var x: Int
  /// Top edge.
  public var y: Int
  /// Extent to the right.
  public var width: Int
  /// Extent downwards.
  public var height: Int

  public init(x: Int, y: Int, width: Int, height: Int) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// Whether it holds no pixel.
  public var isEmpty: Bool { width <= 0 || height <= 0 }
  /// Pixels inside. Saturates instead of overflowing.
  public var areaPixels: Int {
    isEmpty
      ? 0
      : {
        let (area, overflow) = width.multipliedReportingOverflow(by: height); return overflow ? .max : area
      }()
  }
  /// The part inside both; empty when they do not meet.
  public func intersection(_ other: LevelZeroRect) -> LevelZeroRect {
    let left = max(x, other.x)
    let top = max(y, other.y)
    let right = min(x.addingSaturated(width), other.x.addingSaturated(other.width))
    let bottom = min(y.addingSaturated(height), other.y.addingSaturated(other.height))
    return LevelZeroRect(x: left, y: top, width: max(0, right - left), height: max(0, bottom - top))
  }
  /// Whether the other lies inside.
  public func contains(_ other: LevelZeroRect) -> Bool { intersection(other) == other }
  /// Whether the point lies inside (right and bottom edge excluded).
  public func contains(x px: Int, y py: Int) -> Bool { px >= x && py >= y && px - x < width && py - y < height }
  public var description: String { "\(x),\(y),\(width),\(height)" }
}

extension Int {
  fileprivate func addingSaturated(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other > 0 ? .max : .min) : sum
  }
}

/// A corner of a polygon in level-0 pixels.
public struct LevelZeroPoint: Sendable, Hashable, Codable {
  public var x: Int
  public var y: Int
  public init(x: Int, y: Int) {
    self.x = x
    self.y = y
  }
}

/// A scale in micrometres per level-0 pixel, and where it comes from.
public struct SlideScale: Sendable, Hashable, Codable {
  /// Micrometres per pixel, the mean of both axes; positive and finite.
  public var micronsPerPixel: Double
  /// `slide` when the file says so, `stated` when a person said it with the case.
  public var source: Source
  /// Where a scale comes from.
  public enum Source: String, Sendable, Codable, Hashable { case slide, stated }

  public init(micronsPerPixel: Double, source: Source) {
    self.micronsPerPixel = micronsPerPixel
    self.source = source
  }

  /// Area of that many level-0 pixels in mm².
  public func areaMm2(pixels: Int) -> Double { Double(pixels) * micronsPerPixel * micronsPerPixel / 1e6 }
}
