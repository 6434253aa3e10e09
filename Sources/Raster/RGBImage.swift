// The picture everything else works on: interleaved 8-bit RGB in memory, no file format, no I/O.
// What must stay true: pixels.count == 3 * width * height, row-major, origin top left.

/// An 8-bit RGB picture, interleaved (R, G, B, R, G, B, …), row-major, origin top left.
public struct RGBImage: Sendable, Equatable {
  /// Width in pixels.
  public let width: Int
  /// Height in pixels.
  public let height: Int
  /// Interleaved RGB bytes; always `3 * width * height` of them. Change values, never the count.
  public var pixels: [UInt8]

  /// A picture of given bytes.
  ///
  /// - Precondition: sizes are not negative and `pixels.count == 3 * width * height`.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width >= 0 && height >= 0, "an image's sizes are not negative: \(width)x\(height)")
    precondition(
      pixels.count == 3 * width * height, "\(width)x\(height) needs \(3 * width * height) bytes, not \(pixels.count)")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// A picture of one colour.
  public init(width: Int, height: Int, filled color: RGBColor = .white) {
    var pixels = [UInt8](repeating: color.red, count: 3 * width * height)
    if color.green != color.red || color.blue != color.red {
      for index in 0..<(width * height) {
        pixels[3 * index + 1] = color.green
        pixels[3 * index + 2] = color.blue
      }
    }
    self.init(width: width, height: height, pixels: pixels)
  }

  /// A picture from premultiplied ARGB words (0xAARRGGBB, native byte order, as OpenSlide gives them),
  /// laid over a background; a transparent pixel becomes the background.
  ///
  /// - Precondition: `premultipliedARGB.count == width * height`.
  public init(
    width: Int, height: Int, premultipliedARGB: UnsafeBufferPointer<UInt32>, over background: RGBColor = .white
  ) {
    precondition(premultipliedARGB.count == width * height, "\(width)x\(height) needs one word a pixel")
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { out, count in
      for index in 0..<(width * height) {
        let word = premultipliedARGB[index]
        let rest = 255 - (word >> 24)
        if rest == 0 {
          out[3 * index] = UInt8(truncatingIfNeeded: word >> 16)
          out[3 * index + 1] = UInt8(truncatingIfNeeded: word >> 8)
          out[3 * index + 2] = UInt8(truncatingIfNeeded: word)
          continue
        }
        // A word that claims more colour than alpha allows is clamped, not wrapped.
        out[3 * index] = UInt8(min(255, (word >> 16) & 0xFF + (rest * UInt32(background.red) + 127) / 255))
        out[3 * index + 1] = UInt8(min(255, (word >> 8) & 0xFF + (rest * UInt32(background.green) + 127) / 255))
        out[3 * index + 2] = UInt8(min(255, word & 0xFF + (rest * UInt32(background.blue) + 127) / 255))
      }
      count = 3 * width * height
    }
    self.init(width: width, height: height, pixels: pixels)
  }

  /// The whole picture as a rectangle.
  public var bounds: PixelRect { PixelRect(x: 0, y: 0, width: width, height: height) }

  /// One pixel's colour.
  ///
  /// - Precondition: the point lies inside.
  public subscript(x: Int, y: Int) -> RGBColor {
    get {
      let offset = 3 * (y * width + x)
      return RGBColor(pixels[offset], pixels[offset + 1], pixels[offset + 2])
    }
    set {
      let offset = 3 * (y * width + x)
      pixels[offset] = newValue.red
      pixels[offset + 1] = newValue.green
      pixels[offset + 2] = newValue.blue
    }
  }

  /// The part inside a rectangle; what lies outside the picture is cut away.
  public subscript(rect: PixelRect) -> RGBImage { cropped(to: rect) }

  /// The part inside a rectangle; what lies outside the picture is cut away.
  public func cropped(to rect: PixelRect) -> RGBImage {
    let cut = rect.intersection(bounds)
    let bytes = 3 * cut.width
    let part = [UInt8](unsafeUninitializedCapacity: bytes * cut.height) { out, count in
      pixels.withUnsafeBufferPointer { source in
        guard bytes > 0, let target = out.baseAddress, let start = source.baseAddress else { return }
        for row in 0..<cut.height {
          (target + row * bytes).update(from: start + 3 * ((cut.y + row) * width + cut.x), count: bytes)
        }
      }
      count = bytes * cut.height
    }
    return RGBImage(width: cut.width, height: cut.height, pixels: part)
  }

  /// Copies another picture in with its top left corner at (x, y); what falls outside is dropped.
  public mutating func paste(_ other: RGBImage, atX x: Int, y: Int) {
    let target = PixelRect(x: x, y: y, width: other.width, height: other.height).intersection(bounds)
    guard !target.isEmpty else { return }
    for row in target.y..<target.maxY {
      let from = 3 * ((row - y) * other.width + target.x - x)
      let to = 3 * (row * width + target.x)
      pixels.replaceSubrange(to..<(to + 3 * target.width), with: other.pixels[from..<(from + 3 * target.width)])
    }
  }
}
