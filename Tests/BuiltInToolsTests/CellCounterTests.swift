// cell_counter on slides whose nuclei are known by how they were made.

import Analysis
import Domain
import Glibc
import JSON
import Raster
import Slides
import TestSupport
import Testing
import ToolKit

@testable import BuiltInTools

@Suite struct CellCounterTests {
  /// 400 µm of tissue with 20 by 20 nuclei.
  private static let plain = MadeSlide.tissue(microns: 400)

  @Test func countDensityAndAreaAgreeAndCarryTheCardsInterval() throws {
    let output = try ToolBench(slide: Self.plain).call("cell_counter").output
    let count = try #require(try output.measured("nuclear profile count").first)
    #expect(abs(count.value - 400) <= 8)
    let density = try #require(try output.measured("nuclear density").first { $0.rank == nil })
    let area = try #require(try output.measured("analysed tissue area").first)
    #expect(abs(area.value - 0.16) < 0.004)
    #expect(density.ratio?.numerator == count.value)
    #expect(density.ratio?.denominatorName == "tissue without flagged pixels")
    #expect(abs(density.value - count.value / area.value) < 1e-6)
    let interval = try #require(count.interval)
    #expect(interval.predicts == "a human's count" && interval.imageCount == 18 && interval.coverage == 0.9)
    #expect(interval.low < count.value && interval.high > count.value)
    #expect(count.pixels?.sha256.isWellFormed == true && count.pixels?.micronsPerPixel == 0.5)
    #expect(count.region == EvidenceID("#tissue"))
  }

  @Test func outsideItsCardTheNumberSaysSo() throws {
    var bench = try ToolBench(slide: Self.plain)
    let skin = try #require(try bench.call("cell_counter").output.measured("nuclear density").first)
    #expect(skin.validity.within == false && skin.validity.limits == ["not validated on skin"])
    bench.description = CaseDescription(organ: "Colon", stain: "HE")
    let colon = try #require(try bench.call("cell_counter").output.measured("nuclear density").first)
    #expect(colon.validity.within && colon.validity.limits.isEmpty)
    bench.description = CaseDescription()
    let unknown = try #require(try bench.call("cell_counter").output.measured("nuclear density").first)
    #expect(unknown.validity.limits == ["organ not stated", "stain not stated"])
  }

  @Test func aSelectedWindowSaysSoAndHasNoInterval() throws {
    // The lower half has nuclei twice as close.
    let bench = try ToolBench(
      slide: MadeSlide.tissue(microns: 400, every: 30) { x, y in
        guard (400..<1200).contains(x), (900..<1200).contains(y) else { return nil }
        let (dx, dy) = (x % 26 - 13, y % 26 - 13)
        return dx * dx + dy * dy <= 49 ? MadeSlide.nucleus : nil
      })
    let output = try bench.call("cell_counter", ["windowMicrons": 125]).output
    let windows = try output.measured("nuclear density").filter { $0.rank != nil }
    #expect(windows.map(\.rank) == [1, 2, 3])
    for window in windows {
      #expect(window.interval == nil && window.flags == ["selected as a maximum"])
    }
    #expect(windows[0].selectionOptimism != nil && windows[1].selectionOptimism == nil)
    #expect(windows[0].value >= windows[1].value)
    let regions = try output.items("region").filter { $0["label"] == "densest window" }.map {
      try decodeJSON(Region.self, from: $0)
    }
    #expect(regions.map(\.rank) == [1, 2, 3])
    #expect(regions.allSatisfy { $0.rect.width == 250 && $0.rect.y >= 850 })
    for (first, second) in [(0, 1), (0, 2), (1, 2)] {
      #expect(regions[first].rect.intersection(regions[second].rect).isEmpty)
    }
  }

  @Test func aRegionIsCountedInsideItsOutlineAlone() throws {
    var bench = try ToolBench(slide: Self.plain)
    bench.add(region: "r1", LevelZeroRect(x: 400, y: 400, width: 400, height: 400))
    bench.add(
      region: "r2", LevelZeroRect(x: 400, y: 400, width: 400, height: 400),
      polygon: [LevelZeroPoint(x: 400, y: 400), LevelZeroPoint(x: 800, y: 400), LevelZeroPoint(x: 400, y: 800)])
    let square = try bench.call("cell_counter", ["region": "r1"]).output
    let count = try #require(try square.measured("nuclear profile count").first)
    #expect(abs(count.value - 100) <= 4 && count.region == EvidenceID("r1"))
    #expect(abs(try #require(try square.measured("analysed tissue area").first).value - 0.04) < 0.001)
    #expect(square.items("region").allSatisfy { $0["label"] == "densest window" })
    let half = try bench.call("cell_counter", ["region": "r2"]).output
    #expect(abs(try #require(try half.measured("analysed tissue area").first).value - 0.02) < 0.001)
    let halfCount = try #require(try half.measured("nuclear profile count").first)
    #expect(halfCount.value > 40 && halfCount.value < 60)
    #expect(half.reasons.contains { $0.contains("80 %") })
  }

  @Test func aNucleusCountedInARegionIsTheOneCountedOnTheWholeSlide() throws {
    var bench = try ToolBench(slide: Self.plain)
    let whole = try points(bench.call("cell_counter").scratch)
    let rect = LevelZeroRect(x: 433, y: 517, width: 311, height: 402)
    bench.add(region: "r1", rect)
    let part = try points(bench.call("cell_counter", ["region": "r1"]).scratch)
    #expect(!part.isEmpty)
    #expect(Set(part).isSubset(of: Set(whole)))
    let inside = whole.filter { rect.contains(x: Int($0[0]), y: Int($0[1])) }
    #expect(Set(inside) == Set(part))
  }

  private func points(_ scratch: TemporaryFolder) throws -> [[Double]] {
    let file = try JSONValue.parse(try #require(TemporaryFolder.read(scratch.path + "/nuclei.geojson")))
    return (file["features"]?.arrayValue ?? []).compactMap {
      $0["geometry"]?["coordinates"]?.arrayValue?.compactMap(\.numberValue)
    }
  }

  @Test func nucleiAreDetectionsWithMeasurements() throws {
    let (_, scratch) = try ToolBench(slide: Self.plain).call("cell_counter")
    let file = try JSONValue.parse(try #require(TemporaryFolder.read(scratch.path + "/nuclei.geojson")))
    let nucleus = try #require(file["features"]?.arrayValue?.first)
    #expect(nucleus["geometry"]?["type"] == "Point")
    #expect(nucleus["properties"]?["objectType"] == "detection")
    #expect(nucleus["properties"]?["classification"]?["name"] == "Nucleus")
    #expect((nucleus["properties"]?["measurements"]?["Nucleus: Area µm^2"]?.numberValue ?? 0) > 20)
    for file in ["gallery.png", "densest.png"] { #expect(TemporaryFolder.read(scratch.path + "/" + file) != nil) }
  }

  @Test func veryManyNucleiAreWrittenAsGroupsOfPoints() throws {
    let nuclei = (0..<60_001).map {
      Nucleus(x: Double($0), y: 1, areaUm2: 30, hematoxylin: 0.5, score: 1)
    }
    let counted = CountedNuclei(
      nuclei: nuclei,
      pixels: PixelDigest(
        sha256: SHA256Hex(String(repeating: "0", count: 64)), level: 0, micronsPerPixel: 0.5, decoder: "x",
        resampler: "y"))
    let file = try JSONValue.parse(CellCounterTool.geoJSON(counted, slide: EvidenceID("s1")))
    let features = try #require(file["features"]?.arrayValue)
    #expect(features.count == 7)
    #expect(features.allSatisfy { $0["geometry"]?["type"] == "MultiPoint" })
    #expect(features.last?["geometry"]?["coordinates"]?.arrayValue?.count == 1)
  }

  @Test func slidesWithoutScaleOfAnotherStainOrTooCoarseAreRefusedWithAReason() throws {
    func reasons(_ bytes: [UInt8], name: String = "a.svs", _ description: CaseDescription) throws -> [String] {
      var bench = try ToolBench(slide: bytes, name: name)
      bench.description = description
      let output = try bench.call("cell_counter").output
      #expect(output.items("measurement").isEmpty && output.isError == nil)
      return output.reasons
    }
    let stated = CaseDescription(organ: "skin", stain: "H&E")
    #expect(
      try reasons(MadeSlide.tissue(microns: 100, micronsPerPixel: nil), name: "a.tiff", stated)
        .first?.contains("scale") == true)
    #expect(
      try reasons(MadeSlide.tissue(microns: 100), CaseDescription(organ: "skin", stain: "Ki-67")).first?
        .contains("Ki-67") == true)
    #expect(try reasons(MadeSlide.tissue(microns: 200, micronsPerPixel: 1), stated).first?.contains("0.65") == true)
    var contradicted = stated
    contradicted.statedMicronsPerPixel = 0.25
    #expect(try reasons(MadeSlide.tissue(microns: 100), contradicted).first?.contains("0.25") == true)
    let brown = MadeSlide.tissue(microns: 200) { x, y in
      (200..<600).contains(x) && (200..<600).contains(y) ? ((x / 3 + y / 3) % 2 == 0 ? 0x8A5A30 : 0xC09870) : nil
    }
    #expect(try reasons(brown, stated).first?.contains("do not look like hematoxylin and eosin") == true)
  }

  @Test func regionsWithoutTissueAreRefusedWithAReason() throws {
    var bench = try ToolBench(slide: Self.plain)
    bench.add(region: "r1", LevelZeroRect(x: 0, y: 0, width: 200, height: 200))
    let output = try bench.call("cell_counter", ["region": "r1"]).output
    #expect(output.items("measurement").isEmpty)
    #expect(output.reasons.first?.contains("hardly any tissue") == true)
    bench.add(region: "r2", LevelZeroRect(x: 5000, y: 0, width: 200, height: 200))
    #expect(try bench.error("cell_counter", ["region": "r2"])?.id == .regionOutOfBounds)
  }

  @Test func tissueWithoutNucleiHasACountOfZeroAndAnIntervalFromZero() throws {
    let bench = try ToolBench(
      slide: MadeSlide.tissue(microns: 200) { x, y in
        (200..<600).contains(x) && (200..<600).contains(y)
          ? ((x / 2 + y / 2) % 2 == 0 ? MadeSlide.collagen : 0xDDA8C4) : nil
      })
    let output = try bench.call("cell_counter").output
    let count = try #require(try output.measured("nuclear profile count").first)
    #expect(count.value == 0 && count.flags == ["no nuclear profile was found"])
    #expect(count.interval?.low == 0 && (count.interval?.high ?? 0) > 0)
  }

  @Test func withoutItsCardTheCounterCountsNothing() throws {
    let folder = TemporaryFolder()
    for models in ["", folder.path] {
      let tool = try #require(
        BuiltInTools.all(modelsDirectory: models, templatesDirectory: "").first { $0.name == "cell_counter" })
      let input = ToolInput(
        call: CallID("call-1"), arguments: [:], case: CaseDescription(), slides: [], views: [], evidence: [:],
        scratch: folder.path)
      #expect(throws: VPathError.self) { try tool.handler(ToolCall(input: input)) }
    }
    mkdir(folder.path + "/cell_counter_classical", 0o700)
    folder.write("cell_counter_classical/card.json", Array("{}".utf8))
    let tool = try #require(
      BuiltInTools.all(modelsDirectory: folder.path, templatesDirectory: "").first { $0.name == "cell_counter" })
    let input = ToolInput(
      call: CallID("call-1"), arguments: [:], case: CaseDescription(), slides: [], views: [], evidence: [:],
      scratch: folder.path)
    #expect(throws: VPathError.self) { try tool.handler(ToolCall(input: input)) }
  }
}
