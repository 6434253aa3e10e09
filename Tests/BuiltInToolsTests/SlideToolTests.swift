// slide_properties, render_view, slide_overview and region_zoom on slides made from nothing.

import Domain
import Glibc
import JSON
import Raster
import Slides
import TestSupport
import Testing
import ToolKit

@testable import BuiltInTools

@Suite struct SlideToolTests {
  @Test func propertiesSayWhatTheDecoderKnows() throws {
    let bench = try ToolBench(slide: MadeSlide.tissue(microns: 100))
    let item = try #require(try bench.call("slide_properties").output.evidence.first)
    #expect(item["kind"] == "slide" && item["slide"] == "s1")
    let properties = try decodeJSON(SlideProperties.self, from: item["properties"] ?? .null)
    #expect(properties.width == 400 && properties.vendor == "aperio")
    #expect(properties.scale == SlideScale(micronsPerPixel: 0.5, source: .slide))
  }

  @Test func aViewShowsExactlyTheRectangleAskedForAndNamesItsPixels() throws {
    let bench = try ToolBench(slide: MadeSlide.tissue(microns: 100))
    for format in ["png", "ppm"] {
      let (output, scratch) = try bench.call(
        "render_view",
        [
          "slide": "s1", "rect": ["x": 10, "y": 20, "width": 200, "height": 100], "micronsPerPixel": 1,
          "maxPixels": 1_000_000, "format": .string(format),
        ])
      let item = try #require(output.evidence.first)
      #expect(item["rect"] == ["x": 10, "y": 20, "width": 200, "height": 100])
      #expect(item["width"] == 100 && item["height"] == 50 && item["micronsPerPixel"] == 1)
      let bytes = try #require(TemporaryFolder.read(scratch.path + "/view." + format))
      #expect(bytes.starts(with: format == "png" ? [0x89, 0x50] : Array("P6\n100 50".utf8)))
      if format == "ppm" {
        let picture = RGBImage(width: 100, height: 50, pixels: Array(bytes.dropFirst(14)))
        #expect(item["pixelSha256"]?.stringValue == picture.pixelSha256.rawValue)
      }
    }
  }

  @Test func viewsOutsideTooLargeOrTooFineAreRefused() throws {
    let bench = try ToolBench(slide: MadeSlide.tissue(microns: 100))
    func rect(_ x: Int, _ y: Int, _ width: Int, _ height: Int, _ more: [String: JSONValue] = [:]) -> JSONValue {
      var arguments = more
      arguments["rect"] = [
        "x": .number(Double(x)), "y": .number(Double(y)), "width": .number(Double(width)),
        "height": .number(Double(height)),
      ]
      return .object(arguments)
    }
    #expect(try bench.error("render_view", rect(390, 0, 20, 20))?.id == .regionOutOfBounds)
    #expect(try bench.error("render_view", rect(0, 0, 0, 20))?.id == .regionOutOfBounds)
    #expect(try bench.error("render_view", rect(0, 0, 400, 400, ["maxPixels": 1000]))?.id == .regionTooLarge)
    #expect(try bench.error("render_view", rect(0, 0, 40, 40, ["micronsPerPixel": 0.1]))?.id == .toolFailed)
  }

  @Test func theOverviewMeasuresTheTissueAndDrawsIt() throws {
    let bench = try ToolBench(slide: MadeSlide.tissue(microns: 400))
    let (output, scratch) = try bench.call("slide_overview")
    let area = try #require(try output.measured("tissue area").first)
    #expect(abs(area.value - 0.16) < 0.004 && area.unit == .squareMillimetre)
    #expect(area.region == EvidenceID("#tissue"))
    #expect(area.pixels?.sha256.isWellFormed == true)
    let regions = try output.items("region").map { try decodeJSON(Region.self, from: $0) }
    #expect(regions.map(\.label).prefix(2) == ["whole slide", "tissue"])
    let candidates = regions.filter { $0.label == "candidate" }
    #expect(candidates.first?.rank == 1 && candidates.first?.score?.name == CandidateWindows.scoreName)
    #expect(output.items("view").first?["region"] == "#slide")
    #expect(output.items("artefact").compactMap { $0["file"]?.stringValue } == ["overview.png", "tissue.geojson"])
    for file in ["overview.png", "thumbnail.png", "tissue.geojson"] {
      #expect(TemporaryFolder.read(scratch.path + "/" + file)?.isEmpty == false)
    }
  }

  @Test func theOverviewOfNamedRegionsIsAPictureAlone() throws {
    var bench = try ToolBench(slide: MadeSlide.tissue(microns: 200))
    bench.add(region: "r4", LevelZeroRect(x: 200, y: 200, width: 100, height: 100))
    let (output, scratch) = try bench.call("slide_overview", ["regions": ["r4"]])
    #expect(output.evidence.map { $0["kind"] } == ["artefact"])
    let cited = try DrawnPicture.read("cited-regions.png", in: scratch)
    bench.add(region: "r9", LevelZeroRect(x: 600, y: 600, width: 100, height: 100))
    let other = try DrawnPicture.read(
      "cited-regions.png", in: try bench.call("slide_overview", ["regions": ["r9"]]).scratch)
    #expect(cited != other, "where the region lies is drawn")
    #expect(try bench.error("slide_overview", ["regions": ["r4", "r5"]])?.id == .evidenceNotFound)
  }

  @Test func whatIsLeftOutIsMeasuredAgainstTheTissueFound() throws {
    let bench = try ToolBench(
      slide: MadeSlide.tissue(microns: 400) { x, y in
        (500..<620).contains(x) && (500..<600).contains(y) ? 0x148C73 : nil
      })
    let output = try bench.call("slide_overview").output
    let ink = try #require(try output.measured("left out: ink").first)
    #expect(abs(ink.value - 0.003) < 0.0006)
    #expect(ink.ratio?.denominatorName == "tissue found" && ink.ratio?.denominatorUnit == .squareMillimetre)
    #expect(try output.measured("left out: keratin").isEmpty)
  }

  @Test func withoutAScaleThereIsAShareAndAReasonButNoArea() throws {
    let bench = try ToolBench(slide: MadeSlide.tissue(microns: 200, micronsPerPixel: nil), name: "plain.tiff")
    let output = try bench.call("slide_overview").output
    #expect(try output.measured("tissue area").isEmpty)
    let share = try #require(try output.measured("tissue share of the slide").first)
    #expect(abs(share.value - 25) < 2 && share.unit == .percent)
    #expect(output.reasons.count == 1 && output.reasons[0].contains("state it with the case"))
    let tissue = try #require(output.items("region").first { $0["label"] == "tissue" })
    #expect(tissue["flags"]?.arrayValue?.contains { $0.stringValue?.contains("focus was not judged") == true } == true)
  }

  @Test func glassAloneIsSaidToHoldNoTissue() throws {
    let bench = try ToolBench(
      slide: SyntheticSlide.aperio(width: 500, height: 400, micronsPerPixel: 0.5) { _, _ in MadeSlide.glass }.bytes())
    let output = try bench.call("slide_overview").output
    #expect(output.items("measurement").isEmpty)
    #expect(output.reasons.first?.contains("No tissue was found") == true)
  }

  @Test func aStatedScaleThatContradictsTheFileMakesTheAreaNotAssessable() throws {
    var bench = try ToolBench(slide: MadeSlide.tissue(microns: 200))
    bench.description.statedMicronsPerPixel = 0.25
    let reasons = try bench.call("slide_overview").output.reasons
    #expect(reasons.contains { $0.contains("0.5") && $0.contains("0.25") })
  }

  @Test func zoomShowsARectangleCutToTheSlideAndFlagsIt() throws {
    let bench = try ToolBench(slide: MadeSlide.tissue(microns: 200))
    let (output, scratch) = try bench.call(
      "region_zoom", ["rect": ["x": 700, "y": 300, "width": 300, "height": 200], "micronsPerPixel": 1])
    let region = try decodeJSON(Region.self, from: try #require(output.items("region").first))
    #expect(region.rect == LevelZeroRect(x: 700, y: 300, width: 100, height: 200))
    #expect(region.flags == ["cut at the edge of the scanned area"])
    let view = try #require(output.items("view").first)
    #expect(view["region"] == "#region" && view["width"] == 50 && view["height"] == 100)
    // Glass lies right of the tissue, whose edge is at 600.
    let glass = try DrawnPicture.read("zoom.png", in: scratch)
    let inside = try bench.call(
      "region_zoom", ["rect": ["x": 300, "y": 300, "width": 100, "height": 200], "micronsPerPixel": 1])
    let tissue = try DrawnPicture.read("zoom.png", in: inside.scratch)
    let bright = DrawnPicture.mean(glass, x: 25, y: 50, radius: 10).green
    let dark = DrawnPicture.mean(tissue, x: 25, y: 50, radius: 10).green
    #expect(bright > dark + 20, "\(bright) and \(dark)")
  }

  @Test func zoomOfARegionByIdKeepsItsId() throws {
    var bench = try ToolBench(slide: MadeSlide.tissue(microns: 200))
    bench.add(
      region: "r7", LevelZeroRect(x: 200, y: 200, width: 200, height: 200),
      polygon: [LevelZeroPoint(x: 200, y: 200), LevelZeroPoint(x: 400, y: 200), LevelZeroPoint(x: 200, y: 400)])
    let output = try bench.call("region_zoom", ["region": "r7"]).output
    #expect(output.items("region").isEmpty)
    #expect(output.items("view").first?["region"] == "r7")
    #expect(output.items("view").first?["micronsPerPixel"] == 0.5)
  }

  @Test func zoomRefusesWhatItCannotShow() throws {
    var bench = try ToolBench(slide: MadeSlide.tissue(microns: 200))
    bench.add(region: "r7", LevelZeroRect(x: 0, y: 0, width: 20, height: 20))
    let far: JSONValue = ["x": 9000, "y": 0, "width": 5, "height": 5]
    #expect(try bench.error("region_zoom", ["rect": far])?.id == .regionOutOfBounds)
    let empty: JSONValue = ["x": 0, "y": 0, "width": 0, "height": 5]
    #expect(try bench.error("region_zoom", ["rect": empty])?.id == .regionOutOfBounds)
    #expect(try bench.error("region_zoom", ["region": "r8"])?.id == .evidenceNotFound)
    #expect(try bench.error("region_zoom")?.id == .toolFailed)
    #expect(try bench.error("region_zoom", ["region": "r7", "rect": far])?.id == .toolFailed)
    #expect(try bench.error("region_zoom", ["region": "r7", "slide": "s2"]) == nil)
    #expect(try bench.error("slide_overview", ["slide": "s2"])?.id == .evidenceNotFound)
    let plain = try ToolBench(slide: MadeSlide.tissue(microns: 100, micronsPerPixel: nil), name: "plain.tiff")
    let whole: JSONValue = ["x": 0, "y": 0, "width": 400, "height": 400]
    #expect(try plain.error("region_zoom", ["rect": whole, "micronsPerPixel": 1])?.id == .slideNoScale)
    #expect(try plain.call("region_zoom", ["rect": whole]).output.items("view").count == 1)
  }

  @Test func brokenAndMissingSlidesAreErrorsOfTheTable() throws {
    let whole = MadeSlide.tissue(microns: 100)
    for (bytes, id) in [
      (Array("no slide".utf8), ErrorID.slideUnsupported), (Array(whole.prefix(whole.count / 2)), .slideDamaged),
      ([], .slideDamaged),
    ] {
      let bench = try ToolBench(slide: bytes)
      for tool in ["slide_properties", "slide_overview", "cell_counter"] {
        #expect(try bench.error(tool)?.id == id)
      }
    }
    #expect(try ToolBench(path: "/nowhere/x.svs").error("slide_overview")?.id == .slideNotFound)
    #expect(try ToolBench(path: "/tmp").error("slide_overview")?.id == .slideUnsupported)
  }

  @Test func aTileThatCannotBeReadFailsTheCall() throws {
    var slide = SyntheticSlide.aperio(width: 512, height: 512, downsamples: [1, 8], micronsPerPixel: 2) { x, y in
      (x / 2 + y / 2) % 2 == 0 ? MadeSlide.collagen : MadeSlide.nucleus
    }
    slide.missingTiles = [20]
    let bench = try ToolBench(slide: slide.bytes())
    #expect(try bench.error("slide_overview")?.id == .slideDamaged)
    let place: JSONValue = ["x": 250, "y": 120, "width": 64, "height": 64]
    #expect(try bench.error("region_zoom", ["rect": place])?.id == .slideDamaged)
  }

  @Test(arguments: [(1, 1), (1, 700), (700, 1), (5, 3), (64, 64), (65, 63), (3000, 7)])
  func slidesOfOddSizesAreLookedAtWithoutHarm(_ width: Int, _ height: Int) throws {
    for color: UInt32 in [MadeSlide.glass, MadeSlide.nucleus, 0x148C73, 0x000000, 0xFFFFFF] {
      let slide = SyntheticSlide.aperio(width: width, height: height, micronsPerPixel: 0.5) { x, y in
        (x ^ y) & 8 == 0 ? color : MadeSlide.collagen
      }
      let bench = try ToolBench(slide: slide.bytes())
      let whole: JSONValue = [
        "x": 0, "y": 0, "width": .number(Double(width)), "height": .number(Double(height)),
      ]
      #expect(try bench.call("slide_overview").output.isError == nil)
      #expect(try bench.call("cell_counter", ["windowMicrons": 125]).output.isError == nil)
      #expect(try bench.call("region_zoom", ["rect": whole]).output.items("view").count == 1)
      #expect(try bench.call("render_view", ["rect": whole, "micronsPerPixel": 0.3]).output.evidence.count == 1)
    }
  }

  @Test func aCancelledCallStops() throws {
    let bench = try ToolBench(slide: MadeSlide.tissue(microns: 200))
    #expect(try bench.error("slide_overview", cancelled: true)?.id == .cancelled)
    #expect(try bench.error("cell_counter", cancelled: true)?.id == .cancelled)
  }

  @Test func theSameCallGivesTheSameBytes() throws {
    let bench = try ToolBench(slide: MadeSlide.tissue(microns: 200))
    let (first, firstFiles) = try bench.call("slide_overview")
    let (second, secondFiles) = try bench.call("slide_overview")
    #expect(first == second)
    for file in ["overview.png", "tissue.geojson"] {
      #expect(TemporaryFolder.read(firstFiles.path + "/" + file) == TemporaryFolder.read(secondFiles.path + "/" + file))
    }
  }

  @Test func outlinesAreGeoJSONThatQuPathReads() throws {
    let bench = try ToolBench(slide: MadeSlide.tissue(microns: 200))
    let (_, scratch) = try bench.call("slide_overview")
    let file = try JSONValue.parse(try #require(TemporaryFolder.read(scratch.path + "/tissue.geojson")))
    #expect(file["type"] == "FeatureCollection")
    let features = try #require(file["features"]?.arrayValue)
    let tissue = try #require(features.first)
    #expect(tissue["properties"]?["objectType"] == "annotation")
    #expect(tissue["properties"]?["classification"]?["name"] == "Tissue")
    #expect(tissue["geometry"]?["type"] == "MultiPolygon")
    let ring = try #require(tissue["geometry"]?["coordinates"]?.arrayValue?.first?.arrayValue?.first?.arrayValue)
    #expect(ring.first == ring.last && ring.count >= 5)
    let ids = features.compactMap { $0["id"]?.stringValue }
    #expect(Set(ids).count == features.count)
    #expect(ids.allSatisfy { $0.count == 36 && $0.split(separator: "-").map(\.count) == [8, 4, 4, 4, 12] })
  }
}
