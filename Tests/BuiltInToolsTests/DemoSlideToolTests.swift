// The tools on the demo slide, against outlines and nuclei that were marked on it by eye
// (Tests/Fixtures/demo-slide-truth; not by a pathologist).

import Analysis
import Domain
import JSON
import Raster
import Slides
import TestSupport
import Testing
import ToolKit

@testable import BuiltInTools

@Suite(.enabled(if: DemoSlide.path != nil, "the demo slide is not in the cache: run make assets"))
struct DemoSlideToolTests {
  private struct Outline {
    var rings: [[(x: Double, y: Double)]]

    func contains(_ x: Double, _ y: Double) -> Bool {
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

  private func features(_ file: String) throws -> [JSONValue] {
    let bytes = try #require(TemporaryFolder.read("\(projectFolder)/Tests/Fixtures/demo-slide-truth/\(file)"))
    return try JSONValue.parse(bytes)["features"]?.arrayValue ?? []
  }

  private func position(_ json: JSONValue) -> (x: Double, y: Double) {
    (json.arrayValue?.first?.numberValue ?? 0, json.arrayValue?.last?.numberValue ?? 0)
  }

  private func outlines(_ name: String) throws -> [Outline] {
    try features("regions.geojson").filter { $0["properties"]?["classification"]?["name"]?.stringValue == name }.map {
      Outline(
        rings: ($0["geometry"]?["coordinates"]?.arrayValue ?? []).map { ($0.arrayValue ?? []).map(position) })
    }
  }

  /// The share of a rectangle that lies inside outlines of a class, on a lattice of 10 px.
  private func share(_ name: String, of rect: LevelZeroRect) throws -> Double {
    let outlines = try outlines(name)
    var inside = 0
    var all = 0
    for y in stride(from: rect.y + 5, to: rect.y + rect.height, by: 10) {
      for x in stride(from: rect.x + 5, to: rect.x + rect.width, by: 10) {
        all += 1
        if outlines.contains(where: { $0.contains(Double(x), Double(y)) }) { inside += 1 }
      }
    }
    return Double(inside) / Double(all)
  }

  @Test(arguments: [125, 250])
  func theDensestWindowsLieInEpitheliumAndNotInKeratinOrInk(_ side: Int) throws {
    let bench = try ToolBench(path: DemoSlide.path)
    let output = try bench.call("cell_counter", ["windowMicrons": .number(Double(side))]).output
    let windows = try output.items("region").filter { $0["label"] == "densest window" }.map {
      try decodeJSON(Region.self, from: $0).rect
    }
    #expect(windows.count == 3)
    for window in windows {
      #expect(try share("Keratin", of: window) < 0.2)
      #expect(try share("Ink", of: window) < 0.15)
    }
    #expect(try share("Cellular epithelium", of: windows[0]) > 0.4)
  }

  /// Counted nuclei, by the marked fields' names, with the number of marks.
  private func fieldCounts(_ scratch: TemporaryFolder) throws -> [String: (marked: Int, counted: Int)] {
    let file = try JSONValue.parse(try #require(TemporaryFolder.read(scratch.path + "/nuclei.geojson")))
    let counted = (file["features"]?.arrayValue ?? []).compactMap { $0["geometry"]?["coordinates"].map(position) }
    var counts: [String: (marked: Int, counted: Int)] = [:]
    for feature in try features("fields.geojson") {
      let name = feature["properties"]?["name"]?.stringValue ?? ""
      let coordinates = feature["geometry"]?["coordinates"]?.arrayValue ?? []
      if feature["geometry"]?["type"] == "MultiPoint" {
        counts[name, default: (0, 0)].marked = coordinates.count
      } else {
        let corner = position(coordinates.first?.arrayValue?.first ?? .null)
        let rect = LevelZeroRect(x: Int(corner.x), y: Int(corner.y), width: 200, height: 200)
        counts[name, default: (0, 0)].counted = counted.filter { rect.contains(x: Int($0.x), y: Int($0.y)) }.count
      }
    }
    return counts
  }

  /// With the shipped card, whose interval grows for fields of few nuclei. It is made to hold 90 % of fields, so one of
  /// eight may lie outside.
  @Test func theMarksInFieldsLieInsideTheStatedInterval() throws {
    let bench = try ToolBench(path: DemoSlide.path, shippedModels: true)
    let card = try CounterCard(
      json: try #require(TemporaryFolder.read(projectFolder + "/models/cell_counter_classical/card.json")))
    let fields = try fieldCounts(bench.call("cell_counter").scratch)
    #expect(fields.count == 10)
    let plain = fields.filter { !["keratin-cavity", "ink-edge"].contains($0.key) }
    func isInside(_ field: (marked: Int, counted: Int)) -> Bool {
      let predicted = card.interval.ratio.predict(count: field.counted)
      return Double(field.marked) >= predicted.low && Double(field.marked) <= predicted.high
    }
    let outside = plain.filter { !isInside($0.value) }
    #expect(outside.count <= 1, "\(outside)")
    #expect(isInside(plain.values.reduce((0, 0)) { ($0.0 + $1.marked, $0.1 + $1.counted) }))
    // Half of this field is keratin, which is left out; the rest is granular layer, where a few more may be seen.
    #expect((fields["keratin-cavity"]?.counted ?? 99) <= 12)
  }

  @Test func theCandidateThatRanksFirstIsCellular() throws {
    let output = try ToolBench(path: DemoSlide.path).call("slide_overview").output
    let first = try #require(output.items("region").first { $0["rank"] == 1 })
    let rect = try decodeJSON(Region.self, from: first).rect
    #expect(try share("Cellular epithelium", of: rect) > 0.4)
    #expect(try share("Keratin", of: rect) < 0.2)
  }
}
