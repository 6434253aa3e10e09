// trace/list, trace/get, trace/verify, trace/replay, trace/explain, trace/export.

public import Domain
public import JSON

/// Asks for a page of turns.
public struct TraceListParams: WireType {
  public var caseID: CaseID?
  public var limit: Int?
  public var cursor: String?
  public init(caseID: CaseID? = nil, limit: Int? = nil, cursor: String? = nil) {
    self.caseID = caseID
    self.limit = limit
    self.cursor = cursor
  }
  enum CodingKeys: String, CodingKey {
    case caseID = "case"
    case limit, cursor
  }
  public static var schema: Schema {
    .object([
      .optional("case", .caseID), .optional("limit", .integer(min: 1, max: 1000)),
      .optional("cursor", .string(minLength: 1, maxLength: 200)),
    ])
  }
}

/// A page of turns, newest first.
public struct TraceListResult: WireType {
  /// One row.
  public struct Row: Codable, Sendable, Hashable {
    public var turn: TurnID
    public var caseID: CaseID
    public var state: String
    public var stop: String?
    public var queuedAt: String
    public var firstSeq: Int
    public var lastSeq: Int
    public init(
      turn: TurnID, caseID: CaseID, state: String, stop: String?, queuedAt: String, firstSeq: Int, lastSeq: Int
    ) {
      self.turn = turn
      self.caseID = caseID
      self.state = state
      self.stop = stop
      self.queuedAt = queuedAt
      self.firstSeq = firstSeq
      self.lastSeq = lastSeq
    }
    enum CodingKeys: String, CodingKey {
      case caseID = "case"
      case turn, state, stop, queuedAt, firstSeq, lastSeq
    }
  }
  public var turns: [Row]
  public var next: String?
  public init(turns: [Row], next: String?) {
    self.turns = turns
    self.next = next
  }
  public static var schema: Schema {
    .object([
      .required(
        "turns",
        .array(
          of: .object([
            .required("turn", .turnID), .required("case", .caseID), .required("state", .text("State.")),
            .optional("stop", .text("Stop reason.")), .required("queuedAt", .time),
            .required("firstSeq", .count("First event.")), .required("lastSeq", .count("Last event so far.")),
          ]))),
      .optional("next", .text("Cursor of the next page.")),
    ])
  }
}

/// Asks for events of a case.
public struct TraceGetParams: WireType {
  public var caseID: CaseID
  public var turn: TurnID?
  public var after: Int?
  public var limit: Int?
  public init(caseID: CaseID, turn: TurnID? = nil, after: Int? = nil, limit: Int? = nil) {
    self.caseID = caseID
    self.turn = turn
    self.after = after
    self.limit = limit
  }
  enum CodingKeys: String, CodingKey {
    case caseID = "case"
    case turn, after, limit
  }
  public static var schema: Schema {
    .object([
      .required("case", .caseID), .optional("turn", .turnID), .optional("after", .integer(min: 0)),
      .optional("limit", .integer(min: 1, max: 1000)),
    ])
  }
}

/// Events in order.
public struct TraceGetResult: WireType {
  public var events: [Event]
  /// The seq to ask after for the next page; absent at the end.
  public var next: Int?
  public init(events: [Event], next: Int?) {
    self.events = events
    self.next = next
  }
  public static var schema: Schema {
    .object([.required("events", .array(of: Event.schema)), .optional("next", .integer(min: 0))])
  }
}

/// Names a case, or all.
public struct TraceVerifyParams: WireType {
  public var caseID: CaseID?
  public init(caseID: CaseID? = nil) { self.caseID = caseID }
  enum CodingKeys: String, CodingKey { case caseID = "case" }
  public static var schema: Schema { .object([.optional("case", .caseID)]) }
}

/// What verification found.
public struct TraceVerifyResult: WireType {
  /// The first thing that is wrong.
  public struct Fault: Codable, Sendable, Hashable {
    public var caseID: CaseID?
    public var seq: Int?
    /// A stable word for what is wrong, from docs/trace-format.md.
    public var what: String
    public var message: String
    public init(caseID: CaseID?, seq: Int?, what: String, message: String) {
      self.caseID = caseID
      self.seq = seq
      self.what = what
      self.message = message
    }
    enum CodingKeys: String, CodingKey {
      case caseID = "case"
      case seq, what, message
    }
  }
  public var ok: Bool
  public var cases: Int
  public var events: Int
  public var checkpoints: Int
  public var fault: Fault?
  /// What is not wrong but worth knowing, for instance that the last events are not signed yet.
  public var notes: [String]
  public init(ok: Bool, cases: Int, events: Int, checkpoints: Int, fault: Fault?, notes: [String] = []) {
    self.ok = ok
    self.notes = notes
    self.cases = cases
    self.events = events
    self.checkpoints = checkpoints
    self.fault = fault
  }
  public static var schema: Schema {
    .object([
      .required("ok", .boolean()), .required("cases", .count("Chains read.")),
      .required("events", .count("Events read.")), .required("checkpoints", .count("Signatures checked.")),
      .optional(
        "fault",
        .object([
          .optional("case", .caseID), .optional("seq", .integer(min: 0)), .required("what", .text("What is wrong.")),
          .required("message", .text("In words.")),
        ])),
      .required("notes", .array(of: .text("Not wrong, but worth knowing."))),
    ])
  }
}

/// What replay found.
public struct TraceReplayResult: WireType {
  public var turn: TurnID
  /// `identical`, `other build` or `diverged`.
  public var verdict: String
  /// Where it diverged.
  public var seq: Int?
  public var message: String?
  public var events: Int
  public init(turn: TurnID, verdict: String, seq: Int?, message: String?, events: Int) {
    self.turn = turn
    self.verdict = verdict
    self.seq = seq
    self.message = message
    self.events = events
  }
  public static var schema: Schema {
    .object([
      .required("turn", .turnID), .required("verdict", .string(enum: ["identical", "other build", "diverged"])),
      .optional("seq", .integer(min: 0)), .optional("message", .text("In words.")),
      .required("events", .count("Events compared.")),
    ])
  }
}

/// Asks where a statement comes from.
public struct TraceExplainParams: WireType {
  public var turn: TurnID
  /// The finding's place in the answer, 0 first; all of them when absent.
  public var finding: Int?
  public init(turn: TurnID, finding: Int? = nil) {
    self.turn = turn
    self.finding = finding
  }
  public static var schema: Schema {
    .object([.required("turn", .turnID), .optional("finding", .integer(min: 0))])
  }
}

/// A statement with everything behind it.
public struct TraceExplainResult: WireType {
  public var turn: TurnID
  /// One object a finding: statement, and for each cited piece of evidence the measurement, tool and version, region,
  /// pixels' digest, policy decision and the seqs of the events that say so.
  public var findings: [JSONValue]
  /// One object a part that is not assessable: its reason, and `from`: the refusals, failures, decisions of the policy,
  /// unavailable tools and planner's step that gave it, with their seqs. Empty when one finding was asked for.
  public var notAssessable: [JSONValue]
  public init(turn: TurnID, findings: [JSONValue], notAssessable: [JSONValue]) {
    self.turn = turn
    self.findings = findings
    self.notAssessable = notAssessable
  }
  public static var schema: Schema {
    .object([
      .required("turn", .turnID), .required("findings", .array(of: .any())),
      .required("notAssessable", .array(of: .any())),
    ])
  }
}

/// Asks for a case's export, piece by piece.
public struct TraceExportParams: WireType {
  public var caseID: CaseID
  /// `next` of the piece before; absent for the first, which fixes what is exported.
  public var cursor: String?
  public init(caseID: CaseID, cursor: String? = nil) {
    self.caseID = caseID
    self.cursor = cursor
  }
  enum CodingKeys: String, CodingKey {
    case caseID = "case"
    case cursor
  }
  public static var schema: Schema {
    .object([.required("case", .caseID), .optional("cursor", .string(minLength: 1, maxLength: 200))])
  }
}

/// A piece of the export file.
public struct TraceExportResult: WireType {
  /// Base 64, at most 1 MiB before coding.
  public var data: String
  public var next: String?
  public init(data: String, next: String?) {
    self.data = data
    self.next = next
  }
  public static var schema: Schema {
    .object([.required("data", .string(description: "Base 64.")), .optional("next", .text("Cursor."))])
  }
}

/// The methods about the trace.
public enum TraceMethods {
  public static let list = Method<TraceListParams, TraceListResult>(
    "trace/list", "Turns in the trace, newest first.", errors: [.caseNotFound], example: ["limit": 20])
  public static let get = Method<TraceGetParams, TraceGetResult>(
    "trace/get", "Events of a case, in order.", errors: [.caseNotFound], example: ["case": "case-1", "after": 0])
  public static let verify = Method<TraceVerifyParams, TraceVerifyResult>(
    "trace/verify", "Checks every hash and signature, and names the first bad event.", errors: [.caseNotFound],
    example: [:])
  public static let replay = Method<TurnParams, TraceReplayResult>(
    "trace/replay", "Runs a turn again from its record alone and compares every byte.", errors: [.turnNotFound],
    example: ["turn": "turn-1"])
  public static let explain = Method<TraceExplainParams, TraceExplainResult>(
    "trace/explain",
    "From a statement to measurement, tool, region, pixels and policy decision; from a reason to who gave it.",
    errors: [.turnNotFound, .evidenceNotFound], example: ["turn": "turn-1"])
  public static let export = Method<TraceExportParams, TraceExportResult>(
    "trace/export", "One case as a file that verifies on its own, in pieces.", errors: [.caseNotFound],
    example: ["case": "case-1"])
}
