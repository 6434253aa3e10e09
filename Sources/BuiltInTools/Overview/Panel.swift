// A panel with words and a legend beside a picture: the overview, or a zoomed region.
// What must stay true: the panel lies beside the picture and covers nothing of it.

import Raster

/// A white panel with words and a legend beside or below a picture.
enum Panel {
  private static let scale = 2
  private static let margin = 12

  /// The picture with a panel at its right, or below it when the picture is wider than high.
  static func beside(_ picture: RGBImage, lines: [String], legend: [RGBImage.LegendEntry], inset: RGBImage? = nil)
    -> RGBImage
  {
    let texts = lines + legend.map { "      " + $0.text }
    let textWidth = texts.map { RGBImage.sizeOfText($0, scale: scale).width }.max() ?? 0
    let lineHeight = RGBImage.sizeOfText("X", scale: scale).height + 4 * scale
    let panelWidth = max(textWidth, inset?.width ?? 0) + 2 * margin + 8 * scale
    let linesHeight = lines.count * lineHeight
    let legendHeight = legend.isEmpty ? 0 : legend.count * (13 * scale) + 10 * scale
    let panelHeight = linesHeight + legendHeight + (inset.map { $0.height + margin } ?? 0) + 3 * margin
    let isBelow = picture.width > picture.height
    var result = RGBImage(
      width: isBelow ? max(picture.width, panelWidth) : picture.width + panelWidth,
      height: isBelow ? picture.height + panelHeight : max(picture.height, panelHeight))
    result.paste(picture, atX: 0, y: 0)
    let left = isBelow ? margin : picture.width + margin
    var y = isBelow ? picture.height + margin : margin
    if let inset {
      result.paste(inset, atX: left, y: y)
      y += inset.height + margin
    }
    for line in lines {
      result.drawText(line, atX: left, y: y, scale: scale)
      y += lineHeight
    }
    if !legend.isEmpty {
      var plate = RGBImage(width: panelWidth, height: legendHeight + 2 * margin)
      plate.drawLegend(legend, corner: .topLeft, scale: scale)
      result.paste(plate, atX: left - 4 * scale, y: y)
    }
    return result
  }
}
