// The interval, worked out by hand, and that it holds what it says on simulated images.

import Analysis
import Glibc
import TestSupport
import Testing

@Suite struct PredictionIntervalTests {
  @Test func nineRatiosWorkedOutByHand() throws {
    // Sorted |ln r|: 0, .0953 (1.1), .1054 (0.9), .1823 (1.2), .2231 (0.8), .2624 (1.3), .3365 (1.4), .3567 (0.7), .6931 (2)
    let ratios = [1.0, 1.1, 0.9, 1.2, 0.8, 1.3, 1.4, 0.7, 2.0]
    let widest = try CountRatioInterval.splitConformal(ratios: ratios, centre: 1, coverage: 0.9, medianCount: 100)
    #expect(abs(widest.high - 2) < 1e-12 && abs(widest.low - 0.5) < 1e-12 && widest.imageCount == 9)
    let eighth = try CountRatioInterval.splitConformal(ratios: ratios, centre: 1, coverage: 0.8, medianCount: 100)
    #expect(abs(eighth.low - 0.7) < 1e-12 && abs(eighth.high - 1 / 0.7) < 1e-12)
    let shifted = try CountRatioInterval.splitConformal(
      ratios: ratios.map { 2 * $0 }, centre: 2, coverage: 0.8, medianCount: 100)
    #expect(abs(shifted.low - 1.4) < 1e-12 && abs(shifted.high - 2 / 0.7) < 1e-12)
    let (low, high) = eighth.predict(count: 100)
    #expect(abs(low - 70) < 1e-9 && abs(high - 1000.0 / 7) < 1e-9)
  }

  @Test func smallCountsAreWidenedByCountingNoise() {
    let interval = CountRatioInterval(low: 0.5, high: 2, coverage: 0.9, imageCount: 18, medianCount: 100)
    // z = 1.6449 for 90 %; half = ln 2; at 10 nuclei the extra variance is 1/10 - 1/100.
    let wide = (log(2.0) * log(2.0) + 1.644854 * 1.644854 * 0.09).squareRoot()
    let small = interval.predict(count: 10)
    #expect(abs(small.low - 10 * exp(-wide)) < 1e-4 && abs(small.high - 10 * exp(wide)) < 1e-4)
    #expect(interval.predict(count: 400) == (200, 800))
    let none = interval.predict(count: 0)
    #expect(none.low == 0 && none.high > 3 && none.high < 10)
  }

  @Test func moreThanTheImagesCanPromiseIsRefused() throws {
    let ratios = [Double](repeating: 1, count: 18)
    #expect(throws: AnalysisError.self) {
      try CountRatioInterval.splitConformal(ratios: ratios, centre: 1, coverage: 0.95, medianCount: 100)
    }
    #expect(try CountRatioInterval.splitConformal(ratios: ratios, centre: 1, coverage: 0.9, medianCount: 100).low == 1)
  }

  @Test(arguments: [[1, 0], [1, -2], [1, .infinity]] as [[Double]])
  func ratiosThatAreNoneAreErrors(ratios: [Double]) {
    #expect(throws: AnalysisError.self) {
      try CountRatioInterval.splitConformal(ratios: ratios, centre: 1, coverage: 0.5, medianCount: 100)
    }
  }

  @Test(arguments: [0, 1, 1.5, -1] as [Double])
  func coveragesThatAreNoneAreErrors(coverage: Double) {
    #expect(throws: AnalysisError.self) {
      try CountRatioInterval.splitConformal(ratios: [1, 1.1], centre: 1, coverage: coverage, medianCount: 100)
    }
  }

  @Test func itHoldsAsManyNewImagesAsItSays() throws {
    var generator = SeededGenerator(seed: 5)
    func ratio() -> Double { exp(Double.random(in: -0.4...0.7, using: &generator)) }
    var held = 0
    for _ in 0..<2000 {
      let interval = try CountRatioInterval.splitConformal(
        ratios: (0..<18).map { _ in ratio() }, centre: 1.1, coverage: 0.9, medianCount: 100)
      let new = ratio()
      if new >= interval.low, new <= interval.high { held += 1 }
    }
    #expect(held > 1800, "\(held) of 2000")
  }
}
