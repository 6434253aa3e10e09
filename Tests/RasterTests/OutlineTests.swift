// Outlines, polygon filling and smoothing: what one makes, another must give back.

import TestSupport
import Testing

@testable import Raster

@Suite struct OutlineTests {
  /// A mask from rows of letters; `#` is in the set.
  private func mask(_ rows: [String]) -> Mask {
    Mask(
      width: rows[0].count, height: rows.count, bits: rows.joined().map { $0 == "#" ? UInt8(1) : 0 })
  }

  private func filled(_ outlines: [Outline], width: Int, height: Int) -> Mask {
    outlines.reduce(Mask(width: width, height: height)) { sum, outline in
      ([outline.outer] + outline.holes).reduce(sum) { part, ring in
        let fill = Mask(width: width, height: height, polygon: ring.map { (Double($0.x), Double($0.y)) })
        return part.or(fill).subtracting(part.and(fill))
      }
    }
  }

  @Test func oneSquareHasFourCorners() {
    let outline = mask(["....", ".##.", ".##.", "...."]).outlines()
    #expect(
      outline == [
        Outline(
          outer: [.init(x: 1, y: 1), .init(x: 3, y: 1), .init(x: 3, y: 3), .init(x: 1, y: 3)], holes: [], area: 4)
      ])
  }

  @Test func aRingHasOneHoleAndTheLargestPieceComesFirst() {
    let outlines = mask(["#......", "..####.", "..#..#.", "..####."]).outlines()
    #expect(outlines.map(\.area) == [10, 1])
    #expect(outlines.map(\.holes.count) == [1, 0])
  }

  @Test func pixelsThatMeetAtACornerOnlyAreSeparatePieces() {
    #expect(mask(["#.", ".#"]).outlines().count == 2)
  }

  @Test func aPieceThatTouchesItselfAtACornerKeepsOneOuterRing() {
    let shape = mask([".###", ".#.#", "##.#", "#.##", "####"])
    let outlines = shape.outlines()
    #expect(outlines.count == 1)
    #expect(filled(outlines, width: 4, height: 5) == shape)
  }

  @Test func fillingTheRingsGivesTheMaskBack() {
    var random = SeededGenerator(seed: 7)
    for size in [1, 2, 5, 16, 33] {
      for _ in 0..<20 {
        let shape = Mask(
          width: size, height: size + 3, bits: (0..<(size * (size + 3))).map { _ in random.next() % 5 < 3 ? 1 : 0 })
        #expect(filled(shape.outlines(), width: size, height: size + 3) == shape)
      }
    }
  }

  @Test func simplifyingKeepsWithinItsTolerance() {
    let disc = Mask(
      width: 101, height: 101,
      bits: (0..<(101 * 101)).map {
        ($0 % 101 - 50) * ($0 % 101 - 50) + ($0 / 101 - 50) * ($0 / 101 - 50) <= 1600 ? 1 : 0
      })
    let outline = disc.outlines()[0]
    let simple = outline.simplified(tolerance: 2)
    #expect(simple.outer.count < outline.outer.count / 4)
    let back = filled([simple], width: 101, height: 101)
    let difference = back.or(disc).subtracting(back.and(disc)).count
    #expect(difference < 2 * 260)
  }

  @Test func polygonsThatShareAnEdgeShareNoPixel() {
    let left = Mask(width: 10, height: 10, polygon: [(0, 0), (4.5, 0), (6.5, 10), (0, 10)])
    let right = Mask(width: 10, height: 10, polygon: [(4.5, 0), (10, 0), (10, 10), (6.5, 10)])
    #expect(left.and(right).count == 0)
    #expect(left.or(right).count == 100)
  }

  @Test func aPolygonWithFewerThanThreeCornersIsEmpty() {
    #expect(Mask(width: 3, height: 3, polygon: [(0, 0), (3, 3)]).count == 0)
  }
}

@Suite struct SmoothingTests {
  @Test func aConstantStaysConstantUpToTheFrame() {
    let image = GrayImage(width: 9, height: 6, repeating: 4)
    #expect(image.smoothed(sigma: 3) == image)
  }

  @Test func theBoxIsTheMeanOfWhatLiesInside() {
    let image = GrayImage(width: 3, height: 1, values: [0, 3, 6])
    #expect(image.boxSmoothed(radius: 1).values == [1.5, 3, 4.5])
  }

  @Test func aWideBoxIsTheMeanOfThePicture() {
    let image = GrayImage(width: 2, height: 2, values: [0, 2, 4, 6])
    #expect(image.boxSmoothed(radius: 50).values == [3, 3, 3, 3])
  }

  @Test func threeBoxesHaveAboutTheVarianceAskedFor() {
    var image = GrayImage(width: 81, height: 81)
    image[40, 40] = 1
    for sigma in [1.5, 3, 5] {
      let spread = image.smoothed(sigma: sigma)
      var variance = 0.0
      for y in 0..<81 { for x in 0..<81 { variance += Double(spread[x, y]) * Double((x - 40) * (x - 40)) } }
      #expect(abs(variance.squareRoot() - sigma) < 0.3)
    }
  }

  @Test func pixelsOutsideTheMaskHaveNoWeight() {
    let image = GrayImage(width: 4, height: 1, values: [5, 5, 100, 100])
    let mask = Mask(width: 4, height: 1, bits: [1, 1, 0, 0])
    let result = image.smoothed(sigma: 1, inside: mask)
    #expect(result.values.allSatisfy { abs($0 - 5) < 1e-4 })
  }
}
