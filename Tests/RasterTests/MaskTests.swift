// Masks against answers worked out by brute force on seeded random pictures.

import Raster
import TestSupport
import Testing

func randomMask(_ seed: UInt64, width: Int, height: Int, share: Double) -> Mask {
  var generator = SeededGenerator(seed: seed)
  return Mask(
    width: width, height: height,
    bits: (0..<(width * height)).map { _ in Double.random(in: 0..<1, using: &generator) < share ? 1 : 0 })
}

@Suite struct MaskTests {
  @Test(arguments: [(1, 0.9), (2, 0.5), (3, 0.97), (4, 0.1), (5, 1.0)] as [(UInt64, Double)])
  func squaredDistancesEqualBruteForce(seed: UInt64, share: Double) {
    let mask = randomMask(seed, width: 23, height: 17, share: share)
    let found = mask.squaredDistances()
    for y in 0..<17 {
      for x in 0..<23 {
        var best = Int32.max
        for v in 0..<17 {
          for u in 0..<23 where !mask[u, v] { best = min(best, Int32((u - x) * (u - x) + (v - y) * (v - y))) }
        }
        #expect(found[y * 23 + x] == (mask[x, y] ? best : 0), "at \(x),\(y)")
      }
    }
  }

  @Test func dilationByADiskSetsWhatLiesWithinItsRadius() {
    var mask = Mask(width: 11, height: 11)
    mask[5, 5] = true
    let grown = mask.dilated(.disk(radius: 2))
    #expect(grown.count == 13)
    #expect(grown[5, 3] && grown[6, 6] && !grown[7, 7] && !grown[5, 2])
  }

  @Test func dilationByABoxEqualsBruteForce() {
    let mask = randomMask(7, width: 19, height: 13, share: 0.05)
    let grown = mask.dilated(.box(radius: 2))
    for y in 0..<13 {
      for x in 0..<19 {
        let near = mask.count(in: PixelRect(x: x - 2, y: y - 2, width: 5, height: 5)) > 0
        #expect(grown[x, y] == near)
      }
    }
  }

  @Test(arguments: [Mask.StructuringElement.disk(radius: 3), .box(radius: 2)])
  func theFrameDoesNotErodeAFullMask(element: Mask.StructuringElement) {
    let full = Mask(width: 9, height: 8, filled: true)
    #expect(full.eroded(element) == full)
    #expect(Mask(width: 9, height: 8).dilated(element).count == 0)
  }

  @Test(arguments: [Connectivity.four, .eight])
  func componentsEqualFloodFill(connectivity: Connectivity) {
    let mask = randomMask(11, width: 31, height: 29, share: 0.45)
    let found = mask.connectedComponents(connectivity)
    var labels = [Int32](repeating: 0, count: 31 * 29)
    var next: Int32 = 0
    for start in labels.indices where mask.bits[start] != 0 && labels[start] == 0 {
      next += 1
      labels[start] = next
      var stack = [start]
      while let at = stack.popLast() {
        for dy in -1...1 {
          for dx in -1...1 where connectivity == .eight || dx == 0 || dy == 0 {
            let x = at % 31 + dx
            let y = at / 31 + dy
            if x < 0 || y < 0 || x >= 31 || y >= 29 || mask.bits[y * 31 + x] == 0 || labels[y * 31 + x] != 0 {
              continue
            }
            labels[y * 31 + x] = next
            stack.append(y * 31 + x)
          }
        }
      }
    }
    #expect(found.labels == labels)
    #expect(found.components.count == Int(next))
    #expect(found.components.map(\.area).reduce(0, +) == mask.count)
  }

  @Test func componentsKnowTheirBoxAndCentroid() {
    var mask = Mask(width: 10, height: 10)
    for y in 2..<4 { for x in 3..<7 { mask[x, y] = true } }
    let pieces = mask.connectedComponents().components
    #expect(pieces.count == 1)
    #expect(pieces.first?.boundingBox == PixelRect(x: 3, y: 2, width: 4, height: 2))
    #expect(pieces.first?.centroidX == 5)
    #expect(pieces.first?.centroidY == 3)
  }

  @Test func holesAreFilledButNotBaysOrLargeHoles() {
    var mask = Mask(width: 12, height: 12)
    for y in 2..<10 { for x in 2..<10 { mask[x, y] = true } }
    for x in 4..<6 { mask[x, 5] = false }
    mask[2, 7] = false
    #expect(mask.holesFilled().count == 63)
    #expect(mask.holesFilled(maxArea: 1) == mask)
  }

  @Test func smallPiecesAreRemoved() {
    var mask = Mask(width: 10, height: 4)
    mask[0, 0] = true
    for x in 4..<8 { mask[x, 2] = true }
    #expect(mask.smallRemoved(minArea: 4).count == 4)
    #expect(mask.smallRemoved(minArea: 5).count == 0)
  }

  @Test func setOperationsAndCounts() {
    let first = randomMask(3, width: 20, height: 10, share: 0.5)
    let second = randomMask(4, width: 20, height: 10, share: 0.5)
    #expect(first.and(second).count + first.subtracting(second).count == first.count)
    #expect(first.or(second).count == first.count + second.count - first.and(second).count)
    #expect(first.not().count == 200 - first.count)
    let sums = SummedArea(first)
    for rect in [PixelRect(x: -3, y: -3, width: 9, height: 7), PixelRect(x: 4, y: 2, width: 30, height: 30)] {
      #expect(sums.count(in: rect) == first.count(in: rect))
    }
    #expect(first.resized(toWidth: 20, height: 10) == first)
    #expect(first.resized(toWidth: 40, height: 20).count == 4 * first.count)
  }

  @Test func boundingBoxOfNothingIsNil() {
    #expect(Mask(width: 5, height: 5).boundingBox == nil)
    var mask = Mask(width: 5, height: 5)
    mask[1, 3] = true
    #expect(mask.boundingBox == PixelRect(x: 1, y: 3, width: 1, height: 1))
  }
}
