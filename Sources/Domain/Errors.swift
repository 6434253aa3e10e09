// Every error the product shows has one of these ids; the same id appears on every surface.
// What must stay true: an id never changes its meaning. To add one: add the case, its row in
// Wire/ErrorTable.swift, and a test that makes it happen.

/// The stable name of an error.
public enum ErrorID: String, Sendable, Codable, CaseIterable {
  case protocolParse = "protocol.parse"
  case protocolRequest = "protocol.request"
  case protocolMethod = "protocol.method"
  case protocolParams = "protocol.params"
  case cliUsage = "cli.usage"
  case serverOverloaded = "server.overloaded"
  case serverDraining = "server.draining"
  case serverUnreachable = "server.unreachable"
  case caseNotFound = "case.not_found"
  case turnNotFound = "turn.not_found"
  case evidenceNotFound = "evidence.not_found"
  case slideNotFound = "slide.not_found"
  case slideUnsupported = "slide.unsupported"
  case slideDamaged = "slide.damaged"
  case slideNotAllowed = "slide.not_allowed"
  case slideNoScale = "slide.no_scale"
  case regionOutOfBounds = "region.out_of_bounds"
  case regionTooLarge = "region.too_large"
  case toolNotFound = "tool.not_found"
  case toolBadManifest = "tool.bad_manifest"
  case toolFailed = "tool.failed"
  case toolTimedOut = "tool.timed_out"
  case toolLimit = "tool.limit"
  case toolBadOutput = "tool.bad_output"
  case policyDenied = "policy.denied"
  case sandboxUnavailable = "sandbox.unavailable"
  case modelUnavailable = "model.unavailable"
  case modelContextFull = "model.context_full"
  case traceWriteFailed = "trace.write_failed"
  case traceTampered = "trace.tampered"
  case cancelled = "cancelled"
  case internalBug = "internal.bug"
}

/// An error as it is shown: what happened, the value met, what to do next. The message holds no patient
/// data and no full path.
public struct VPathError: Error, Sendable, Hashable, Codable, CustomStringConvertible {
  /// The stable name.
  public var id: ErrorID
  /// What happened, the value met, and what to do next.
  public var message: String
  /// What the error is about: an id, a key, a file's last name.
  public var subject: String?
  /// Whether the same call may succeed later without a change.
  public var retryable: Bool
  /// The turn or case whose record tells more.
  public var traceId: String?

  public init(
    _ id: ErrorID, _ message: String, subject: String? = nil, retryable: Bool = false, traceId: String? = nil
  ) {
    self.id = id
    self.message = message
    self.subject = subject
    self.retryable = retryable
    self.traceId = traceId
  }

  public var description: String { "\(id.rawValue): \(message)" }
}
