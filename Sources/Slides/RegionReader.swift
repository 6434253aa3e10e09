// Regions at a scale: which level to read, in which strips, and how it becomes a picture of the size asked for.
// What must stay true: strips have a fixed height for a given request, so the same request gives the same bytes; at
// most two strips are in memory at once, whatever the region's size; what was decoded is hashed in the order read.

import Crypto
public import Domain
public import Raster

/// A region as a picture, with what is needed to name its pixels.
public struct RegionPicture: Sendable {
  /// The picture, resampled to the size asked for.
  public var image: RGBImage
  /// The region it shows.
  public var rect: LevelZeroRect
  /// µm per pixel of the picture, across; nil without a scale.
  public var micronsPerPixel: Double?
  /// Level-0 pixels per pixel of the picture, across.
  public var downsample: Double
  /// The pixels as they were decoded, before resampling.
  public var source: PixelDigest

  /// A region's picture from its parts.
  public init(
    image: RGBImage, rect: LevelZeroRect, micronsPerPixel: Double?, downsample: Double, source: PixelDigest
  ) {
    self.image = image
    self.rect = rect
    self.micronsPerPixel = micronsPerPixel
    self.downsample = downsample
    self.source = source
  }
}

/// What a caller can do while a long read runs.
public struct ReadControl: Sendable {
  /// Asked before each strip; true ends the read with `cancelled`.
  public var isCancelled: @Sendable () -> Bool
  /// Told the share done, 0 to 1, after each strip.
  public var progress: @Sendable (Double) -> Void

  /// A control; by default nobody cancels and nobody listens.
  public init(
    isCancelled: @escaping @Sendable () -> Bool = { false }, progress: @escaping @Sendable (Double) -> Void = { _ in }
  ) {
    self.isCancelled = isCancelled
    self.progress = progress
  }

  /// Throws when the caller has asked to stop.
  func check() throws(SlideError) {
    if isCancelled() { throw SlideError(.cancelled, "The caller asked to stop.") }
  }
}

extension SlideHandle {
  /// Most pixels a picture may have.
  public static let largestPicture = 33_554_432
  /// Decoded pixels of one strip, about; a strip is at least one row of the picture.
  static let stripPixels = 4_194_304

  /// Reads a region at about `micronsPerPixel` (sizes are rounded to whole pixels).
  ///
  /// - Throws: `noScale` when the slide has none; otherwise as `read(_:width:height:)`.
  public func read(
    _ rect: LevelZeroRect, micronsPerPixel: Double, control: ReadControl = ReadControl()
  ) throws(SlideError) -> RegionPicture {
    guard let scale = properties.scale else {
      throw SlideError(.noScale, "\(name) has no usable scale: \(properties.scaleProblem ?? "").", subject: name)
    }
    guard micronsPerPixel.isFinite, micronsPerPixel > 0 else {
      throw SlideError(.tooLarge, "\(micronsPerPixel) µm per pixel is no scale; give a number above zero.")
    }
    let ratio = scale.micronsPerPixel / micronsPerPixel
    func size(_ extent: Int) throws(SlideError) -> Int {
      let exact = (Double(max(0, extent)) * ratio).rounded()
      guard exact <= Double(Self.largestPicture) else { throw tooLarge(exact) }
      return max(1, Int(exact))
    }
    return try read(rect, width: try size(rect.width), height: try size(rect.height), control: control)
  }

  /// Reads a region as a picture of `width` by `height` pixels, from the coarsest level that is fine enough.
  ///
  /// - Throws: `outOfBounds` when the rectangle is empty or not wholly on the slide, `tooLarge` when the picture would
  ///   have more than 33,554,432 pixels, `damaged` when the file cannot be decoded there, `cancelled`.
  public func read(
    _ rect: LevelZeroRect, width: Int, height: Int, control: ReadControl = ReadControl()
  ) throws(SlideError) -> RegionPicture {
    var picture = RGBImage(width: 0, height: 0)
    var rows: [UInt8] = []
    let source = try readStrips(rect, width: width, height: height, control: control) { _, strip in
      if rows.isEmpty { rows.reserveCapacity(3 * width * height) }
      rows.append(contentsOf: strip.pixels)
    }
    picture = RGBImage(width: width, height: height, pixels: rows)
    return RegionPicture(
      image: picture, rect: rect,
      micronsPerPixel: properties.scale.map { $0.micronsPerPixel * Double(rect.width) / Double(width) },
      downsample: Double(rect.width) / Double(width), source: source)
  }

  /// Reads a part of a larger picture: the pixels of `part` of the picture that `rect` would be at `width` by
  /// `height`. Parts with common borders fit together.
  ///
  /// - Throws: as `read(_:width:height:)`; `outOfBounds` also when the part is empty or not inside the picture.
  public func read(
    _ part: PixelRect, ofPicture rect: LevelZeroRect, width: Int, height: Int, control: ReadControl = ReadControl()
  ) throws(SlideError) -> RegionPicture {
    guard !rect.isEmpty, bounds.contains(rect), width > 0, height > 0, !part.isEmpty,
      part.intersection(PixelRect(x: 0, y: 0, width: width, height: height)) == part
    else {
      throw SlideError(
        .outOfBounds,
        "A picture of \(width)x\(height) pixels of \(name) has no part \(part.x),\(part.y),"
          + "\(part.width),\(part.height).", subject: name)
    }
    guard part.width <= Self.largestPicture / part.height else {
      throw tooLarge(Double(part.width) * Double(part.height))
    }
    let plan = StripPlan(slide: self, rect: rect, width: width, height: height, part: part)
    var rows: [UInt8] = []
    rows.reserveCapacity(3 * part.width * part.height)
    let source = try readStrips(plan, width: part.width, control: control) { _, strip in rows += strip.pixels }
    let (stepX, stepY) = (Double(rect.width) / Double(width), Double(rect.height) / Double(height))
    let x = rect.x + Int((Double(part.x) * stepX).rounded())
    let y = rect.y + Int((Double(part.y) * stepY).rounded())
    return RegionPicture(
      image: RGBImage(width: part.width, height: part.height, pixels: rows),
      rect: LevelZeroRect(
        x: x, y: y, width: rect.x + Int((Double(part.maxX) * stepX).rounded()) - x,
        height: rect.y + Int((Double(part.maxY) * stepY).rounded()) - y),
      micronsPerPixel: properties.scale.map { $0.micronsPerPixel * stepX }, downsample: stepX, source: source)
  }

  /// Reads a region in strips from top to bottom; `take` gets the strip's first row in the whole picture and its
  /// pixels. Gives the digest of what was decoded.
  ///
  /// - Throws: as `read(_:width:height:)`.
  public func readStrips(
    _ rect: LevelZeroRect, width: Int, height: Int, control: ReadControl = ReadControl(),
    take: (Int, RGBImage) throws(SlideError) -> Void
  ) throws(SlideError) -> PixelDigest {
    guard !rect.isEmpty, bounds.contains(rect) else {
      throw SlideError(
        .outOfBounds,
        "The rectangle \(rect) is \(rect.isEmpty ? "empty" : "not wholly on the slide"); \(name) has "
          + "\(bounds.width)x\(bounds.height) pixels. Give x, y, width and height inside.",
        subject: rect.description)
    }
    guard width > 0, height > 0, width <= Self.largestPicture / height else {
      throw tooLarge(Double(width) * Double(height))
    }
    return try readStrips(
      StripPlan(slide: self, rect: rect, width: width, height: height), width: width, control: control, take: take)
  }

  private func readStrips(
    _ plan: StripPlan, width: Int, control: ReadControl, take: (Int, RGBImage) throws(SlideError) -> Void
  ) throws(SlideError) -> PixelDigest {
    let hash = HashBox()
    try Workers.forEach(count: plan.count) { index throws(SlideError) in
      try control.check()
      let strip = plan.strip(index)
      return (strip, try self.decode(strip, level: plan.level))
    } take: { index, piece throws(SlideError) in
      let (strip, decoded) = piece
      decoded.pixels.withUnsafeBytes { hash.sha.update(bufferPointer: $0) }
      try take(strip.firstRow, decoded.resampled(strip.window, toWidth: width, height: strip.rowCount))
      control.progress(Double(index + 1) / Double(plan.count))
    }
    return PixelDigest(
      sha256: SHA256Hex(bytes: hash.sha.finalize()), level: plan.level,
      micronsPerPixel: properties.scale.map { $0.micronsPerPixel * levels[plan.level].downsample },
      decoder: properties.decoder, resampler: Resampler.version)
  }

  private final class HashBox { var sha = SHA256() }

  /// A strip's decoded pixels; wide levels are read in several pieces.
  private func decode(_ strip: StripPlan.Strip, level: Int) throws(SlideError) -> RGBImage {
    let rect = strip.source
    let columns = max(1, Self.largestRead / max(1, rect.height))
    if rect.width <= columns { return try read(level: level, rect: rect) }
    var whole = RGBImage(width: rect.width, height: rect.height)
    var x = 0
    while x < rect.width {
      let part = PixelRect(x: rect.x + x, y: rect.y, width: min(columns, rect.width - x), height: rect.height)
      whole.paste(try read(level: level, rect: part), atX: x, y: 0)
      x += part.width
    }
    return whole
  }

  private func tooLarge(_ pixels: Double) -> SlideError {
    SlideError(
      .tooLarge,
      "A picture of \(Int(min(1e15, pixels))) pixels was asked for; \(Self.largestPicture) is the limit. "
        + "Ask for a smaller region or a larger micronsPerPixel.",
      subject: name)
  }
}

/// How a region is cut into strips of one level.
struct StripPlan: Sendable {
  struct Strip: Sendable {
    /// First row in the picture, and how many.
    var firstRow: Int
    var rowCount: Int
    /// Pixels of the level to decode.
    var source: PixelRect
    /// The part of the decoded pixels that the strip's rows cover.
    var window: Resampler.Window
  }

  let level: Int
  let count: Int
  private let rowsPerStrip: Int
  private let width: Int
  private let height: Int
  private let levelWidth: Int
  private let levelHeight: Int
  // The region in pixels of the level.
  private let left: Double
  private let top: Double
  private let across: Double
  private let down: Double

  init(slide: SlideHandle, rect: LevelZeroRect, width: Int, height: Int, part: PixelRect? = nil) {
    let asked = min(Double(rect.width) / Double(width), Double(rect.height) / Double(height))
    level = slide.bestLevel(forDownsample: asked)
    let found = slide.levels[level]
    levelWidth = found.width
    levelHeight = found.height
    let part = part ?? PixelRect(x: 0, y: 0, width: width, height: height)
    let stepX = Double(rect.width) / Double(width) / found.downsample
    let stepY = Double(rect.height) / Double(height) / found.downsample
    left = Double(rect.x) / found.downsample + Double(part.x) * stepX
    top = Double(rect.y) / found.downsample + Double(part.y) * stepY
    across = Double(part.width) * stepX
    down = Double(part.height) * stepY
    self.width = part.width
    self.height = part.height
    let rowPixels = max(1, across) * max(1, stepY)
    rowsPerStrip = max(1, min(part.height, Int(Double(SlideHandle.stripPixels) / rowPixels)))
    count = (part.height + rowsPerStrip - 1) / rowsPerStrip
  }

  func strip(_ index: Int) -> Strip {
    let first = index * rowsPerStrip
    let rows = min(rowsPerStrip, height - first)
    let step = down / Double(height)
    let stepAcross = across / Double(width)
    let from = top + Double(first) * step
    let to = top + Double(first + rows) * step
    // One pixel more on each side along an axis that grows, since growing blends neighbours.
    func cut(_ low: Double, _ high: Double, _ limit: Int, margin: Double) -> (Int, Int) {
      let start = max(0, min(limit - 1, Int((low - margin).rounded(.down))))
      let end = max(start + 1, min(limit, Int((high + margin - 1e-6).rounded(.up))))
      return (start, end)
    }
    let (y0, y1) = cut(from, to, levelHeight, margin: step < 1 ? 1 : 0)
    let (x0, x1) = cut(left, left + across, levelWidth, margin: stepAcross < 1 ? 1 : 0)
    return Strip(
      firstRow: first, rowCount: rows, source: PixelRect(x: x0, y: y0, width: x1 - x0, height: y1 - y0),
      window: Resampler.Window(x: left - Double(x0), y: from - Double(y0), width: across, height: to - from))
  }
}

extension RGBImage {
  /// SHA-256 of the RGB bytes, row by row.
  public var pixelSha256: SHA256Hex {
    SHA256Hex(bytes: pixels.withUnsafeBytes { SHA256.hash(data: $0) })
  }
}
