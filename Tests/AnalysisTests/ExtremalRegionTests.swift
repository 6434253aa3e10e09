// The flood against a slow and obvious way: cut at every level, label the pieces, measure each.

import Analysis
import Raster
import TestSupport
import Testing

@Suite struct ExtremalRegionTests {
  private func input(_ seed: UInt64, width: Int, height: Int, levels: Int) -> FloodInput {
    var generator = SeededGenerator(seed: seed)
    func plane() -> [Int16] { (0..<(width * height)).map { _ in Int16.random(in: -99...99, using: &generator) } }
    return FloodInput(
      width: width, height: height,
      levels: (0..<(width * height)).map { _ in UInt8(Int.random(in: 1...levels, using: &generator)) },
      first: plane(), second: plane())
  }

  @Test(arguments: [(1, 4), (2, 9), (3, 30), (4, 255)] as [(UInt64, Int)])
  func everyPieceAtEveryLevelIsFoundWithItsMeasures(seed: UInt64, levels: Int) {
    let input = input(seed, width: 21, height: 17, levels: levels)
    let limits = FloodLimits(floor: 2, minArea: 3, maxArea: 90, maxExtent: 12)
    var found: [[Int64]: Int] = [:]
    for region in ExtremalRegions.extract(input, limits: limits) { found[key(region), default: 0] += 1 }
    var expected: [[Int64]: Int] = [:]
    for level in 2...levels {
      let mask = Mask(
        width: 21, height: 17, bits: input.levels.map { Int($0) >= level ? 1 : 0 })
      let pieces = mask.connectedComponents(.four)
      for piece in pieces.components {
        let region = measure(piece, pieces, input, level)
        // A piece that has no pixel at this level is the same as at the next level, and not counted twice.
        guard
          pieces.labels.indices.contains(where: {
            pieces.labels[$0] == piece.label && Int(input.levels[$0]) == level
          })
        else { continue }
        let inside =
          region.area >= 3 && region.area <= 90 && region.maxX - region.minX < 12
          && region.maxY - region.minY < 12
        if inside { expected[key(region), default: 0] += 1 }
      }
    }
    #expect(found == expected)
    #expect(!found.isEmpty)
  }

  @Test func parentsHoldTheirChildrenAndComeLater() {
    let regions = ExtremalRegions.extract(
      input(9, width: 40, height: 40, levels: 12),
      limits: FloodLimits(floor: 1, minArea: 2, maxArea: 400, maxExtent: 40))
    var nested = 0
    for (index, region) in regions.enumerated() where region.parent >= 0 {
      let parent = regions[Int(region.parent)]
      #expect(Int(region.parent) > index && parent.level < region.level && parent.area > region.area)
      #expect(parent.minX <= region.minX && parent.maxX >= region.maxX)
      #expect(parent.minY <= region.minY && parent.maxY >= region.maxY)
      nested += 1
    }
    #expect(nested > 20)
  }

  @Test func nothingAboveTheFloorGivesNothing() {
    let limits = FloodLimits(floor: 5, minArea: 1, maxArea: 9, maxExtent: 9)
    let flat = FloodInput(
      width: 4, height: 4, levels: [UInt8](repeating: 4, count: 16), first: [Int16](repeating: 0, count: 16),
      second: [Int16](repeating: 0, count: 16))
    #expect(ExtremalRegions.extract(flat, limits: limits).isEmpty)
    let empty = FloodInput(width: 0, height: 0, levels: [], first: [], second: [])
    #expect(ExtremalRegions.extract(empty, limits: limits).isEmpty)
  }

  @Test func theChoiceIsTheBestSumOfRegionsThatDoNotOverlap() {
    // 0 and 1 lie in 2, 2 and 3 in 4.
    var regions = [ExtremalRegion](repeating: ExtremalRegion(), count: 5)
    regions[0].parent = 2
    regions[1].parent = 2
    regions[2].parent = 4
    regions[3].parent = 4
    #expect(NucleusSelection.choose(regions, scores: [3, 3, 5, 2, 7]) == [0, 1, 3])
    #expect(NucleusSelection.choose(regions, scores: [3, 3, 7, 2, 8]) == [2, 3])
    #expect(NucleusSelection.choose(regions, scores: [3, 3, 7, 2, 10]) == [4])
    #expect(NucleusSelection.choose(regions, scores: [-1, -3, -2, 0, -8]) == [])
    #expect(NucleusSelection.choose(regions, scores: [4, -3, 1, 2, 3]) == [0, 3])
  }

  private func key(_ region: ExtremalRegion) -> [Int64] {
    [
      Int64(region.level), Int64(region.area), Int64(region.minX), Int64(region.minY), Int64(region.maxX),
      Int64(region.maxY), region.sumX, region.sumY, region.sumXX, region.sumYY, region.sumXY, region.sumLevel,
      region.sumFirst, region.sumSecond, Int64(region.rimLength), region.rimOutside,
    ]
  }

  private func measure(
    _ piece: LabelledComponents.Component, _ pieces: LabelledComponents, _ input: FloodInput, _ level: Int
  ) -> ExtremalRegion {
    var region = ExtremalRegion()
    region.level = Int32(level)
    for y in 0..<input.height {
      for x in 0..<input.width where pieces.labels[y * input.width + x] == piece.label {
        let at = y * input.width + x
        region.area += 1
        region.minX = min(region.minX, Int32(x))
        region.maxX = max(region.maxX, Int32(x))
        region.minY = min(region.minY, Int32(y))
        region.maxY = max(region.maxY, Int32(y))
        region.sumX += Int64(x)
        region.sumY += Int64(y)
        region.sumXX += Int64(x * x)
        region.sumYY += Int64(y * y)
        region.sumXY += Int64(x * y)
        region.sumLevel += Int64(input.levels[at])
        region.sumFirst += Int64(input.first[at])
        region.sumSecond += Int64(input.second[at])
        for (u, v) in [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
        where u >= 0 && v >= 0 && u < input.width && v < input.height {
          if pieces.labels[v * input.width + u] == piece.label { continue }
          region.rimLength += 1
          region.rimOutside += Int64(input.levels[v * input.width + u])
        }
      }
    }
    return region
  }
}
