// Drawing: marks land where they should, and nothing outside the picture matters.

import Raster
import Testing

@Suite struct DrawingTests {
  private func painted(_ image: RGBImage) -> Set<Int> {
    Set((0..<(image.width * image.height)).filter { image[$0 % image.width, $0 / image.width] != .white })
  }

  @Test func aFrameLiesJustInsideItsRectangle() {
    var image = RGBImage(width: 10, height: 10)
    image.stroke(PixelRect(x: 2, y: 3, width: 5, height: 4), with: Stroke(.black))
    #expect(painted(image).count == 14)
    #expect(image[2, 3] == .black && image[6, 6] == .black && image[4, 4] == .white)
  }

  @Test func aThickFrameGrowsInwards() {
    var image = RGBImage(width: 10, height: 10)
    image.stroke(PixelRect(x: 0, y: 0, width: 6, height: 6), with: Stroke(.black, thickness: 2))
    #expect(painted(image).count == 32)
    #expect(image[2, 2] == .white)
  }

  @Test func aDashedFrameSkipsItsGaps() {
    var image = RGBImage(width: 20, height: 20)
    image.stroke(
      PixelRect(x: 0, y: 0, width: 11, height: 11), with: Stroke(.black, dash: Stroke.Dash(on: 2, off: 2)))
    #expect(painted(image).count == 20)
  }

  @Test func hatchingStaysInsideTheMask() {
    var mask = Mask(width: 30, height: 30)
    for y in 5..<25 { for x in 5..<25 where (x + y) % 3 != 0 { mask[x, y] = true } }
    var image = RGBImage(width: 30, height: 30)
    image.hatch(mask, spacing: 4, with: Stroke(.vermilion))
    let marks = painted(image)
    #expect(!marks.isEmpty && marks.allSatisfy { mask.bits[$0] == 1 })
  }

  @Test func linesJoinTheirEnds() {
    var image = RGBImage(width: 12, height: 12)
    image.drawLine(fromX: 1, y: 2, toX: 9, y: 7, with: Stroke(.blue))
    #expect(image[1, 2] == .blue && image[9, 7] == .blue && painted(image).count == 9)
  }

  @Test func marksOutsideThePictureChangeNothing() {
    let blank = RGBImage(width: 8, height: 8)
    var image = blank
    image.drawLine(fromX: -50, y: -5, toX: 60, y: -5, with: Stroke(.black))
    image.stroke(PixelRect(x: 100, y: 100, width: 5, height: 5), with: Stroke(.black))
    image.fillDisc(atX: -20, y: 3, radius: 4, with: .black)
    image.drawRing(atX: 30, y: 3, radius: 4, with: Stroke(.black))
    image.drawText("outside", atX: 3, y: 40)
    image.hatch(PixelRect(x: 9, y: 9, width: 3, height: 3), spacing: 2, with: Stroke(.black))
    #expect(image == blank)
  }

  @Test func marksAcrossTheFrameAreCut() {
    var image = RGBImage(width: 8, height: 8)
    image.stroke(PixelRect(x: -2, y: -2, width: 5, height: 5), with: Stroke(.black))
    image.drawCross(atX: 7, y: 7, radius: 3, diagonal: true, with: Stroke(.black))
    image.drawPolygon([(x: 1, y: 1), (x: 30, y: 1), (x: 30, y: 30)], with: Stroke(.black))
    #expect(image[2, 0] == .black && image[7, 7] == .black && image[7, 1] == .black)
  }

  @Test func everyLetterOfTheFaceIsDrawnAndUnknownOnesAreBoxes() {
    func dots(_ character: Character) -> Set<Int> {
      var image = RGBImage(width: 6, height: 10)
      image.drawText(String(character), atX: 0, y: 0)
      return painted(image)
    }
    let box = dots("漢")
    #expect(box.count == 20)
    let known = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzµ²°±≥≤.,:;-+=/()[]<>%&#*!?"
    var shapes: Set<Set<Int>> = []
    for character in known {
      let shape = dots(character)
      #expect(!shape.isEmpty && shape != box, "\(character)")
      shapes.insert(shape)
    }
    #expect(shapes.count == known.count, "two letters look the same")
    #expect(dots(" ").isEmpty)
  }

  @Test func textIsAsWideAsItSays() {
    let size = RGBImage.sizeOfText("25 µm", scale: 2)
    var image = RGBImage(width: 200, height: 40)
    image.drawText("25 µm", atX: 10, y: 5, scale: 2)
    let columns = painted(image).map { $0 % 200 }
    let rows = painted(image).map { $0 / 200 }
    #expect((columns.min() ?? 0) >= 10 && (columns.max() ?? 999) < 10 + size.width)
    #expect((rows.min() ?? 0) >= 5 && (rows.max() ?? 999) < 5 + size.height)
  }

  @Test func scaleBarIsTheLongestRoundLengthThatFits() {
    #expect(RGBImage.scaleBarLength(micronsPerPixel: 0.5, atMost: 250)?.microns == 100)
    #expect(RGBImage.scaleBarLength(micronsPerPixel: 0.5, atMost: 250)?.pixels == 200)
    #expect(RGBImage.scaleBarLength(micronsPerPixel: 10, atMost: 100)?.microns == 1000)
    #expect(RGBImage.scaleBarLength(micronsPerPixel: 10, atMost: 0) == nil)
    #expect(RGBImage.scaleBarLength(micronsPerPixel: .nan, atMost: 50) == nil)
    var image = RGBImage(width: 400, height: 100)
    #expect(image.drawScaleBar(micronsPerPixel: 0.5) != nil)
    let longest = (0..<100).map { y in (0..<400).filter { image[$0, y] == .black }.count }.max()
    #expect(longest == 100)
    var tiny = RGBImage(width: 2, height: 2)
    #expect(tiny.drawScaleBar(micronsPerPixel: 0.1) == nil)
  }

  @Test func legendAndLabelsFitTheirPlates() {
    var image = RGBImage(width: 300, height: 120, filled: .skyBlue)
    let plate = image.drawLegend(
      [
        .init("counted region", stroke: Stroke(.yellow), sample: .frame),
        .init("left out: ink", stroke: Stroke(.black), sample: .hatching),
        .init("nucleus", stroke: Stroke(.green), sample: .cross),
        .init("tissue", stroke: Stroke(.orange), sample: .filled),
      ], corner: .bottomLeft)
    let label = image.drawLabel("r1", atX: 250, y: 4)
    for y in 0..<120 {
      for x in 0..<300 where image[x, y] != .skyBlue {
        let point = (Double(x), Double(y))
        #expect(plate?.contains(x: point.0, y: point.1) == true || label.contains(x: point.0, y: point.1))
      }
    }
    #expect(image.drawLegend([]) == nil)
  }

  @Test func outlinesAndOverlaysFollowTheMask() {
    var mask = Mask(width: 12, height: 12)
    for y in 3..<9 { for x in 3..<9 { mask[x, y] = true } }
    var image = RGBImage(width: 12, height: 12)
    image.outline(mask, with: Stroke(.black))
    #expect(painted(image).count == 20)
    image.fill(mask, with: .blue, opacity: 0.5)
    #expect(painted(image).count == 36)
    image.fillDisc(atX: 0, y: 0, radius: 1, with: .blue)
    #expect(image[1, 0] == .blue && image[1, 1] == .white)
  }
}
