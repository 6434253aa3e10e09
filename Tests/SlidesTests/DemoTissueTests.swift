// The demo slide against outlines that were drawn on it by eye (Tests/Fixtures/demo-slide-truth).

import Domain
import JSON
import Raster
import TestSupport
import Testing

@testable import Slides

private let fixture =
  #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Fixtures/demo-slide-truth/"

@Suite(.enabled(if: DemoSlide.path != nil, "the demo slide is not in the cache: run make assets"))
struct DemoTissueTests {
  /// The map, made once for all tests here.
  private static let made: Result<TissueMap, SlideError> = {
    do throws(SlideError) {
      return .success(try SlideHandle(path: DemoSlide.path ?? "").tissueMap(options: TissueOptions(organ: "skin")))
    } catch {
      return .failure(error)
    }
  }()

  /// The pixels of the map's grid inside all outlines of a class.
  private func truth(_ name: String, _ grid: TissueGrid) throws -> Mask {
    let bytes = try #require(TemporaryFolder.read(fixture + "regions.geojson"))
    var mask = Mask(width: grid.width, height: grid.height)
    for feature in try JSONValue.parse(bytes)["features"]?.arrayValue ?? []
    where feature["properties"]?["classification"]?["name"]?.stringValue == name {
      for (index, ring) in (feature["geometry"]?["coordinates"]?.arrayValue ?? []).enumerated() {
        let points = (ring.arrayValue ?? []).compactMap { point -> (x: Double, y: Double)? in
          guard let x = point.arrayValue?.first?.numberValue, let y = point.arrayValue?.last?.numberValue else {
            return nil
          }
          return (x / grid.downsampleX, y / grid.downsampleY)
        }
        let fill = Mask(width: grid.width, height: grid.height, polygon: points)
        mask = index == 0 ? mask.or(fill) : mask.subtracting(fill)
      }
    }
    #expect(mask.count > 0)
    return mask
  }

  private func share(_ part: Mask, of whole: Mask) -> Double { Double(part.and(whole).count) / Double(whole.count) }

  @Test func theTissueHasTheAreaThatOrdinaryMasksFind() throws {
    let map = try Self.made.get()
    let area = try #require(map.grid.areaMm2(pixels: map.tissue.count))
    #expect(area > 0.54 && area < 0.63)
  }

  @Test func keratinIsLeftOut() throws {
    let map = try Self.made.get()
    let keratin = try truth("Keratin", map.grid).and(map.tissue)
    #expect(share(map.flagged, of: keratin) > 0.9)
    let found = try #require(map.excluded[.keratin])
    #expect(share(try truth("Keratin", map.grid).dilated(.disk(radius: 10)), of: found) > 0.9)
  }

  @Test func inkIsLeftOutWhereItsColourIsThat() throws {
    let map = try Self.made.get()
    let found = try #require(map.excluded[.ink])
    #expect(map.grid.areaMm2(pixels: found.count).map { $0 > 0.006 && $0 < 0.02 } == true)
    #expect(share(try truth("Ink", map.grid), of: found) > 0.75)
  }

  @Test func cellularEpitheliumAndDermisStayIn() throws {
    let map = try Self.made.get()
    for name in ["Cellular epithelium", "Dermis"] {
      let outlined = try truth(name, map.grid)
      #expect(share(map.unflagged, of: outlined.and(map.tissue)) > 0.93)
      #expect(share(map.tissue, of: outlined) > 0.85)
    }
  }

  @Test func theSlideIsInFocusAndHasNoFolds() throws {
    let map = try Self.made.get()
    #expect(map.excluded[.blur]?.count == 0)
    #expect(map.excluded[.fold]?.count == 0)
    #expect(map.unchecked.isEmpty)
  }
}
