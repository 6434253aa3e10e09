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
  private let truth = Result { try DemoSlideTruth() }

  @Test(arguments: [125, 250])
  func theDensestWindowsLieInEpitheliumAndNotInKeratinOrInk(_ side: Int) throws {
    let bench = try ToolBench(path: DemoSlide.path)
    let output = try bench.call("cell_counter", ["windowMicrons": .number(Double(side))]).output
    let windows = try output.items("region").filter { $0["label"] == "densest window" }.map {
      try decodeJSON(Region.self, from: $0).rect
    }
    #expect(windows.count == 3)
    for window in windows {
      #expect(try truth.get().share(.keratin, of: window) < 0.2)
      #expect(try truth.get().share(.ink, of: window) < 0.15)
    }
    #expect(try truth.get().share(.epithelium, of: windows[0]) > 0.4)
  }

  /// Counted nuclei, by the marked fields' names, with the number of marks.
  private func fieldCounts(_ scratch: TemporaryFolder) throws -> [String: (marked: Int, counted: Int)] {
    let file = try JSONValue.parse(try #require(TemporaryFolder.read(scratch.path + "/nuclei.geojson")))
    let counted = (file["features"]?.arrayValue ?? []).compactMap {
      $0["geometry"]?["coordinates"].map(DemoSlideTruth.position)
    }
    var counts: [String: (marked: Int, counted: Int)] = [:]
    for feature in try truth.get().fields {
      let name = feature["properties"]?["name"]?.stringValue ?? ""
      let coordinates = feature["geometry"]?["coordinates"]?.arrayValue ?? []
      if feature["geometry"]?["type"] == "MultiPoint" {
        counts[name, default: (0, 0)].marked = coordinates.count
      } else {
        let corner = DemoSlideTruth.position(coordinates.first?.arrayValue?.first ?? .null)
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
    #expect(try truth.get().share(.epithelium, of: rect) > 0.4)
    #expect(try truth.get().share(.keratin, of: rect) < 0.2)
  }
}
