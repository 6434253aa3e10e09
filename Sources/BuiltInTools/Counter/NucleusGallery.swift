// A gallery of counted nuclei: what the number was made of, for a reader's own eye.
// What must stay true: the nuclei shown are chosen by rule (evenly through the count, and the least certain ones), never
// by look; every counted nucleus in a crop is marked, the one that the crop is about with a ring.

import Analysis
import Domain
import Raster

struct NucleusGallery {
  let counting: NucleusCounting
  /// In level-0 pixels.
  let nuclei: [Nucleus]
  let title: String

  static let columns = 10
  static let evenRows = 5
  /// Side of a crop in µm, and how many picture pixels one analysed pixel becomes.
  static let cropMicrons = 36.0
  static let magnification = 2

  /// The picture; nil when nothing was counted.
  func draw() throws(VPathError) -> RGBImage? {
    guard !nuclei.isEmpty else { return nil }
    let even = evenly(Self.columns * Self.evenRows)
    let uncertain = Array(
      nuclei.indices.sorted { (nuclei[$0].score, $0) < (nuclei[$1].score, $1) }.prefix(Self.columns))
    let side = max(8, Int((Self.cropMicrons / counting.picture.micronsPerPixel).rounded()))
    let cell = side * Self.magnification + 4
    let textHeight = 30
    let rows = (even.count + Self.columns - 1) / Self.columns
    var sheet = RGBImage(
      width: Self.columns * cell + 16, height: (rows + 1) * cell + 3 * textHeight + 50)
    sheet.drawText(title, atX: 8, y: 8, scale: 2)
    sheet.drawText("evenly through the count, from top to bottom", atX: 8, y: 8 + textHeight, scale: 1)
    var y = 28 + textHeight
    try place(even, side: side, cell: cell, y: y, into: &sheet)
    y += rows * cell + 12
    sheet.drawText("the least certain", atX: 8, y: y, scale: 1)
    y += 16
    try place(uncertain, side: side, cell: cell, y: y, into: &sheet)
    sheet.drawText(
      "yellow ring: the counted nucleus; yellow dots: its counted neighbours", atX: 8, y: y + cell + 6, scale: 1)
    let footer = PixelRect(x: 0, y: y + cell, width: sheet.width, height: sheet.height - y - cell)
    drawScale(into: &sheet, footer: footer)
    return sheet
  }

  /// Indices spread evenly through the list.
  private func evenly(_ count: Int) -> [Int] {
    let number = min(count, nuclei.count)
    return (0..<number).map { $0 * nuclei.count / number }
  }

  private func place(
    _ indices: [Int], side: Int, cell: Int, y: Int, into sheet: inout RGBImage
  ) throws(VPathError) {
    let picture = counting.picture
    for (position, index) in indices.enumerated() {
      let nucleus = nuclei[index]
      let (image, rect) = try counting.crop(x: nucleus.x, y: nucleus.y, side: side)
      guard !rect.isEmpty else { continue }
      var crop = image.resized(
        toWidth: image.width * Self.magnification, height: image.height * Self.magnification)
      for (other, near) in nuclei.enumerated() {
        let x = (near.x / picture.stepX - Double(rect.x)) * Double(Self.magnification)
        let y = (near.y / picture.stepY - Double(rect.y)) * Double(Self.magnification)
        guard x > -40, y > -40, x < Double(crop.width) + 40, y < Double(crop.height) + 40 else { continue }
        if other == index {
          let radius = (near.areaUm2 / .pi).squareRoot() / picture.micronsPerPixel * Double(Self.magnification)
          crop.drawRing(atX: Int(x), y: Int(y), radius: Int(radius * 1.25) + 3, with: Stroke(.yellow, thickness: 1))
        } else {
          crop.fillDisc(atX: Int(x), y: Int(y), radius: 2, with: .yellow)
        }
      }
      sheet.paste(
        crop, atX: 8 + position % Self.columns * cell, y: y + position / Self.columns * cell)
    }
  }

  private func drawScale(into sheet: inout RGBImage, footer: PixelRect) {
    let micronsPerPixel = counting.picture.micronsPerPixel / Double(Self.magnification)
    guard let bar = RGBImage.scaleBarLength(micronsPerPixel: micronsPerPixel, atMost: 120) else { return }
    let words = "\(bar.microns) µm"
    let x = footer.maxX - 12 - bar.pixels
    sheet.fill(PixelRect(x: x, y: footer.y + 20, width: bar.pixels, height: 3), with: .black)
    sheet.drawText(words, atX: x, y: footer.y + 6, scale: 1)
  }
}
