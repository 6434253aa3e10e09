// Evidence and the bytes behind it.

public import Domain
import JSON
public import Policy
import Ports
public import Wire

extension Runtime {
  /// `evidence/get`.
  public func getEvidence(_ params: EvidenceGetParams, by principal: Principal) async throws(VPathError)
    -> EvidenceGetResult
  {
    let (found, _) = try await permit(.evidenceRead, on: params.caseID, by: principal)
    let byID = Dictionary(found.evidence.map { ($0.id, $0) }) { first, _ in first }
    var shown: [String: Evidence] = [:]
    for id in params.ids {
      guard let evidence = byID[id] ?? found.evidence(id) else {
        throw RuntimeErrors.evidenceNotFound(id.rawValue, in: found.caseID)
      }
      shown[id.rawValue] = evidence
    }
    return EvidenceGetResult(evidence: shown)
  }

  /// `artefact/read`.
  public func readArtefact(_ params: ArtefactReadParams, by principal: Principal) async throws(VPathError)
    -> ArtefactReadResult
  {
    let (found, _) = try await permit(.artefactRead, on: params.caseID, by: principal)
    guard let evidence = found.evidence(params.id) else {
      throw RuntimeErrors.evidenceNotFound(params.id.rawValue, in: found.caseID)
    }
    guard let (hash, mediaType) = evidence.body.file else {
      throw RuntimeErrors.noFile(params.id, evidence.body.kind, in: found.caseID)
    }
    guard let size = try await environment.store.size(of: hash) else {
      throw RuntimeErrors.evidenceNotFound(params.id.rawValue, in: found.caseID)
    }
    let bytes = try await environment.store.bytes(hash, offset: min(params.offset, size), count: WireLimits.chunkBytes)
    let end = min(params.offset, size) + bytes.count
    return ArtefactReadResult(
      data: Base64.encode(bytes), sizeBytes: size, mediaType: mediaType, sha256: hash,
      next: end < size && !bytes.isEmpty ? end : nil)
  }

  /// All bytes of a file kept by hash, at most `limit`.
  func wholeFile(_ hash: SHA256Hex, limit: Int) async throws(VPathError) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < limit {
      let piece = try await environment.store.bytes(
        hash, offset: bytes.count, count: min(WireLimits.chunkBytes, limit - bytes.count))
      if piece.isEmpty { break }
      bytes += piece
    }
    return bytes
  }
}

extension EvidenceBody {
  /// The file it stands for, when it has one.
  var file: (SHA256Hex, mediaType: String)? {
    switch self {
    case .artefact(let artefact): (artefact.sha256, artefact.mediaType)
    case .view(let view): view.imageSha256.map { ($0, "image/png") }
    default: nil
    }
  }
}
