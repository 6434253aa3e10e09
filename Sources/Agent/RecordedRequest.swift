// What `model.requested` says of a request: what changed since the step before, and the digest of the whole.
// What must stay true: its size grows neither with the case nor with the turn's evidence; two requests with one digest
// are the same request, so that replay compares all of it.

import Domain
import JSON
import Ports

/// A request in `model.requested`.
struct RecordedRequest: Sendable, Hashable, Encodable {
  /// A tool that could not be called, and why.
  struct Unavailable: Sendable, Hashable, Encodable {
    var name: String
    var reason: String
  }

  var step: Int
  var parts: [QuestionPart]
  /// Names of the tools that could be called; `turn.started` names their manifests.
  var tools: [String]
  var unavailable: [Unavailable]
  /// Evidence recorded in this turn since the step before; what else was shown was there already.
  var evidence: [EvidenceID]
  /// The calls whose outcomes were shown.
  var history: [CallID]
  var stepsLeft: Int
  var corrections: [String]
  var disclosure: Disclosure?
  /// SHA-256 of the schema's canonical JSON.
  var schemaSha256: SHA256Hex
  /// SHA-256 of the canonical JSON of `DigestedRequest`.
  var requestSha256: SHA256Hex
}

/// The whole of a request, with evidence and manifests by the SHA-256 of their canonical JSON: these are large, and
/// the same from step to step.
struct DigestedRequest: Encodable {
  /// A tool that could not be called, and why.
  struct Unavailable: Encodable {
    var tool: SHA256Hex
    var reason: String
  }

  var turn: TurnID
  var step: Int
  var question: String
  var parts: [QuestionPart]
  var description: CaseDescription
  var evidence: [SHA256Hex]
  var tools: [SHA256Hex]
  var unavailable: [Unavailable]
  var history: [StepOutcome]
  var drawnRegions: [EvidenceID]
  var schema: SHA256Hex
  var stepsLeft: Int
  var corrections: [String]
  var disclosure: Disclosure?
}

/// Makes the records of a turn's requests, one after another.
struct RequestRecorder: Sendable {
  /// The tools that were offered.
  let tools: [RecordedTool]
  private let manifests: [String: SHA256Hex]
  private var digests: [EvidenceID: SHA256Hex] = [:]
  private var told = 0

  init(_ brief: TurnBrief) {
    tools = brief.tools.map { RecordedTool($0) }
    manifests = Dictionary(tools.map { ($0.name, $0.sha256) }) { first, _ in first }
  }

  /// The item is another from now on.
  mutating func forget(_ id: EvidenceID) { digests[id] = nil }

  /// The record of the next request. `own` is the turn's evidence so far, in order.
  mutating func record(_ request: StepRequest, own: [Evidence]) -> RecordedRequest {
    let schema = recordedSHA256(of: request.schema)
    let whole = DigestedRequest(
      turn: request.turn, step: request.number, question: request.question, parts: request.parts,
      description: request.description, evidence: request.evidence.map { digest(of: $0) },
      tools: request.tools.map { manifests[$0.name] ?? recordedSHA256(of: $0) },
      unavailable: request.unavailableTools.map {
        DigestedRequest.Unavailable(tool: manifests[$0.tool.name] ?? recordedSHA256(of: $0.tool), reason: $0.reason)
      },
      history: request.history, drawnRegions: request.drawnRegions, schema: schema, stepsLeft: request.stepsLeft,
      corrections: request.corrections, disclosure: request.disclosure)
    defer { told = own.count }
    return RecordedRequest(
      step: request.number, parts: request.parts, tools: request.tools.map(\.name),
      unavailable: request.unavailableTools.map {
        RecordedRequest.Unavailable(name: $0.tool.name, reason: $0.reason)
      },
      evidence: own.dropFirst(told).map(\.id), history: request.history.map(\.call), stepsLeft: request.stepsLeft,
      corrections: request.corrections, disclosure: request.disclosure, schemaSha256: schema,
      requestSha256: recordedSHA256(of: whole))
  }

  private mutating func digest(of item: Evidence) -> SHA256Hex {
    if let known = digests[item.id] { return known }
    let digest = recordedSHA256(of: item)
    digests[item.id] = digest
    return digest
  }
}
