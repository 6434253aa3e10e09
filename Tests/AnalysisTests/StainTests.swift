// Stains: known mixtures are found again, implausible ones are refused, unmixing is the inverse of mixing.

import Analysis
import Glibc
import Raster
import Testing

@Suite struct StainTests {
  private func unit(_ vector: [Double]) -> [Double] {
    let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return vector.map { $0 / length }
  }

  private func degrees(_ first: [Double], _ second: [Double]) -> Double {
    acos(min(1, zip(unit(first), unit(second)).reduce(0) { $0 + $1.0 * $1.1 })) * 180 / .pi
  }

  private func profile(of image: RGBImage) -> StainProfile {
    var estimator = StainEstimator(step: 1)
    estimator.add(image)
    return estimator.profile()
  }

  @Test(arguments: [
    ([0.65, 0.70, 0.29], [0.27, 0.87, 0.41]), ([0.60, 0.72, 0.35], [0.36, 0.82, 0.43]),
  ])
  func mixedStainsAreFoundAgain(hematoxylin: [Double], eosin: [Double]) {
    var tissue = SyntheticTissue(
      width: 200, height: 200,
      nuclei: SyntheticTissue.scattered(width: 200, height: 200, spacing: 25, radius: 6...9, seed: 1))
    (tissue.hematoxylin, tissue.eosin) = (unit(hematoxylin), unit(eosin))
    (tissue.cytoplasmHematoxylin, tissue.cytoplasmEosin, tissue.nuclearHematoxylin) = (0, 0.5, 0.9)
    tissue.tissue = PixelRect(x: 0, y: 0, width: 180, height: 200)
    let found = profile(of: tissue.image())
    #expect(found.source == .estimated, "\(found.reason)")
    #expect(degrees(found.eosin, eosin) < 5, "\(found.eosin)")
    // Nuclei hold eosin too, so the outermost direction lies between the two, near hematoxylin.
    #expect(degrees(found.hematoxylin, hematoxylin) < 12, "\(found.hematoxylin)")
    #expect(found.background == [245, 245, 245])
  }

  @Test func stainsThatCannotBeTheseGiveTheReferenceAndAReason() {
    var tissue = SyntheticTissue(
      width: 120, height: 120,
      nuclei: SyntheticTissue.scattered(width: 120, height: 120, spacing: 25, radius: 6...9, seed: 1))
    (tissue.hematoxylin, tissue.eosin) = (unit([0.27, 0.57, 0.78]), unit([0.1, 0.3, 0.9]))
    (tissue.cytoplasmHematoxylin, tissue.cytoplasmEosin) = (0, 0.5)
    let found = profile(of: tissue.image())
    #expect(found.source == .reference && !found.reason.isEmpty)
    #expect(found.hematoxylin == StainProfile.referenceHematoxylin)
  }

  @Test func glassGivesTheReferenceAndAReason() {
    let found = profile(of: RGBImage(width: 50, height: 50, filled: RGBColor(241, 242, 243)))
    #expect(found.source == .reference && found.reason.contains("0 stained pixels"))
    #expect(found.background == [241, 242, 243])
    #expect(StainEstimator().profile().source == .reference)
  }

  @Test func unmixingUndoesMixing() throws {
    let (h, e) = (unit([0.65, 0.70, 0.29]), unit([0.2, 0.9, 0.35]))
    let tables = try #require(StainTables(background: [255, 255, 255], hematoxylin: h, eosin: e))
    var image = RGBImage(width: 3, height: 1)
    let amounts = [(0.6, 0.1), (0.2, 0.5), (0.0, 0.3)]
    for (x, amount) in amounts.enumerated() {
      let byte = (0..<3).map { UInt8((255 * pow(10, -(amount.0 * h[$0] + amount.1 * e[$0]))).rounded()) }
      image[x, 0] = RGBColor(byte[0], byte[1], byte[2])
    }
    let found = tables.unmix(image)
    for (x, amount) in amounts.enumerated() {
      #expect(abs(Double(found.hematoxylin[x]) / 1000 - amount.0) < 0.02)
      #expect(abs(Double(found.eosin[x]) / 1000 - amount.1) < 0.02)
      #expect(abs(Double(found.rest[x]) / 1000) < 0.02)
    }
    #expect(StainTables(background: [255, 255, 255], hematoxylin: h, eosin: h) == nil)
  }

  @Test func aLongSlideIsSampledWithinBounds() {
    var estimator = StainEstimator(step: 1)
    let tile = RGBImage(width: 300, height: 300, filled: RGBColor(120, 60, 140))
    for _ in 0..<3 { estimator.add(tile) }
    #expect(estimator.sampleCount < 40_000 && estimator.sampleCount > 10_000)
    estimator.add(tile, mask: Mask(width: 300, height: 300))
    let before = estimator.sampleCount
    estimator.add(tile, mask: Mask(width: 300, height: 300))
    #expect(estimator.sampleCount == before)
  }

  @Test func theGuardAcceptsHematoxylinAndEosinAndNamesWhyItRefusesOthers() {
    func verdict(_ tissue: SyntheticTissue) -> StainVerdict {
      var estimator = StainEstimator(step: 1)
      estimator.add(tissue.image())
      return estimator.verdict()
    }
    var tissue = SyntheticTissue(
      width: 150, height: 150,
      nuclei: SyntheticTissue.scattered(width: 150, height: 150, spacing: 25, radius: 6...9, seed: 1))
    tissue.tissue = PixelRect(x: 0, y: 0, width: 130, height: 150)
    #expect(verdict(tissue).refusal == nil)
    var brown = tissue
    brown.eosin = [0.27, 0.57, 0.78]
    #expect(verdict(brown).refusal?.contains("brown") == true)
    var green = tissue
    (green.eosin, green.hematoxylin) = ([0.9, 0.3, 0.4], [0.9, 0.3, 0.4])
    #expect(verdict(green).refusal?.contains("green") == true)
    var grey = tissue
    (grey.eosin, grey.hematoxylin) = ([0.6, 0.6, 0.6], [0.6, 0.6, 0.6])
    #expect(verdict(grey).refusal?.contains("has a colour") == true)
    var blue = tissue
    (blue.eosin, blue.hematoxylin) = ([0.8, 0.5, 0.1], [0.8, 0.5, 0.1])
    #expect(verdict(blue).refusal?.contains("between violet and red") == true)
    var dark = tissue
    (dark.cytoplasmEosin, dark.cytoplasmHematoxylin) = (1.0, 1.0)
    #expect(verdict(dark).refusal?.contains("darker") == true)
    let glass = SyntheticTissue(width: 50, height: 50, nuclei: [], tissue: PixelRect(x: 0, y: 0, width: 0, height: 0))
    #expect(verdict(glass).refusal?.contains("hardly anything") == true)
  }
}
