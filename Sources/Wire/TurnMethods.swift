// turn/start, turn/get, turn/interrupt, turn/subscribe.

public import Domain
public import JSON

/// A region a client drew: a rectangle, or QuPath GeoJSON.
public struct DrawnRegion: Codable, Sendable, Hashable {
  /// The slide it is on; may be left out when the case has one.
  public var slide: EvidenceID?
  public var rect: LevelZeroRect?
  /// A Feature, FeatureCollection or geometry in level-0 pixels, as QuPath writes it.
  public var geojson: JSONValue?
  public init(slide: EvidenceID? = nil, rect: LevelZeroRect? = nil, geojson: JSONValue? = nil) {
    self.slide = slide
    self.rect = rect
    self.geojson = geojson
  }
}

/// Asks a question.
public struct TurnStartParams: WireType {
  public var caseID: CaseID
  public var question: String
  public var regions: [DrawnRegion]?
  /// Makes a retry idempotent: the same key in the same case gives the same turn.
  public var key: String?

  public init(caseID: CaseID, question: String, regions: [DrawnRegion]? = nil, key: String? = nil) {
    self.caseID = caseID
    self.question = question
    self.regions = regions
    self.key = key
  }

  enum CodingKeys: String, CodingKey {
    case caseID = "case"
    case question, regions, key
  }

  public static var schema: Schema {
    .object([
      .required("case", .caseID),
      .required("question", .string(minLength: 1, description: "At most 64 KiB of UTF-8.")),
      .optional(
        "regions",
        .array(
          of: .object([
            .optional("slide", .evidenceID), .optional("rect", LevelZeroRect.schema),
            .optional("geojson", .any(description: "QuPath GeoJSON in level-0 pixels.")),
          ]), max: 256)),
      .optional("key", .string(minLength: 1, maxLength: 128)),
    ])
  }
}

/// The turn that was made, at once.
public struct TurnStartResult: WireType {
  public var turn: TurnID
  /// 0 when it runs now, else how many turns of this case come before it.
  public var position: Int
  public init(turn: TurnID, position: Int) {
    self.turn = turn
    self.position = position
  }
  public static var schema: Schema {
    .object([.required("turn", .turnID), .required("position", .count("Turns before it."))])
  }
}

/// Names a turn.
public struct TurnParams: WireType {
  public var turn: TurnID
  public init(turn: TurnID) { self.turn = turn }
  public static var schema: Schema { .object([.required("turn", .turnID)]) }
}

/// A turn as clients see it.
public struct TurnResult: WireType {
  public var turn: TurnID
  public var caseID: CaseID
  /// `queued`, `running` or `completed`.
  public var state: String
  public var stop: StopReason?
  /// What ended it where that has an id, as the `error` of a response.
  public var error: JSONValue?
  /// The answer, once completed.
  public var answer: Answer?
  /// The evidence the answer cites, and regions and artefacts of the turn, by id.
  public var evidence: [String: Evidence]

  public init(
    turn: TurnID, caseID: CaseID, state: String, stop: StopReason?, error: JSONValue? = nil, answer: Answer?,
    evidence: [String: Evidence]
  ) {
    self.turn = turn
    self.caseID = caseID
    self.state = state
    self.stop = stop
    self.error = error
    self.answer = answer
    self.evidence = evidence
  }

  enum CodingKeys: String, CodingKey {
    case caseID = "case"
    case turn, state, stop, error, answer, evidence
  }

  public static var schema: Schema {
    .object([
      .required("turn", .turnID), .required("case", .caseID),
      .required("state", .string(enum: ["queued", "running", "completed"])),
      .optional("stop", .string(enum: StopReason.allCases.map(\.rawValue))),
      .optional("error", .any(description: "What ended it where that has an id; an error object, as in a response.")),
      .optional("answer", Answer.schema),
      .required("evidence", .map(of: Evidence.schema)),
    ])
  }
}

/// Whether there was something to interrupt.
public struct TurnInterruptResult: WireType {
  /// False when the turn had ended already.
  public var accepted: Bool
  public init(accepted: Bool) { self.accepted = accepted }
  public static var schema: Schema { .object([.required("accepted", .boolean())]) }
}

/// Asks for a turn's events.
public struct TurnSubscribeParams: WireType {
  public var turn: TurnID
  /// Every event with a larger seq is sent; 0 for all.
  public var after: Int
  public init(turn: TurnID, after: Int) {
    self.turn = turn
    self.after = after
  }
  public static var schema: Schema {
    .object([.required("turn", .turnID), .required("after", .integer(min: 0))])
  }
}

/// The methods about turns.
public enum TurnMethods {
  public static let start = Method<TurnStartParams, TurnStartResult>(
    "turn/start", "Asks a question about a case; the answer arrives as notifications on this connection.",
    errors: [
      .caseNotFound, .regionOutOfBounds, .evidenceNotFound, .policyDenied, .serverOverloaded, .serverDraining,
      .traceWriteFailed,
    ],
    example: ["case": "case-1", "question": "How many nuclei per mm² are there?", "key": "a1"])
  public static let get = Method<TurnParams, TurnResult>(
    "turn/get", "A turn, with its answer and the evidence it cites.", errors: [.turnNotFound],
    example: ["turn": "turn-1"])
  public static let interrupt = Method<TurnParams, TurnInterruptResult>(
    "turn/interrupt", "Ends a turn; its processes are gone within a second. Two clients may both ask.",
    errors: [.turnNotFound, .policyDenied], example: ["turn": "turn-1"])
  public static let subscribe = Method<TurnSubscribeParams, Empty>(
    "turn/subscribe", "Sends every durable event of a turn after a seq, then follows it without a gap.",
    errors: [.turnNotFound], example: ["turn": "turn-1", "after": 0])
}
