// The closed list of what a policy can permit or forbid.
// What must stay true: a rule can only name these, so that a misspelt action is an error at load and not a rule that
// never holds. To add one: the case here, and a rule for it in policies/default.yaml, else it is always refused.

/// Something a policy decides about.
public enum PolicyAction: String, Sendable, Hashable, Codable, CaseIterable {
  /// Asking the daemon about itself.
  case serverRead = "server.read"
  /// Opening a case; who opens it owns it.
  case caseOpen = "case.open"
  /// Reading what a case is (case/get, each row of case/list).
  case caseRead = "case.read"
  /// Closing a case.
  case caseClose = "case.close"
  /// Asking a question.
  case turnStart = "turn.start"
  /// Reading or following a turn.
  case turnRead = "turn.read"
  /// Stopping a turn.
  case turnInterrupt = "turn.interrupt"
  /// Reading evidence.
  case evidenceRead = "evidence.read"
  /// Reading an artefact's bytes.
  case artefactRead = "artefact.read"
  /// Listing the installed tools.
  case toolList = "tool.list"
  /// Running a tool on a case.
  case toolCall = "tool.call"
  /// Keeping a tool's process between calls of one case.
  case toolKeep = "tool.keep"
  /// Running a tool without a sandbox where none can be had.
  case toolUnsandboxed = "tool.unsandboxed"
  /// Drafting a report.
  case reportDraft = "report.draft"
  /// Reading a report.
  case reportRead = "report.read"
  /// Reading the record of a case (trace/list, get, explain).
  case traceRead = "trace.read"
  /// Verifying the record.
  case traceVerify = "trace.verify"
  /// Replaying the record.
  case traceReplay = "trace.replay"
  /// Exporting the record of a case.
  case traceExport = "trace.export"
  /// Sending a prompt to a model.
  case modelRequest = "model.request"
  /// Asking what the policy says of a call.
  case policyExplain = "policy.explain"

  /// The action that a method of the API asks for; nil for names that are none.
  public init?(method: String) {
    switch method {
    case "server/discover", "server/health", "model/list", "model/status": self = .serverRead
    case "case/open": self = .caseOpen
    case "case/get", "case/list": self = .caseRead
    case "case/close": self = .caseClose
    case "turn/start": self = .turnStart
    case "turn/get", "turn/subscribe": self = .turnRead
    case "turn/interrupt": self = .turnInterrupt
    case "evidence/get": self = .evidenceRead
    case "artefact/read": self = .artefactRead
    case "tools/list": self = .toolList
    case "tools/call": self = .toolCall
    case "report/draft": self = .reportDraft
    case "report/get": self = .reportRead
    case "trace/list", "trace/get", "trace/explain": self = .traceRead
    case "trace/verify": self = .traceVerify
    case "trace/replay": self = .traceReplay
    case "trace/export": self = .traceExport
    case "policy/explain": self = .policyExplain
    default: return nil
    }
  }
}
