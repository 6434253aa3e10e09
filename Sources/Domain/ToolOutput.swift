// What a tool gives back, before the daemon has checked it and given ids.
// What must stay true: a reference is an evidence id already known to the case, or `#key` of an item in the same
// output; the daemon resolves it. Slide fields may be omitted where the call had one slide.

public import JSON

/// A tool's result by the contract of ToolManifest. `evidence` items carry `kind`, an optional local `key`, and
/// the body's own keys; an artefact names a `file` in scratch instead of its hash, a view may name one as `image`.
public struct ToolOutput: Sendable, Hashable, Codable {
  public var evidence: [JSONValue]
  /// Parts of the request the tool refuses, with reasons a reader understands.
  public var isError: Bool?
  /// An error id of the table when isError; `tool.failed` when absent.
  public var errorId: String?
  public var message: String?

  public init(evidence: [JSONValue], isError: Bool? = nil, errorId: String? = nil, message: String? = nil) {
    self.evidence = evidence
    self.isError = isError
    self.errorId = errorId
    self.message = message
  }
}

/// An item of a tool's output after the host has checked it and stored its files: the body with local
/// references, which Agent turns into ids.
public struct ProposedEvidence: Sendable, Hashable, Codable {
  /// The item's name inside this output; other items refer to it as `#key`.
  public var key: String?
  public var kind: EvidenceKind
  /// The body's keys as in Evidence, references as ids or `#key`.
  public var body: JSONValue

  public init(key: String?, kind: EvidenceKind, body: JSONValue) {
    self.key = key
    self.kind = kind
    self.body = body
  }
}

/// A tool's word that something cannot be assessed: `{"kind":"notAssessable","reason":…}`.
public struct ToolRefusal: Sendable, Hashable, Codable {
  public var reason: String
  public init(reason: String) { self.reason = reason }
}

/// What the policy said of how a call was to run. It is part of the call's result, and so of the record.
public struct RunDecision: Sendable, Hashable, Codable {
  /// `tool.keep` or `tool.unsandboxed`.
  public var action: String
  /// The tool it was asked for: the called one, or one of the product's own that served the call.
  public var tool: String
  /// `permit` or `forbid`.
  public var effect: String
  /// The rules that decided, sorted; empty when nothing permitted it.
  public var rules: [String]
  /// SHA-256 of the policy.
  public var policyDigest: SHA256Hex

  public init(action: String, tool: String, effect: String, rules: [String], policyDigest: SHA256Hex) {
    self.action = action
    self.tool = tool
    self.effect = effect
    self.rules = rules
    self.policyDigest = policyDigest
  }
}

/// What a call came to, as Runtime and the trace see it.
public struct ToolResult: Sendable, Hashable, Codable {
  public var evidence: [ProposedEvidence]
  public var refusals: [ToolRefusal]
  /// Set when the call failed: tool.failed, tool.timed_out, tool.limit, tool.bad_output, slide.…, region.…, cancelled.
  public var error: VPathError?
  /// SHA-256 of the raw bytes the tool returned, kept in the trace.
  public var rawSha256: SHA256Hex?
  /// Whether the sandbox held; false only for a tool that configuration and policy both let run without one.
  public var sandboxed: Bool
  /// What the policy said of how the call ran; nil when it had nothing to be asked.
  public var decisions: [RunDecision]?

  public init(
    evidence: [ProposedEvidence] = [], refusals: [ToolRefusal] = [], error: VPathError? = nil,
    rawSha256: SHA256Hex? = nil, sandboxed: Bool = true, decisions: [RunDecision]? = nil
  ) {
    self.evidence = evidence
    self.refusals = refusals
    self.error = error
    self.rawSha256 = rawSha256
    self.sandboxed = sandboxed
    self.decisions = decisions
  }
}
