// Regions a client drew, from rectangles and QuPath's GeoJSON to regions of the case. Pure.
// What must stay true: a region that gets through is not empty, lies on its slide, and has at most `maxCorners`
// corners; nothing is clipped or simplified in silence. (QuPath writes level-0 pixels with fractions; they are rounded
// to whole pixels, and a corner within one pixel of the edge is moved onto it.)

import Domain
import JSON
import Wire

/// Reads drawn regions.
struct DrawnRegions {
  /// Regions of one request.
  static let maxRegions = 256
  /// Corners of one outline.
  static let maxCorners = 10_000
  /// Most corners of all regions of one question, which are recorded with it.
  static let maxCornersTogether = 50_000

  /// The slides of the case.
  let slides: [SlideRecord]

  /// The regions, in the order they were drawn; a MultiPolygon or FeatureCollection gives several.
  func regions(_ drawn: [DrawnRegion]) throws(VPathError) -> [Region] {
    var regions: [Region] = []
    for (index, region) in drawn.enumerated() {
      let place = "regions/\(index)"
      let slide = try slide(region.slide, place)
      switch (region.rect, region.geojson) {
      case (let rect?, nil): regions.append(try self.region(rect, on: slide, place))
      case (nil, let geojson?): try add(geojson, on: slide, place, to: &regions)
      default:
        throw VPathError(
          .protocolParams, #"A region needs either "rect" or "geojson", and not both."#, subject: place)
      }
      guard regions.count <= DrawnRegions.maxRegions else {
        throw VPathError(
          .protocolParams,
          "More than \(DrawnRegions.maxRegions) regions are drawn. Ask about fewer at a time.", subject: place)
      }
      guard regions.reduce(0, { $0 + ($1.polygon?.count ?? 0) }) <= DrawnRegions.maxCornersTogether else {
        throw VPathError(
          .protocolParams,
          "The outlines have more than \(DrawnRegions.maxCornersTogether) corners together. Simplify them, or ask about "
            + "fewer at a time.", subject: place)
      }
    }
    return regions
  }

  private typealias Slide = (id: EvidenceID, bounds: LevelZeroRect)

  private func slide(_ id: EvidenceID?, _ place: String) throws(VPathError) -> Slide {
    let record: SlideRecord
    if let id {
      guard let found = slides.first(where: { $0.id == id }) else {
        throw VPathError(
          .evidenceNotFound, "The case has no slide \(id). Its slides are \(names).", subject: id.rawValue)
      }
      record = found
    } else {
      guard slides.count == 1 else {
        throw VPathError(
          .protocolParams, #"The case has several slides (\#(names)); say which one in "slide"."#, subject: place)
      }
      record = slides[0]
    }
    guard let properties = record.properties else {
      throw VPathError(
        .slideDamaged, "The size of slide \(record.id) is not known, so nothing can be drawn on it.",
        subject: record.id.rawValue)
    }
    return (record.id, LevelZeroRect(x: 0, y: 0, width: properties.width, height: properties.height))
  }

  private var names: String { slides.map(\.id.rawValue).joined(separator: ", ") }

  private func region(
    _ rect: LevelZeroRect, _ polygon: [LevelZeroPoint]? = nil, on slide: Slide, _ place: String
  ) throws(VPathError) -> Region {
    let size = "Slide \(slide.id) has \(slide.bounds.width) × \(slide.bounds.height) pixels"
    if rect.isEmpty {
      throw VPathError(
        .regionOutOfBounds, "The region \(rect) holds no pixel. Give a width and height of at least 1.", subject: place)
    }
    if rect.width > slide.bounds.width || rect.height > slide.bounds.height {
      throw VPathError(
        .regionTooLarge, "The region \(rect) is larger than the slide. \(size); draw inside it.", subject: place)
    }
    guard slide.bounds.contains(rect) else {
      throw VPathError(
        .regionOutOfBounds,
        "The region \(rect) does not lie on the slide. \(size), with 0,0 at the top left; draw inside it.",
        subject: place)
    }
    return Region(slide: slide.id, rect: rect, polygon: polygon, label: "drawn by the client")
  }

  // MARK: GeoJSON

  private func add(
    _ geojson: JSONValue, on slide: Slide, _ place: String, to regions: inout [Region]
  ) throws(VPathError) {
    switch geojson["type"]?.stringValue {
    case "FeatureCollection":
      guard let features = geojson["features"]?.arrayValue else { throw malformed("a \"features\" array", place) }
      guard !features.isEmpty else { throw malformed("at least one feature", place) }
      guard features.count <= DrawnRegions.maxRegions else {
        throw malformed("at most \(DrawnRegions.maxRegions) features", place)
      }
      for (index, feature) in features.enumerated() {
        guard feature["type"] == "Feature" else { throw malformed("features in a FeatureCollection", place) }
        try add(feature, on: slide, "\(place)/features/\(index)", to: &regions)
      }
    case "Feature":
      guard let geometry = geojson["geometry"], geometry["type"] != "Feature",
        geometry["type"] != "FeatureCollection"
      else { throw malformed("a geometry in the feature", place) }
      try add(geometry, on: slide, place, to: &regions)
    case "Polygon":
      guard let rings = geojson["coordinates"]?.arrayValue else { throw malformed("\"coordinates\"", place) }
      regions.append(try polygon(rings, on: slide, place))
    case "MultiPolygon":
      guard let polygons = geojson["coordinates"]?.arrayValue, !polygons.isEmpty,
        polygons.count <= DrawnRegions.maxRegions
      else { throw malformed("\"coordinates\" of 1 to \(DrawnRegions.maxRegions) polygons", place) }
      for part in polygons {
        guard let rings = part.arrayValue else { throw malformed("an array of rings", place) }
        regions.append(try polygon(rings, on: slide, place))
      }
    case let other:
      throw malformed(
        "a Polygon, MultiPolygon, Feature or FeatureCollection, not \(RuntimeErrors.shown(other ?? "nothing"))", place)
    }
  }

  private func polygon(_ rings: [JSONValue], on slide: Slide, _ place: String) throws(VPathError) -> Region {
    guard rings.count <= 1 else {
      throw VPathError(
        .protocolParams,
        "The outline has a hole, and a region is one outline. Fill the hole in QuPath, or split the "
          + "annotation into parts, and export it again.", subject: place)
    }
    guard let positions = rings.first?.arrayValue else { throw malformed("one ring of corners", place) }
    guard (3...(DrawnRegions.maxCorners + 1)).contains(positions.count) else {
      throw malformed("an outline of 3 to \(DrawnRegions.maxCorners) corners", place)
    }
    var corners: [LevelZeroPoint] = []
    for position in positions {
      guard let pair = position.arrayValue, pair.count >= 2, let x = pair[0].numberValue, let y = pair[1].numberValue,
        abs(x) <= 1e9, abs(y) <= 1e9
      else { throw malformed("corners of two numbers", place) }
      let corner = LevelZeroPoint(
        x: DrawnRegions.snapped(x, to: slide.bounds.width), y: DrawnRegions.snapped(y, to: slide.bounds.height))
      if corners.last != corner { corners.append(corner) }
    }
    if corners.count > 1, corners.first == corners.last { corners.removeLast() }
    let xs = corners.map(\.x)
    let ys = corners.map(\.y)
    guard let left = xs.min(), let right = xs.max(), let top = ys.min(), let bottom = ys.max() else {
      throw malformed("corners", place)
    }
    let rect = LevelZeroRect(x: left, y: top, width: right - left, height: bottom - top)
    guard corners.count >= 3, DrawnRegions.twiceArea(corners) != 0 else {
      throw VPathError(
        .regionOutOfBounds, "The outline around \(rect) encloses no pixel. Draw an area, not a line.", subject: place)
    }
    let isRectangle =
      corners.count == 4
      && Set(corners)
        == [
          LevelZeroPoint(x: left, y: top), LevelZeroPoint(x: right, y: top), LevelZeroPoint(x: right, y: bottom),
          LevelZeroPoint(x: left, y: bottom),
        ]
    return try region(rect, isRectangle ? nil : corners, on: slide, place)
  }

  /// The nearest whole pixel; one beyond the edge by at most one pixel is the edge.
  private static func snapped(_ value: Double, to extent: Int) -> Int {
    let pixel = Int(value.rounded())
    if pixel == -1 { return 0 }
    return pixel == extent + 1 ? extent : pixel
  }

  /// Twice the signed area (shoelace formula); wide enough for every coordinate that is let in.
  private static func twiceArea(_ corners: [LevelZeroPoint]) -> Int128 {
    var sum: Int128 = 0
    for (index, corner) in corners.enumerated() {
      let next = corners[(index + 1) % corners.count]
      sum += Int128(corner.x) * Int128(next.y) - Int128(next.x) * Int128(corner.y)
    }
    return sum
  }

  private func malformed(_ expected: String, _ place: String) -> VPathError {
    VPathError(
      .protocolParams,
      "The GeoJSON of a region needs \(expected). QuPath's \"Export objects as GeoJSON\" writes it so.",
      subject: place)
  }
}
