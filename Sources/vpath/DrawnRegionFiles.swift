// Regions from the command line: rectangles and files drawn in QuPath.

import Domain
import JSON
import Setup
import SystemPackage
import Wire

enum DrawnRegionFiles {
  /// Largest GeoJSON file.
  static let maxBytes = 4 << 20

  /// Reads `x,y,w,h` and a GeoJSON file. Throws `cli.usage` that names the value met.
  static func regions(rectangles: [String], roi: String?) throws(VPathError) -> [DrawnRegion] {
    var result: [DrawnRegion] = []
    for text in rectangles {
      let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
      guard numbers.count == 4, let x = numbers[0], let y = numbers[1], let width = numbers[2], let height = numbers[3]
      else {
        throw VPathError(
          .cliUsage, "--region \(text) is no rectangle. Write four whole numbers: x,y,width,height.", subject: "region")
      }
      result.append(DrawnRegion(rect: LevelZeroRect(x: x, y: y, width: width, height: height)))
    }
    guard let roi else { return result }
    let bytes: [UInt8]
    do {
      bytes = try BoundedFile.bytes(FilePath(roi), maxBytes: maxBytes)
    } catch {
      throw VPathError(.cliUsage, "--roi cannot be read: \(error.reason).", subject: "roi")
    }
    do {
      let json = try JSONValue.parse(bytes)
      // QuPath can leave the collection off and write its features alone.
      result.append(
        DrawnRegion(geojson: json.arrayValue == nil ? json : ["type": "FeatureCollection", "features": json]))
    } catch {
      throw VPathError(
        .cliUsage,
        "--roi is no JSON: \(error.message) (line \(error.line ?? 0), column \(error.column ?? 0)). Export it from "
          + "QuPath as GeoJSON.", subject: "roi")
    }
    return result
  }
}
