// One value a pixel, in Float: a stain's amount, a brightness, a filter's answer.
// What must stay true: values.count == width * height, row-major, origin top left.

/// A picture of one Float a pixel, row-major, origin top left. The unit is the maker's.
public struct GrayImage: Sendable, Equatable {
  /// Width in pixels.
  public let width: Int
  /// Height in pixels.
  public let height: Int
  /// The values; always `width * height` of them. Change values, never the count.
  public var values: [Float]

  /// A picture of given values.
  ///
  /// - Precondition: sizes are not negative and `values.count == width * height`.
  public init(width: Int, height: Int, values: [Float]) {
    precondition(width >= 0 && height >= 0, "an image's sizes are not negative: \(width)x\(height)")
    precondition(values.count == width * height, "\(width)x\(height) needs one value a pixel, not \(values.count)")
    self.width = width
    self.height = height
    self.values = values
  }

  /// A picture of one value.
  public init(width: Int, height: Int, repeating value: Float = 0) {
    self.init(width: width, height: height, values: [Float](repeating: value, count: width * height))
  }

  /// The whole picture as a rectangle.
  public var bounds: PixelRect { PixelRect(x: 0, y: 0, width: width, height: height) }

  /// One pixel's value.
  ///
  /// - Precondition: the point lies inside.
  public subscript(x: Int, y: Int) -> Float {
    get { values[y * width + x] }
    set { values[y * width + x] = newValue }
  }

  /// The part inside a rectangle; what lies outside the picture is cut away.
  public func cropped(to rect: PixelRect) -> GrayImage {
    let cut = rect.intersection(bounds)
    var part: [Float] = []
    part.reserveCapacity(cut.area)
    for row in cut.y..<cut.maxY {
      part.append(contentsOf: values[(row * width + cut.x)..<(row * width + cut.maxX)])
    }
    return GrayImage(width: cut.width, height: cut.height, values: part)
  }

  /// The pixels whose value is above a threshold.
  public func mask(above threshold: Float) -> Mask {
    Mask(width: width, height: height, bits: values.map { $0 > threshold ? 1 : 0 })
  }
}

extension RGBImage {
  /// Brightness of every pixel (ITU-R BT.601), 0…255.
  public func luma() -> GrayImage {
    GrayImage(
      width: width, height: height,
      values: [Float](unsafeUninitializedCapacity: width * height) { out, count in
        pixels.withUnsafeBufferPointer { source in
          for index in 0..<(width * height) {
            out[index] =
              0.299 * Float(source[3 * index]) + 0.587 * Float(source[3 * index + 1])
              + 0.114 * Float(source[3 * index + 2])
          }
        }
        count = width * height
      })
  }

  /// Hue in degrees [0, 360), saturation 0…1 and value 0…1 of every pixel. A grey has hue 0.
  public func hsv() -> (hue: GrayImage, saturation: GrayImage, value: GrayImage) {
    var hue = GrayImage(width: width, height: height)
    var saturation = hue
    var value = hue
    for index in 0..<(width * height) {
      let hsv = RGBColor(pixels[3 * index], pixels[3 * index + 1], pixels[3 * index + 2]).hsv
      hue.values[index] = hsv.hue
      saturation.values[index] = hsv.saturation
      value.values[index] = hsv.value
    }
    return (hue, saturation, value)
  }
}
