// The classes of tiles as a picture and as a file for QuPath.
// What must stay true: colours belong to labels by their order, the same in picture and file; the tissue's own look
// stays visible under them; the panel says that resemblance is no diagnosis.

import Analysis
import Domain
import JSON
import Raster
import Slides

enum ClassMap {
  private static let palette: [RGBColor] = [.blue, .vermilion, .orange, .green, .skyBlue, .yellow]

  static func color(_ label: Int) -> RGBColor { palette[label % palette.count] }

  /// The overview with every tile tinted by its class.
  static func draw(
    thumbnail: RegionPicture, map: TissueMap, classified: ClassifiedTiles, card: ClassifierCard, lines: [String]
  ) -> RGBImage {
    var picture = thumbnail.image
    let scale = Double(picture.width) / Double(thumbnail.rect.width)
    func frame(_ tile: LatticeTile) -> PixelRect {
      let x = Int(Double(tile.levelZero.x - thumbnail.rect.x) * scale)
      let y = Int(Double(tile.levelZero.y - thumbnail.rect.y) * scale)
      return PixelRect(
        x: x, y: y, width: max(1, Int(Double(tile.levelZero.width) * scale)),
        height: max(1, Int(Double(tile.levelZero.height) * scale)))
    }
    for tile in classified.tiles {
      let rect = frame(tile.tile)
      picture.fill(rect, with: color(tile.label), opacity: 0.3)
      if rect.width >= 8 { picture.stroke(rect.insetBy(1), with: Stroke(color(tile.label), thickness: 2)) }
    }
    for tile in classified.foreign { picture.hatch(frame(tile), spacing: 7, with: Stroke(.black, thickness: 1)) }
    let outline = Stroke(.black, thickness: 2)
    let tissue = map.grid.resample(map.tissue, rect: thumbnail.rect, width: picture.width, height: picture.height)
    picture.outline(tissue, with: outline)
    if let micronsPerPixel = thumbnail.micronsPerPixel {
      picture.drawScaleBar(
        micronsPerPixel: micronsPerPixel, corner: OverviewPicture.emptiestCorner(tissue), scale: 2)
    }
    var legend: [RGBImage.LegendEntry] = [.init("tissue", stroke: outline, sample: .frame)]
    for (index, label) in card.labels.enumerated().prefix(palette.count * 2) {
      let count = classified.tiles.filter { $0.label == index }.count
      legend.append(
        .init(
          "resembling \(label): \(NumberText.grouped(count)) tiles", stroke: Stroke(color(index), thickness: 3),
          sample: .frame))
    }
    if !classified.foreign.isEmpty {
      legend.append(.init("left out: another stain", stroke: Stroke(.black, thickness: 1), sample: .hatching))
    }
    return Panel.beside(picture, lines: lines, legend: legend)
  }

  /// Every tile as a QuPath tile with its class and scores.
  static func geoJSON(_ classified: ClassifiedTiles, card: ClassifierCard) -> [UInt8] {
    let features = classified.tiles.map { tile in
      var measurements: [String: Double] = ["Tissue share": (tile.tile.tissueShare * 100).rounded() / 100]
      for (index, label) in card.labels.enumerated() {
        measurements["Score: \(label)"] = (tile.probabilities[index] * 1000).rounded() / 1000
      }
      return QuPathFeature(
        objectType: .tile, classification: card.labels[tile.label], color: color(tile.label),
        geometry: QuPathGeoJSON.rectangle(tile.tile.levelZero), measurements: measurements)
    }
    return QuPathGeoJSON.file(features, seed: "tile_classifier/\(card.name)/\(classified.pixels.sha256)")
  }
}
