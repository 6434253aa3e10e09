// Regions at a scale: levels, strips, hashes, pictures as files.

import CPNG
import Domain
import Raster
import Synchronization
import TestSupport
import Testing

@testable import Slides

private let pattern: @Sendable (Int, Int) -> UInt32 = { x, y in
  UInt32((x * x / 50 + y) & 0xFF) << 16 | UInt32((x + y * 5) & 0xFF) << 8 | UInt32((x * 3) & 0xFF)
}

@Suite struct RegionReaderTests {
  private func open(_ slide: SyntheticSlide, _ folder: TemporaryFolder) throws -> SlideHandle {
    try SlideHandle(path: folder.write("a.svs", slide.bytes()))
  }

  @Test func theCoarsestLevelThatIsFineEnoughIsRead() throws {
    let folder = TemporaryFolder()
    let handle = try open(
      .aperio(width: 1024, height: 512, downsamples: [1, 4, 16], micronsPerPixel: 0.25, color: pattern), folder)
    #expect(handle.bestLevel(forDownsample: 0.5) == 0)
    #expect(handle.bestLevel(forDownsample: 3.9) == 0)
    #expect(handle.bestLevel(forDownsample: 4) == 1)
    #expect(handle.bestLevel(forDownsample: 15) == 1)
    #expect(handle.bestLevel(forDownsample: 100) == 2)
    let region = try handle.read(handle.bounds, micronsPerPixel: 1)
    #expect(region.image.width == 256 && region.image.height == 128)
    #expect(region.source.level == 1)
    #expect(region.source.micronsPerPixel == 1)
    #expect(region.micronsPerPixel == 1)
  }

  @Test func shrinkingIsTheMeanOfWhatIsCovered() throws {
    let folder = TemporaryFolder()
    let handle = try open(.aperio(width: 128, height: 128, micronsPerPixel: 0.5, color: pattern), folder)
    let rect = LevelZeroRect(x: 8, y: 16, width: 64, height: 64)
    let fine = try handle.read(rect, width: 64, height: 64).image
    let coarse = try handle.read(rect, width: 16, height: 16).image
    #expect(coarse == fine.resized(toWidth: 16, height: 16))
  }

  @Test func aTallRegionReadInStripsIsTheSameAsReadAtOnce() throws {
    let folder = TemporaryFolder()
    let handle = try open(.aperio(width: 2048, height: 2100, micronsPerPixel: 0.5, color: pattern), folder)
    let plan = StripPlan(slide: handle, rect: handle.bounds, width: 512, height: 525)
    #expect(plan.count > 1)
    let region = try handle.read(handle.bounds, width: 512, height: 525)
    let whole = try handle.read(level: 0, rect: PixelRect(x: 0, y: 0, width: 2048, height: 2100))
    #expect(region.image == whole.resized(toWidth: 512, height: 525))
    #expect(region.source.sha256 == whole.pixelSha256)
  }

  @Test func aRegionGrownBeyondTheSlidesScaleJoinsItsStripsSmoothly() throws {
    let folder = TemporaryFolder()
    let handle = try open(.aperio(width: 1100, height: 1100, micronsPerPixel: 0.5, color: pattern), folder)
    let whole = try handle.read(level: 0, rect: PixelRect(x: 0, y: 0, width: 1100, height: 1100))
    let grown = try handle.read(handle.bounds, width: 2200, height: 2200).image
    let expected = whole.resized(toWidth: 2200, height: 2200)
    #expect(zip(grown.pixels, expected.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
  }

  @Test func partsOfAPictureFitTogether() throws {
    let folder = TemporaryFolder()
    let handle = try open(
      .aperio(width: 700, height: 600, downsamples: [1, 2], micronsPerPixel: 0.37, color: pattern), folder)
    for (width, height) in [(700, 600), (518, 444), (300, 257)] {
      let whole = try handle.read(handle.bounds, width: width, height: height).image
      var joined = RGBImage(width: width, height: height)
      for y in stride(from: 0, to: height, by: 130) {
        for x in stride(from: 0, to: width, by: 170) {
          let part = PixelRect(x: x, y: y, width: min(170, width - x), height: min(130, height - y))
          joined.paste(
            try handle.read(part, ofPicture: handle.bounds, width: width, height: height).image, atX: x, y: y)
        }
      }
      // The weights of the mean round differently from part to part, by one grey level at most.
      #expect(zip(joined.pixels, whole.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    }
    #expect(throws: SlideError.self) {
      try handle.read(PixelRect(x: 690, y: 0, width: 20, height: 5), ofPicture: handle.bounds, width: 700, height: 600)
    }
  }

  @Test func theSameRequestGivesTheSameHashAndAnotherPlaceAnother() throws {
    let folder = TemporaryFolder()
    let handle = try open(.aperio(width: 256, height: 256, micronsPerPixel: 0.5, color: pattern), folder)
    let rect = LevelZeroRect(x: 3, y: 5, width: 77, height: 91)
    let first = try handle.read(rect, width: 50, height: 60)
    let second = try handle.read(rect, width: 50, height: 60)
    #expect(first.image == second.image && first.source == second.source)
    #expect(first.image.pixelSha256.isWellFormed)
    let other = try handle.read(LevelZeroRect(x: 4, y: 5, width: 77, height: 91), width: 50, height: 60)
    #expect(other.source.sha256 != first.source.sha256)
  }

  @Test func aReadCanBeCancelledAndSaysHowFarItIs() throws {
    let folder = TemporaryFolder()
    let handle = try open(.aperio(width: 2048, height: 4400, micronsPerPixel: 0.5, color: { _, _ in 0xFFFFFF }), folder)
    let seen = Mutex<[Double]>([])
    let control = ReadControl(
      isCancelled: { seen.withLock { !$0.isEmpty } }, progress: { share in seen.withLock { $0.append(share) } })
    #expect(throws: SlideError(.cancelled, "The caller asked to stop.")) {
      try handle.read(handle.bounds, width: 256, height: 550, control: control)
    }
    #expect(seen.withLock { $0.first ?? 0 } > 0)
  }

  @Test func aPictureAsPNGReadsBackUnchanged() throws {
    var random = SeededGenerator(seed: 3)
    for (width, height) in [(1, 1), (3, 5), (640, 480), (5000, 1)] {
      let picture = RGBImage(
        width: width, height: height,
        pixels: (0..<(3 * width * height)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
      let bytes = try picture.encodedPNG()
      var image = png_image()
      image.version = png_uint_32(PNG_IMAGE_VERSION)
      #expect(png_image_begin_read_from_memory(&image, bytes, bytes.count) != 0)
      image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
      var pixels = [UInt8](repeating: 0, count: 3 * width * height)
      #expect(png_image_finish_read(&image, nil, &pixels, 0, nil) != 0)
      #expect(Int(image.width) == width && pixels == picture.pixels)
    }
    #expect(throws: ImageEncodingError.self) { try RGBImage(width: 0, height: 4).encodedPNG() }
  }

  @Test func aPictureAsPPMIsAHeaderAndItsPixels() {
    let picture = RGBImage(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6])
    #expect(picture.encodedPPM() == Array("P6\n2 1\n255\n".utf8) + [1, 2, 3, 4, 5, 6])
  }
}
