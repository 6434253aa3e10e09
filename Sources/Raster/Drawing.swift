// Marks burnt into a picture: lines, frames, hatching, crosses, discs, letters.
// What must stay true: whatever falls outside the picture is dropped; nothing here fails or allocates a new picture.

/// How a line is drawn.
public struct Stroke: Sendable, Hashable {
  /// Its colour.
  public var color: RGBColor
  /// Its thickness in pixels, at least 1.
  public var thickness: Int
  /// Lengths in pixels of drawn and skipped parts; nil for an unbroken line.
  public var dash: Dash?
  /// 1 hides what is below, 0 shows nothing.
  public var opacity: Float

  /// Lengths of the drawn and the skipped parts of a dashed line, in pixels.
  public struct Dash: Sendable, Hashable {
    /// Drawn, at least 1.
    public var on: Int
    /// Skipped.
    public var off: Int

    /// A dash.
    public init(on: Int, off: Int) {
      self.on = max(1, on)
      self.off = max(0, off)
    }
  }

  /// A way to draw a line.
  public init(_ color: RGBColor, thickness: Int = 1, dash: Dash? = nil, opacity: Float = 1) {
    self.color = color
    self.thickness = max(1, thickness)
    self.dash = dash
    self.opacity = opacity
  }
}

extension RGBImage {
  /// Lays a colour over one pixel; a point outside is dropped.
  public mutating func blend(_ color: RGBColor, atX x: Int, y: Int, opacity: Float = 1) {
    guard x >= 0, y >= 0, x < width, y < height else { return }
    self[x, y] = opacity >= 1 ? color : color.blended(over: self[x, y], opacity: opacity)
  }

  /// Lays a colour over a rectangle.
  public mutating func fill(_ rect: PixelRect, with color: RGBColor, opacity: Float = 1) {
    let cut = rect.intersection(bounds)
    guard !cut.isEmpty else { return }
    for y in cut.y..<cut.maxY {
      for x in cut.x..<cut.maxX { blend(color, atX: x, y: y, opacity: opacity) }
    }
  }

  /// Lays a colour over the pixels of a mask, whose top left corner is at (x, y).
  public mutating func fill(_ mask: Mask, with color: RGBColor, opacity: Float, atX x: Int = 0, y: Int = 0) {
    for row in 0..<mask.height {
      for column in 0..<mask.width where mask.bits[row * mask.width + column] != 0 {
        blend(color, atX: x + column, y: y + row, opacity: opacity)
      }
    }
  }

  /// A frame just inside a rectangle's edges.
  public mutating func stroke(_ rect: PixelRect, with stroke: Stroke) {
    guard !rect.isEmpty else { return }
    // One lap around the rectangle, so that dashes run on around its corners.
    for inset in 0..<stroke.thickness {
      let ring = rect.insetBy(inset)
      guard !ring.isEmpty else { return }
      var step = 0
      func dot(_ x: Int, _ y: Int) {
        if Self.isDrawn(step: step, dash: stroke.dash) { blend(stroke.color, atX: x, y: y, opacity: stroke.opacity) }
        step += 1
      }
      for x in ring.x..<ring.maxX { dot(x, ring.y) }
      for y in ring.y..<ring.maxY where y > ring.y { dot(ring.maxX - 1, y) }
      if ring.height > 1 {
        for x in (ring.x..<ring.maxX).reversed() where x < ring.maxX - 1 { dot(x, ring.maxY - 1) }
      }
      if ring.width > 1 {
        for y in (ring.y..<ring.maxY).reversed() where y > ring.y && y < ring.maxY - 1 { dot(ring.x, y) }
      }
    }
  }

  /// A straight line between two pixels (Bresenham), thickened by a square pen.
  public mutating func drawLine(fromX: Int, y fromY: Int, toX: Int, y toY: Int, with stroke: Stroke) {
    // Far ends outside would only cost time: a line that cannot touch the picture is dropped.
    let reach = stroke.thickness
    if max(fromX, toX) < -reach || max(fromY, toY) < -reach || min(fromX, toX) > width + reach
      || min(fromY, toY) > height + reach
    {
      return
    }
    let spanX = abs(toX - fromX)
    let spanY = -abs(toY - fromY)
    let stepX = fromX < toX ? 1 : -1
    let stepY = fromY < toY ? 1 : -1
    var x = fromX
    var y = fromY
    var error = spanX + spanY
    var step = 0
    while true {
      if Self.isDrawn(step: step, dash: stroke.dash) {
        let half = stroke.thickness / 2
        fill(
          PixelRect(x: x - half, y: y - half, width: stroke.thickness, height: stroke.thickness),
          with: stroke.color, opacity: stroke.opacity)
      }
      if x == toX && y == toY { return }
      step += 1
      let doubled = 2 * error
      if doubled >= spanY {
        error += spanY
        x += stepX
      }
      if doubled <= spanX {
        error += spanX
        y += stepY
      }
    }
  }

  /// A closed outline through points, in pixels.
  public mutating func drawPolygon(_ points: [(x: Int, y: Int)], with stroke: Stroke) {
    for index in points.indices {
      let next = points[(index + 1) % points.count]
      drawLine(fromX: points[index].x, y: points[index].y, toX: next.x, y: next.y, with: stroke)
    }
  }

  /// A diagonal or upright cross centred on a pixel; `radius` is the length of an arm.
  public mutating func drawCross(atX x: Int, y: Int, radius: Int, diagonal: Bool = false, with stroke: Stroke) {
    if diagonal {
      drawLine(fromX: x - radius, y: y - radius, toX: x + radius, y: y + radius, with: stroke)
      drawLine(fromX: x - radius, y: y + radius, toX: x + radius, y: y - radius, with: stroke)
    } else {
      drawLine(fromX: x - radius, y: y, toX: x + radius, y: y, with: stroke)
      drawLine(fromX: x, y: y - radius, toX: x, y: y + radius, with: stroke)
    }
  }

  /// A filled disc centred on a pixel.
  public mutating func fillDisc(atX x: Int, y: Int, radius: Int, with color: RGBColor, opacity: Float = 1) {
    for dy in -radius...max(radius, -radius) {
      for dx in -radius...max(radius, -radius) where dx * dx + dy * dy <= radius * radius {
        blend(color, atX: x + dx, y: y + dy, opacity: opacity)
      }
    }
  }

  /// A ring centred on a pixel.
  public mutating func drawRing(atX x: Int, y: Int, radius: Int, with stroke: Stroke) {
    let inner = max(0, radius - stroke.thickness)
    for dy in -radius...max(radius, -radius) {
      for dx in -radius...max(radius, -radius) {
        let squared = dx * dx + dy * dy
        if squared <= radius * radius, squared > inner * inner || radius == 0 {
          blend(stroke.color, atX: x + dx, y: y + dy, opacity: stroke.opacity)
        }
      }
    }
  }

  /// Strikes a rectangle through with diagonal lines, `spacing` pixels apart across.
  public mutating func hatch(_ rect: PixelRect, spacing: Int, with stroke: Stroke) {
    let cut = rect.intersection(bounds)
    guard !cut.isEmpty else { return }
    for y in cut.y..<cut.maxY {
      for x in cut.x..<cut.maxX where Self.isHatched(x: x, y: y, spacing: spacing, thickness: stroke.thickness) {
        blend(stroke.color, atX: x, y: y, opacity: stroke.opacity)
      }
    }
  }

  /// Strikes the pixels of a mask through with diagonal lines; the mask's top left corner is at (x, y).
  public mutating func hatch(_ mask: Mask, spacing: Int, with stroke: Stroke, atX x: Int = 0, y: Int = 0) {
    for row in 0..<mask.height {
      for column in 0..<mask.width
      where mask.bits[row * mask.width + column] != 0
        && Self.isHatched(x: x + column, y: y + row, spacing: spacing, thickness: stroke.thickness)
      {
        blend(stroke.color, atX: x + column, y: y + row, opacity: stroke.opacity)
      }
    }
  }

  /// Draws the inner edge of a mask (its pixels that touch one outside it); its top left corner is at (x, y).
  public mutating func outline(_ mask: Mask, with stroke: Stroke, atX x: Int = 0, y: Int = 0) {
    let edge = mask.subtracting(mask.eroded(.disk(radius: Double(stroke.thickness))))
    fill(edge, with: stroke.color, opacity: stroke.opacity, atX: x, y: y)
  }

  private static func isDrawn(step: Int, dash: Stroke.Dash?) -> Bool {
    guard let dash else { return true }
    return step % (dash.on + dash.off) < dash.on
  }

  /// Lines run from the lower left to the upper right, fixed to the picture's grid so that neighbours join.
  private static func isHatched(x: Int, y: Int, spacing: Int, thickness: Int) -> Bool {
    let period = max(spacing, 1)
    let phase = (x + y) % period
    return (phase < 0 ? phase + period : phase) < thickness
  }
}
