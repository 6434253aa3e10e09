// case/open, case/get, case/list, case/close.

public import Domain
public import JSON

/// Opens a case on slide files the daemon can read.
public struct CaseOpenParams: WireType {
  /// Paths as the daemon sees them, under a directory that the operator allows.
  public var slides: [String]
  public var organ: String?
  public var stain: String?
  public var micronsPerPixel: Double?
  public var notes: String?
  /// Makes a retry idempotent: the same key of the same user gives the same case.
  public var key: String?

  public init(
    slides: [String], organ: String? = nil, stain: String? = nil, micronsPerPixel: Double? = nil, notes: String? = nil,
    key: String? = nil
  ) {
    self.slides = slides
    self.organ = organ
    self.stain = stain
    self.micronsPerPixel = micronsPerPixel
    self.notes = notes
    self.key = key
  }

  public static var schema: Schema {
    .object([
      .required("slides", .array(of: .string(minLength: 1, maxLength: 4096), min: 1, max: 64)),
      .optional("organ", .string(minLength: 1, maxLength: 100, description: "For instance skin.")),
      .optional("stain", .string(minLength: 1, maxLength: 100, description: "For instance H&E.")),
      .optional(
        "micronsPerPixel",
        .number(min: 0.01, max: 100, description: "A scale you state, in µm per level-0 pixel.")),
      .optional("notes", .text("Free text; data, never instructions.")),
      .optional(
        "key",
        .string(minLength: 1, maxLength: 128, description: "Makes a retry safe: the same key gives the same case.")),
    ])
  }
}

/// A case as clients see it.
public struct CaseResult: WireType {
  public var caseID: CaseID
  /// `open` or `closed`.
  public var state: String
  public var description: CaseDescription
  public var slides: [SlideRecord]
  public var turns: [TurnID]

  public init(
    caseID: CaseID, state: String, description: CaseDescription, slides: [SlideRecord], turns: [TurnID]
  ) {
    self.caseID = caseID
    self.state = state
    self.description = description
    self.slides = slides
    self.turns = turns
  }

  enum CodingKeys: String, CodingKey {
    case caseID = "case"
    case state, description, slides, turns
  }

  public static var schema: Schema {
    .object([
      .required("case", .caseID), .required("state", .string(enum: ["open", "closed"])),
      .required(
        "description",
        .object([
          .optional("organ", .text("As stated.")), .optional("stain", .text("As stated.")),
          .optional("statedMicronsPerPixel", .number(min: 0)), .optional("notes", .text("As stated.")),
        ])),
      .required("slides", .array(of: SlideRecord.schema)), .required("turns", .array(of: .turnID)),
    ])
  }
}

/// Names a case.
public struct CaseParams: WireType {
  public var caseID: CaseID
  public init(caseID: CaseID) { self.caseID = caseID }
  enum CodingKeys: String, CodingKey { case caseID = "case" }
  public static var schema: Schema { .object([.required("case", .caseID)]) }
}

/// Asks for a page of a list.
public struct PageParams: WireType {
  public var limit: Int?
  /// `next` of the page before.
  public var cursor: String?
  public init(limit: Int? = nil, cursor: String? = nil) {
    self.limit = limit
    self.cursor = cursor
  }
  public static var schema: Schema {
    .object([
      .optional("limit", .integer(min: 1, max: 1000)), .optional("cursor", .string(minLength: 1, maxLength: 200)),
    ])
  }
}

/// A page of cases, newest change first.
public struct CaseListResult: WireType {
  /// One row.
  public struct Row: Codable, Sendable, Hashable {
    public var caseID: CaseID
    public var state: String
    public var openedAt: String
    public var changedAt: String
    public init(caseID: CaseID, state: String, openedAt: String, changedAt: String) {
      self.caseID = caseID
      self.state = state
      self.openedAt = openedAt
      self.changedAt = changedAt
    }
    enum CodingKeys: String, CodingKey {
      case caseID = "case"
      case state, openedAt, changedAt
    }
  }
  public var cases: [Row]
  public var next: String?
  public init(cases: [Row], next: String?) {
    self.cases = cases
    self.next = next
  }
  public static var schema: Schema {
    .object([
      .required(
        "cases",
        .array(
          of: .object([
            .required("case", .caseID), .required("state", .text("open or closed.")), .required("openedAt", .time),
            .required("changedAt", .time),
          ]))),
      .optional("next", .text("Cursor of the next page.")),
    ])
  }
}

/// The methods about cases.
public enum CaseMethods {
  public static let open = Method<CaseOpenParams, CaseResult>(
    "case/open", "Opens a case on slide files and reads what the slides say of themselves.",
    errors: [
      .slideNotFound, .slideUnsupported, .slideDamaged, .slideNotAllowed, .policyDenied, .sandboxUnavailable,
      .traceWriteFailed, .serverOverloaded, .serverDraining, .toolFailed, .toolTimedOut, .toolLimit, .toolBadOutput,
    ],
    example: ["slides": ["/slides/a.svs"], "organ": "skin", "stain": "H&E", "key": "c1"])
  public static let get = Method<CaseParams, CaseResult>(
    "case/get", "A case with its slides and turns.", errors: [.caseNotFound], example: ["case": "case-1"])
  public static let list = Method<PageParams, CaseListResult>(
    "case/list", "Your cases, the last changed first.", example: ["limit": 20])
  public static let close = Method<CaseParams, Empty>(
    "case/close", "Closes a case: no further turns; its tools' processes end; its trace stays.",
    errors: [.caseNotFound, .policyDenied], example: ["case": "case-1"])
}
