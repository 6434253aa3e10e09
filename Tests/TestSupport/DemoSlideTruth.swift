// What was marked by eye on the demo slide, in level-0 coordinates (Tests/Fixtures/demo-slide-truth; its README says who
// did it and how, and that it was no pathologist).
// What must stay true: it is read from the fixture, and nothing here knows what a tool finds.

public import Domain
public import JSON

/// The marks.
public struct DemoSlideTruth: Sendable {
  /// Outlined classes of tissue.
  public enum Class: String, Sendable {
    case epithelium = "Cellular epithelium"
    case keratin = "Keratin"
    case ink = "Ink"
  }

  private var regions: [JSONValue]
  /// Fields of 100 µm and the nuclei marked in them, as GeoJSON features.
  public var fields: [JSONValue]

  /// Reads the fixture. Throws when it is not there.
  public init(_ here: String = #filePath) throws {
    let root = "/" + here.split(separator: "/").dropLast(2).joined(separator: "/") + "/Fixtures/demo-slide-truth/"
    func features(_ file: String) throws -> [JSONValue] {
      struct Missing: Error { var file: String }
      guard let bytes = TemporaryFolder.read(root + file) else { throw Missing(file: file) }
      return try JSONValue.parse(bytes)["features"]?.arrayValue ?? []
    }
    regions = try features("regions.geojson")
    fields = try features("fields.geojson")
  }

  /// A GeoJSON position.
  public static func position(_ json: JSONValue) -> (x: Double, y: Double) {
    (json.arrayValue?.first?.numberValue ?? 0, json.arrayValue?.last?.numberValue ?? 0)
  }

  /// The share of a rectangle, 0 to 1, that lies inside outlines of a class, on a lattice of 10 px.
  public func share(_ wanted: Class, of rect: LevelZeroRect) -> Double {
    let outlines = regions.filter {
      $0["properties"]?["classification"]?["name"]?.stringValue == wanted.rawValue
    }.map { ($0["geometry"]?["coordinates"]?.arrayValue ?? []).map { ($0.arrayValue ?? []).map(Self.position) } }
    var inside = 0
    var all = 0
    for y in stride(from: rect.y + 5, to: rect.y + rect.height, by: 10) {
      for x in stride(from: rect.x + 5, to: rect.x + rect.width, by: 10) {
        all += 1
        if outlines.contains(where: { Self.holds($0, Double(x), Double(y)) }) { inside += 1 }
      }
    }
    return all == 0 ? 0 : Double(inside) / Double(all)
  }

  /// Whether a polygon, its rings counted even and odd, holds a place.
  private static func holds(_ rings: [[(x: Double, y: Double)]], _ x: Double, _ y: Double) -> Bool {
    rings.reduce(false) { inside, ring in
      var inside = inside
      for index in ring.indices {
        let (a, b) = (ring[index], ring[(index + 1) % ring.count])
        if (a.y <= y) != (b.y <= y), x < a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x) { inside.toggle() }
      }
      return inside
    }
  }
}
