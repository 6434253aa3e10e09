// The interval of a share of tiles over blocks.

import Testing

@testable import Analysis

@Suite struct BlockIntervalTests {
  /// By hand. Five blocks of four tiles with 4, 0, 3, 1 and 2 hits: R = 10/20. Left out one at a time: 6/16, 10/16,
  /// 7/16, 9/16, 8/16, deviations ∓2/16, ∓1/16, 0, so Σ = 10/256 and V = 4/5 · 10/256 = 1/32. n* = 0.25 · 32 = 8.
  /// t(4; 90 %) = 2.131847, t² = 4.544771. Centre (0.5 + t²/16) / (1 + t²/8) = 0.5; half
  /// t / (1 + t²/8) · √(0.25/8 + t²/256) = 2.131847/1.568096 · √(0.03125 + 0.017753) = 0.300950.
  @Test func theWorkedExample() throws {
    let blocks = [4, 0, 3, 1, 2].map { BlockCount(hits: $0, tiles: 4) }
    let interval = try #require(BlockInterval(blocks: blocks, coverage: 0.9))
    #expect(abs(interval.effectiveTiles - 8) < 1e-9)
    #expect(abs(interval.low - (0.5 - 0.30095)) < 1e-4)
    #expect(abs(interval.high - (0.5 + 0.30095)) < 1e-4)
    #expect(interval.blockCount == 5)
  }

  @Test func studentsQuantilesAreThoseOfTables() {
    for (degrees, value) in [(4, 2.131847), (9, 1.833113), (30, 1.697261)] {
      #expect(abs(BlockInterval.studentQuantile(twoSided: 0.9, degrees: degrees) - value) < 1e-4)
    }
  }

  @Test func fewBlocksGiveNone() {
    #expect(BlockInterval(blocks: [1, 2, 3, 4].map { BlockCount(hits: $0, tiles: 9) }, coverage: 0.9) == nil)
    let empty = (0..<9).map { BlockCount(hits: 0, tiles: $0 < 4 ? 5 : 0) }
    #expect(BlockInterval(blocks: empty, coverage: 0.9) == nil)
  }

  @Test func noHitsKeepAnUpperEndAndAllHitsALowerOne() throws {
    let none = try #require(
      BlockInterval(blocks: (0..<10).map { _ in BlockCount(hits: 0, tiles: 9) }, coverage: 0.9))
    #expect(none.low == 0 && none.high > 0.1 && none.high < 0.5)
    let all = try #require(BlockInterval(blocks: (0..<10).map { _ in BlockCount(hits: 9, tiles: 9) }, coverage: 0.9))
    #expect(all.high == 1 && abs(all.low - (1 - none.high)) < 1e-9)
  }

  @Test func clumpedTilesGiveAWiderIntervalThanScatteredOnes() throws {
    let clumped = (0..<10).map { BlockCount(hits: $0 < 5 ? 9 : 0, tiles: 9) }
    let scattered = (0..<10).map { BlockCount(hits: $0 % 2 == 0 ? 5 : 4, tiles: 9) }
    let wide = try #require(BlockInterval(blocks: clumped, coverage: 0.9))
    let narrow = try #require(BlockInterval(blocks: scattered, coverage: 0.9))
    #expect(wide.high - wide.low > 1.5 * (narrow.high - narrow.low))
  }
}
