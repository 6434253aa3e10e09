// A turn again, from its record alone: the recorded inputs go through the same reducer, and every event it makes is
// compared with the recorded one.
// What must stay true: nothing but the record, the recorded policy and the kept manifests is used; the first difference
// is named.

public import Domain
import JSON
public import Policy
import Ports

/// What a replay found.
public struct ReplayVerdict: Sendable, Hashable {
  /// The kinds of verdict, as clients see them.
  public enum Kind: String, Sendable, Hashable {
    case identical
    /// It differs, and another build recorded it.
    case otherBuild = "other build"
    case diverged
  }

  public var kind: Kind
  /// The recorded event at which it differs.
  public var seq: Int?
  /// What differs, or what there is to know.
  public var message: String?
  /// How many events were compared and equal.
  public var events: Int

  public init(_ kind: Kind, seq: Int? = nil, message: String? = nil, events: Int) {
    self.kind = kind
    self.seq = seq
    self.message = message
    self.events = events
  }
}

/// Replays turns.
public enum TurnReplay {
  /// Replays one turn.
  ///
  /// - Parameters:
  ///   - events: the turn's events in order of seq; kinds that a turn does not make are passed over.
  ///   - before: what stood in the case before `turn.started`.
  ///   - policy: the policy whose digest `turn.started` names.
  ///   - build: this build's name.
  public static func replay(
    events: [Event], before: TurnBefore, policy: Policy, build: String? = nil
  ) -> ReplayVerdict {
    let isClosed = events.contains { isClosing($0) }
    let recorded = events.filter { madeByTurn.contains($0.kind) && !isClosing($0) }
    guard let first = recorded.first else {
      return ReplayVerdict(.identical, message: "the turn never began", events: 0)
    }
    if let redacted = recorded.first(where: { $0.payload == .null }) {
      return ReplayVerdict(
        .diverged, seq: redacted.seq, message: "the event was redacted; a redacted turn cannot be replayed", events: 0)
    }
    guard first.kind == .turnStarted, let record = decoded(RecordedBrief.self, first.payload["brief"]) else {
      return ReplayVerdict(.diverged, seq: first.seq, message: "the turn does not begin with its brief", events: 0)
    }
    let recordedDigest = first.payload["policyDigest"]?.stringValue
    guard recordedDigest == policy.digest.rawValue else {
      return ReplayVerdict(
        .diverged, seq: first.seq,
        message: "the turn was decided by the policy \(recordedDigest ?? "none"), and \(policy.digest) was given",
        events: 0)
    }
    var verdict: ReplayVerdict
    do throws(BriefProblem) {
      var run = Run(turn: Turn(brief: try record.brief(before), policy: policy), isClosed: isClosed)
      verdict = run.compare(recorded)
    } catch {
      verdict = ReplayVerdict(.diverged, seq: first.seq, message: error.message, events: 0)
    }
    if verdict.kind == .diverged, let build, record.build != build {
      verdict.kind = .otherBuild
      verdict.message = "recorded by the build \(record.build ?? "without a name"): \(verdict.message ?? "")"
    }
    return verdict
  }

  /// What the kept bytes of the manifests are named by that the turn was offered.
  public static func manifestHashes(_ events: [Event]) -> [SHA256Hex] {
    let started = events.first { $0.kind == .turnStarted }
    return (started?.payload["brief"]?["tools"]?.arrayValue ?? []).compactMap {
      $0["sha256"]?.stringValue.map { SHA256Hex($0) }
    }
  }

  private static let madeByTurn: Set<EventKind> = [
    .turnStarted, .modelRequested, .modelResponded, .modelFailed, .policyDecided, .toolCalled, .toolReturned,
    .toolFailed, .evidenceRecorded, .answerChecked, .answerRendered, .inputReceived, .turnCompleted,
  ]

  /// Whether the runtime wrote the event to close a turn that could not go on: those carry a reason.
  private static func isClosing(_ event: Event) -> Bool {
    [.modelFailed, .toolFailed, .turnCompleted].contains(event.kind) && event.payload["reason"] != nil
  }

  fileprivate static func decoded<T: Decodable>(_ type: T.Type, _ value: JSONValue?) -> T? {
    value.flatMap { try? decodeJSON(type, from: $0) }
  }

  /// A turn being replayed.
  private struct Run {
    var turn: Turn
    /// Whether the record was closed from outside, so that it may end before the turn does.
    var isClosed: Bool
    private var expected: [NewEvent] = []
    private var compared = 0

    init(turn: Turn, isClosed: Bool) {
      self.turn = turn
      self.isClosed = isClosed
    }

    mutating func compare(_ recorded: [Event]) -> ReplayVerdict {
      // A turn that was stopped before it began says so right after its opening.
      let opening = recorded.first { !isOpening($0) }
      if let opening, opening.kind == .inputReceived, let input = input(from: opening) {
        feed(input)
      } else {
        feed(TurnInput(elapsedSeconds: 0, .start))
      }
      for event in recorded {
        if expected.isEmpty, let input = input(from: event) { feed(input) }
        guard !expected.isEmpty else {
          return diverged(event, "the replayed turn makes no further event, and \(event.kind.rawValue) was recorded")
        }
        let made = expected.removeFirst()
        guard made.kind == event.kind else {
          return diverged(
            event, "the replayed turn makes \(made.kind.rawValue), and \(event.kind.rawValue) was recorded")
        }
        guard made.payload == event.payload, made.caseID == event.caseID, made.turn == event.turn else {
          let place = difference(made.payload, event.payload, at: "") ?? "the case or turn"
          return diverged(event, "\(event.kind.rawValue) differs at \(place)")
        }
        compared += 1
      }
      if isClosed { return ReplayVerdict(.identical, message: "the turn was closed from outside", events: compared) }
      guard expected.isEmpty, turn.isCompleted else {
        return ReplayVerdict(
          .diverged, seq: recorded.last?.seq, message: "the record ends before the turn does", events: compared)
      }
      return ReplayVerdict(.identical, events: compared)
    }

    /// Whether a turn records this before it looks at its first input: what it starts from, and what its model may be
    /// sent.
    private func isOpening(_ event: Event) -> Bool {
      switch event.kind {
      case .turnStarted, .evidenceRecorded: true
      case .policyDecided: event.payload["disclosure"] != nil
      default: false
      }
    }

    private func diverged(_ event: Event, _ message: String) -> ReplayVerdict {
      ReplayVerdict(.diverged, seq: event.seq, message: message, events: compared)
    }

    private mutating func feed(_ input: TurnInput) {
      for case .record(let events) in turn.reduce(input) { expected += events }
    }

    /// The input that an event records, when it records one.
    private func input(from event: Event) -> TurnInput? {
      let payload = event.payload
      guard let elapsed = payload["elapsedSeconds"]?.numberValue else { return nil }
      func input(_ kind: TurnInput.Kind) -> TurnInput { TurnInput(elapsedSeconds: elapsed, kind) }
      switch event.kind {
      case .modelResponded:
        guard let step = payload["step"]?.integerValue, let reply = TurnReplay.decoded(StepReply.self, payload["reply"])
        else {
          return nil
        }
        return input(.stepReplied(number: step, .success(reply)))
      case .modelFailed:
        guard let step = payload["step"]?.integerValue,
          let error = TurnReplay.decoded(VPathError.self, payload["error"])
        else {
          return nil
        }
        let exchanges = TurnReplay.decoded([ModelExchange].self, payload["exchanges"])
        guard let exchanges else { return input(.stepReplied(number: step, .failure(error))) }
        let reply = StepReply(
          text: "", promptTokens: exchanges.promptTokens, completionTokens: exchanges.completionTokens,
          exchanges: exchanges, failure: error)
        return input(.stepReplied(number: step, .success(reply)))
      case .toolReturned, .toolFailed:
        guard let call = payload["call"]?.stringValue,
          let result = TurnReplay.decoded(ToolResult.self, payload["result"])
        else {
          return nil
        }
        return input(.toolFinished(CallID(call), result))
      case .inputReceived:
        if payload["what"]?.stringValue == "timeRanOut" { return input(.timeRanOut) }
        guard let principal = TurnReplay.decoded(Principal.self, payload["by"]) else { return nil }
        return input(.interrupted(by: principal, reason: payload["reason"]?.stringValue ?? ""))
      default: return nil
      }
    }

    /// The pointer to the first place where two values differ.
    private func difference(_ left: JSONValue, _ right: JSONValue, at path: String) -> String? {
      switch (left, right) {
      case (.object(let one), .object(let other)):
        for key in Set(one.keys).union(other.keys).sorted() where one[key] != other[key] {
          return difference(one[key] ?? .null, other[key] ?? .null, at: "\(path)/\(key)")
        }
        return nil
      case (.array(let one), .array(let other)) where one.count == other.count:
        for (index, pair) in zip(one, other).enumerated() where pair.0 != pair.1 {
          return difference(pair.0, pair.1, at: "\(path)/\(index)")
        }
        return nil
      default: return left == right ? nil : (path.isEmpty ? "/" : path)
      }
    }
  }
}
