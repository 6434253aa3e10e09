// Counting nuclei in a picture stained with hematoxylin and eosin: unmix, smooth, take every extremal region of a
// nucleus's size, score each, keep the best that do not overlap.
//
// What must stay true: the same picture gives the same nuclei on every run; a slide counted tile by tile with
// `marginPixels` around each tile gives exactly what one pass over the whole gives.

public import Raster

/// A classical nucleus detector for hematoxylin and eosin.
///
/// Method: optical density along fixed stain directions; binomial smoothing; component tree of extremal regions;
/// nineteen features of size, shape, rim and stain; a small network gives each region's log odds of being one whole
/// nucleus; the largest sum of scores over regions that do not overlap.
public struct NucleusDetector: Sendable {
  /// Name and version of the method; recorded with each count.
  public static let version = "classical-1"

  /// The settings.
  public let parameters: NucleusDetectorParameters
  private let scorer = NucleusScorer()

  /// A detector with these settings.
  public init(parameters: NucleusDetectorParameters = .v1) { self.parameters = parameters }

  /// Counts in one picture; its stains are estimated from itself.
  ///
  /// - Parameters:
  ///   - image: the picture.
  ///   - micronsPerPixel: its scale, within `parameters.acceptedMicronsPerPixel`.
  ///   - valid: tissue without what is left out, of the picture's size; a nucleus counts when its centroid is inside.
  /// - Returns: the nuclei in the order of their centroids, from the top and then from the left.
  public func detect(in image: RGBImage, micronsPerPixel: Double, valid: Mask? = nil) throws(AnalysisError) -> [Nucleus]
  {
    let analysed = try analysed(image, micronsPerPixel: micronsPerPixel)
    var estimator = StainEstimator(forPixels: analysed.image.width * analysed.image.height)
    estimator.add(analysed.image)
    return try detect(in: image, micronsPerPixel: micronsPerPixel, profile: estimator.profile(), valid: valid)
  }

  /// Counts in one picture, or in one tile of a larger one, with the stains of the whole.
  ///
  /// - Parameters:
  ///   - image: the picture, or a tile with `marginPixels` of its surroundings on each side that is not the edge of
  ///     the whole.
  ///   - micronsPerPixel: its scale. Tiles need one at which nothing is resampled, from
  ///     `parameters.finestAnalysedMicronsPerPixel` on.
  ///   - profile: the stains of the whole slide or region.
  ///   - owned: the part whose nuclei are wanted: those with the centroid inside. The whole picture when nil.
  ///   - valid: tissue without what is left out, of the picture's size.
  /// - Returns: the nuclei in the order of their centroids, from the top and then from the left.
  public func detect(
    in image: RGBImage, micronsPerPixel: Double, profile: StainProfile, owned: PixelRect? = nil, valid: Mask? = nil
  ) throws(AnalysisError) -> [Nucleus] {
    if let valid, valid.width != image.width || valid.height != image.height {
      throw .sizeMismatch(
        what: "the mask of tissue", width: valid.width, height: valid.height, expectedWidth: image.width,
        expectedHeight: image.height)
    }
    let analysed = try analysed(image, micronsPerPixel: micronsPerPixel)
    guard let (regions, scores) = candidates(in: analysed, profile: profile) else { return [] }
    let area = owned ?? image.bounds
    var nuclei: [Nucleus] = []
    for index in NucleusSelection.choose(regions, scores: scores) {
      let region = regions[index]
      let count = Double(region.area)
      let x = (Double(region.sumX) / count + 0.5) * analysed.scaleX
      let y = (Double(region.sumY) / count + 0.5) * analysed.scaleY
      guard area.contains(x: x, y: y) else { continue }
      if let valid, !valid[min(valid.width - 1, Int(x)), min(valid.height - 1, Int(y))] { continue }
      let level = Double(region.sumLevel) / count / 255
      nuclei.append(
        Nucleus(
          x: x, y: y, areaUm2: count * analysed.micronsPerPixel * analysed.micronsPerPixel,
          hematoxylin: level * level * 2.55, score: Double(scores[index]) / Double(NucleusSelection.unit)))
    }
    return nuclei.sorted { ($0.y, $0.x) < ($1.y, $1.x) }
  }

  /// Counts in a slide or region of any size, tile by tile. The stains must have been estimated before.
  ///
  /// - Parameters:
  ///   - width: width of the whole in pixels of the analysed scale.
  ///   - height: height of the whole in pixels of the analysed scale.
  ///   - micronsPerPixel: the analysed scale, from `parameters.finestAnalysedMicronsPerPixel` on.
  ///   - profile: the stains of the whole.
  ///   - tileSize: side of the tiles in pixels, without their margin.
  ///   - valid: tissue without what is left out, of the whole's size.
  ///   - read: gives the pixels of a rectangle that lies inside the whole.
  /// - Returns: the nuclei in pixels of the whole, in the order of their centroids.
  public func detect(
    width: Int, height: Int, micronsPerPixel: Double, profile: StainProfile, tileSize: Int = 1024, valid: Mask? = nil,
    read: (PixelRect) throws -> RGBImage
  ) throws -> [Nucleus] {
    guard tileSize > 0 else {
      throw AnalysisError.badParameter(name: "tileSize", value: "\(tileSize)", remedy: "use a number above 0")
    }
    guard micronsPerPixel >= parameters.finestAnalysedMicronsPerPixel else {
      throw AnalysisError.scaleOutOfRange(
        micronsPerPixel: micronsPerPixel,
        accepted: parameters.finestAnalysedMicronsPerPixel...parameters.acceptedMicronsPerPixel.upperBound)
    }
    if let valid, valid.width != width || valid.height != height {
      throw AnalysisError.sizeMismatch(
        what: "the mask of tissue", width: valid.width, height: valid.height, expectedWidth: width,
        expectedHeight: height)
    }
    let whole = PixelRect(x: 0, y: 0, width: width, height: height)
    let margin = marginPixels(micronsPerPixel: micronsPerPixel)
    var nuclei: [Nucleus] = []
    for top in stride(from: 0, to: height, by: tileSize) {
      for left in stride(from: 0, to: width, by: tileSize) {
        let core = PixelRect(x: left, y: top, width: tileSize, height: tileSize).intersection(whole)
        if let valid, valid.count(in: core) == 0 { continue }
        let rect = core.insetBy(-margin).intersection(whole)
        let tile = try read(rect)
        guard tile.width == rect.width, tile.height == rect.height else {
          throw AnalysisError.sizeMismatch(
            what: "a tile", width: tile.width, height: tile.height, expectedWidth: rect.width,
            expectedHeight: rect.height)
        }
        let owned = PixelRect(x: core.x - rect.x, y: core.y - rect.y, width: core.width, height: core.height)
        for var nucleus in try detect(
          in: tile, micronsPerPixel: micronsPerPixel, profile: profile, owned: owned, valid: valid?.cropped(to: rect))
        {
          nucleus.x += Double(rect.x)
          nucleus.y += Double(rect.y)
          nuclei.append(nucleus)
        }
      }
    }
    return nuclei.sorted { ($0.y, $0.x) < ($1.y, $1.x) }
  }

  /// Pixels of surroundings a tile needs on each side so that nothing depends on where it was cut: the widest
  /// nucleus, the square of its surroundings, and the reach of smoothing.
  public func marginPixels(micronsPerPixel: Double) -> Int {
    Int((parameters.maxExtentUm / micronsPerPixel).rounded(.up))
      + NucleusFeatures.halfSide(micronsPerPixel: micronsPerPixel) + NucleusChannel.reach + 4
  }

  /// A picture at the scale it is analysed at.
  package struct Analysed {
    package var image: RGBImage
    package var micronsPerPixel: Double
    /// Pixels of the given picture in one analysed pixel.
    package var scaleX: Double
    /// Pixels of the given picture in one analysed pixel.
    package var scaleY: Double
  }

  /// Checks the scale and averages a finer picture down.
  package func analysed(_ image: RGBImage, micronsPerPixel: Double) throws(AnalysisError) -> Analysed {
    guard micronsPerPixel.isFinite, micronsPerPixel > 0 else { throw .noScale(micronsPerPixel: micronsPerPixel) }
    guard parameters.acceptedMicronsPerPixel.contains(micronsPerPixel) else {
      throw .scaleOutOfRange(micronsPerPixel: micronsPerPixel, accepted: parameters.acceptedMicronsPerPixel)
    }
    guard micronsPerPixel < parameters.finestAnalysedMicronsPerPixel, image.width > 0, image.height > 0 else {
      return Analysed(image: image, micronsPerPixel: micronsPerPixel, scaleX: 1, scaleY: 1)
    }
    let small = image.scaled(by: micronsPerPixel / parameters.analysisMicronsPerPixel, method: .area)
    let scaleX = Double(image.width) / Double(small.width)
    let scaleY = Double(image.height) / Double(small.height)
    return Analysed(
      image: small, micronsPerPixel: micronsPerPixel * (scaleX * scaleY).squareRoot(), scaleX: scaleX, scaleY: scaleY)
  }

  /// What is flooded, and the limits, for a picture at its analysed scale; nil for an empty one.
  package func flood(_ analysed: Analysed, profile: StainProfile) -> (input: FloodInput, regions: [ExtremalRegion])? {
    guard
      let tables = StainTables(
        background: profile.background, hematoxylin: StainProfile.searchHematoxylin,
        eosin: StainProfile.searchEosin), analysed.image.width > 0, analysed.image.height > 0
    else { return nil }
    let input = NucleusChannel.make(from: analysed.image, tables: tables)
    let pixel = analysed.micronsPerPixel * analysed.micronsPerPixel
    let limits = FloodLimits(
      floor: NucleusChannel.level(ofDensity: parameters.floorShare * profile.hematoxylinHigh),
      minArea: Int32((parameters.minAreaUm2 / pixel).rounded(.up)),
      maxArea: Int32(parameters.maxAreaUm2 / pixel),
      maxExtent: Int32(parameters.maxExtentUm / analysed.micronsPerPixel))
    return (input, ExtremalRegions.extract(input, limits: limits))
  }

  private func candidates(in analysed: Analysed, profile: StainProfile) -> (
    regions: [ExtremalRegion], scores: [Int32]
  )? {
    guard let (input, regions) = flood(analysed, profile: profile), !regions.isEmpty else { return nil }
    let features = NucleusFeatures(
      regions: regions, input: input, micronsPerPixel: analysed.micronsPerPixel,
      hematoxylinHigh: profile.hematoxylinHigh)
    var row = [Float](repeating: 0, count: NucleusFeatures.count)
    let scores = row.withUnsafeMutableBufferPointer { row in
      regions.indices.map { index in
        features.write(index, into: row)
        if features.isForeign(index) { return Int32(-1) }
        let score = scorer.score(row) + parameters.scoreOffset
        return Int32((score * NucleusSelection.unit).rounded())
      }
    }
    return (regions, scores)
  }
}
