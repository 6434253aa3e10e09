// Tells tissue from glass on one picture of a whole slide, and flags what must not be measured.
//
// The steps, in order: the glass's colour; optical density against it; a threshold by Otsu within sane bounds; what
// has density but no colour is debris or black ink; small holes filled, small pieces dropped; then the flags, each
// pixel by the first that claims it: ink, keratin, folds, (by FocusCheck) blur.
//
// What must stay true: sizes are in µm where the slide has a scale; without one, only colour decides and sizes are in
// grid pixels; the same picture gives the same masks.

import Domain
import Raster

/// The masks of one picture.
struct TissueFinder {
  let image: RGBImage
  let grid: TissueGrid
  let glass: RGBColor
  /// Density of each channel, and of the densest and the mean channel.
  private let red: GrayImage
  private let green: GrayImage
  private let blue: GrayImage
  private let lowest: GrayImage
  let highest: GrayImage
  let mean: GrayImage

  /// Bounds of the threshold: below, noise of glass is stained; above, pale stroma is not.
  static let thresholdBounds: ClosedRange<Float> = 0.06...0.12

  init(image: RGBImage, grid: TissueGrid) {
    self.image = image
    self.grid = grid
    glass = Self.glassColor(of: image)
    let count = image.width * image.height
    let tables = [glass.red, glass.green, glass.blue].map { OpticalDensity.table(background: Float($0)) }
    var red = GrayImage(width: image.width, height: image.height)
    var green = red
    var blue = red
    var lowest = red
    var highest = red
    var mean = red
    for index in 0..<count {
      let r = tables[0][Int(image.pixels[3 * index])]
      let g = tables[1][Int(image.pixels[3 * index + 1])]
      let b = tables[2][Int(image.pixels[3 * index + 2])]
      red.values[index] = r
      green.values[index] = g
      blue.values[index] = b
      lowest.values[index] = min(r, g, b)
      highest.values[index] = max(r, g, b)
      mean.values[index] = (r + g + b) / 3
    }
    self.red = red
    self.green = green
    self.blue = blue
    self.lowest = lowest
    self.highest = highest
    self.mean = mean
  }

  /// Grid pixels in a number of µm, or `otherwise` without a scale.
  func pixels(microns: Double, otherwise: Double) -> Double { grid.micronsPerPixel.map { microns / $0 } ?? otherwise }

  /// Grid pixels in an area in µm², at least one; or `otherwise` without a scale.
  func pixels(squareMicrons: Double, otherwise: Int) -> Int {
    grid.micronsPerPixel.map { max(1, Int((squareMicrons / ($0 * $0)).rounded())) } ?? otherwise
  }

  /// The most frequent value of each channel among bright pixels without colour; 243 where there are hardly any.
  static func glassColor(of image: RGBImage) -> RGBColor {
    let count = image.width * image.height
    var histograms = [[Int]](repeating: [Int](repeating: 0, count: 256), count: 3)
    var bright = 0
    for index in 0..<count {
      let (r, g, b) = (image.pixels[3 * index], image.pixels[3 * index + 1], image.pixels[3 * index + 2])
      guard min(r, g, b) >= 190, max(r, g, b) - min(r, g, b) <= 25 else { continue }
      bright += 1
      histograms[0][Int(r)] += 1
      histograms[1][Int(g)] += 1
      histograms[2][Int(b)] += 1
    }
    guard bright * 200 >= count, bright > 0 else { return RGBColor(243, 243, 243) }
    let modes = histograms.map { histogram in
      UInt8((190...255).max { histogram[$0] < histogram[$1] } ?? 243)
    }
    return RGBColor(modes[0], modes[1], modes[2])
  }

  /// Otsu's threshold (1979) of values clamped to 0…1, in 256 bins.
  static func otsu(_ values: [Float]) -> Float {
    var histogram = [Int](repeating: 0, count: 256)
    for value in values { histogram[max(0, min(255, Int(value * 255)))] += 1 }
    let total = Double(values.count)
    let sum = histogram.enumerated().reduce(0.0) { $0 + Double($1.offset * $1.element) }
    var below = 0.0
    var belowSum = 0.0
    var best = (score: -1.0, bin: 0)
    for bin in 0..<256 {
      below += Double(histogram[bin])
      belowSum += Double(bin * histogram[bin])
      guard below > 0, below < total else { continue }
      let difference = belowSum / below - (sum - belowSum) / (total - below)
      let score = below * (total - below) * difference * difference
      if score > best.score { best = (score, bin) }
    }
    return Float(best.bin + 1) / 255
  }

  /// The masks of the picture.
  func find(options: TissueOptions, pixels digest: PixelDigest) -> TissueMap {
    let threshold = max(
      Self.thresholdBounds.lowerBound, min(Self.thresholdBounds.upperBound, Self.otsu(highest.values)))
    let dense = highest.mask(above: threshold)
    let colourless = colourlessMask(dense)
    let ink = inkMask(colourless: colourless, dense: dense)
    let specks = colourless.subtracting(ink)
    let stained = dense.subtracting(specks).subtracting(ink)
    // Ink bridges what it covers, so that a margin painted over stays one piece; it is no tissue by itself.
    let whole = stained.or(ink).closed(.disk(radius: pixels(microns: 5, otherwise: 1))).holesFilled(
      maxArea: pixels(squareMicrons: 500, otherwise: 16))
    let pieces = whole.subtracting(ink).smallRemoved(minArea: pixels(squareMicrons: 2000, otherwise: 128))
    let tissue = pieces
    var excluded: [Exclusion: Mask] = [.ink: ink]
    var unchecked: [String] = []
    if let micronsPerPixel = grid.micronsPerPixel, micronsPerPixel <= 4.5 {
      if options.looksForKeratin {
        let keratin = KeratinFinder(mean: mean, red: red, green: green, micronsPerPixel: micronsPerPixel)
          .find(in: tissue, stained: stained)
        excluded[.keratin] = keratin
      }
      let folds = foldMask(in: tissue.subtracting(excluded[.keratin] ?? Mask(width: grid.width, height: grid.height)))
      excluded[.fold] = folds
    } else {
      unchecked.append(
        grid.micronsPerPixel == nil
          ? "keratin and folds were not looked for: the slide has no scale"
          : "keratin and folds were not looked for: the tissue grid is coarser than 4.5 µm per pixel")
    }
    return TissueMap(
      grid: grid, image: image, glass: glass, threshold: threshold, tissue: tissue, excluded: excluded,
      debris: dense.or(specks).subtracting(tissue).subtracting(ink), unchecked: unchecked, pixels: digest)
  }

  /// Dense without colour: dust, shadows, bubble rims, black ink.
  private func colourlessMask(_ dense: Mask) -> Mask {
    var mask = dense
    for index in mask.bits.indices where mask.bits[index] != 0 {
      let range = highest.values[index] - lowest.values[index]
      mask.bits[index] = range < 0.25 * mean.values[index] ? 1 : 0
    }
    return mask
  }

  /// Green, blue and black ink. Hematoxylin takes about two thirds as much red light as green (at most a tenth more
  /// in counterstained slides), eosin a tenth; green ink takes
  /// more red than green, blue ink about as much of both and little blue.
  private func inkMask(colourless: Mask, dense: Mask) -> Mask {
    var green = Mask(width: image.width, height: image.height)
    var blue = green
    var black = green
    var fringe = green
    for index in green.bits.indices where dense.bits[index] != 0 {
      let (r, g, b) = (red.values[index], self.green.values[index], self.blue.values[index])
      if r > 0.25, r - g > 0.10 { green.bits[index] = 1 }
      if r > 0.4, r > 0.9 * g, b < 0.42 * r { blue.bits[index] = 1 }
      if r > 0.9 * g { fringe.bits[index] = 1 }
      if colourless.bits[index] != 0, mean.values[index] > 0.6 { black.bits[index] = 1 }
    }
    // Blue and black ink are told from single dark nuclei by their size.
    let broad = blue.or(black).opened(.disk(radius: pixels(microns: 4, otherwise: 2)))
      .smallRemoved(minArea: pixels(squareMicrons: 400, otherwise: 24))
    let core = green.or(broad)
    let edge = fringe.and(core.dilated(.disk(radius: pixels(microns: 8, otherwise: 3))))
    return core.or(edge).closed(.disk(radius: pixels(microns: 3, otherwise: 1))).and(dense)
      .smallRemoved(minArea: pixels(squareMicrons: 12, otherwise: 4))
  }

  /// Tissue over 8 µm more than 2.2 times as dense as its median, and very dense at all.
  private func foldMask(in tissue: Mask) -> Mask {
    let smooth = mean.smoothed(sigma: pixels(microns: 8, otherwise: 4), inside: tissue)
    let limit = max(0.75, 2.2 * Self.median(of: mean, in: tissue))
    return smooth.mask(above: limit).and(tissue)
      .smallRemoved(minArea: pixels(squareMicrons: 2000, otherwise: 64))
  }

  /// The median of a picture's values inside a mask; 0 when it is empty.
  static func median(of image: GrayImage, in mask: Mask) -> Float {
    var values: [Float] = []
    for index in mask.bits.indices where mask.bits[index] != 0 { values.append(image.values[index]) }
    guard !values.isEmpty else { return 0 }
    values.sort()
    return values[values.count / 2]
  }
}
