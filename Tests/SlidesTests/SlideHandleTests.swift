// Opening and reading slides, the good and the broken.

import Domain
import Glibc
import Raster
import Synchronization
import TestSupport
import Testing

@testable import Slides

/// A colour that differs at each place.
private let pattern: @Sendable (Int, Int) -> UInt32 = { x, y in
  UInt32((x * 7 + y * 3) & 0xFF) << 16 | UInt32((x * 2 + y * 11) & 0xFF) << 8 | UInt32((x + y) & 0xFF)
}

private func code(_ body: () throws -> Void) -> SlideError.Code? {
  do {
    try body()
    return nil
  } catch {
    return (error as? SlideError)?.code
  }
}

@Suite struct SlideHandleTests {
  @Test func anAperioSlideSaysItsSizeLevelsScaleAndPower() throws {
    let folder = TemporaryFolder()
    let slide = SyntheticSlide.aperio(
      width: 300, height: 200, downsamples: [1, 2], micronsPerPixel: 0.499, color: pattern)
    let handle = try SlideHandle(path: folder.write("a.svs", slide.bytes()))
    #expect(handle.properties.width == 300 && handle.properties.height == 200)
    #expect(handle.properties.levelCount == 2)
    #expect(handle.properties.vendor == "aperio")
    #expect(handle.properties.scale == SlideScale(micronsPerPixel: 0.499, source: .slide))
    #expect(handle.properties.objectivePower == 20)
    #expect(handle.properties.decoder.hasPrefix("OpenSlide "))
    #expect(handle.name == "a.svs")
  }

  @Test func pixelsAreThoseOfTheFile() throws {
    let folder = TemporaryFolder()
    let slide = SyntheticSlide.aperio(width: 300, height: 200, micronsPerPixel: 0.5, color: pattern)
    let handle = try SlideHandle(path: folder.write("a.svs", slide.bytes()))
    let rect = PixelRect(x: 50, y: 60, width: 90, height: 70)
    let picture = try handle.read(level: 0, rect: rect)
    for (x, y) in [(0, 0), (89, 0), (13, 4), (14, 4), (89, 69)] {
      let packed = pattern(50 + x, 60 + y)
      let expected = RGBColor(UInt8(packed >> 16 & 255), UInt8(packed >> 8 & 255), UInt8(packed & 255))
      #expect(picture[x, y] == expected)
    }
  }

  @Test func aStatedScaleThatContradictsTheFileLeavesNone() throws {
    let folder = TemporaryFolder()
    let slide = SyntheticSlide.aperio(width: 100, height: 100, micronsPerPixel: 0.5, color: pattern)
    let handle = try SlideHandle(path: folder.write("a.svs", slide.bytes()), statedMicronsPerPixel: 0.25)
    #expect(handle.properties.scale == nil)
    #expect(handle.properties.slideMicronsPerPixel == 0.5)
    #expect(code { _ = try handle.read(handle.bounds, micronsPerPixel: 1) } == .noScale)
  }

  @Test func aPlainTIFFHasTheScaleOfItsResolutionTagUnlessThatIsAScreens() throws {
    let folder = TemporaryFolder()
    func scale(_ resolution: (x: Double, y: Double, unit: UInt16)?) throws -> SlideProperties {
      let slide = SyntheticSlide(width: 100, height: 100, resolution: resolution, color: pattern)
      return try SlideHandle(path: folder.write("\(resolution?.x ?? 0).tiff", slide.bytes())).properties
    }
    #expect(try scale((20_000, 20_000, 3)).scale?.micronsPerPixel == 0.5)
    #expect(try scale((96, 96, 2)).scale == nil)
    #expect(try scale((96, 96, 2)).scaleProblem?.contains("screen") == true)
    #expect(try scale((20_000, 10_000, 3)).scaleProblem?.contains("not square") == true)
    #expect(try scale(nil).scaleProblem?.contains("says nothing") == true)
  }

  @Test func whatIsNoSlideIsSaidToBeNone() throws {
    let folder = TemporaryFolder()
    #expect(code { _ = try SlideHandle(path: folder.path + "/missing.svs") } == .notFound)
    #expect(code { _ = try SlideHandle(path: folder.path) } == .unsupported)
    let text = folder.write("text.svs", Array(repeating: UInt8(ascii: "x"), count: 5000))
    #expect(code { _ = try SlideHandle(path: text) } == .unsupported)
    #expect(code { _ = try SlideHandle(path: folder.write("empty.svs", [])) } == .damaged)
    #expect(code { _ = try SlideHandle(path: "/dev/null") } == .unsupported)
  }

  @Test func errorsNameTheFileButNotItsFolder() throws {
    let folder = TemporaryFolder()
    let text = folder.write("secret-patient.svs", Array("hello".utf8))
    do {
      _ = try SlideHandle(path: text)
      Issue.record("a text file was opened")
    } catch {
      #expect(error.message.contains("secret-patient.svs"))
      #expect(!error.message.contains(folder.path))
      #expect(error.asVPathError.id == .slideUnsupported)
    }
  }

  /// TIFF heads whose directories go in circles, end at once, or claim what is not there.
  @Test(arguments: [
    [0x49, 0x49, 42, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 0], [0x49, 0x49, 42, 0, 0, 0, 0, 0, 0, 0],
    [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 0, 0, 0, 0, 8], [0x49, 0x49, 99, 0, 255, 255, 255, 255],
  ])
  func aTIFFThatLeadsNowhereIsNoSlide(_ head: [UInt8]) {
    let folder = TemporaryFolder()
    let path = folder.write("odd.tiff", head + [UInt8](repeating: 0, count: 64))
    #expect(code { _ = try SlideHandle(path: path) } == .unsupported)
  }

  @Test(arguments: [
    [0x49, 0x49, 42, 0, 255, 255, 255, 127], [0x49, 0x49, 42, 0, 8, 0, 0, 0, 255, 255],
    [0x49, 0x49, 43, 0, 8, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255], [0x49, 0x49, 42, 0],
  ])
  func aTIFFThatLeadsBeyondItsEndIsDamaged(_ head: [UInt8]) {
    let folder = TemporaryFolder()
    #expect(code { _ = try SlideHandle(path: folder.write("cut.tiff", head)) } == .damaged)
  }

  @Test func dicomThatIsNoWholeSlideIsUnsupported() {
    let folder = TemporaryFolder()
    let path = folder.write(
      "x.dcm", [UInt8](repeating: 0, count: 128) + Array("DICM".utf8) + [UInt8](repeating: 0, count: 64))
    #expect(code { _ = try SlideHandle(path: path) } == .unsupported)
  }

  @Test(arguments: [0.2, 0.5, 0.9, 0.999])
  func aFileCutShortIsDamaged(_ share: Double) throws {
    let folder = TemporaryFolder()
    let slide = SyntheticSlide.aperio(
      width: 500, height: 400, downsamples: [1, 4], micronsPerPixel: 0.5, color: pattern)
    let bytes = slide.bytes()
    let path = folder.write("cut.svs", Array(bytes.prefix(Int(Double(bytes.count) * share))))
    #expect(code { _ = try SlideHandle(path: path) } == .damaged)
  }

  @Test func aTileThatCannotBeReadIsAnErrorAndNeverEmptyGlass() throws {
    let folder = TemporaryFolder()
    // The coarsest level stays whole: OpenSlide hashes it when it opens a slide.
    var slide = SyntheticSlide.aperio(
      width: 256, height: 256, downsamples: [1, 4], micronsPerPixel: 2, color: pattern)
    slide.missingTiles = [5]
    let handle = try SlideHandle(path: folder.write("broken.svs", slide.bytes()))
    let broken = PixelRect(x: 70, y: 70, width: 20, height: 20)
    let whole = PixelRect(x: 0, y: 0, width: 40, height: 40)
    for _ in 0..<3 {
      #expect(code { _ = try handle.read(level: 0, rect: broken) } == .damaged)
      // OpenSlide's error latches: without a fresh handle these pixels would be zeros.
      #expect(try handle.read(level: 0, rect: whole)[3, 4] == RGBColor(33, 50, 7))
    }
    #expect(code { _ = try handle.read(handle.bounds, width: 128, height: 128) } == .damaged)
    #expect(code { _ = try handle.tissueMap() } == .damaged)
  }

  @Test func aSlideThatFailsTooOftenIsGivenUp() throws {
    let folder = TemporaryFolder()
    var slide = SyntheticSlide.aperio(
      width: 128, height: 64, downsamples: [1, 2], micronsPerPixel: 0.5, color: pattern)
    slide.missingTiles = [1]
    let handle = try SlideHandle(path: folder.write("broken.svs", slide.bytes()))
    let broken = PixelRect(x: 100, y: 10, width: 5, height: 5)
    for _ in 0..<(2 * SlideHandle.reopenBudget) {
      #expect(code { _ = try handle.read(level: 0, rect: broken) } == .damaged)
    }
    #expect(code { _ = try handle.read(level: 0, rect: PixelRect(x: 0, y: 0, width: 5, height: 5)) } == .damaged)
  }

  @Test func rectanglesOutsideEmptyOrHugeAreRefused() throws {
    let folder = TemporaryFolder()
    let slide = SyntheticSlide.aperio(width: 300, height: 200, micronsPerPixel: 0.5, color: pattern)
    let handle = try SlideHandle(path: folder.write("a.svs", slide.bytes()))
    for rect in [
      LevelZeroRect(x: 290, y: 0, width: 20, height: 20), LevelZeroRect(x: -1, y: 0, width: 5, height: 5),
      LevelZeroRect(x: 5, y: 5, width: 0, height: 5), LevelZeroRect(x: 5, y: 5, width: 5, height: -5),
      LevelZeroRect(x: .max, y: 0, width: .max, height: 1), LevelZeroRect(x: 0, y: 0, width: 1 << 50, height: 1 << 50),
    ] {
      #expect(code { _ = try handle.read(rect, width: 10, height: 10) } == .outOfBounds)
    }
    #expect(code { _ = try handle.read(handle.bounds, width: 100_000, height: 100_000) } == .tooLarge)
    #expect(code { _ = try handle.read(handle.bounds, width: 0, height: 5) } == .tooLarge)
    #expect(code { _ = try handle.read(handle.bounds, micronsPerPixel: 1e-9) } == .tooLarge)
    #expect(code { _ = try handle.read(handle.bounds, micronsPerPixel: 0) } == .tooLarge)
    #expect(code { _ = try handle.read(level: 1, rect: PixelRect(x: 0, y: 0, width: 5, height: 5)) } == .outOfBounds)
  }

  @Test func severalThreadsReadOneSlideAlike() throws {
    let folder = TemporaryFolder()
    let slide = SyntheticSlide.aperio(width: 512, height: 512, micronsPerPixel: 0.5, color: pattern)
    let handle = try SlideHandle(path: folder.write("a.svs", slide.bytes()))
    let expected = try handle.read(level: 0, rect: PixelRect(x: 10, y: 10, width: 400, height: 400))
    let different = Mutex(0)
    try Workers.forEach(count: 16) { _ throws(SlideError) in
      try handle.read(level: 0, rect: PixelRect(x: 10, y: 10, width: 400, height: 400))
    } take: { (_, picture) throws(SlideError) in
      if picture != expected { different.withLock { $0 += 1 } }
    }
    #expect(different.withLock { $0 } == 0)
  }

  @Test func aLibraryThatIsNamedButNotUsableIsAnErrorAndNotReplaced() {
    for path in ["/nowhere/libopenslide.so.1", "libm.so.6"] {
      do {
        _ = try OpenSlideLibrary.load(path: path)
        Issue.record("\(path) was loaded")
      } catch {
        #expect(error.code == .noDecoder)
        #expect(error.message.contains("VPATH_OPENSLIDE"))
        #expect(!error.message.contains("/nowhere"))
      }
    }
  }

  @Test(.enabled(if: DemoSlide.path != nil, "the demo slide is not in the cache: run make assets"))
  func aDemoSlideWithCorruptBytesIsDamagedWhereTheyLie() throws {
    let folder = TemporaryFolder()
    var bytes = try #require(DemoSlide.path.flatMap { TemporaryFolder.read($0) })
    for index in 900_000..<930_000 { bytes[index] = UInt8(truncatingIfNeeded: index &* 2_654_435_761 >> 7) }
    let handle = try SlideHandle(path: folder.write("corrupt.svs", bytes))
    #expect(code { _ = try handle.read(handle.bounds, width: 222, height: 296) } == .damaged)
    let top = try handle.read(LevelZeroRect(x: 0, y: 0, width: 200, height: 200), width: 200, height: 200)
    #expect(top.image.pixels.contains { $0 > 200 })
  }
}
