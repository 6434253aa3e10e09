// Which pixels belong to something: one byte a pixel, 0 or 1, and the set operations on it.
// What must stay true: bits.count == width * height and every byte is 0 or 1.

/// A set of pixels, row-major, origin top left; one byte a pixel, 0 or 1.
public struct Mask: Sendable, Equatable {
  /// Width in pixels.
  public let width: Int
  /// Height in pixels.
  public let height: Int
  /// One byte a pixel, 0 or 1. Change values, never the count.
  public var bits: [UInt8]

  /// A mask of given bytes (0 or 1).
  ///
  /// - Precondition: sizes are not negative and `bits.count == width * height`.
  public init(width: Int, height: Int, bits: [UInt8]) {
    precondition(width >= 0 && height >= 0, "a mask's sizes are not negative: \(width)x\(height)")
    precondition(bits.count == width * height, "\(width)x\(height) needs one byte a pixel, not \(bits.count)")
    self.width = width
    self.height = height
    self.bits = bits
  }

  /// A mask that is empty, or full.
  public init(width: Int, height: Int, filled: Bool = false) {
    self.init(width: width, height: height, bits: [UInt8](repeating: filled ? 1 : 0, count: width * height))
  }

  /// The whole mask as a rectangle.
  public var bounds: PixelRect { PixelRect(x: 0, y: 0, width: width, height: height) }

  /// Whether a pixel is in the set.
  ///
  /// - Precondition: the point lies inside the bounds.
  public subscript(x: Int, y: Int) -> Bool {
    get { bits[y * width + x] != 0 }
    set { bits[y * width + x] = newValue ? 1 : 0 }
  }

  /// How many pixels are in the set.
  public var count: Int { bits.reduce(into: 0) { $0 += Int($1) } }

  /// How many pixels of a rectangle are in the set; what lies outside the bounds counts as not in it.
  public func count(in rect: PixelRect) -> Int {
    let cut = rect.intersection(bounds)
    guard !cut.isEmpty else { return 0 }
    var sum = 0
    for row in cut.y..<cut.maxY {
      for index in (row * width + cut.x)..<(row * width + cut.maxX) { sum += Int(bits[index]) }
    }
    return sum
  }

  /// The smallest rectangle that holds every pixel of the set; nil when there is none.
  public var boundingBox: PixelRect? {
    var left = width
    var right = -1
    var top = height
    var bottom = -1
    for y in 0..<height {
      for x in 0..<width where bits[y * width + x] != 0 {
        left = min(left, x)
        right = max(right, x)
        top = min(top, y)
        bottom = max(bottom, y)
      }
    }
    return right < 0 ? nil : PixelRect(x: left, y: top, width: right - left + 1, height: bottom - top + 1)
  }

  /// Pixels in both sets.
  ///
  /// - Precondition: the same sizes.
  public func and(_ other: Mask) -> Mask { combined(with: other) { $0 & $1 } }

  /// Pixels in either set.
  ///
  /// - Precondition: the same sizes.
  public func or(_ other: Mask) -> Mask { combined(with: other) { $0 | $1 } }

  /// Pixels of this set that are not in the other.
  ///
  /// - Precondition: the same sizes.
  public func subtracting(_ other: Mask) -> Mask { combined(with: other) { $0 & ($1 ^ 1) } }

  /// Pixels not in the set.
  public func not() -> Mask { Mask(width: width, height: height, bits: bits.map { $0 ^ 1 }) }

  private func combined(with other: Mask, by operation: (UInt8, UInt8) -> UInt8) -> Mask {
    precondition(
      width == other.width && height == other.height,
      "masks of different sizes: \(width)x\(height) and \(other.width)x\(other.height)")
    var result = self
    for index in bits.indices { result.bits[index] = operation(bits[index], other.bits[index]) }
    return result
  }

  /// The part inside a rectangle; what lies outside the bounds is cut away.
  public func cropped(to rect: PixelRect) -> Mask {
    let cut = rect.intersection(bounds)
    var part: [UInt8] = []
    part.reserveCapacity(cut.area)
    for row in cut.y..<cut.maxY { part.append(contentsOf: bits[(row * width + cut.x)..<(row * width + cut.maxX)]) }
    return Mask(width: cut.width, height: cut.height, bits: part)
  }

  /// The mask at another size, by the nearest pixel's centre.
  public func resized(toWidth newWidth: Int, height newHeight: Int) -> Mask {
    guard width > 0, height > 0 else { return Mask(width: newWidth, height: newHeight) }
    var result = Mask(width: newWidth, height: newHeight)
    for y in 0..<newHeight {
      let sourceY = min(height - 1, (2 * y + 1) * height / (2 * newHeight))
      for x in 0..<newWidth {
        let sourceX = min(width - 1, (2 * x + 1) * width / (2 * newWidth))
        result.bits[y * newWidth + x] = bits[sourceY * width + sourceX]
      }
    }
    return result
  }
}
