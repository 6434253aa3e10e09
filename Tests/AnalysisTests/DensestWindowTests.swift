// Windows: enough tissue, no overlap, slivers lose, and selection's optimism.

import Analysis
import Raster
import TestSupport
import Testing

@Suite struct DensestWindowTests {
  private func points(_ count: Int, in rect: PixelRect, seed: UInt64) -> [DetectionPoint] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      DetectionPoint(
        x: Double.random(in: Double(rect.x)..<Double(rect.maxX), using: &generator),
        y: Double.random(in: Double(rect.y)..<Double(rect.maxY), using: &generator))
    }
  }

  private func windows(
    _ nuclei: [DetectionPoint], tissue: Mask, rules: WindowRules = WindowRules(sideUm: 125)
  ) throws -> DensestWindows {
    try DensestWindows(
      nuclei: nuclei, tissue: tissue, width: 1000, height: 1000, micronsPerPixel: 0.5, rules: rules)
  }

  @Test func theDensestPlaceWinsAndTheRankingDoesNotOverlap() throws {
    let dense = PixelRect(x: 500, y: 250, width: 250, height: 250)
    let nuclei =
      points(400, in: PixelRect(x: 0, y: 0, width: 1000, height: 1000), seed: 1) + points(150, in: dense, seed: 2)
    let ranking = try windows(nuclei, tissue: Mask(width: 250, height: 250, filled: true)).ranking()
    #expect(ranking.map(\.rank) == [1, 2, 3])
    let first = try #require(ranking.first)
    #expect(first.rect.intersection(dense).area > 50_000)
    #expect(first.rect.width == 250 && first.rect.height == 250)
    for (one, other) in [(0, 1), (0, 2), (1, 2)] { #expect(!ranking[one].rect.intersects(ranking[other].rect)) }
    #expect(ranking[0].densityPerMm2 >= ranking[1].densityPerMm2)
    #expect(ranking[1].densityPerMm2 >= ranking[2].densityPerMm2)
    for window in ranking {
      let inside = nuclei.count { window.rect.contains(x: $0.x, y: $0.y) }
      #expect(window.count == inside)
      #expect(window.tissueShare == 1)
      #expect(abs(window.tissueAreaMm2 - 0.015625) < 1e-9)
      #expect(abs(window.densityPerMm2 - Double(window.count) / 0.015625) < 1e-6)
    }
  }

  @Test func aSliverOfTissueCannotWin() throws {
    // A strip 20 pixels wide is crowded, a broad field is not.
    var tissue = Mask(width: 1000, height: 1000)
    for y in 0..<1000 { for x in 0..<20 { tissue[x, y] = true } }
    for y in 300..<900 { for x in 300..<900 { tissue[x, y] = true } }
    let nuclei =
      points(200, in: PixelRect(x: 0, y: 0, width: 20, height: 200), seed: 3)
      + points(100, in: PixelRect(x: 300, y: 300, width: 600, height: 600), seed: 4)
    let ranking = try windows(nuclei, tissue: tissue).ranking()
    #expect(!ranking.isEmpty)
    for window in ranking {
      #expect(window.tissueShare >= 0.8)
      #expect(window.rect.x >= 250)
    }
    let loose = try windows(nuclei, tissue: tissue, rules: WindowRules(sideUm: 125, minTissueShare: 0.01)).ranking()
    #expect(loose.first?.rect.x == 0)
  }

  @Test func densityDividesByUnflaggedTissueOnly() throws {
    // The window's right fifth is left out: 80 % is still enough.
    var tissue = Mask(width: 1000, height: 1000)
    for y in 0..<250 { for x in 0..<200 { tissue[x, y] = true } }
    let nuclei = points(40, in: PixelRect(x: 0, y: 0, width: 200, height: 250), seed: 5)
    let window = try #require(try windows(nuclei, tissue: tissue).ranking().first)
    #expect(window.count == 40 && abs(window.tissueShare - 0.8) < 1e-9)
    #expect(abs(window.densityPerMm2 - 40 / (0.8 * 0.015625)) < 1e-6)
  }

  @Test func noRoomGivesNoWindow() throws {
    #expect(try windows([], tissue: Mask(width: 1000, height: 1000)).ranking().isEmpty)
    #expect(try windows([], tissue: Mask(width: 10, height: 10), rules: WindowRules(sideUm: 600)).ranking().isEmpty)
    let none = try windows([], tissue: Mask(width: 10, height: 10, filled: true))
    #expect(none.ranking().count == 3)
    #expect(none.optimism(seed: 1) == nil)
  }

  @Test func selectionInflatesRandomPointsAndHardlyARealPeak() throws {
    let everywhere = PixelRect(x: 0, y: 0, width: 1000, height: 1000)
    let tissue = Mask(width: 100, height: 100, filled: true)
    let random = try windows(points(300, in: everywhere, seed: 6), tissue: tissue)
    let peak = try windows(
      points(300, in: everywhere, seed: 6)
        + points(900, in: PixelRect(x: 500, y: 500, width: 250, height: 250), seed: 7), tissue: tissue)
    let high = try #require(random.optimism(seed: 11))
    let low = try #require(peak.optimism(seed: 11))
    #expect(high > 0.3 && high < 0.9, "\(high)")
    #expect(low < 0.08, "\(low)")
    #expect(random.optimism(seed: 11) == high)
  }

  @Test func maskOfAnySizeOverThePictureGivesTheSameTissue() throws {
    var fine = Mask(width: 1000, height: 1000)
    for y in 0..<1000 { for x in 0..<600 { fine[x, y] = true } }
    let nuclei = points(500, in: PixelRect(x: 0, y: 0, width: 1000, height: 1000), seed: 8)
    let one = try windows(nuclei, tissue: fine).ranking()
    #expect(try windows(nuclei, tissue: fine.resized(toWidth: 100, height: 100)).ranking() == one)
    let coarse = try windows(nuclei, tissue: fine.resized(toWidth: 10, height: 10)).ranking()
    #expect(coarse.allSatisfy { $0.rect.maxX <= 700 } && coarse.count == 3)
  }

  @Test func rulesThatMakeNoSenseAreErrors() {
    let tissue = Mask(width: 10, height: 10)
    for rules in [
      WindowRules(sideUm: 1), WindowRules(sideUm: .nan), WindowRules(sideUm: 125, stepsPerSide: 0),
      WindowRules(sideUm: 125, minTissueShare: 1.2), WindowRules(sideUm: 125, count: 0),
    ] {
      #expect(throws: AnalysisError.self) { try windows([], tissue: tissue, rules: rules) }
    }
    #expect(throws: AnalysisError.noScale(micronsPerPixel: 0)) {
      try DensestWindows(
        nuclei: [], tissue: tissue, width: 10, height: 10, micronsPerPixel: 0, rules: WindowRules(sideUm: 125))
    }
  }
}
