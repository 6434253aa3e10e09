// evidence/get and artefact/read.

public import Domain
public import JSON

/// Names evidence of a case.
public struct EvidenceGetParams: WireType {
  public var caseID: CaseID
  public var ids: [EvidenceID]
  public init(caseID: CaseID, ids: [EvidenceID]) {
    self.caseID = caseID
    self.ids = ids
  }
  enum CodingKeys: String, CodingKey {
    case caseID = "case"
    case ids
  }
  public static var schema: Schema {
    .object([.required("case", .caseID), .required("ids", .array(of: .evidenceID, min: 1, max: 1000))])
  }
}

/// Evidence by id.
public struct EvidenceGetResult: WireType {
  public var evidence: [String: Evidence]
  public init(evidence: [String: Evidence]) { self.evidence = evidence }
  public static var schema: Schema { .object([.required("evidence", .map(of: Evidence.schema))]) }
}

/// Asks for a piece of an artefact's or view's bytes.
public struct ArtefactReadParams: WireType {
  public var caseID: CaseID
  /// An artefact's or a view's id.
  public var id: EvidenceID
  public var offset: Int
  public init(caseID: CaseID, id: EvidenceID, offset: Int) {
    self.caseID = caseID
    self.id = id
    self.offset = offset
  }
  enum CodingKeys: String, CodingKey {
    case caseID = "case"
    case id, offset
  }
  public static var schema: Schema {
    .object([.required("case", .caseID), .required("id", .evidenceID), .required("offset", .integer(min: 0))])
  }
}

/// A piece of bytes, at most 1 MiB.
public struct ArtefactReadResult: WireType {
  /// Base 64.
  public var data: String
  public var sizeBytes: Int
  public var mediaType: String
  public var sha256: SHA256Hex
  /// The offset to ask next; absent at the end.
  public var next: Int?
  public init(data: String, sizeBytes: Int, mediaType: String, sha256: SHA256Hex, next: Int?) {
    self.data = data
    self.sizeBytes = sizeBytes
    self.mediaType = mediaType
    self.sha256 = sha256
    self.next = next
  }
  public static var schema: Schema {
    .object([
      .required("data", .string(description: "Base 64, at most 1 MiB before coding.")),
      .required("sizeBytes", .count("Size of the whole.")), .required("mediaType", .text("Media type.")),
      .required("sha256", .sha256), .optional("next", .integer(min: 0)),
    ])
  }
}

/// The methods about evidence.
public enum EvidenceMethods {
  public static let get = Method<EvidenceGetParams, EvidenceGetResult>(
    "evidence/get", "Evidence of a case by id.", errors: [.caseNotFound, .evidenceNotFound],
    example: ["case": "case-1", "ids": ["m5"]])
  public static let read = Method<ArtefactReadParams, ArtefactReadResult>(
    "artefact/read", "Bytes of an artefact or of a view's picture, in pieces.",
    errors: [.caseNotFound, .evidenceNotFound, .policyDenied],
    example: ["case": "case-1", "id": "a2", "offset": 0])
}
