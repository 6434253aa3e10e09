// Pictures of evidence as MCP's image content, and artefacts as content of their kind.
// What must stay true: a result carries at most `maxPictures` pictures and `maxTotalBytes` of them; what does not fit is
// named in words, never dropped in silence; bytes are those the evidence names by hash and size.

import Client
import Domain
import JSON
import Wire

/// Reads the bytes behind evidence for one result.
struct Pictures: Sendable {
  let connection: ClientConnection
  let caseID: CaseID

  static let maxPictures = 4
  static let maxTotalBytes = 3 << 20
  /// For one artefact that is asked for by itself.
  static let maxArtefactBytes = 5 << 20

  /// Content for the pictures among the evidence, the cited first. Pictures that cannot be read are named.
  func content(of evidence: [String: Evidence], cited: [EvidenceID] = []) async -> [JSONValue] {
    let rank = Dictionary(cited.enumerated().map { ($1, $0) }) { first, _ in first }
    let found = evidence.values.filter(Self.isPicture).sorted {
      (rank[$0.id] ?? Int.max, $0.id.rawValue.count, $0.id.rawValue)
        < (rank[$1.id] ?? Int.max, $1.id.rawValue.count, $1.id.rawValue)
    }
    var content: [JSONValue] = []
    var left: [String] = []
    var bytesLeft = Self.maxTotalBytes
    for item in found {
      guard content.count < Self.maxPictures,
        let read = try? await bytes(of: item.id, limit: bytesLeft), Self.types.contains(read.mediaType)
      else {
        left.append(item.id.rawValue)
        continue
      }
      bytesLeft -= read.bytes.count
      content.append(Self.image(read.bytes, read.mediaType, of: item.id))
    }
    if !left.isEmpty {
      content.append([
        "type": "text",
        "text": .string("More pictures, one by one with read_artefact: \(left.prefix(50).joined(separator: ", "))."),
      ])
    }
    return content
  }

  /// One artefact's or view's bytes as content, with what is known of them. Throws what the daemon says, or
  /// `protocol.params` for what is no text or picture or is too large.
  func artefact(_ id: EvidenceID) async throws(VPathError) -> (content: JSONValue, about: JSONValue) {
    let read = try await bytes(of: id, limit: Self.maxArtefactBytes)
    let about: JSONValue = [
      "id": .string(id.rawValue), "mediaType": .string(read.mediaType), "sizeBytes": .number(Double(read.bytes.count)),
      "sha256": .string(read.sha256.rawValue),
    ]
    if Self.types.contains(read.mediaType) { return (Self.image(read.bytes, read.mediaType, of: id), about) }
    var resource: [String: JSONValue] = [
      "uri": .string("vpath://\(caseID)/\(id)"), "mimeType": .string(read.mediaType),
    ]
    if let text = String(validating: read.bytes, as: UTF8.self), !read.mediaType.hasPrefix("image/") {
      resource["text"] = .string(text)
    } else {
      resource["blob"] = .string(Base64.encode(read.bytes))
    }
    return (["type": "resource", "resource": .object(resource)], about)
  }

  /// What MCP clients show as images.
  private static let types: Set<String> = ["image/png", "image/jpeg"]

  private static func isPicture(_ evidence: Evidence) -> Bool {
    switch evidence.body {
    case .artefact(let artefact): types.contains(artefact.mediaType)
    case .view(let view): view.imageSha256 != nil
    default: false
    }
  }

  private static func image(_ bytes: [UInt8], _ type: String, of id: EvidenceID) -> JSONValue {
    [
      "type": "image", "data": .string(Base64.encode(bytes)), "mimeType": .string(type),
      "_meta": ["org.vpath/evidence": .string(id.rawValue)],
    ]
  }

  private func bytes(
    of id: EvidenceID, limit: Int
  ) async throws(VPathError) -> (bytes: [UInt8], mediaType: String, sha256: SHA256Hex) {
    var bytes: [UInt8] = []
    var offset = 0
    while true {
      let piece = try await connection.call(
        EvidenceMethods.read, ArtefactReadParams(caseID: caseID, id: id, offset: offset))
      guard piece.sizeBytes <= limit else {
        throw VPathError(
          .protocolParams,
          "\(id) has \(piece.sizeBytes) bytes; \(limit) fit a result here. Read it with artefact/read or `vpath`.",
          subject: id.rawValue)
      }
      guard let part = Base64.decode(piece.data), bytes.count + part.count <= piece.sizeBytes else {
        throw VPathError(.internalBug, "A piece of \(id) is not what the daemon says it is.", subject: id.rawValue)
      }
      bytes += part
      guard let next = piece.next else { return (bytes, piece.mediaType, piece.sha256) }
      guard next > offset else {
        throw VPathError(.internalBug, "The pieces of \(id) do not end.", subject: id.rawValue)
      }
      offset = next
    }
  }
}
