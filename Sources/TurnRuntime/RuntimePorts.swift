// What the runtime needs beside the ports of the room Ports: a private place for paths, an auditor of the trace, a
// directory of language models, and word of the daemon's health.
// What must stay true: paths of slides are behind `CaseFiles` alone; they are in no event and no answer.

public import Domain
public import Ports
public import Wire

/// Keeps the slide files of each case, outside the trace.
public protocol CaseFiles: Sendable {
  /// Keeps the files of a new case, durably, readable by the daemon alone.
  func save(_ slides: [SlideGrant], of caseID: CaseID) async throws(VPathError)
  /// The files of a case; empty when none are kept.
  func load(_ caseID: CaseID) async throws(VPathError) -> [SlideGrant]
  /// Forgets them.
  func remove(_ caseID: CaseID) async
  /// The cases of which files are kept.
  func kept() async -> [CaseID]
}

/// Checks and exports the trace.
public protocol TraceAudit: Sendable {
  /// Checks every hash and signature, of one case or of all.
  func verify(_ caseID: CaseID?) async throws(VPathError) -> TraceVerifyResult
  /// A piece of a case's export, at most `WireLimits.chunkBytes`; the first without a cursor. `next` is nil at the end.
  func export(_ caseID: CaseID, cursor: String?) async throws(VPathError) -> (bytes: [UInt8], next: String?)
}

/// Tells of language models.
public protocol ModelDirectory: Sendable {
  /// All of this machine, by name.
  func list() async -> [ListedModel]
  /// What plans.
  func status() async -> ModelStatusResult
}

/// No model: rules plan.
public struct NoModels: ModelDirectory {
  public init() {}
  public func list() async -> [ListedModel] { [] }
  public func status() async -> ModelStatusResult { ModelStatusResult() }
}

/// What is not well in the daemon's surroundings.
public struct DaemonHealth: Sendable, Hashable {
  /// In words; empty when all is well.
  public var problems: [String]
  /// Whether tools run in their sandbox.
  public var sandbox: Bool
  /// The report from its parts.
  public init(problems: [String] = [], sandbox: Bool = true) {
    self.problems = problems
    self.sandbox = sandbox
  }
}
