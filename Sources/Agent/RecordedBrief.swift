// What `turn.started` says of a brief: everything that neither the case's earlier events nor the kept bytes say.
// What must stay true: its size does not grow with the turns of a case; with what was before the turn it gives back the
// very brief the turn started from, or a reason why not.

import Crypto
public import Domain
import JSON
import Policy
import Ports

/// What stood in a case before a turn began: the fold of its events with a smaller seq than `turn.started`, and the
/// manifests of the tools that were offered.
public struct TurnBefore: Sendable {
  /// Evidence of the earlier turns, oldest first, without the slides.
  public var evidence: [Evidence]
  /// Calls of the earlier turns, oldest first.
  public var earlierCalls: [EarlierCall]
  /// The first earlier event of a turn whose payload was redacted; nil when all are whole.
  public var redactedSeq: Int?
  fileprivate var manifests: [SHA256Hex: ToolManifest]

  /// What was there; manifests in any order.
  public init(evidence: [Evidence], earlierCalls: [EarlierCall], tools: [ToolManifest], redactedSeq: Int? = nil) {
    self.evidence = evidence
    self.earlierCalls = earlierCalls
    self.redactedSeq = redactedSeq
    manifests = Dictionary(tools.map { (recordedSHA256(of: $0), $0) }) { first, _ in first }
  }
}

/// SHA-256 of a value's canonical JSON, as manifests are kept by.
func recordedSHA256(of value: some Encodable) -> SHA256Hex {
  // A value without a form has none in the record either, where `TurnEvents` says so.
  let bytes = (try? encodeJSON(value))?.canonicalBytes() ?? []
  let digits = SHA256.hash(data: bytes).flatMap { [$0 >> 4, $0 & 0xF] }
  return SHA256Hex(String(decoding: digits.map { $0 < 10 ? 0x30 + $0 : 0x57 + $0 }, as: UTF8.self))
}

/// A tool as a turn's record names it; the manifest is among the kept bytes.
struct RecordedTool: Sendable, Hashable, Codable {
  var name: String
  var version: String
  /// SHA-256 of the manifest's canonical JSON.
  var sha256: SHA256Hex

  init(_ manifest: ToolManifest) {
    name = manifest.name
    version = manifest.vpath.version
    sha256 = recordedSHA256(of: manifest)
  }
}

/// Why a brief cannot be made again from its record.
struct BriefProblem: Error {
  var message: String
}

/// A brief in `turn.started`.
struct RecordedBrief: Sendable, Hashable, Codable {
  var caseID: CaseID
  var turn: TurnID
  var task: TurnTask
  var description: CaseDescription
  var slides: [SlideRecord]
  var drawnRegions: [Region]
  /// How many pieces of evidence and how many calls of earlier turns the turn started from.
  var evidenceBefore: Int
  var callsBefore: Int
  var tools: [RecordedTool]
  var builtInTools: [String]
  var principal: Principal
  var caseOwnerUID: UInt32
  var budget: TurnBudget
  var planner: String
  var model: ModelDescription?
  var nonce: String
  var build: String?

  init(_ brief: TurnBrief, tools: [RecordedTool]) {
    caseID = brief.caseID
    turn = brief.turn
    task = brief.task
    description = brief.description
    slides = brief.slides
    drawnRegions = brief.drawnRegions
    evidenceBefore = brief.evidence.count
    callsBefore = brief.earlierCalls.count
    self.tools = tools
    builtInTools = brief.builtInTools
    principal = brief.principal
    caseOwnerUID = brief.caseOwnerUID
    budget = brief.budget
    planner = brief.planner
    model = brief.model
    nonce = brief.nonce
    build = brief.build
  }

  /// The brief itself.
  func brief(_ before: TurnBefore) throws(BriefProblem) -> TurnBrief {
    guard evidenceBefore == before.evidence.count, callsBefore == before.earlierCalls.count else {
      if let seq = before.redactedSeq {
        throw BriefProblem(
          message: "the turn started from what earlier turns found, and event \(seq) of one of them was redacted")
      }
      throw BriefProblem(
        message:
          "the turn started from \(evidenceBefore) pieces of evidence and \(callsBefore) calls; the record before it holds \(before.evidence.count) and \(before.earlierCalls.count)"
      )
    }
    var manifests: [ToolManifest] = []
    for tool in tools {
      guard let manifest = before.manifests[tool.sha256] else {
        throw BriefProblem(
          message:
            "the manifest of \(tool.name.excerpt(60)) \(tool.version.excerpt(40)) is not kept, or reads otherwise")
      }
      manifests.append(manifest)
    }
    return TurnBrief(
      caseID: caseID, turn: turn, task: task, description: description, slides: slides, drawnRegions: drawnRegions,
      evidence: before.evidence, earlierCalls: before.earlierCalls, tools: manifests, builtInTools: builtInTools,
      principal: principal, caseOwnerUID: caseOwnerUID, budget: budget, planner: planner, nonce: nonce, build: build,
      model: model)
  }
}
