// A rectangle of whole pixels in some image's own grid, and its rules of cutting.
// What must stay true: width and height are never negative; an empty rectangle contains nothing.

/// A rectangle in the pixels of one image: origin top left, `x` to the right, `y` down.
public struct PixelRect: Sendable, Hashable {
  /// Left edge, in pixels.
  public var x: Int
  /// Top edge, in pixels.
  public var y: Int
  /// Width in pixels, never negative.
  public var width: Int
  /// Height in pixels, never negative.
  public var height: Int

  /// A rectangle; negative sizes become zero.
  public init(x: Int, y: Int, width: Int, height: Int) {
    self.x = x
    self.y = y
    self.width = max(0, width)
    self.height = max(0, height)
  }

  /// The first column right of the rectangle.
  public var maxX: Int { x + width }
  /// The first row below the rectangle.
  public var maxY: Int { y + height }
  /// Number of pixels.
  public var area: Int { width * height }
  /// True when there is no pixel inside.
  public var isEmpty: Bool { width == 0 || height == 0 }

  /// The pixels that both rectangles hold; empty when they do not meet.
  public func intersection(_ other: PixelRect) -> PixelRect {
    let left = max(x, other.x)
    let top = max(y, other.y)
    let right = min(maxX, other.maxX)
    let bottom = min(maxY, other.maxY)
    return PixelRect(x: left, y: top, width: right - left, height: bottom - top)
  }

  /// Whether the two share at least one pixel.
  public func intersects(_ other: PixelRect) -> Bool { !intersection(other).isEmpty }

  /// Whether a point lies inside (left and top edges belong to the rectangle, right and bottom do not).
  public func contains(x pointX: Double, y pointY: Double) -> Bool {
    pointX >= Double(x) && pointX < Double(maxX) && pointY >= Double(y) && pointY < Double(maxY)
  }

  /// The rectangle shrunk by `margin` pixels on every side (grown when negative).
  public func insetBy(_ margin: Int) -> PixelRect {
    PixelRect(x: x + margin, y: y + margin, width: width - 2 * margin, height: height - 2 * margin)
  }
}
