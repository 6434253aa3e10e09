// Files of an output: read from scratch or from the message, looked at, kept by hash.
// What must stay true: number and size are bounded, names are plain, types that can do harm are kept from the
// product's own tools alone.

import Domain
import JSON

extension OutputCheck {
  mutating func artefact(
    _ members: [String: JSONValue], _ place: String
  ) async throws(VPathError) -> Artefact {
    let file = members["file"]?.stringValue ?? ""
    guard let type = members["mediaType"]?.stringValue.flatMap(MediaType.init(rawValue:)) else {
      throw OutputCheck.fault("\(place)/mediaType", "is not known")
    }
    let name = members["name"]?.stringValue ?? lastName(file)
    guard OutputCheck.isFileName(name) else {
      throw OutputCheck.fault("\(place)/name", "must be a plain file name of letters, digits, space, _ . or -")
    }
    let stored = try await store(file, type, "\(place)/file")
    return Artefact(
      name: name, mediaType: type.rawValue, sizeBytes: stored.size, sha256: stored.hash,
      caption: members["caption"]?.stringValue ?? "")
  }

  private static func isFileName(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    guard (1...128).contains(bytes.count), bytes[0] != 0x2E, bytes[0] != 0x2D, bytes[0] != 0x20 else { return false }
    return bytes.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || [0x20, 0x2D, 0x2E, 0x5F].contains(byte)
    }
  }

  mutating func store(
    _ file: String, _ type: MediaType, _ place: String
  ) async throws(VPathError) -> (hash: SHA256Hex, size: Int) {
    guard type.isForAnyTool || context.isBuiltIn else {
      throw OutputCheck.fault(place, "\(type.rawValue) is kept only from the product's own tools")
    }
    guard filesLeft > 0 else { throw OutputCheck.fault(place, "an output may name 64 files at most") }
    filesLeft -= 1
    let bytes: [UInt8]
    if let given = context.files[file] {
      guard given.count <= bytesLeft else { throw EndReason.files(limitMiB: context.outputMiB).error }
      bytesLeft -= given.count
      if let fault = type.fault(in: given) {
        throw OutputCheck.fault(place, "the file in the tool's message is not kept: \(fault)")
      }
      return (try await put(given, type.rawValue), given.count)
    }
    do {
      bytes = try scratch.read(file, maxBytes: bytesLeft)
    } catch {
      if case .tooLarge = error.reason { throw EndReason.files(limitMiB: context.outputMiB).error }
      throw OutputCheck.fault(
        place, "\"\(PlainText.clean(file, limit: 100))\" in scratch \(error.words); name a regular file written there")
    }
    bytesLeft -= bytes.count
    if let fault = type.fault(in: bytes) {
      throw OutputCheck.fault(place, "\"\(PlainText.clean(file, limit: 100))\" is not kept: \(fault)")
    }
    return (try await put(bytes, type.rawValue), bytes.count)
  }
}
