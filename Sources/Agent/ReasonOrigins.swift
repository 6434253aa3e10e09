// Where the reason of a part that is not assessable comes from: a tool's refusal, a call that failed, a decision of the
// policy, a tool that could not be called, the planner's own step.
// What must stay true: only what the turn recorded is said; a reason that nothing in the record gave has no origin.

import Domain
import JSON
import Policy

/// The events of one turn that can be behind a reason.
struct ReasonOrigins {
  /// Something that said a reason.
  private struct Origin {
    /// What a reason that comes from here repeats.
    var words: String
    var members: [String: JSONValue]
  }

  private var said: [Origin] = []
  private var steps: [(seq: Int, act: StepAct)] = []

  /// From a turn's events, in order.
  init(_ events: [Event]) {
    var tools: [String: String] = [:]
    for event in events {
      switch event.kind {
      case .modelRequested: note(unavailableIn: event)
      case .modelResponded:
        if let act = event.payload["reply"]?["text"]?.stringValue.flatMap({ try? Step.read($0) }) {
          steps.append((event.seq, act))
        }
      case .policyDecided: note(decisionIn: event)
      case .toolCalled: tools[Self.call(event)] = event.payload["tool"]?["name"]?.stringValue
      case .toolReturned:
        for refusal in event.payload["result"]?["refusals"]?.arrayValue ?? [] {
          guard let reason = refusal["reason"]?.stringValue else { continue }
          add(reason.excerpt(500), "refusal", event, tools, ["reason": .string(reason)])
        }
      case .toolFailed:
        let error = event.payload["error"] ?? event.payload["result"]?["error"]
        guard let error, let message = error["message"]?.stringValue else { continue }
        add(message.excerpt(500), "failure", event, tools, ["error": error])
      default: continue
      }
    }
  }

  private static func call(_ event: Event) -> String { event.payload["call"]?.stringValue ?? "" }

  private mutating func add(
    _ words: String, _ what: String, _ event: Event, _ tools: [String: String], _ more: [String: JSONValue]
  ) {
    var members = more
    members["what"] = .string(what)
    members["call"] = event.payload["call"]
    if let tool = tools[Self.call(event)] { members["tool"] = .string(tool) }
    members["seqs"] = [event.kind.rawValue: .number(Double(event.seq))]
    said.append(Origin(words: words, members: members))
  }

  /// Tools that the step could not call; each is said once, with the first step that says it.
  private mutating func note(unavailableIn event: Event) {
    for item in event.payload["unavailable"]?.arrayValue ?? [] {
      guard let reason = item["reason"]?.stringValue, !said.contains(where: { $0.words == reason }) else { continue }
      var members: [String: JSONValue] = ["reason": .string(reason)]
      members["tool"] = item["name"]
      add(reason, "unavailable", event, [:], members)
    }
  }

  private mutating func note(decisionIn event: Event) {
    guard let value = event.payload["decision"], let tool = event.payload["tool"]?.stringValue,
      let decision = try? decodeJSON(PolicyDecision.self, from: value), decision.effect != .permit
    else { return }
    add(
      decision.denial(of: tool).message, "policy", event, [Self.call(event): tool], ["decision": value])
  }

  /// What gave this reason for this part, each with its seqs.
  func of(part: Int, reason: String) -> [JSONValue] {
    var origins = said.filter { !$0.words.isEmpty && reason.contains($0.words) }.map { JSONValue.object($0.members) }
    if let seq = steps.last(where: { gives($0.act, part: part, reason: reason) })?.seq {
      origins.append(["what": "planner", "seqs": [EventKind.modelResponded.rawValue: .number(Double(seq))]])
    }
    return origins
  }

  /// Whether the step states the reason, as it is shown.
  private func gives(_ act: StepAct, part: Int, reason: String) -> Bool {
    switch act {
    case .parts(let parts):
      parts.indices.contains(part - 1) && parts[part - 1].notAssessable?.excerpt(1_000) == reason
    case .answer(let draft): draft.notAssessable.contains { $0.part == part && $0.reason.excerpt(1_000) == reason }
    case .tool: false
    }
  }
}
