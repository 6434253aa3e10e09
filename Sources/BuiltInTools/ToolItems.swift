// The items of a tool's output, made from Domain's own types so that they have the shape the host checks.
// What must stay true: texts stay within the contract's bounds (flags 128, captions 500, reasons 1,000 characters).

import Domain
import JSON
import Raster
import Slides
import ToolKit

/// Collects the items of one output.
struct ToolItems {
  private(set) var items: [JSONValue] = []

  /// The output so far.
  var output: ToolOutput { ToolOutput(evidence: items) }

  /// Adds an item: a kind, a key that other items may refer to as `#key`, and a body.
  mutating func add(_ kind: String, key: String?, _ body: some Encodable, _ more: [String: JSONValue] = [:])
    throws(VPathError)
  {
    var members: [String: JSONValue]
    do {
      members = try encodeJSON(body).objectValue ?? [:]
    } catch {
      throw VPathError(.internalBug, "An item of kind \(kind) could not be written: \(error.message).")
    }
    members["kind"] = .string(kind)
    members["key"] = key.map(JSONValue.string)
    members.merge(more) { _, new in new }
    items.append(.object(members))
  }

  /// Adds a region and gives the reference to it.
  @discardableResult
  mutating func region(_ key: String, _ region: Region) throws(VPathError) -> EvidenceID {
    var region = region
    region.flags = region.flags.prefix(32).map { String($0.prefix(128)) }
    try add("region", key: key, region)
    return EvidenceID("#" + key)
  }

  /// Adds a measurement.
  mutating func measurement(_ measurement: Measurement) throws(VPathError) {
    try add("measurement", key: nil, measurement)
  }

  /// Adds a file that was written to scratch.
  mutating func artefact(_ file: String, mediaType: String, caption: String) {
    items.append([
      "kind": "artefact", "file": .string(file), "name": .string(file), "mediaType": .string(mediaType),
      "caption": .string(String(caption.prefix(500))),
    ])
  }

  /// Adds a view of a region, whose picture was written to scratch as `image`.
  mutating func view(_ picture: RegionPicture, of region: EvidenceID, image: String, caption: String) {
    var members: [String: JSONValue] = [
      "kind": "view", "region": .string(region.rawValue), "width": .number(Double(picture.image.width)),
      "height": .number(Double(picture.image.height)), "pixelSha256": .string(picture.image.pixelSha256.rawValue),
      "image": .string(image), "caption": .string(String(caption.prefix(500))),
    ]
    members["micronsPerPixel"] = picture.micronsPerPixel.map(JSONValue.number)
    items.append(.object(members))
  }

  /// Adds a part of the request that cannot be assessed, with what would be needed.
  mutating func refuse(_ reason: String) {
    items.append(["kind": "notAssessable", "reason": .string(String(reason.prefix(1000)))])
  }
}

extension Validity {
  /// For areas and other measures that nothing was validated for.
  static let none = Validity(organs: [], stains: [], micronsPerPixel: [], imageCount: 0, within: true, limits: [])
}

/// Media types of the files that these tools write.
enum MediaTypeName {
  static let png = "image/png"
  static let geoJSON = "application/geo+json"
}
