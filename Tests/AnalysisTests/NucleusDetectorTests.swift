// The detector on drawn nuclei: it finds them, splits touching ones, finds nothing where nothing is, and gives the
// same answer whole or in tiles.

import Analysis
import Raster
import Testing

@Suite struct NucleusDetectorTests {
  let detector = NucleusDetector()

  @Test(arguments: [1, 2, 3] as [UInt64])
  func drawnNucleiAreFoundAtTheirPlaces(seed: UInt64) throws {
    let nuclei = SyntheticTissue.scattered(width: 400, height: 360, spacing: 32, radius: 6...9, seed: seed)
    let image = SyntheticTissue(width: 400, height: 360, nuclei: nuclei, seed: seed).image()
    let found = try detector.detect(in: image, micronsPerPixel: 0.5)
    let hits = matches(found, nuclei, within: 3)
    #expect(Double(hits) >= 0.95 * Double(nuclei.count), "\(hits) of \(nuclei.count)")
    #expect(Double(found.count) <= 1.05 * Double(nuclei.count), "\(found.count) for \(nuclei.count)")
    let area = found.map(\.areaUm2).reduce(0, +) / Double(found.count)
    #expect(area > 25 && area < 70, "mean area \(area)")
    #expect(found.allSatisfy { $0.score > 0 && $0.hematoxylin > 0.2 })
  }

  @Test func aFinerPictureGivesTheSameNucleiInItsOwnPixels() throws {
    let nuclei = SyntheticTissue.scattered(width: 480, height: 480, spacing: 64, radius: 12...17, seed: 5)
    let image = SyntheticTissue(width: 480, height: 480, nuclei: nuclei, seed: 5).image()
    let found = try detector.detect(in: image, micronsPerPixel: 0.25)
    #expect(matches(found, nuclei, within: 4) == nuclei.count)
    #expect(abs(found.count - nuclei.count) <= 2)
  }

  @Test func touchingPairsAreSplit() throws {
    var nuclei: [DrawnNucleus] = []
    for row in 0..<5 {
      for column in 0..<5 {
        let (x, y) = (Double(40 + 60 * column), Double(40 + 60 * row))
        nuclei.append(DrawnNucleus(x: x - 7.2, y: y, radiusX: 7, radiusY: 8))
        nuclei.append(DrawnNucleus(x: x + 7.2, y: y, radiusX: 7, radiusY: 8))
      }
    }
    let image = SyntheticTissue(width: 330, height: 330, nuclei: nuclei).image()
    let found = try detector.detect(in: image, micronsPerPixel: 0.5)
    #expect(matches(found, nuclei, within: 4) >= 46, "\(found.count) found")
  }

  @Test func glassHasNoNuclei() throws {
    #expect(try detector.detect(in: RGBImage(width: 200, height: 150), micronsPerPixel: 0.5).isEmpty)
    #expect(try detector.detect(in: RGBImage(width: 0, height: 0), micronsPerPixel: 0.5).isEmpty)
    #expect(try detector.detect(in: RGBImage(width: 1, height: 1), micronsPerPixel: 0.3).isEmpty)
  }

  @Test func eosinAloneHasNoNuclei() throws {
    var tissue = SyntheticTissue(
      width: 300, height: 300,
      nuclei: SyntheticTissue.scattered(width: 300, height: 300, spacing: 32, radius: 6...9, seed: 3))
    tissue.hematoxylin = tissue.eosin
    tissue.cytoplasmHematoxylin = 0.3
    tissue.nuclearHematoxylin = 0.3
    #expect(try detector.detect(in: tissue.image(), micronsPerPixel: 0.5).count <= 2)
  }

  @Test func greenInkHasNoNuclei() throws {
    var tissue = SyntheticTissue(
      width: 300, height: 300,
      nuclei: SyntheticTissue.scattered(width: 300, height: 300, spacing: 32, radius: 6...9, seed: 3))
    tissue.hematoxylin = [0.95, 0.25, 0.30]
    tissue.cytoplasmEosin = 0.02
    #expect(try detector.detect(in: tissue.image(), micronsPerPixel: 0.5).isEmpty)
  }

  @Test func theSamePictureGivesTheSameNuclei() throws {
    let nuclei = SyntheticTissue.scattered(width: 200, height: 200, spacing: 30, radius: 5...9, seed: 8)
    let image = SyntheticTissue(width: 200, height: 200, nuclei: nuclei).image()
    #expect(try detector.detect(in: image, micronsPerPixel: 0.5) == detector.detect(in: image, micronsPerPixel: 0.5))
  }

  @Test(arguments: [97, 150, 256])
  func tilesGiveExactlyWhatTheWholeGives(tileSize: Int) throws {
    let nuclei = SyntheticTissue.scattered(width: 500, height: 430, spacing: 22, radius: 5...9, seed: 21)
    let image = SyntheticTissue(width: 500, height: 430, nuclei: nuclei, seed: 4).image()
    var estimator = StainEstimator(forPixels: 500 * 430)
    estimator.add(image)
    let profile = estimator.profile()
    let whole = try detector.detect(in: image, micronsPerPixel: 0.5, profile: profile)
    let tiled = try detector.detect(
      width: 500, height: 430, micronsPerPixel: 0.5, profile: profile, tileSize: tileSize
    ) { image[$0] }
    #expect(whole.count > 300)
    #expect(tiled.count == whole.count)
    for (one, other) in zip(whole, tiled) {
      #expect(abs(one.x - other.x) < 1e-6 && abs(one.y - other.y) < 1e-6)
      #expect(one.areaUm2 == other.areaUm2 && one.score == other.score && one.hematoxylin == other.hematoxylin)
    }
  }

  @Test func onlyNucleiInsideTheValidPartCount() throws {
    let nuclei = SyntheticTissue.scattered(width: 240, height: 240, spacing: 32, radius: 6...9, seed: 2)
    let image = SyntheticTissue(width: 240, height: 240, nuclei: nuclei).image()
    var valid = Mask(width: 240, height: 240)
    for y in 0..<240 { for x in 0..<120 { valid[x, y] = true } }
    let found = try detector.detect(in: image, micronsPerPixel: 0.5, valid: valid)
    let all = try detector.detect(in: image, micronsPerPixel: 0.5)
    #expect(!found.isEmpty && found == all.filter { $0.x < 120 })
    let none = try detector.detect(in: image, micronsPerPixel: 0.5, valid: Mask(width: 240, height: 240))
    #expect(none.isEmpty)
  }

  @Test func scalesThatCannotBeUsedAreErrors() {
    let image = RGBImage(width: 20, height: 20)
    #expect(throws: AnalysisError.scaleOutOfRange(micronsPerPixel: 1, accepted: 0.2...0.65)) {
      try detector.detect(in: image, micronsPerPixel: 1)
    }
    #expect(throws: AnalysisError.scaleOutOfRange(micronsPerPixel: 0.1, accepted: 0.2...0.65)) {
      try detector.detect(in: image, micronsPerPixel: 0.1)
    }
    for value in [0, -0.5, Double.infinity] {
      #expect(throws: AnalysisError.noScale(micronsPerPixel: value)) {
        try detector.detect(in: image, micronsPerPixel: value)
      }
    }
    #expect(throws: AnalysisError.scaleOutOfRange(micronsPerPixel: 0.25, accepted: 0.42...0.65)) {
      try detector.detect(
        width: 20, height: 20, micronsPerPixel: 0.25, profile: .reference(reason: "")
      ) { image[$0] }
    }
  }

  @Test func masksAndTilesOfOtherSizesAreErrors() {
    let image = RGBImage(width: 20, height: 20)
    #expect(throws: AnalysisError.self) {
      try detector.detect(in: image, micronsPerPixel: 0.5, valid: Mask(width: 19, height: 20))
    }
    #expect(throws: AnalysisError.self) {
      try detector.detect(width: 20, height: 20, micronsPerPixel: 0.5, profile: .reference(reason: "")) { _ in
        RGBImage(width: 3, height: 3)
      }
    }
    #expect(throws: AnalysisError.self) {
      try detector.detect(
        width: 20, height: 20, micronsPerPixel: 0.5, profile: .reference(reason: ""), tileSize: 0
      ) { image[$0] }
    }
  }

  @Test func errorsSayTheValueMetAndWhatToDo() {
    let words = AnalysisError.scaleOutOfRange(micronsPerPixel: 1, accepted: 0.2...0.65).description
    #expect(words.contains("1.0 µm/px") && words.contains("0.2 to 0.65") && words.contains("read the region"))
    #expect(AnalysisError.noScale(micronsPerPixel: 0).description.contains("state the scale"))
    #expect(AnalysisError.stainNotAccepted(reason: "it is brown").description.contains("it is brown"))
  }
}
