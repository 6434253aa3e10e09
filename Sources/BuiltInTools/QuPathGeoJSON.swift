// GeoJSON as QuPath reads and writes it: objects with a type, a classification and measurements; coordinates are
// level-0 pixels.
// What must stay true: ids are UUIDs made from what the object is, so the same result gives the same bytes; rings are
// closed; no number is infinite or NaN.

import Crypto
import Domain
import JSON
import Raster
import Slides

/// One object of a QuPath hierarchy.
struct QuPathFeature {
  /// What QuPath calls it.
  enum ObjectType: String { case annotation, detection, tile }

  var objectType: ObjectType
  var name: String?
  var classification: String
  var color: RGBColor
  var geometry: JSONValue
  var measurements: [String: Double] = [:]

  /// The feature; `id` makes its UUID.
  func json(id: String) -> JSONValue {
    var properties: [String: JSONValue] = [
      "objectType": .string(objectType.rawValue),
      "classification": [
        "name": .string(classification),
        "color": [.number(Double(color.red)), .number(Double(color.green)), .number(Double(color.blue))],
      ],
    ]
    properties["name"] = name.map(JSONValue.string)
    let finite = measurements.filter { $0.value.isFinite }
    if !finite.isEmpty { properties["measurements"] = .object(finite.mapValues(JSONValue.number)) }
    return [
      "type": "Feature", "id": .string(Self.uuid(id)), "geometry": geometry, "properties": .object(properties),
    ]
  }

  /// A UUID of version 8 (RFC 9562) from a hash of the text.
  static func uuid(_ text: String) -> String {
    var bytes = Array(SHA256.hash(data: Array(text.utf8)).prefix(16))
    bytes[6] = bytes[6] & 0x0F | 0x80
    bytes[8] = bytes[8] & 0x3F | 0x80
    let digits = bytes.map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }.joined()
    let cuts = [0, 8, 12, 16, 20, 32]
    return zip(cuts, cuts.dropFirst()).map { from, to in
      String(digits.dropFirst(from).prefix(to - from))
    }.joined(separator: "-")
  }
}

/// A file of features.
enum QuPathGeoJSON {
  /// A FeatureCollection; `seed` tells this file's objects from those of others.
  static func file(_ features: [QuPathFeature], seed: String) -> [UInt8] {
    let list = features.enumerated().map { index, feature in
      feature.json(id: "\(seed)/\(feature.classification)/\(index)")
    }
    let collection: JSONValue = ["type": "FeatureCollection", "features": .array(list)]
    return collection.canonicalBytes() + [0x0A]
  }

  /// A point in level-0 pixels, to a hundredth.
  static func point(_ x: Double, _ y: Double) -> JSONValue {
    ["type": "Point", "coordinates": position(x, y)]
  }

  /// Many points as one geometry.
  static func points(_ points: [(x: Double, y: Double)]) -> JSONValue {
    ["type": "MultiPoint", "coordinates": .array(points.map { position($0.x, $0.y) })]
  }

  /// A rectangle as a polygon.
  static func rectangle(_ rect: LevelZeroRect) -> JSONValue {
    let corners = [
      (rect.x, rect.y), (rect.x + rect.width, rect.y), (rect.x + rect.width, rect.y + rect.height),
      (rect.x, rect.y + rect.height), (rect.x, rect.y),
    ]
    return [
      "type": "Polygon",
      "coordinates": [.array(corners.map { [.number(Double($0.0)), .number(Double($0.1))] })],
    ]
  }

  private static func position(_ x: Double, _ y: Double) -> JSONValue {
    [.number((x * 100).rounded() / 100), .number((y * 100).rounded() / 100)]
  }

  /// The outlines of a mask on a grid as one MultiPolygon, with corners of the grid's precision; nil when it is empty.
  static func area(_ mask: Mask, on grid: TissueGrid, tolerance: Double = 1) -> JSONValue? {
    let outlines = mask.outlines().map { $0.simplified(tolerance: tolerance) }
    guard !outlines.isEmpty else { return nil }
    func ring(_ corners: [Outline.Corner]) -> JSONValue {
      let points = (corners + corners.prefix(1)).map { grid.levelZeroPoint(of: $0) }
      return .array(points.map { [.number(Double($0.x)), .number(Double($0.y))] })
    }
    return [
      "type": "MultiPolygon",
      "coordinates": .array(outlines.map { .array([ring($0.outer)] + $0.holes.map(ring)) }),
    ]
  }
}
