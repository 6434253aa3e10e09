// The files that are made from the declared methods: `schemas/…` and the reference page docs/rpc.md.
// What must stay true: the text depends on the declarations alone, so that a difference from the checked-in files
// means that somebody changed the API without saying so.

import Domain
public import JSON

/// What the daemon sends unasked, and what a client may send so, as data.
public struct DeclaredNotification: Sendable, Hashable {
  /// `noun/verb`.
  public let name: String
  /// One sentence for the reference page.
  public let summary: String
  /// JSON Schema of its parameters.
  public let params: JSONValue
}

extension Methods {
  /// Every notification, the client's one last.
  public static let notifications: [DeclaredNotification] =
    TurnNotification.allCases.map { notification in
      let (summary, params): (String, JSONValue) =
        switch notification {
        case .turnStarted:
          ("The turn left its queue and began.", TurnNotificationParams.schema.json)
        case .itemStarted:
          ("A step of the planner or a call of a tool began.", TurnNotificationParams.schema.json)
        case .itemCompleted:
          ("A step or call ended, well or not; every started item gets one.", TurnNotificationParams.schema.json)
        case .turnCompleted:
          ("The turn ended; `detail` holds why and the answer. Always the last.", TurnNotificationParams.schema.json)
        case .itemProgress:
          ("How far a call is. Droppable, not recorded, without `seq`.", ProgressParams.schema.json)
        }
      return DeclaredNotification(name: notification.rawValue, summary: summary, params: params)
    } + [
      DeclaredNotification(
        name: SubscriptionEndedParams.method,
        summary:
          "Nothing more comes for the turn although its end was not sent. With `trace.write_failed` it has ended, "
          + "and its end is recorded when the trace can be written again; else subscribe again.",
        params: SubscriptionEndedParams.schema.json),
      DeclaredNotification(
        name: CallProgressParams.method,
        summary:
          "How far a `tools/call` is that was sent with `_meta.progressToken`. Droppable, not recorded; none comes after "
          + "the call's answer.",
        params: CallProgressParams.schema.json),
      DeclaredNotification(
        name: CancelledParams.method,
        summary: "Sent by a client: stop working on a request of this connection. A `tools/call` is interrupted.",
        params: CancelledParams.schema.json),
    ]
}

/// The generated files.
public enum SchemaFiles {
  /// Path (from the root of the sources) and text of each, in order of path.
  public static func all() -> [(path: String, text: String)] {
    var files = Methods.all.map { ("schemas/\($0.name).json", text(of: $0)) }
    files += Methods.notifications.map { ("schemas/\($0.name).json", text(of: $0)) }
    files.append(("docs/rpc.md", ReferencePage.text()))
    return files.sorted { $0.0 < $1.0 }.map { (path: $0.0, text: $0.1) }
  }

  private static func text(of method: DeclaredMethod) -> String {
    document(
      method.name, method.summary,
      [
        "$defs": ["params": method.params, "result": method.result],
        "errors": .array(method.errors.map { .string($0.rawValue) }),
        "examples": [method.example],
      ])
  }

  private static func text(of notification: DeclaredNotification) -> String {
    document(notification.name, notification.summary, ["$defs": ["params": notification.params]])
  }

  private static func document(_ name: String, _ summary: String, _ more: [String: JSONValue]) -> String {
    var members: [String: JSONValue] = [
      "$schema": "https://json-schema.org/draft/2020-12/schema", "title": .string(name),
      "description": .string(summary),
    ]
    members.merge(more) { own, _ in own }
    return JSONValue.object(members).prettyString() + "\n"
  }
}
