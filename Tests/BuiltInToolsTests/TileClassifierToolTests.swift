// tile_classifier on slides whose tiles are known by how they were made, and on the demo slide.

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

@Suite(.enabled(if: OpenVINOFile.path != nil, "OpenVINO is not in the cache"))
struct TileClassifierToolTests {
  private static let fixtures = projectFolder + "/Tests/Fixtures/classifiers/"

  /// A bench whose models folder holds a permissive card around one of the small networks.
  private static func bench(
    _ network: String = "good.onnx", slide: [UInt8]? = nil, path: String? = nil,
    change: (inout [String: JSONValue]) -> Void = { _ in }
  ) throws -> ToolBench {
    let bench = try ToolBench(slide: slide, path: path)
    let folder = bench.folder
    var card: [String: JSONValue] = [
      "kind": "tile classifier", "name": "test_redness", "version": "1.0.0", "method": "red against blue",
      "model": ["file": "model.onnx"],
      "input": ["sidePixels": 32, "mpp": 1, "mean": [0, 0, 0], "std": [1, 1, 1]],
      "labels": ["red tissue", "blue tissue"], "output": "logits",
      "accepts": ["organ": ["skin"], "stain": ["H&E"], "mpp": [0.2, 1]], "licence": "CC0-1.0", "experimental": true,
    ]
    change(&card)
    mkdir(folder.path + "/test_redness", 0o700)
    folder.write("test_redness/card.json", JSONValue.object(card).canonicalBytes())
    folder.write("test_redness/model.onnx", try #require(TemporaryFolder.read(fixtures + network)))
    return bench
  }

  /// 0.8 mm of tissue whose left half is bluish; it lies in nine blocks.
  private static let halves = MadeSlide.tissue(microns: 800) { x, y in
    guard (800..<1600).contains(x), (800..<2400).contains(y) else { return nil }
    return (x / 2 + y / 2) % 2 == 0 ? 0xA898D8 : 0xB4A4DC
  }

  @Test func fractionsAreOfTilesWithAreaIntervalTopTilesMapAndFile() throws {
    let (output, scratch) = try Self.bench(slide: Self.halves).call("tile_classifier")
    let blue = try #require(try output.measured("fraction of tiles resembling blue tissue").first)
    let red = try #require(try output.measured("fraction of tiles resembling red tissue").first)
    #expect(abs(blue.value - 50) < 6 && abs(blue.value + red.value - 100) < 1e-6)
    #expect(blue.unit == .percent && blue.ratio?.denominatorName == "tiles")
    #expect(blue.ratio?.denominator == red.ratio?.denominator && (blue.ratio?.denominator ?? 0) > 500)
    #expect(blue.flags.contains("experimental classifier test_redness 1.0.0"))
    #expect(blue.flags.contains("resemblance of tiles is no diagnosis"))
    #expect(blue.validity.limits == ["not validated"] && !blue.validity.within)
    let interval = try #require(blue.interval)
    #expect(interval.low < blue.value && interval.high > blue.value && interval.imageCount == 9)
    let area = try #require(try output.measured("area of tiles resembling blue tissue").first)
    #expect(abs(area.value - 0.32) < 0.05 && area.unit == .squareMillimetre)
    #expect(abs(try #require(try output.measured("analysed tissue area").first).value - 0.64) < 0.06)
    let tops = try output.items("region").filter { $0["label"] == "tile resembling blue tissue" }.map {
      try decodeJSON(Region.self, from: $0)
    }
    #expect(tops.map(\.rank) == [1, 2, 3])
    #expect(tops.allSatisfy { $0.rect.width == 64 && $0.rect.x >= 760 && $0.rect.x < 1610 })
    let file = try JSONValue.parse(try #require(TemporaryFolder.read(scratch.path + "/tiles.geojson")))
    let tile = try #require(file["features"]?.arrayValue?.first?["properties"])
    #expect(tile["objectType"] == "tile" && tile["measurements"]?["Score: blue tissue"] != nil)
    // The picture stands left of the panel and is as high as the square slide: the bluish half is tinted with the second
    // colour, vermilion, the other with the first, blue.
    let picture = try DrawnPicture.read("classes.png", in: scratch)
    let side = picture.height
    let left = DrawnPicture.mean(picture, x: side * 3 / 8, y: side / 2, radius: side / 20)
    let right = DrawnPicture.mean(picture, x: side * 5 / 8, y: side / 2, radius: side / 20)
    let glass = DrawnPicture.mean(picture, x: side / 8, y: side / 8, radius: side / 40)
    #expect(left.red - left.blue > right.red - right.blue + 50, "\(left) and \(right)")
    #expect(glass.red > 200 && glass.green > 200 && glass.blue > 200, "\(glass)")
  }

  private static let wsinfer: JSONValue = [
    "spec_version": "1.0", "architecture": "redness", "num_classes": 2, "patch_size_pixels": 32, "spacing_um_px": 1,
    "class_names": ["red tissue", "blue tissue"],
    "transform": [
      ["name": "Resize", "arguments": ["size": 32]], ["name": "ToTensor"],
      ["name": "Normalize", "arguments": ["mean": [0, 0, 0], "std": [1, 1, 1]]],
    ],
  ]

  @Test func aNetworkWithWSInfersConfigurationInItsCardMeasuresAsWithOurOwn() throws {
    let bench = try Self.bench(slide: Self.halves) { card in
      for key in ["input", "labels", "output"] { card[key] = nil }
      card["wsinfer"] = Self.wsinfer
    }
    let blue = try #require(
      try bench.call("tile_classifier").output.measured("fraction of tiles resembling blue tissue").first)
    #expect(abs(blue.value - 50) < 6, "\(blue.value)")
  }

  @Test func aFolderOfWSInfersIsReadAsItIsAndRefusesForWantOfAnOrgan() throws {
    let bench = try Self.bench(slide: MadeSlide.tissue(microns: 200))
    let folder = bench.folder.path + "/test_redness"
    unlink(folder + "/card.json")
    bench.folder.write("test_redness/config.json", Self.wsinfer.canonicalBytes())
    let words = try reason(bench)
    #expect(words.contains("states no organ"), "\(words)")
  }

  @Test func theSameSlideGivesTheSameResult() throws {
    let bench = try Self.bench(slide: Self.halves)
    #expect(try bench.call("tile_classifier").output.evidence == bench.call("tile_classifier").output.evidence)
  }

  @Test func aTileOfARegionIsTheTileOfTheWholeSlide() throws {
    var bench = try Self.bench(slide: Self.halves)
    let whole = try tiles(bench.call("tile_classifier").scratch)
    bench.add(region: "r1", LevelZeroRect(x: 1400, y: 1300, width: 500, height: 420))
    let (output, scratch) = try bench.call("tile_classifier", ["region": "r1"])
    let part = try tiles(scratch)
    #expect(!part.isEmpty && part.count < whole.count && part.isSubset(of: whole))
    #expect(try output.measured("fraction of tiles resembling blue tissue").first?.region == EvidenceID("r1"))
  }

  private func tiles(_ scratch: TemporaryFolder) throws -> Set<JSONValue> {
    let file = try JSONValue.parse(try #require(TemporaryFolder.read(scratch.path + "/tiles.geojson")))
    return Set((file["features"]?.arrayValue ?? []).compactMap { $0["geometry"] })
  }

  private func reason(_ bench: ToolBench, _ arguments: JSONValue = [:]) throws -> String {
    let output = try bench.call("tile_classifier", arguments).output
    #expect(output.items("measurement").isEmpty && output.isError == nil)
    return output.reasons.joined(separator: " ")
  }

  @Test func organsStainsAndScalesThatTheCardDoesNotAcceptAreRefused() throws {
    var bench = try Self.bench(slide: MadeSlide.tissue(microns: 200))
    for (organ, stain, words) in [
      ("colon", "H&E", "stated as colon"), ("skin", "PAS", "stated as PAS"), (nil, "H&E", "no organ is stated"),
      ("skin", nil, "no stain is stated"),
    ] as [(String?, String?, String)] {
      bench.description = CaseDescription(organ: organ, stain: stain)
      #expect(try reason(bench).contains(words))
    }
    #expect(try reason(Self.bench(slide: MadeSlide.tissue(microns: 400, micronsPerPixel: 2))).contains("µm/px"))
    let none = try Self.bench(slide: MadeSlide.tissue(microns: 100, micronsPerPixel: nil))
    #expect(try reason(none).contains("scale"))
  }

  @Test func coloursThatAreNotTheStainsAreRefused() throws {
    let brown = MadeSlide.tissue(microns: 200) { x, y in
      (200..<600).contains(x) && (200..<600).contains(y) ? ((x / 3 + y / 3) % 2 == 0 ? 0x8A5A30 : 0xC09870) : nil
    }
    #expect(try reason(Self.bench(slide: brown)).contains("do not look like H&E"))
  }

  @Test func aRegionTooSmallForATileIsRefused() throws {
    var bench = try Self.bench(slide: MadeSlide.tissue(microns: 200))
    bench.add(region: "r1", LevelZeroRect(x: 300, y: 300, width: 20, height: 20))
    #expect(try reason(bench, ["region": "r1"]).contains("larger region"))
  }

  @Test func brokenCardsAndNetworksAreSaidToBeSo() throws {
    let slide = MadeSlide.tissue(microns: 200)
    let unknown = try Self.bench(slide: slide) { $0["colour"] = "red" }
    #expect(try reason(unknown).contains("colour"))
    #expect(try unknown.error("tile_classifier", ["classifier": "test_redness"])?.message.contains("colour") == true)
    #expect(try unknown.error("tile_classifier", ["classifier": "other"])?.message.contains("test_redness") == true)
    let other = try Self.bench(slide: slide) {
      $0["model"] = ["file": "model.onnx", "sha256": .string(String(repeating: "0", count: 64))]
    }
    #expect(try other.error("tile_classifier")?.message.contains("SHA-256") == true)
    for (network, words) in [("wrong-size.onnx", "64×64"), ("dynamic-axes.onnx", "fixed"), ("nan.onnx", "NaN")] {
      let error = try Self.bench(network, slide: slide).error("tile_classifier")
      #expect(error?.id == .toolFailed && error?.message.contains(words) == true, "\(network)")
    }
  }

  @Test func withoutClassifiersNothingIsClassified() throws {
    let bench = try ToolBench(slide: MadeSlide.tissue(microns: 100))
    #expect(try reason(bench) == "No tile classifier is installed.")
  }

  @Test(.enabled(if: DemoSlide.path != nil, "the demo slide is not in the cache"))
  func theDemoSlideIsRefusedByTheOralCardAndReadByAPermissiveOne() throws {
    let shipped = try ToolBench(path: DemoSlide.path, shippedModels: true)
    #expect(try reason(shipped).contains("oral mucosa; this case is stated as skin"))
    let output = try Self.bench(path: DemoSlide.path).call("tile_classifier").output
    let fractions = try output.measured("fraction of tiles resembling red tissue")
    #expect(fractions.count == 1 && fractions[0].interval != nil)
    let area = try #require(try output.measured("analysed tissue area").first)
    #expect(area.value > 0.3 && area.value < 0.7)
  }
}
