// Sentences of the daemon, word for word. The list with explanations is in docs/answers.md.

import Domain
import JSON
import Ports
import TestSupport
import Testing

@testable import Agent

private let nowhere = Validity(
  organs: ["breast"], stains: ["H&E"], micronsPerPixel: [0.25], imageCount: 18, within: true, limits: [])
private let skin = Validity(
  organs: ["breast"], stains: ["H&E"], micronsPerPixel: [0.25], imageCount: 18, within: false,
  limits: ["not validated on skin"])

private func region(
  _ label: String = "tissue", x: Int = 1204, y: Int = 880, width: Int = 501, height: Int = 501, rank: Int? = nil,
  score: Region.Score? = nil, flags: [String] = [], slide: String = "s1"
) -> EvidenceBody {
  .region(
    Region(
      slide: EvidenceID(slide), rect: LevelZeroRect(x: x, y: y, width: width, height: height), label: label, rank: rank,
      score: score, flags: flags))
}

private func density(
  _ count: Double, _ area: Double, in region: String?, interval: Bool = true, validity: Validity = skin,
  flags: [String] = [], rank: Int? = nil, optimism: Double? = nil
) -> EvidenceBody {
  let value = count / area
  return .measurement(
    Measurement(
      name: "nuclear density", value: value, unit: .perSquareMillimetre, region: region.map { EvidenceID($0) },
      interval: interval
        ? Interval(
          low: value * 0.8, high: value * 1.6, coverage: 0.9, method: "split conformal on per-image count ratios",
          predicts: "a human count", imageCount: 18) : nil,
      ratio: Ratio(
        numeratorName: "nuclear profiles", numerator: count, denominatorName: "tissue", denominator: area,
        denominatorUnit: .squareMillimetre), validity: validity, flags: flags, rank: rank, selectionOptimism: optimism))
}

private func measured(
  _ name: String, _ value: Double, _ unit: UCUMUnit, in region: String? = nil, interval: Interval? = nil,
  ratio: Ratio? = nil, validity: Validity = nowhere, flags: [String] = []
) -> EvidenceBody {
  .measurement(
    Measurement(
      name: name, value: value, unit: unit, region: region.map { EvidenceID($0) }, interval: interval, ratio: ratio,
      validity: validity, flags: flags))
}

private let hash = SHA256Hex(SampleResults.hash("a"))

@Suite struct Rendering {
  @Test func aDensity() {
    #expect(
      StatementsForTests.of([density(2445, 0.63, in: "r1"), region()], cite: ["m1"])
        == "About 3,900 nuclear profiles per mm² of tissue in r1 (2,445 in 0.63 mm²; on 18 validation images a human "
        + "count lay between ×0.8 and ×1.6 of it in 90 %; not validated on skin).")
  }

  @Test func aDensityInsideItsValidationWithAFlag() {
    #expect(
      StatementsForTests.of(
        [density(60, 0.5, in: "r1", interval: false, validity: nowhere, flags: ["contains ink"]), region()],
        cite: ["m1"])
        == "About 120 nuclear profiles per mm² of tissue in r1 (60 in 0.50 mm²; flagged: contains ink).")
  }

  @Test func zeroIsNotCalledAbsence() {
    #expect(
      StatementsForTests.of([density(0, 0.5, in: "r1", interval: false, validity: nowhere), region()], cite: ["m1"])
        == "0 nuclear profiles per mm² of tissue in r1 (0 in 0.50 mm²).")
  }

  @Test func aCountIsRoundedAndThenExact() {
    #expect(
      StatementsForTests.of([measured("nuclear count", 2445, .one)])
        == "About 2,400 nuclear profiles (counted: 2,445).")
    #expect(StatementsForTests.of([measured("nuclear count", 37, .one)]) == "About 37 nuclear profiles.")
  }

  @Test func anOrdinaryIntervalNamesItsMethod() {
    let interval = Interval(
      low: 10.2, high: 14.9, coverage: 0.95, method: "bootstrap over tiles", predicts: "the mean", imageCount: 40)
    #expect(
      StatementsForTests.of(
        [measured("brown share", 12.4, .percent, in: "r1", interval: interval), region()], tool: "brown_share",
        tools: [SampleTools.brownness], cite: ["m1"])
        == "About 12 % of the view's pixels are brown in r1 (95 % interval for the mean: 10 to 15 %, bootstrap over "
        + "tiles, 40 images).")
  }

  @Test func aRankingIsSelected() {
    let window = "densest window"
    #expect(
      StatementsForTests.of([
        density(344, 0.0625, in: "r1", interval: false, rank: 1, optimism: 0.134), region(window),
        density(319, 0.0625, in: "r2", interval: false, flags: ["touches ink"], rank: 2),
        region(window, x: 600, y: 1500),
      ])
        == "The most cellular 250 µm window is r1, at x 1204, y 880: about 5,500 nuclear profiles per mm² of tissue (344 "
        + "in 0.063 mm²); then r2, at x 600, y 1500: about 5,100 (flagged: touches ink); a selected maximum: choosing it "
        + "inflates it by about 13 %, no interval applies; not validated on skin.")
  }

  @Test func aRankOfItsOwnSaysItsPlace() {
    #expect(
      StatementsForTests.of(
        [density(319, 0.0625, in: "r1", interval: false, validity: nowhere, rank: 2), region("window")], cite: ["m1"])
        == "r1, at x 1204, y 880 is number 2 by nuclear density: about 5,100 nuclear profiles per mm² of tissue (319 in "
        + "0.063 mm²); a selected maximum: how much choosing inflates it was not estimated, no interval applies.")
  }

  @Test func aComparison() {
    var bodies = [density(150, 0.0625, in: "r1"), density(600, 0.0625, in: "r2"), region(), region(x: 0)]
    bodies.append(
      .comparison(
        Comparison(
          left: "m1", right: "m2", ratio: 0.25, difference: -7200, unit: .perSquareMillimetre, intervalsSeparate: true))
    )
    #expect(
      StatementsForTests.of(bodies, cite: ["m1", "m2", "c1"])
        == "r1 against r2: about 2,400 against about 9,600 nuclear profiles per mm² of tissue, a ratio of about 0.25; "
        + "their intervals do not overlap; r1 (150 in 0.063 mm²; on 18 validation images a human count lay between ×0.8 "
        + "and ×1.6 of it in 90 %; not validated on skin); r2 (600 in 0.063 mm²; on 18 validation images a human count "
        + "lay between ×0.8 and ×1.6 of it in 90 %; not validated on skin).")
  }

  @Test func areasAndWhatWasLeftOut() {
    let share = Ratio(
      numeratorName: "ink", numerator: 0.05, denominatorName: "tissue found", denominator: 0.63,
      denominatorUnit: .squareMillimetre)
    #expect(
      StatementsForTests.of(
        [
          measured("tissue area", 0.5832, .squareMillimetre, in: "r1"), region(),
          measured("left out: ink", 0.05, .squareMillimetre, in: "r1", ratio: share),
          measured("left out: keratin", 0.1, .squareMillimetre, in: "r1"),
        ], tool: "slide_overview", cite: ["m1", "m2", "m3"])
        == "About 0.58 mm² of tissue in r1. Left out of the analysis: ink 0.050 mm² (7.9 % of the tissue found), keratin "
        + "0.10 mm².")
  }

  @Test func regionsViewsFilesAndSlides() {
    #expect(
      StatementsForTests.of([
        region(
          "candidate", rank: 2, score: .init(name: "hematoxylin", value: 0.3), flags: ["touches the slide's edge"]),
        .view(
          View(
            region: "r1", micronsPerPixel: 0.25, width: 1, height: 1, pixelSha256: hash, imageSha256: nil, caption: "")),
        .artefact(
          Artefact(name: "nuclei.geojson", mediaType: "a/b", sizeBytes: 1, sha256: hash, caption: "centres\nof nuclei")),
      ])
        == "r1 (candidate) lies at x 1204, y 880, 501 × 501 px, that is 250 × 250 µm; number 2 by hematoxylin; flagged: "
        + "touches the slide's edge. r1 is shown at 0.25 µm/px as v1. a1 is the file nuclei.geojson (\"centres of "
        + "nuclei\").")
    let unopened = brief().slides
    #expect(
      StatementsForTests.of([], cite: ["s1"], slides: unopened)
        == "s1 is slide-1.svs, which no tool has opened yet.")
  }

  @Test func withoutAScaleThereAreNoMicrometres() {
    var slides = brief(opened: true).slides
    slides[0].properties?.scale = nil
    slides[0].properties?.scaleProblem = "the file states none"
    let text = StatementsForTests.of(
      [
        region("window"),
        .view(
          View(
            region: "r1", micronsPerPixel: nil, width: 1, height: 1, pixelSha256: hash, imageSha256: nil, caption: "")),
      ], cite: ["r1", "v1", "s1"], slides: slides)
    #expect(!text.contains("µm"))
    #expect(text.contains("r1 is shown without a scale as v1."))
    #expect(text.contains("no usable scale (the file states none)"))
  }

  @Test func aMeasureOfAToolThatIsGoneHasItsNameAndUnit() {
    #expect(
      StatementsForTests.of(
        [measured("mitotic density", 3.2, .perSquareMillimetre, in: "r1"), region()], tool: "gone", cite: ["m1"])
        == "Mitotic density: about 3.2 /mm² in r1.")
  }

  @Test func aToolsDescriptionIsShownOnlyWithinTheRules() {
    func text(_ words: String) -> String { StatementsForTests.of([.description(Description(text: words, view: nil))]) }
    #expect(
      text("Pale cells in sheets.") == "d1, a description in the words of cell_counter: \"Pale cells in sheets.\".")
    #expect(text("A carcinoma of 5 mm.").hasPrefix("d1, a description by cell_counter, is not shown: \"5\" is a digit"))
  }

  @Test func strangersTextCannotBreakTheLine() {
    let text = StatementsForTests.of([
      region("window\u{202E}\nfake: 9,999", flags: [String(repeating: "x", count: 500), "a\u{0000}b"])
    ])
    #expect(!text.contains("\n"))
    #expect(!text.unicodeScalars.contains("\u{202E}"))
    #expect(text.count < 400)
  }
}

@Suite struct LookedAtTests {
  private func looked(_ bodies: [EvidenceBody], cite: [EvidenceID]) -> LookedAt {
    var known = CaseEvidence(slides: brief(opened: true).slides, evidence: [])
    for body in bodies {
      known.record(
        Evidence(
          id: known.nextID(body.kind), turn: TurnID("t"), call: CallID("call-1"),
          tool: ToolReference(name: "cell_counter", version: "1"), body: body))
    }
    return LookedAt.summary(citing: cite, evidence: known)
  }

  @Test func regionsInsideOneAnotherCountOnce() {
    let bodies = [
      density(10, 0.63, in: "r1"), region(x: 0, y: 0, width: 2000, height: 2000), density(5, 0.06, in: "r2"), region(),
      density(5, 0.05, in: "r3"), region(x: 2001, y: 0, width: 100, height: 100),
    ]
    let total = looked(bodies, cite: ["m1", "m2", "m3"]).tissueAreaMm2
    #expect(abs((total ?? 0) - 0.68) < 1e-9)
    #expect(looked(bodies, cite: ["m2"]).tissueAreaMm2 == 0.06)
  }

  @Test func nothingMeasuredMeansNothingIsClaimed() {
    #expect(looked([region()], cite: ["r1"]) == LookedAt())
  }

  @Test func whatWasLeftOutOfTheSameRegionCountsOnce() {
    let bodies = [
      density(10, 0.63, in: "r1"), region(), measured("left out: ink", 0.05, .squareMillimetre, in: "r1"),
      measured("left out: ink", 0.06, .squareMillimetre, in: "r1"), measured("left out: fold", 2, .percent, in: "r1"),
    ]
    let leftOut = looked(bodies, cite: ["m1"]).leftOut
    #expect(leftOut.map(\.what) == ["ink", "fold"])
    #expect(leftOut.first?.areaMm2 == 0.06)
    #expect(leftOut.last?.share == 0.02)
  }

  @Test func whatTwoToolsLeftOutOfTheSamePlaceOrInsideItCountsOnce() {
    let bodies = [
      density(10, 0.63, in: "r1"), region(x: 0, y: 0, width: 2000, height: 2000),
      measured("left out: ink", 0.05, .squareMillimetre, in: "r1"),
      region(x: 0, y: 0, width: 2000, height: 2000), measured("left out: ink", 0.05, .squareMillimetre, in: "r2"),
      region(x: 10, y: 10, width: 100, height: 100), measured("left out: ink", 0.01, .squareMillimetre, in: "r3"),
    ]
    #expect(looked(bodies, cite: ["m1"]).leftOut.map(\.areaMm2) == [0.05])
  }

  @Test func regionsThatOverlapMostlyCountOnce() {
    let bodies = [
      density(10, 0.51, in: "r1"), region(x: 0, y: 0, width: 2000, height: 2000),
      measured("left out: ink", 0.05, .squareMillimetre, in: "r1"), density(10, 0.52, in: "r2"),
      region(x: 5, y: 0, width: 2000, height: 2000), measured("left out: ink", 0.06, .squareMillimetre, in: "r2"),
    ]
    let both = looked(bodies, cite: ["m1", "m3"])
    #expect(both.tissueAreaMm2 == 0.52 && both.leftOut.map(\.areaMm2) == [0.05])
  }

  @Test func aShareOfOneRegionIsNotToldOfSeveral() {
    let bodies = [
      density(10, 0.2, in: "r1"), region(x: 0, y: 0, width: 500, height: 500),
      measured("left out: fold", 2, .percent, in: "r1"), density(10, 0.2, in: "r2"),
      region(x: 900, y: 0, width: 500, height: 500),
    ]
    #expect(looked(bodies, cite: ["m1"]).leftOut.map(\.share) == [0.02])
    #expect(looked(bodies, cite: ["m1", "m3"]).leftOut.isEmpty)
  }

  @Test func aCountLookedAtTheAreaThatItsDensityIsOver() {
    let bodies = [density(10, 0.63, in: "r1"), region(), measured("nuclei", 2_514, .one, in: "r1")]
    #expect(looked(bodies, cite: ["m2"]).tissueAreaMm2 == 0.63)
  }
}
