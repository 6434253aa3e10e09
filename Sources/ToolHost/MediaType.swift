// The closed list of file kinds a tool may hand over, each with a look at its bytes.
// What must stay true: a file is kept under a media type only if its bytes begin, or read, as that type's do; nothing
// is decoded beyond JSON.

import JSON

/// The media types of artefacts.
enum MediaType: String, CaseIterable, Sendable {
  case png = "image/png"
  case jpeg = "image/jpeg"
  case tiff = "image/tiff"
  case json = "application/json"
  case geoJSON = "application/geo+json"
  case csv = "text/csv"
  case markdown = "text/markdown"
  case plain = "text/plain"
  case html = "text/html"
  /// Binary PPM: views for tools; never kept.
  case ppm = "image/x-portable-pixmap"

  /// Whether any tool may give it; the others only the product's own (a browser would run what is in them).
  var isForAnyTool: Bool { self != .html && self != .ppm }

  /// Why the bytes are not of this type, or nil.
  func fault(in bytes: [UInt8]) -> String? {
    switch self {
    case .png: return bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) ? nil : notOfThisType
    case .jpeg: return bytes.starts(with: [0xFF, 0xD8, 0xFF]) ? nil : notOfThisType
    case .tiff:
      let heads: [[UInt8]] = [
        [0x49, 0x49, 0x2A, 0], [0x4D, 0x4D, 0, 0x2A], [0x49, 0x49, 0x2B, 0], [0x4D, 0x4D, 0, 0x2B],
      ]
      return heads.contains { bytes.starts(with: $0) } ? nil : notOfThisType
    case .ppm: return bytes.starts(with: [0x50, 0x36]) ? nil : notOfThisType
    case .json, .geoJSON:
      do {
        let value = try JSONValue.parse(
          bytes, limits: JSONLimits(maxBytes: 128 << 20, maxDepth: 32, maxValues: 12_000_000))
        guard self == .geoJSON else { return nil }
        return value["type"]?.stringValue == nil && value.arrayValue == nil ? notOfThisType : nil
      } catch {
        return "its bytes are no JSON: \(error)"
      }
    case .csv, .markdown, .plain, .html:
      return String(validating: bytes, as: UTF8.self) == nil || bytes.contains(0) ? "its bytes are no UTF-8 text" : nil
    }
  }

  private var notOfThisType: String { "its bytes are no \(rawValue)" }
}
