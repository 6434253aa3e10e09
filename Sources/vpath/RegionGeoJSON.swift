// The regions an answer cites as GeoJSON in QuPath's dialect, with the measurements made in them.
// What must stay true: coordinates are level-0 pixels; measurement values are finite numbers.

import Domain
import JSON
import Wire

enum RegionGeoJSON {
  static func document(_ turn: TurnResult) -> JSONValue {
    let cited = Set(turn.answer?.findings.flatMap(\.evidence) ?? [])
    var regions = Set(cited.filter { turn.evidence[$0.rawValue]?.body.kind == .region })
    for evidence in turn.evidence.values where cited.contains(evidence.id) {
      if case .measurement(let measurement) = evidence.body, let region = measurement.region { regions.insert(region) }
      if case .view(let view) = evidence.body { regions.insert(view.region) }
    }
    let features = regions.sorted { ($0.parts?.number ?? 0) < ($1.parts?.number ?? 0) }.compactMap { id -> JSONValue? in
      guard case .region(let region)? = turn.evidence[id.rawValue]?.body else { return nil }
      return feature(id, region, turn.evidence.values)
    }
    return ["type": "FeatureCollection", "features": .array(features)]
  }

  private static func feature(_ id: EvidenceID, _ region: Region, _ evidence: some Collection<Evidence>) -> JSONValue {
    let rect = region.rect
    let corners =
      region.polygon
      ?? [
        LevelZeroPoint(x: rect.x, y: rect.y), LevelZeroPoint(x: rect.x + rect.width, y: rect.y),
        LevelZeroPoint(x: rect.x + rect.width, y: rect.y + rect.height),
        LevelZeroPoint(x: rect.x, y: rect.y + rect.height),
      ]
    let ring = (corners + corners.prefix(1)).map { JSONValue.array([.number(Double($0.x)), .number(Double($0.y))]) }
    var measurements: [String: JSONValue] = [:]
    for item in evidence {
      guard case .measurement(let measurement) = item.body, measurement.region == id else { continue }
      let unit = measurement.unit == .one ? "" : " \(measurement.unit.display)"
      measurements["\(measurement.name)\(unit) (\(item.id))"] = .number(measurement.value)
    }
    return [
      "type": "Feature", "id": .string(uuid(id)),
      "geometry": ["type": "Polygon", "coordinates": [.array(ring)]],
      "properties": [
        "objectType": "annotation", "name": .string("\(id) \(region.label)"),
        "classification": ["name": .string(region.label), "color": [200, 30, 30]], "isLocked": true,
        "measurements": .object(measurements),
      ],
    ]
  }

  /// A UUID made from the evidence's number, so that the same answer gives the same file.
  private static func uuid(_ id: EvidenceID) -> String {
    let digits = String(id.parts?.number ?? 0, radix: 16)
    return "76706174-6800-4000-8000-" + String(repeating: "0", count: max(0, 12 - digits.count)) + digits
  }
}
