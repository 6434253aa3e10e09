// Counting over a slide of any size: stains from samples of its tissue, then tile by tile on one fixed lattice.
// What must stay true: tiles lie on a lattice of the whole slide, with the detector's margin around each, so a nucleus
// counted in a region is the nucleus counted on the whole slide; memory does not grow with the slide.

import Analysis
import Crypto
import Domain
import Raster
import Slides
import ToolKit

/// The slide as one picture at the scale that is analysed.
struct AnalysisPicture: Sendable {
  let width: Int
  let height: Int
  /// µm per pixel.
  let micronsPerPixel: Double
  /// Level-0 pixels per pixel, across and down.
  let stepX: Double
  let stepY: Double

  init(slide: SlideHandle, scale: SlideScale, parameters: NucleusDetectorParameters) {
    let own = scale.micronsPerPixel
    let target = own < parameters.finestAnalysedMicronsPerPixel ? parameters.analysisMicronsPerPixel : own
    width = max(1, Int((Double(slide.bounds.width) * own / target).rounded()))
    height = max(1, Int((Double(slide.bounds.height) * own / target).rounded()))
    stepX = Double(slide.bounds.width) / Double(width)
    stepY = Double(slide.bounds.height) / Double(height)
    micronsPerPixel = own * (stepX * stepY).squareRoot()
  }

  /// The pixels of this picture that a rectangle of the slide touches.
  func pixels(of rect: LevelZeroRect) -> PixelRect {
    let x0 = max(0, Int((Double(rect.x) / stepX).rounded(.down)))
    let y0 = max(0, Int((Double(rect.y) / stepY).rounded(.down)))
    let x1 = min(width, Int((Double(rect.x + rect.width) / stepX).rounded(.up)))
    let y1 = min(height, Int((Double(rect.y + rect.height) / stepY).rounded(.up)))
    return PixelRect(x: x0, y: y0, width: x1 - x0, height: y1 - y0)
  }
}

/// What was counted.
struct CountedNuclei: Sendable {
  /// Centroids in level-0 pixels, in the order of tiles.
  var nuclei: [Nucleus]
  var pixels: PixelDigest
}

/// Counts nuclei of a slide.
struct NucleusCounting: Sendable {
  let slide: OpenedSlide
  let picture: AnalysisPicture
  let detector: NucleusDetector

  /// Side of a tile in pixels, without its margin.
  static let tileSide = 1024
  /// Side of a sampled cell in µm, and the most that are sampled.
  static let cellMicrons = 128.0
  static let mostCells = 64

  /// Colours of the slide's tissue, from cells spread over all of it; flagged pixels are left out.
  func stains(_ map: TissueMap) throws(VPathError) -> StainEstimator {
    let side = max(1, Int((Self.cellMicrons / picture.micronsPerPixel).rounded()))
    let tissue = map.unflagged
    var cells: [PixelRect] = []
    for y in stride(from: 0, to: picture.height, by: side) {
      for x in stride(from: 0, to: picture.width, by: side) {
        let cell = PixelRect(x: x, y: y, width: min(side, picture.width - x), height: min(side, picture.height - y))
        let box = map.grid.pixelRect(of: levelZero(cell))
        if !box.isEmpty, tissue.count(in: box) * 10 >= box.area * 3 { cells.append(cell) }
      }
    }
    let every = max(1, Double(cells.count) / Double(Self.mostCells))
    let chosen = (0..<min(cells.count, Self.mostCells)).map { cells[min(cells.count - 1, Int(Double($0) * every))] }
    var estimator = StainEstimator(forPixels: chosen.count * side * side)
    let flagged = map.flagged
    try Workers.forEach(count: chosen.count) { index throws(VPathError) in
      try slide.call.checkCancelled()
      return try read(chosen[index])
    } take: { (_, read) throws(VPathError) in
      let keep = map.grid.resample(flagged, rect: read.rect, width: read.image.width, height: read.image.height).not()
      estimator.add(read.image, mask: keep)
    }
    return estimator
  }

  /// Counts in a region.
  func count(
    in region: CountedRegion, profile: StainProfile, share: ClosedRange<Double>
  ) throws(VPathError) -> CountedNuclei {
    let tiles = tiles(of: region)
    let margin = detector.marginPixels(micronsPerPixel: picture.micronsPerPixel)
    let whole = PixelRect(x: 0, y: 0, width: picture.width, height: picture.height)
    var nuclei: [Nucleus] = []
    var hash = SHA256()
    var level = 0
    try Workers.forEach(count: tiles.count) { index throws(VPathError) in
      try slide.call.checkCancelled()
      let core = tiles[index]
      let rect = core.insetBy(-margin).intersection(whole)
      let tile = try read(rect)
      let valid = region.tissue(over: tile.rect, width: rect.width, height: rect.height)
      let owned = PixelRect(x: core.x - rect.x, y: core.y - rect.y, width: core.width, height: core.height)
      do {
        let found = try detector.detect(
          in: tile.image, micronsPerPixel: picture.micronsPerPixel, profile: profile, owned: owned, valid: valid)
        return (rect, tile, found)
      } catch {
        throw VPathError(.toolFailed, "Counting failed: \(error).")
      }
    } take: { (index, counted) throws(VPathError) in
      let (rect, tile, found) = counted
      tile.image.pixels.withUnsafeBytes { hash.update(bufferPointer: $0) }
      level = tile.source.level
      for var nucleus in found {
        nucleus.x = (nucleus.x + Double(rect.x)) * picture.stepX
        nucleus.y = (nucleus.y + Double(rect.y)) * picture.stepY
        nuclei.append(nucleus)
      }
      let done = share.lowerBound + (share.upperBound - share.lowerBound) * Double(index + 1) / Double(tiles.count)
      slide.call.progress(done, "counting nuclei, tile \(index + 1) of \(tiles.count)")
    }
    let digest = PixelDigest(
      sha256: SHA256Hex(bytes: hash.finalize()), level: level,
      micronsPerPixel: picture.micronsPerPixel, decoder: slide.handle.properties.decoder, resampler: Resampler.version)
    return CountedNuclei(nuclei: nuclei, pixels: digest)
  }

  /// A square picture around a place of the slide, `side` pixels at the analysed scale; cut at the slide's edge.
  func crop(x: Double, y: Double, side: Int) throws(VPathError) -> (image: RGBImage, rect: PixelRect) {
    let whole = PixelRect(x: 0, y: 0, width: picture.width, height: picture.height)
    let rect = PixelRect(
      x: Int(x / picture.stepX) - side / 2, y: Int(y / picture.stepY) - side / 2, width: side, height: side
    ).intersection(whole)
    return (try read(rect).image, rect)
  }

  private func tiles(of region: CountedRegion) -> [PixelRect] {
    let frame = picture.pixels(of: region.rect)
    var tiles: [PixelRect] = []
    guard !frame.isEmpty else { return tiles }
    let side = Self.tileSide
    for y in stride(from: frame.y / side * side, to: frame.maxY, by: side) {
      for x in stride(from: frame.x / side * side, to: frame.maxX, by: side) {
        let tile = PixelRect(x: x, y: y, width: side, height: side).intersection(frame)
        guard !tile.isEmpty else { continue }
        let over = region.tissue(over: levelZero(tile), width: max(1, tile.width / 8), height: max(1, tile.height / 8))
        if over.count > 0 { tiles.append(tile) }
      }
    }
    return tiles
  }

  private func read(_ part: PixelRect) throws(VPathError) -> RegionPicture {
    try slideErrors { () throws(SlideError) in
      try slide.handle.read(part, ofPicture: slide.handle.bounds, width: picture.width, height: picture.height)
    }
  }

  private func levelZero(_ part: PixelRect) -> LevelZeroRect {
    let x0 = Int((Double(part.x) * picture.stepX).rounded())
    let y0 = Int((Double(part.y) * picture.stepY).rounded())
    return LevelZeroRect(
      x: x0, y: y0, width: min(slide.handle.bounds.width, Int((Double(part.maxX) * picture.stepX).rounded())) - x0,
      height: min(slide.handle.bounds.height, Int((Double(part.maxY) * picture.stepY).rounded())) - y0)
  }
}
