// The whole API: every declared method, and the notifications the daemon sends.
// What must stay true: the order here is the order of the reference page; nothing is routed that is not listed.

public import Domain
public import JSON

/// Every method of the API.
public enum Methods {
  public static let all: [DeclaredMethod] = [
    ServerMethods.discover.erased, ServerMethods.health.erased, ModelMethods.list.erased, ModelMethods.status.erased,
    CaseMethods.open.erased, CaseMethods.get.erased, CaseMethods.list.erased, CaseMethods.close.erased,
    TurnMethods.start.erased, TurnMethods.get.erased, TurnMethods.interrupt.erased, TurnMethods.subscribe.erased,
    EvidenceMethods.get.erased, EvidenceMethods.read.erased,
    ToolMethods.list.erased, ToolMethods.call.erased,
    ReportMethods.draft.erased, ReportMethods.get.erased,
    TraceMethods.list.erased, TraceMethods.get.erased, TraceMethods.verify.erased, TraceMethods.replay.erased,
    TraceMethods.explain.erased, TraceMethods.export.erased,
  ]

  /// The version of this API.
  public static let apiVersion = "2026-11"
}

/// What the daemon sends of a turn. The first four are durable and carry `seq`; progress is droppable. Beside them
/// there is `SubscriptionEndedParams.method`.
public enum TurnNotification: String, Sendable, Codable, Hashable, CaseIterable {
  case turnStarted = "turn/started"
  case itemStarted = "item/started"
  case itemCompleted = "item/completed"
  case turnCompleted = "turn/completed"
  case itemProgress = "item/progress"
}

/// The parameters of a durable notification.
public struct TurnNotificationParams: WireType, Hashable {
  public var turn: TurnID
  public var caseID: CaseID
  /// The event's place in the case's chain.
  public var seq: Int
  /// `step-2`, `call-1`; absent on turn/started and turn/completed.
  public var item: String?
  /// `step` or `call`.
  public var type: String?
  /// One line for a person.
  public var title: String
  /// By notification: the call's tool and arguments, evidence ids it gave, the error, or the answer.
  public var detail: JSONValue?

  public init(
    turn: TurnID, caseID: CaseID, seq: Int, item: String? = nil, type: String? = nil, title: String,
    detail: JSONValue? = nil
  ) {
    self.turn = turn
    self.caseID = caseID
    self.seq = seq
    self.item = item
    self.type = type
    self.title = title
    self.detail = detail
  }

  enum CodingKeys: String, CodingKey {
    case caseID = "case"
    case turn, seq, item, type, title, detail
  }

  public static var schema: Schema {
    .object([
      .required("turn", .turnID), .required("case", .caseID), .required("seq", .integer(min: 1)),
      .optional("item", .text("The item.")), .optional("type", .string(enum: ["step", "call"])),
      .required("title", .text("One line for a person.")), .optional("detail", .any()),
    ])
  }
}

/// The parameters of `item/progress`.
public struct ProgressParams: WireType, Hashable {
  public var turn: TurnID
  public var item: String
  public var fraction: Double?
  public var message: String
  public init(turn: TurnID, item: String, fraction: Double?, message: String) {
    self.turn = turn
    self.item = item
    self.fraction = fraction
    self.message = message
  }
  public static var schema: Schema {
    .object([
      .required("turn", .turnID), .required("item", .text("The item.")), .optional("fraction", .number(min: 0, max: 1)),
      .required("message", .text("One line.")),
    ])
  }
}

/// The parameters of `subscription/ended`: nothing more comes for a turn although its end was not sent, and why.
public struct SubscriptionEndedParams: WireType, Hashable {
  /// The notification's name.
  public static let method = "subscription/ended"
  public var turn: TurnID
  public var caseID: CaseID
  /// As the `error` of a response; `trace.write_failed` when the turn ended because the trace could not be written.
  public var error: JSONValue
  public init(turn: TurnID, caseID: CaseID, error: JSONValue) {
    self.turn = turn
    self.caseID = caseID
    self.error = error
  }
  enum CodingKeys: String, CodingKey {
    case caseID = "case"
    case turn, error
  }
  public static var schema: Schema {
    .object([
      .required("turn", .turnID), .required("case", .caseID),
      .required("error", .any(description: "An error object, as in a response.")),
    ])
  }
}

/// What `notifications/cancelled` names; a client sends it.
public struct CancelledParams: WireType, Hashable {
  /// The notification's name.
  public static let method = "notifications/cancelled"
  /// The id of a request of this connection: a string or an integer.
  public var requestId: JSONValue
  public var reason: String?
  public init(requestId: JSONValue, reason: String? = nil) {
    self.requestId = requestId
    self.reason = reason
  }
  public static var schema: Schema {
    .object([.required("requestId", .any(description: "The request's id.")), .optional("reason", .text("Why."))])
  }
}
