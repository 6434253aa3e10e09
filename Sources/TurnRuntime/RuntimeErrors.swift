// The errors the runtime itself gives, worded once.
// What must stay true: no path and no word of a question or note is in them.

import Domain

enum RuntimeErrors {
  static func caseNotFound(_ caseID: CaseID) -> VPathError {
    VPathError(
      .caseNotFound, "There is no case \(shown(caseID.rawValue)) that you may see. case/list names yours.",
      subject: shown(caseID.rawValue))
  }
  static func caseClosed(_ caseID: CaseID) -> VPathError {
    VPathError(
      .caseNotFound, "Case \(caseID) is closed; its trace can still be read. Open the slides as a new case.",
      subject: caseID.rawValue)
  }
  static func turnNotFound(_ turn: TurnID) -> VPathError {
    VPathError(
      .turnNotFound, "There is no turn \(shown(turn.rawValue)) that you may see. trace/list names yours.",
      subject: shown(turn.rawValue))
  }
  static func evidenceNotFound(_ id: String, in caseID: CaseID) -> VPathError {
    VPathError(
      .evidenceNotFound, "Case \(caseID) has no evidence \(shown(id)). turn/get names what a turn has.",
      subject: shown(id), traceId: caseID.rawValue)
  }
  static func noFile(_ id: EvidenceID, _ kind: EvidenceKind, in caseID: CaseID) -> VPathError {
    VPathError(
      .evidenceNotFound, "\(id) is a \(kind.rawValue) and holds no file. Artefacts and views do.",
      subject: id.rawValue, traceId: caseID.rawValue)
  }
  static func overloaded(_ what: String, limit: Int) -> VPathError {
    VPathError(
      .serverOverloaded, "\(what) (at most \(limit)). Nothing was lost; try again when some have ended.",
      retryable: true)
  }
  static let draining = VPathError(
    .serverDraining, "The daemon is stopping and takes no new work. Try again when it is back.", retryable: true)
  static func keyReused(_ key: String) -> VPathError {
    VPathError(
      .protocolParams, "The key was used in this case for something else. Use a new key for a new request.",
      subject: "key")
  }
  static func unrecorded(_ turn: TurnID) -> VPathError {
    VPathError(
      .traceWriteFailed,
      "The end of turn \(turn) could not be recorded, so its case takes no new turn until the trace can be written. "
        + "Free some disk space; the daemon tries again by itself.", subject: turn.rawValue, retryable: true,
      traceId: turn.rawValue)
  }
  static let opening = VPathError(
    .serverOverloaded, "A case is being opened under this key at this moment. Try again when it is open.",
    subject: "key", retryable: true)
  /// Why a turn ended that could not be recorded further, for whoever asked.
  static func notRecorded(_ turn: TurnID, _ cause: VPathError? = nil) -> VPathError {
    let words: String
    switch cause?.id ?? .traceWriteFailed {
    case .traceWriteFailed: words = "the trace could not be written. Free some disk space and ask again"
    case .serverOverloaded: words = "the trace had too much to write for too long. Ask again later"
    default: words = "what it did could not be recorded: \(cause?.message ?? "")"
    }
    return VPathError(
      cause?.id ?? .traceWriteFailed, "The turn ended because \(words).", subject: turn.rawValue,
      retryable: cause?.retryable ?? true, traceId: turn.rawValue)
  }
  /// The same as the reason that is recorded with the turn's end.
  static func reasonOfEnd(_ cause: VPathError) -> String {
    "What the turn did could not be recorded (\(cause.id.rawValue)): \(cause.message)"
  }

  /// A stranger's text, short enough to be shown.
  static func shown(_ text: String) -> String {
    let clean = String(text.unicodeScalars.prefix(64).map { $0.isASCII && $0.value >= 0x20 ? Character($0) : "?" })
    return clean.count < text.count ? clean + "…" : clean
  }
}
