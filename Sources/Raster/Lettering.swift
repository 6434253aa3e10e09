// Words on pictures: labels, the scale bar and the legend.
// What must stay true: a scale bar is never longer than it says; its length is a round number of micrometres.

extension RGBImage {
  /// A corner of the picture.
  public enum Corner: Sendable, Hashable {
    /// Top left.
    case topLeft
    /// Top right.
    case topRight
    /// Bottom left.
    case bottomLeft
    /// Bottom right.
    case bottomRight
  }

  /// How many pixels a line of letters takes, at `scale` pixels a dot of the face (5 by 9 dots a letter).
  public static func sizeOfText(_ text: String, scale: Int = 1) -> (width: Int, height: Int) {
    let dots = text.isEmpty ? 0 : text.count * BitmapFont.advance - 1
    return (dots * max(1, scale), BitmapFont.glyphHeight * max(1, scale))
  }

  /// Writes one line with its top left corner at (x, y); letters the face does not know become hollow boxes.
  /// With `halo`, each letter is edged in that colour so that it reads on any ground.
  public mutating func drawText(
    _ text: String, atX x: Int, y: Int, scale: Int = 1, color: RGBColor = .black, halo: RGBColor? = nil
  ) {
    let size = max(1, scale)
    if let halo {
      eachDot(of: text, atX: x, y: y, scale: size) { image, dot in image.fill(dot.insetBy(-size), with: halo) }
    }
    eachDot(of: text, atX: x, y: y, scale: size) { image, dot in image.fill(dot, with: color) }
  }

  private mutating func eachDot(
    of text: String, atX x: Int, y: Int, scale: Int, _ body: (inout RGBImage, PixelRect) -> Void
  ) {
    for (index, character) in text.enumerated() {
      let left = x + index * BitmapFont.advance * scale
      if left > width { return }
      for (row, bits) in BitmapFont.rows(of: character).enumerated() {
        for column in 0..<BitmapFont.glyphWidth where bits & (1 << (BitmapFont.glyphWidth - 1 - column)) != 0 {
          body(&self, PixelRect(x: left + column * scale, y: y + row * scale, width: scale, height: scale))
        }
      }
    }
  }

  /// Writes a line on a filled plate, the plate's top left corner at (x, y); gives the plate's rectangle.
  @discardableResult
  public mutating func drawLabel(
    _ text: String, atX x: Int, y: Int, scale: Int = 1, color: RGBColor = .white, plate: RGBColor = .black,
    opacity: Float = 1
  ) -> PixelRect {
    let size = Self.sizeOfText(text, scale: scale)
    let margin = 2 * max(1, scale)
    let rect = PixelRect(x: x, y: y, width: size.width + 2 * margin, height: size.height + 2 * margin)
    fill(rect, with: plate, opacity: opacity)
    drawText(text, atX: x + margin, y: y + margin, scale: scale, color: color)
    return rect
  }

  /// The longest of 1, 2, 5, 10, 20, 50, … µm that fits into a number of pixels, and its length in pixels;
  /// nil when not even 1 µm fits or the scale is not a positive number.
  public static func scaleBarLength(micronsPerPixel: Double, atMost pixels: Int) -> (microns: Int, pixels: Int)? {
    guard micronsPerPixel.isFinite, micronsPerPixel > 0, pixels > 0 else { return nil }
    let room = Double(pixels) * micronsPerPixel
    var best: Int?
    var decade = 1
    while decade <= 1_000_000 {
      for step in [1, 2, 5] where Double(step * decade) <= room { best = step * decade }
      decade *= 10
    }
    guard let microns = best else { return nil }
    return (microns, max(1, Int((Double(microns) / micronsPerPixel).rounded())))
  }

  /// Draws a scale bar with its length written on it, on a white plate in a corner; gives the plate's rectangle,
  /// nil when no round length fits. The bar takes at most `share` of the picture's width.
  @discardableResult
  public mutating func drawScaleBar(
    micronsPerPixel: Double, corner: Corner = .bottomRight, share: Double = 0.25, scale: Int = 1
  ) -> PixelRect? {
    let size = max(1, scale)
    guard
      let bar = Self.scaleBarLength(micronsPerPixel: micronsPerPixel, atMost: Int(Double(width) * share))
    else { return nil }
    let words = bar.microns >= 1000 ? "\(bar.microns / 1000) mm" : "\(bar.microns) µm"
    let text = Self.sizeOfText(words, scale: size)
    let margin = 4 * size
    let thickness = 3 * size
    let plate = place(
      width: max(bar.pixels, text.width) + 2 * margin, height: text.height + thickness + 2 * margin, in: corner,
      margin: margin)
    fill(plate, with: .white, opacity: 0.85)
    drawText(words, atX: plate.x + (plate.width - text.width) / 2, y: plate.y + margin, scale: size)
    fill(
      PixelRect(
        x: plate.x + (plate.width - bar.pixels) / 2, y: plate.maxY - margin - thickness, width: bar.pixels,
        height: thickness), with: .black)
    return plate
  }

  /// One line of a legend.
  public struct LegendEntry: Sendable, Hashable {
    /// How the sample beside the words is drawn.
    public enum Sample: Sendable, Hashable {
      /// A frame, as regions are drawn.
      case frame
      /// Diagonal lines, as what was left out is drawn.
      case hatching
      /// A cross, as single detections are drawn.
      case cross
      /// A filled square.
      case filled
    }
    /// The words.
    public var text: String
    /// The sample's colour and line.
    public var stroke: Stroke
    /// What the sample looks like.
    public var sample: Sample

    /// A line of a legend.
    public init(_ text: String, stroke: Stroke, sample: Sample) {
      self.text = text
      self.stroke = stroke
      self.sample = sample
    }
  }

  /// Draws a legend on a white plate in a corner; gives the plate's rectangle, nil for no entries.
  @discardableResult
  public mutating func drawLegend(_ entries: [LegendEntry], corner: Corner = .topLeft, scale: Int = 1) -> PixelRect? {
    guard !entries.isEmpty else { return nil }
    let size = max(1, scale)
    let margin = 4 * size
    let lineHeight = (BitmapFont.glyphHeight + 4) * size
    let sampleWidth = 14 * size
    let textWidth = entries.map { Self.sizeOfText($0.text, scale: size).width }.max() ?? 0
    let plate = place(
      width: sampleWidth + textWidth + 3 * margin, height: entries.count * lineHeight + 2 * margin - 4 * size,
      in: corner, margin: margin)
    fill(plate, with: .white, opacity: 0.85)
    for (index, entry) in entries.enumerated() {
      let top = plate.y + margin + index * lineHeight
      let sample = PixelRect(x: plate.x + margin, y: top, width: sampleWidth, height: BitmapFont.glyphHeight * size)
      switch entry.sample {
      case .frame: stroke(sample, with: entry.stroke)
      case .hatching: hatch(sample, spacing: max(3, 3 * entry.stroke.thickness), with: entry.stroke)
      case .cross:
        drawCross(
          atX: sample.x + sampleWidth / 2, y: sample.y + sample.height / 2, radius: 3 * size, with: entry.stroke)
      case .filled: fill(sample, with: entry.stroke.color, opacity: entry.stroke.opacity)
      }
      drawText(entry.text, atX: sample.maxX + margin, y: top, scale: size)
    }
    return plate
  }

  private func place(width plateWidth: Int, height plateHeight: Int, in corner: Corner, margin: Int) -> PixelRect {
    let left = margin
    let top = margin
    let right = max(0, width - margin - plateWidth)
    let bottom = max(0, height - margin - plateHeight)
    switch corner {
    case .topLeft: return PixelRect(x: left, y: top, width: plateWidth, height: plateHeight)
    case .topRight: return PixelRect(x: right, y: top, width: plateWidth, height: plateHeight)
    case .bottomLeft: return PixelRect(x: left, y: bottom, width: plateWidth, height: plateHeight)
    case .bottomRight: return PixelRect(x: right, y: bottom, width: plateWidth, height: plateHeight)
    }
  }
}
