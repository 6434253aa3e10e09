// The overview as a picture: the thumbnail with the tissue's outline, what is left out struck through, the candidate
// regions numbered, a scale bar, and a panel that says what is what.
// What must stay true: the panel lies beside the tissue, never on it; colours are of a palette that colour-blind readers
// can tell apart; no file name and no text from the file is on it.

import Domain
import Raster
import Slides

/// A frame with a number on the overview.
struct NumberedFrame: Sendable {
  /// In level-0 pixels.
  var rect: PixelRect
  var number: String
}

enum OverviewPicture {
  /// Longest side of the thumbnail in pixels.
  static let longestSide = 1400

  static func color(of exclusion: Exclusion) -> RGBColor {
    switch exclusion {
    case .ink: .vermilion
    case .keratin: .blue
    case .fold: .orange
    case .blur: .skyBlue
    }
  }

  /// The whole picture. `lines` are the first lines of the panel.
  static func draw(
    thumbnail: RegionPicture, map: TissueMap, frames: [NumberedFrame], frameLegend: String, lines: [String]
  ) -> RGBImage {
    var picture = thumbnail.image
    let (width, height) = (picture.width, picture.height)
    func scaled(_ mask: Mask) -> Mask {
      map.grid.resample(mask, rect: thumbnail.rect, width: width, height: height)
    }
    var legend: [RGBImage.LegendEntry] = []
    func area(_ mask: Mask) -> String {
      map.grid.areaMm2(pixels: mask.count).map { " \(NumberText.twoFigures($0)) mm²" } ?? ""
    }
    picture.outline(scaled(map.tissue), with: Stroke(.black, thickness: 2))
    legend.append(.init("tissue" + area(map.tissue), stroke: Stroke(.black, thickness: 2), sample: .frame))
    for exclusion in Exclusion.allCases {
      guard let mask = map.excluded[exclusion], mask.count > 0 else { continue }
      let part = scaled(mask)
      let stroke = Stroke(color(of: exclusion), thickness: 2)
      picture.fill(part, with: .white, opacity: 0.25)
      picture.hatch(part, spacing: 7, with: stroke)
      picture.outline(part, with: stroke)
      legend.append(.init("left out: \(exclusion.name)" + area(mask), stroke: stroke, sample: .hatching))
    }
    let frameStroke = Stroke(.green, thickness: 3)
    let scale = Double(width) / Double(map.grid.slideWidth)
    for frame in frames {
      let rect = PixelRect(
        x: Int(Double(frame.rect.x) * scale), y: Int(Double(frame.rect.y) * scale),
        width: max(4, Int((Double(frame.rect.width) * scale).rounded())),
        height: max(4, Int((Double(frame.rect.height) * scale).rounded())))
      picture.stroke(rect.insetBy(-2), with: Stroke(.white, thickness: 1))
      picture.stroke(rect.insetBy(-1), with: frameStroke)
      picture.drawLabel(frame.number, atX: rect.x + 2, y: rect.y + 2, scale: 2, color: .white, plate: .green)
    }
    if !frames.isEmpty { legend.append(.init(frameLegend, stroke: frameStroke, sample: .frame)) }
    if let micronsPerPixel = thumbnail.micronsPerPixel {
      picture.drawScaleBar(micronsPerPixel: micronsPerPixel, corner: emptiestCorner(scaled(map.tissue)), scale: 2)
    }
    return Panel.beside(picture, lines: lines, legend: legend)
  }

  /// The corner with the least tissue, a quarter of the picture wide.
  static func emptiestCorner(_ tissue: Mask) -> RGBImage.Corner {
    let (width, height) = (tissue.width / 4, tissue.height / 10)
    let corners: [(RGBImage.Corner, PixelRect)] = [
      (.bottomRight, PixelRect(x: tissue.width - width, y: tissue.height - height, width: width, height: height)),
      (.bottomLeft, PixelRect(x: 0, y: tissue.height - height, width: width, height: height)),
      (.topRight, PixelRect(x: tissue.width - width, y: 0, width: width, height: height)),
      (.topLeft, PixelRect(x: 0, y: 0, width: width, height: height)),
    ]
    return corners.min { tissue.count(in: $0.1) < tissue.count(in: $1.1) }?.0 ?? .bottomRight
  }
}
