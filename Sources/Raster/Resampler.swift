// Changing the size of pictures: mean over the covered area when shrinking, linear between centres when growing.
// What must stay true: the same input gives the same bytes on every machine (fixed order of plain Float
// arithmetic); a change of any result is a new `version`, because pixel digests depend on it.

/// The resampling of pictures.
public enum Resampler {
  /// Name and number of the methods here; recorded wherever resampled pixels are.
  public static let version = "area-1/linear-1"

  /// How new pixels come from old ones.
  public enum Method: Sendable, Hashable {
    /// Mean over the area that a new pixel covers. For shrinking.
    case area
    /// Linear between pixel centres. For growing.
    case linear
    /// `area` along an axis that shrinks, `linear` along one that grows.
    case automatic
  }

  /// A rectangle between pixels, in the pixels of the source picture.
  public struct Window: Sendable, Hashable {
    /// Left edge.
    public var x: Double
    /// Top edge.
    public var y: Double
    /// Width, above zero.
    public var width: Double
    /// Height, above zero.
    public var height: Double

    /// A rectangle between pixels.
    public init(x: Double, y: Double, width: Double, height: Double) {
      self.x = x
      self.y = y
      self.width = width
      self.height = height
    }
  }

  /// What one new pixel takes from a line of old ones.
  struct Taps {
    /// For each new pixel the first old one it takes from, and where its weights start.
    var first: [Int] = []
    var start: [Int] = []
    var weights: [Float] = []
    func weights(of index: Int) -> Range<Int> { start[index]..<start[index + 1] }

    func withPointers(
      _ body: (UnsafeBufferPointer<Int>, UnsafeBufferPointer<Int>, UnsafeBufferPointer<Float>) -> Void
    ) {
      first.withUnsafeBufferPointer { first in
        start.withUnsafeBufferPointer { start in
          weights.withUnsafeBufferPointer { weights in body(first, start, weights) }
        }
      }
    }
  }

  /// Weights for mapping `[origin, origin + length)` of a line of `count` old pixels to `newCount` new ones.
  /// Beyond the ends the last pixel repeats.
  static func taps(count: Int, origin: Double, length: Double, newCount: Int, method: Method) -> Taps {
    var taps = Taps()
    let step = length / Double(newCount)
    let area = method == .area || (method == .automatic && step >= 1)
    for index in 0..<newCount {
      taps.start.append(taps.weights.count)
      if area {
        let from = origin + Double(index) * step
        let to = origin + Double(index + 1) * step
        let low = max(0, min(count - 1, Int(from.rounded(.down))))
        let high = max(low, min(count - 1, Int(to.rounded(.up)) - 1))
        var parts = (low...high).map { max(0, min(to, Double($0 + 1)) - max(from, Double($0))) }
        let sum = parts.reduce(0, +)
        if sum <= 0 { parts = [1] }
        taps.first.append(low)
        taps.weights.append(contentsOf: parts.map { Float($0 / (sum <= 0 ? 1 : sum)) })
      } else {
        let centre = origin + (Double(index) + 0.5) * step - 0.5
        let clamped = max(0, min(Double(count - 1), centre))
        let low = min(Int(clamped), max(0, count - 2))
        let part = Float(clamped - Double(low))
        taps.first.append(low)
        taps.weights.append(contentsOf: count == 1 ? [1] : [1 - part, part])
      }
    }
    taps.start.append(taps.weights.count)
    return taps
  }

  /// Resamples interleaved rows of `channels` values: rows first into Float, then down the columns.
  static func resample(
    width: Int, height: Int, channels: Int, across: Taps, down: Taps, newWidth: Int, newHeight: Int,
    read: (Int, UnsafeMutableBufferPointer<Float>) -> Void, write: (Int, UnsafeMutableBufferPointer<Float>) -> Void
  ) {
    let rowLength = newWidth * channels
    // Rows already resampled across, kept while a new row still needs them.
    var kept: [Int: [Float]] = [:]
    var source = [Float](repeating: 0, count: width * channels)
    var sum = [Float](repeating: 0, count: rowLength)
    for y in 0..<newHeight {
      let first = down.first[y]
      let weights = down.weights(of: y)
      for old in kept.keys where old < first { kept[old] = nil }
      sum.withUnsafeMutableBufferPointer { sum in
        for index in 0..<rowLength { sum[index] = 0 }
        for (offset, at) in weights.enumerated() {
          let row =
            kept[first + offset]
            ?? source.withUnsafeMutableBufferPointer { source in
              read(first + offset, source)
              return resampleRow(source, channels: channels, taps: across, newWidth: newWidth)
            }
          kept[first + offset] = row
          let weight = down.weights[at]
          row.withUnsafeBufferPointer { row in
            for index in 0..<rowLength { sum[index] += weight * row[index] }
          }
        }
        write(y, sum)
      }
    }
  }

  private static func resampleRow(
    _ source: UnsafeMutableBufferPointer<Float>, channels: Int, taps: Taps, newWidth: Int
  ) -> [Float] {
    [Float](unsafeUninitializedCapacity: newWidth * channels) { out, count in
      taps.withPointers { first, start, weights in
        for x in 0..<newWidth {
          if channels == 3 {
            // One walk over the weights for the three colours: the same sums, in the same order.
            var (red, green, blue): (Float, Float, Float) = (0, 0, 0)
            var at = first[x] * 3
            for tap in start[x]..<start[x + 1] {
              let weight = weights[tap]
              red += weight * source[at]
              green += weight * source[at + 1]
              blue += weight * source[at + 2]
              at += 3
            }
            out[3 * x] = red
            out[3 * x + 1] = green
            out[3 * x + 2] = blue
          } else {
            for channel in 0..<channels {
              var sum: Float = 0
              var at = first[x] * channels + channel
              for tap in start[x]..<start[x + 1] {
                sum += weights[tap] * source[at]
                at += channels
              }
              out[x * channels + channel] = sum
            }
          }
        }
      }
      count = newWidth * channels
    }
  }
}

extension RGBImage {
  /// The picture at another size in pixels.
  ///
  /// - Precondition: the picture is not empty and the new sizes are above zero.
  public func resized(toWidth newWidth: Int, height newHeight: Int, method: Resampler.Method = .automatic) -> RGBImage {
    resampled(
      Resampler.Window(x: 0, y: 0, width: Double(width), height: Double(height)), toWidth: newWidth,
      height: newHeight, method: method)
  }

  /// The picture at a scale: 0.5 halves it. Sizes are rounded, and at least one pixel.
  ///
  /// - Precondition: the picture is not empty and `scale` is above zero.
  public func scaled(by scale: Double, method: Resampler.Method = .automatic) -> RGBImage {
    resized(
      toWidth: max(1, Int((Double(width) * scale).rounded())),
      height: max(1, Int((Double(height) * scale).rounded())), method: method)
  }

  /// A part of the picture, its edges between pixels if need be, at a size in pixels. Beyond the frame the
  /// outermost pixels repeat.
  ///
  /// - Precondition: the picture is not empty; the part's and the new sizes are above zero.
  public func resampled(
    _ window: Resampler.Window, toWidth newWidth: Int, height newHeight: Int,
    method: Resampler.Method = .automatic
  ) -> RGBImage {
    precondition(width > 0 && height > 0, "an empty picture cannot be resampled")
    precondition(
      newWidth > 0 && newHeight > 0 && window.width > 0 && window.height > 0,
      "sizes above zero are needed, not \(newWidth)x\(newHeight) from \(window.width)x\(window.height)")
    if newWidth == width, newHeight == height, window.x == 0, window.y == 0, window.width == Double(width),
      window.height == Double(height)
    {
      return self
    }
    let result = [UInt8](unsafeUninitializedCapacity: 3 * newWidth * newHeight) { out, count in
      pixels.withUnsafeBufferPointer { pixels in
        Resampler.resample(
          width: width, height: height, channels: 3,
          across: Resampler.taps(
            count: width, origin: window.x, length: window.width, newCount: newWidth, method: method),
          down: Resampler.taps(
            count: height, origin: window.y, length: window.height, newCount: newHeight, method: method),
          newWidth: newWidth, newHeight: newHeight,
          read: { row, target in
            for index in 0..<(3 * width) { target[index] = Float(pixels[3 * width * row + index]) }
          },
          write: { row, source in
            for index in 0..<(3 * newWidth) {
              out[3 * newWidth * row + index] = UInt8(max(0, min(255, source[index] + 0.5)))
            }
          })
      }
      count = 3 * newWidth * newHeight
    }
    return RGBImage(width: newWidth, height: newHeight, pixels: result)
  }
}

extension GrayImage {
  /// The picture at another size in pixels.
  ///
  /// - Precondition: the picture is not empty and the new sizes are above zero.
  public func resized(toWidth newWidth: Int, height newHeight: Int, method: Resampler.Method = .automatic) -> GrayImage
  {
    precondition(width > 0 && height > 0 && newWidth > 0 && newHeight > 0, "sizes above zero are needed")
    let result = [Float](unsafeUninitializedCapacity: newWidth * newHeight) { out, count in
      values.withUnsafeBufferPointer { values in
        Resampler.resample(
          width: width, height: height, channels: 1,
          across: Resampler.taps(count: width, origin: 0, length: Double(width), newCount: newWidth, method: method),
          down: Resampler.taps(count: height, origin: 0, length: Double(height), newCount: newHeight, method: method),
          newWidth: newWidth, newHeight: newHeight,
          read: { row, target in
            for index in 0..<width { target[index] = values[width * row + index] }
          },
          write: { row, source in
            for index in 0..<newWidth { out[newWidth * row + index] = source[index] }
          })
      }
      count = newWidth * newHeight
    }
    return GrayImage(width: newWidth, height: newHeight, values: result)
  }
}
