// Pictures: cutting, colour and resampling.

import Raster
import TestSupport
import Testing

func randomImage(_ seed: UInt64, width: Int, height: Int) -> RGBImage {
  var generator = SeededGenerator(seed: seed)
  return RGBImage(
    width: width, height: height,
    pixels: (0..<(3 * width * height)).map { _ in UInt8.random(in: 0...255, using: &generator) })
}

@Suite struct PictureTests {
  @Test func croppingCutsAtTheFrame() {
    let image = randomImage(1, width: 8, height: 6)
    let part = image[PixelRect(x: 6, y: -1, width: 5, height: 3)]
    #expect(part.width == 2 && part.height == 2)
    #expect(part[0, 0] == image[6, 0] && part[1, 1] == image[7, 1])
    #expect(image[PixelRect(x: 20, y: 0, width: 2, height: 2)].pixels.isEmpty)
  }

  @Test func pastingDropsWhatFallsOutside() {
    var image = RGBImage(width: 4, height: 4)
    image.paste(RGBImage(width: 3, height: 3, filled: .black), atX: 2, y: -1)
    #expect((0..<16).filter { image[$0 % 4, $0 / 4] == .black } == [2, 3, 6, 7])
  }

  @Test func transparentPixelsTakeTheBackground() {
    let words: [UInt32] = [0x0000_0000, 0xFF10_2030, 0x8040_0000]
    let image = words.withUnsafeBufferPointer { RGBImage(width: 3, height: 1, premultipliedARGB: $0) }
    #expect(image[0, 0] == .white)
    #expect(image[1, 0] == RGBColor(0x10, 0x20, 0x30))
    #expect(image[2, 0] == RGBColor(0x40 + 127, 127, 127))
  }

  @Test func colourMeasuresOfKnownColours() {
    #expect(RGBColor(255, 0, 0).hsv == (0, 1, 1))
    #expect(RGBColor(0, 255, 0).hsv == (120, 1, 1))
    #expect(RGBColor(0, 0, 255).hsv == (240, 1, 1))
    #expect(RGBColor(255, 0, 255).hsv == (300, 1, 1))
    #expect(RGBColor(90, 90, 90).hsv.saturation == 0)
    #expect(abs(RGBColor.white.luma - 255) < 0.001)
    #expect(RGBColor.black.blended(over: .white, opacity: 0.5) == RGBColor(128, 128, 128))
    let table = OpticalDensity.table()
    #expect(table[255] == 0 && table[0] == table[1])
    #expect(abs(table[25] - 1.0086) < 0.001)
    let planes = RGBImage(width: 2, height: 1, pixels: [200, 100, 50, 255, 255, 255]).hsv()
    #expect(planes.hue.values[0] == RGBColor(200, 100, 50).hsv.hue)
    #expect(RGBImage(width: 1, height: 1, filled: RGBColor(10, 20, 30)).luma().values == [RGBColor(10, 20, 30).luma])
  }

  @Test func halvingAveragesBlocksOfFour() {
    let image = randomImage(5, width: 10, height: 8)
    let half = image.scaled(by: 0.5)
    #expect(half.width == 5 && half.height == 4)
    for y in 0..<4 {
      for x in 0..<5 {
        let sum = [(0, 0), (1, 0), (0, 1), (1, 1)].map { Int(image[2 * x + $0.0, 2 * y + $0.1].green) }.reduce(0, +)
        #expect(abs(Double(half[x, y].green) - Double(sum) / 4) <= 0.5001)
      }
    }
  }

  @Test func shrinkingByAnyFactorKeepsTheMean() {
    let image = randomImage(6, width: 97, height: 61)
    let mean = { (image: RGBImage) in Double(image.pixels.reduce(0) { $0 + Int($1) }) / Double(image.pixels.count) }
    for (width, height) in [(50, 31), (13, 60), (1, 1)] {
      #expect(abs(mean(image.resized(toWidth: width, height: height)) - mean(image)) < 0.6)
    }
  }

  @Test func aFlatPictureStaysFlatAtEverySize() {
    let image = RGBImage(width: 7, height: 5, filled: RGBColor(13, 200, 77))
    for size in [1, 3, 5, 12, 40] {
      let other = image.resized(toWidth: size, height: size)
      #expect(other == RGBImage(width: size, height: size, filled: RGBColor(13, 200, 77)))
    }
  }

  @Test func growingKeepsCentresAndIsLinearBetweenThem() {
    let image = RGBImage(width: 2, height: 1, pixels: [0, 0, 0, 200, 200, 200])
    let grown = image.resized(toWidth: 8, height: 1)
    #expect((0..<8).map { grown[$0, 0].red } == [0, 0, 25, 75, 125, 175, 200, 200])
  }

  @Test func aWindowBetweenPixelsIsResampledAsItLies() {
    let image = RGBImage(width: 4, height: 1, pixels: [0, 0, 0, 100, 100, 100, 200, 200, 200, 240, 240, 240])
    let window = Resampler.Window(x: 0.5, y: 0, width: 2, height: 1)
    #expect(image.resampled(window, toWidth: 1, height: 1)[0, 0].red == 100)
    #expect(image.resampled(window, toWidth: 2, height: 1)[0, 0].red == 50)
  }

  @Test func sameSizeIsTheSamePicture() {
    let image = randomImage(9, width: 6, height: 6)
    #expect(image.resized(toWidth: 6, height: 6) == image)
    let gray = image.luma()
    #expect(gray.resized(toWidth: 6, height: 6) == gray)
    #expect(gray.resized(toWidth: 3, height: 3).values.count == 9)
    #expect(gray.cropped(to: PixelRect(x: 1, y: 1, width: 2, height: 2))[0, 0] == gray[1, 1])
    #expect(gray.mask(above: 100).count == gray.values.filter { $0 > 100 }.count)
  }
}
