// What a client is told of a turn: some of its durable events, each as a notification.
// What must stay true: a note is a function of its event alone, so that live and catching up a client reads the same.

public import Domain
import JSON
public import Wire

/// A notification made from a durable event.
public struct TurnNote: Sendable, Hashable {
  /// Its name.
  public var notification: TurnNotification
  /// Its parameters.
  public var params: TurnNotificationParams
  /// The event's place in the case.
  public var seq: Int { params.seq }
  /// Whether it is the turn's last.
  public var isLast: Bool { notification == .turnCompleted }

  /// The note of an event; nil for kinds that are not notified.
  public init?(_ event: Event) {
    guard let turn = event.turn else { return nil }
    let payload = event.payload
    var item: String?
    var type: String?
    var title: String
    var detail: [String: JSONValue?] = [:]
    switch event.kind {
    case .turnStarted:
      notification = .turnStarted
      title = "The turn began"
    case .modelRequested:
      notification = .itemStarted
      (item, type, title) = TurnNote.step(payload, "plans")
    case .modelResponded:
      notification = .itemCompleted
      (item, type, title) = TurnNote.step(payload, "is planned")
    case .modelFailed:
      notification = .itemCompleted
      (item, type, title) = TurnNote.step(payload, "failed")
      detail["error"] = payload["error"]
    case .toolCalled:
      notification = .itemStarted
      (item, type) = (payload["call"]?.stringValue, "call")
      title = payload["title"]?.stringValue ?? payload["tool"]?["name"]?.stringValue ?? "A tool is called"
      detail = [
        "tool": payload["tool"], "arguments": payload["arguments"],
        "reused": payload["reused"]?.boolValue == true ? true : nil,
      ]
    case .toolReturned:
      notification = .itemCompleted
      (item, type) = (payload["call"]?.stringValue, "call")
      let count = payload["evidence"]?.arrayValue?.count ?? 0
      title = "The tool gave \(count) \(count == 1 ? "piece" : "pieces") of evidence"
      let refusals = payload["result"]?["refusals"]?.arrayValue ?? []
      detail = ["evidence": payload["evidence"], "refusals": refusals.isEmpty ? nil : .array(refusals)]
    case .toolFailed:
      notification = .itemCompleted
      (item, type) = (payload["call"]?.stringValue, "call")
      title = "The tool failed"
      let refused = payload["error"]
      detail["error"] = refused == nil ? payload["result"]?["error"] : refused
    case .turnCompleted:
      notification = .turnCompleted
      let stop = payload["stop"]?.stringValue ?? "failed"
      title = "The turn ended: \(stop.replacing("_", with: " "))"
      detail = [
        "stop": .string(stop), "usage": payload["usage"], "reason": payload["reason"],
        "answer": payload["outcome"]?["answer"], "call": payload["outcome"]?["call"],
      ]
    default: return nil
    }
    let members = detail.compactMapValues { $0 }
    params = TurnNotificationParams(
      turn: turn, caseID: event.caseID, seq: event.seq, item: item, type: type, title: title,
      detail: members.isEmpty ? nil : .object(members))
  }

  private static func step(_ payload: JSONValue, _ what: String) -> (item: String?, type: String?, title: String) {
    let number = payload["step"]?.integerValue ?? 0
    return ("step-\(number)", "step", "Step \(number) \(what)")
  }
}
