// Tissue and what is left out of it: on pictures whose truth is known by how they were made.

import Domain
import Glibc
import Raster
import TestSupport
import Testing

@testable import Slides

private let glass = RGBColor(244, 243, 245)
private let collagen = RGBColor(222, 150, 190)
private let nucleus = RGBColor(80, 60, 130)

/// Tissue of 600 by 600 µm with a nucleus every 20 µm, in the middle of glass, at 1 µm per pixel.
private func specimen(_ more: (inout RGBImage) -> Void = { _ in }) -> RGBImage {
  var image = RGBImage(width: 1000, height: 1000, filled: glass)
  image.fill(PixelRect(x: 200, y: 200, width: 600, height: 600), with: collagen)
  for y in stride(from: 210, to: 800, by: 20) {
    for x in stride(from: 210, to: 800, by: 20) { image.fillDisc(atX: x, y: y, radius: 3, with: nucleus) }
  }
  more(&image)
  return image
}

/// A slide with this picture as level 0.
private func open(_ image: RGBImage, micronsPerPixel: Double?, _ folder: TemporaryFolder) throws -> SlideHandle {
  let color: @Sendable (Int, Int) -> UInt32 = { x, y in
    let color = image[x, y]
    return UInt32(color.red) << 16 | UInt32(color.green) << 8 | UInt32(color.blue)
  }
  let slide =
    micronsPerPixel.map {
      SyntheticSlide.aperio(width: image.width, height: image.height, micronsPerPixel: $0, color: color)
    } ?? SyntheticSlide(width: image.width, height: image.height, color: color)
  return try SlideHandle(path: folder.write("t.svs", slide.bytes()))
}

private func map(_ image: RGBImage, micronsPerPixel: Double? = 1, organ: String? = nil) throws -> TissueMap {
  let folder = TemporaryFolder()
  return try open(image, micronsPerPixel: micronsPerPixel, folder).tissueMap(options: TissueOptions(organ: organ))
}

private func areaMm2(_ mask: Mask?, _ map: TissueMap) -> Double {
  mask.flatMap { map.grid.areaMm2(pixels: $0.count) } ?? -1
}

@Suite struct TissueTests {
  @Test func plainTissueHasTheAreaItWasDrawnWith() throws {
    let map = try map(specimen())
    #expect(abs(areaMm2(map.tissue, map) - 0.36) < 0.004)
    #expect(abs(areaMm2(map.unflagged, map) - 0.36) < 0.004)
    #expect(map.unchecked.isEmpty)
    #expect(map.glass == glass)
  }

  @Test func glassAloneHasNoTissue() throws {
    let map = try map(RGBImage(width: 500, height: 500, filled: glass))
    #expect(map.tissue.count == 0 && map.flagged.count == 0)
  }

  @Test func aSlideWithoutGlassIsAllTissue() throws {
    var image = RGBImage(width: 400, height: 400, filled: collagen)
    for y in stride(from: 10, to: 400, by: 20) {
      for x in stride(from: 10, to: 400, by: 20) { image.fillDisc(atX: x, y: y, radius: 3, with: nucleus) }
    }
    let map = try map(image)
    #expect(map.tissue.count == map.grid.width * map.grid.height)
  }

  @Test func smallHolesAreTissueAndLargeOnesAreNot() throws {
    let map = try map(
      specimen {
        $0.fill(PixelRect(x: 300, y: 300, width: 18, height: 18), with: glass)
        $0.fill(PixelRect(x: 500, y: 500, width: 100, height: 100), with: glass)
      })
    #expect(abs(areaMm2(map.tissue, map) - 0.35) < 0.005)
  }

  @Test func piecesTooSmallToJudgeAndDustAreDebris() throws {
    let map = try map(
      specimen {
        $0.fill(PixelRect(x: 100, y: 100, width: 30, height: 30), with: collagen)
        $0.fill(PixelRect(x: 100, y: 500, width: 60, height: 60), with: RGBColor(170, 170, 171))
      })
    #expect(abs(areaMm2(map.tissue, map) - 0.36) < 0.004)
    #expect(areaMm2(map.debris, map) > 0.003)
  }

  @Test(arguments: [
    RGBColor(20, 140, 115), RGBColor(30, 38, 110), RGBColor(50, 62, 154), RGBColor(12, 12, 14), RGBColor(32, 68, 70),
  ])
  func inkOfAnyPenIsLeftOutOnTissueAndOnGlass(_ ink: RGBColor) throws {
    let map = try map(
      specimen {
        $0.fill(PixelRect(x: 300, y: 300, width: 100, height: 60), with: ink)
        $0.fill(PixelRect(x: 50, y: 50, width: 100, height: 60), with: ink)
      })
    #expect(abs(areaMm2(map.excluded[.ink], map) - 0.012) < 0.002)
    #expect(abs(areaMm2(map.unflagged, map) - 0.354) < 0.005)
  }

  @Test func hematoxylinEosinBloodAndBrownStainAreNoInk() throws {
    let map = try map(
      specimen {
        for (index, color) in [
          RGBColor(98, 58, 107), RGBColor(60, 40, 100), RGBColor(145, 37, 63), RGBColor(120, 80, 50),
          RGBColor(110, 115, 160), RGBColor(150, 160, 200),
        ].enumerated() {
          $0.fill(PixelRect(x: 220 + 90 * index, y: 400, width: 60, height: 60), with: color)
        }
      })
    #expect(areaMm2(map.excluded[.ink], map) == 0)
  }

  @Test func tissueLyingOnItselfIsAFold() throws {
    let image = specimen { image in
      // Cellular tissue, then the same light twice through it in a band.
      for y in 200..<800 {
        for x in 200..<800 {
          let base = image[x, y]
          let dense = RGBColor(
            UInt8(Int(base.red) * 150 / 255), UInt8(Int(base.green) * 130 / 255), UInt8(Int(base.blue) * 170 / 255))
          let twice = RGBColor(
            UInt8(Int(dense.red) * Int(dense.red) / 255 * 7 / 10),
            UInt8(Int(dense.green) * Int(dense.green) / 255 * 7 / 10),
            UInt8(Int(dense.blue) * Int(dense.blue) / 255 * 7 / 10))
          image[x, y] = (400..<460).contains(x) ? twice : dense
        }
      }
    }
    let map = try map(image, organ: "colon")
    let folds = areaMm2(map.excluded[.fold], map)
    #expect(folds > 0.030 && folds < 0.040)
    #expect(map.excluded[.keratin] == nil)
  }

  @Test func blurredTissueIsLeftOutAndSharpTissueIsNot() throws {
    var image = specimen()
    func channel(_ offset: Int) -> GrayImage {
      GrayImage(width: 1000, height: 1000, values: (0..<1_000_000).map { Float(image.pixels[3 * $0 + offset]) })
        .smoothed(sigma: 2.5)
    }
    let soft = [channel(0), channel(1), channel(2)]
    for y in 512..<1000 {
      for x in 0..<1000 {
        for offset in 0..<3 { image.pixels[3 * (y * 1000 + x) + offset] = UInt8(soft[offset][x, y]) }
      }
    }
    let map = try map(image)
    let blur = areaMm2(map.excluded[.blur], map)
    // The lower part of the tissue, 288 of its 600 µm.
    #expect(abs(blur - 0.173) < 0.01)
    #expect(abs(areaMm2(map.unflagged, map) - 0.187) < 0.01)
  }

  @Test func withoutAScaleOnlyColourDecidesAndWhatWasNotCheckedIsSaid() throws {
    let map = try map(
      specimen { $0.fill(PixelRect(x: 300, y: 300, width: 100, height: 60), with: RGBColor(20, 140, 115)) },
      micronsPerPixel: nil)
    #expect(map.grid.micronsPerPixel == nil)
    #expect(map.tissue.count > 0 && (map.excluded[.ink]?.count ?? 0) > 0)
    #expect(map.excluded[.keratin] == nil && map.excluded[.blur] == nil)
    #expect(map.unchecked.count == 2)
  }

  @Test func aCoarseSlideIsNotJudgedForFocus() throws {
    let map = try map(specimen(), micronsPerPixel: 8)
    #expect(map.excluded[.blur] == nil)
    #expect(map.unchecked.contains { $0.contains("focus") })
  }

  @Test func exclusionsAreDisjointAndTheRestAddsUp() throws {
    let map = try map(
      specimen {
        $0.fill(PixelRect(x: 300, y: 300, width: 100, height: 60), with: RGBColor(20, 140, 115))
        $0.fill(PixelRect(x: 500, y: 300, width: 100, height: 100), with: RGBColor(40, 20, 60))
      })
    let masks = Array(map.excluded.values)
    for first in masks.indices {
      for second in masks.indices where second > first { #expect(masks[first].and(masks[second]).count == 0) }
    }
    #expect(map.unflagged.count + map.flagged.and(map.tissue).count == map.tissue.count)
    #expect(map.tissue.and(map.debris).count == 0)
  }

  @Test(arguments: [("skin", true), ("Oral cavity", true), ("colon", false), ("lymph node", false), (nil, true)])
  func keratinIsLookedForWhereSquamousEpitheliumIs(_ organ: String?, _ expected: Bool) {
    #expect(TissueOptions(organ: organ).looksForKeratin == expected)
  }

  @Test func denseTissueWithoutLayersIsNoKeratin() throws {
    let map = try map(
      specimen {
        $0.fill(PixelRect(x: 400, y: 400, width: 200, height: 200), with: RGBColor(120, 70, 140))
        for y in stride(from: 400, to: 600, by: 9) {
          for x in stride(from: 400, to: 600, by: 9) {
            $0.fillDisc(atX: x, y: y, radius: 3, with: RGBColor(50, 30, 80))
          }
        }
      }, organ: "skin")
    #expect(areaMm2(map.excluded[.keratin], map) == 0)
  }

  @Test func darkLayersAreKeratin() throws {
    let map = try map(
      specimen {
        $0.fill(PixelRect(x: 400, y: 400, width: 200, height: 100), with: RGBColor(110, 50, 95))
        for y in stride(from: 400, to: 500, by: 5) {
          $0.fill(PixelRect(x: 400, y: y, width: 200, height: 2), with: RGBColor(40, 15, 40))
        }
      }, organ: "skin")
    let keratin = areaMm2(map.excluded[.keratin], map)
    #expect(keratin > 0.015 && keratin < 0.025)
  }
}

@Suite struct TissueGridTests {
  @Test func theGridIsTwoMicrometresOrCoarserForLargeSlidesAndNeverFinerThanTheSlide() {
    #expect(
      abs((TissueGrid(slideWidth: 4000, slideHeight: 4000, micronsPerPixel: 0.5).micronsPerPixel ?? 0) - 2) < 1e-9)
    let large = TissueGrid(slideWidth: 100_000, slideHeight: 80_000, micronsPerPixel: 0.25)
    #expect(abs((large.micronsPerPixel ?? 0) - 8) < 0.01)
    #expect(large.width * large.height <= TissueGrid.largest)
    #expect(TissueGrid(slideWidth: 1000, slideHeight: 700, micronsPerPixel: 29).width == 1000)
    let none = TissueGrid(slideWidth: 30_000, slideHeight: 10_000, micronsPerPixel: nil)
    #expect(none.width == 2048 && none.micronsPerPixel == nil && none.areaMm2(pixels: 5) == nil)
  }

  @Test func placesGoThereAndBack() {
    let grid = TissueGrid(slideWidth: 2220, slideHeight: 2967, micronsPerPixel: 0.499)
    let whole = PixelRect(x: 0, y: 0, width: grid.width, height: grid.height)
    #expect(grid.levelZeroRect(of: whole) == LevelZeroRect(x: 0, y: 0, width: 2220, height: 2967))
    let some = PixelRect(x: 100, y: 50, width: 20, height: 30)
    let back = grid.pixelRect(of: grid.levelZeroRect(of: some))
    #expect(back.intersection(some) == some && back.area <= 22 * 32)
    #expect(grid.pixelRect(of: LevelZeroRect(x: 5000, y: 0, width: 9, height: 9)).isEmpty)
  }

  @Test func aMaskIsTakenOverToAnotherScale() {
    let grid = TissueGrid(slideWidth: 400, slideHeight: 400, micronsPerPixel: 1)
    var mask = Mask(width: grid.width, height: grid.height)
    mask[50, 60] = true
    let fine = grid.resample(mask, rect: LevelZeroRect(x: 90, y: 110, width: 20, height: 20), width: 20, height: 20)
    #expect(fine.count == 4)
    #expect(fine[10, 10] && fine[11, 11] && !fine[9, 10])
  }
}
