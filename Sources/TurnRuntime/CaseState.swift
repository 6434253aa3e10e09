// A case as its durable events make it: slides, evidence, turns, keys. Live and after a restart it is the same fold.
// What must stay true: nothing is in it that is not in the trace; events of one turn arrive in order, those of
// different turns may interleave in any way.

public import Agent
public import Domain
import JSON
public import OrderedCollections

/// What the durable events of a case say of it.
public struct CaseState: Sendable, Hashable {
  /// The case.
  public let caseID: CaseID
  /// Whether `case.opened` was seen.
  public private(set) var wasOpened = false
  /// Whether turns may be started.
  public private(set) var isOpen = false
  /// What the client stated.
  public private(set) var description = CaseDescription()
  /// The uid that opened it.
  public private(set) var owner: UInt32 = .max
  /// Its slides, `s1` first.
  public private(set) var slides: [SlideRecord] = []
  /// Everything measured so far, oldest first, without the slides.
  public private(set) var evidence: [Evidence] = []
  /// Calls whose evidence may be used again, oldest first.
  public private(set) var earlierCalls: [EarlierCall] = []
  /// Its turns, oldest first.
  public private(set) var turns: OrderedDictionary<TurnID, TurnProgress> = [:]
  /// Idempotency keys with the turns they made.
  public private(set) var keys: [String: Keyed] = [:]
  /// Reports drafted, by turn.
  public private(set) var reports: [TurnID: ReportDraftedPayload] = [:]
  /// The greatest seq seen.
  public private(set) var head = 0

  /// What a key stands for.
  public struct Keyed: Sendable, Hashable {
    /// The turn it made.
    public var turn: TurnID
    /// What was asked with it.
    public var fingerprint: String
  }

  /// Events without whose payload evidence or calls are lacking here.
  static let kindsOfFindings: Set<EventKind> = [.toolCalled, .toolReturned, .evidenceRecorded]

  private struct PendingCall: Sendable, Hashable {
    var tool: ToolReference
    var arguments: String
  }
  private struct CallKey: Sendable, Hashable {
    var turn: TurnID
    var call: CallID
  }
  private var pendingCalls: [CallKey: PendingCall] = [:]

  /// A case of which nothing is known yet.
  public init(_ caseID: CaseID) { self.caseID = caseID }

  /// Takes in an event.
  public mutating func apply(_ event: Event) {
    head = max(head, event.seq)
    if let turn = event.turn { apply(event, of: turn) }
    switch event.kind {
    case .caseOpened:
      wasOpened = true
      isOpen = true
      guard let opened = decoded(CaseOpenedPayload.self, event.payload) else { return }
      description = opened.description
      slides = opened.slides
      owner = opened.owner
    case .caseClosed: isOpen = false
    case .slideHashed:
      guard let hashed = decoded(SlideHashedPayload.self, event.payload),
        let index = slides.firstIndex(where: { $0.id == hashed.slide })
      else { return }
      slides[index].sha256 = hashed.sha256
    case .evidenceRecorded:
      if let recorded = decoded(Evidence.self, event.payload["evidence"]) { evidence.append(recorded) }
    case .reportDrafted:
      if let drafted = decoded(ReportDraftedPayload.self, event.payload) { reports[drafted.turn] = drafted }
    default: break
    }
  }

  private mutating func apply(_ event: Event, of turn: TurnID) {
    turns[turn, default: TurnProgress()].apply(event)
    switch event.kind {
    case .turnQueued:
      guard let queued = decoded(TurnQueuedPayload.self, event.payload), let key = queued.key else { return }
      keys[key] = Keyed(turn: turn, fingerprint: CaseState.fingerprint(queued.task, queued.regions))
    case .toolCalled:
      guard let call = event.payload["call"]?.stringValue, event.payload["reused"]?.boolValue != true,
        let tool = decoded(ToolReference.self, event.payload["tool"])
      else { return }
      pendingCalls[CallKey(turn: turn, call: CallID(call))] = PendingCall(
        tool: tool, arguments: (event.payload["arguments"] ?? [:]).canonicalString())
    case .toolReturned, .toolFailed:
      guard let call = event.payload["call"]?.stringValue,
        let pending = pendingCalls.removeValue(forKey: CallKey(turn: turn, call: CallID(call))),
        event.kind == .toolReturned
      else { return }
      let ids = event.payload["evidence"]?.arrayValue?.compactMap { $0.stringValue.map { EvidenceID($0) } } ?? []
      let result = decoded(ToolResult.self, event.payload["result"])
      earlierCalls.append(
        EarlierCall(
          tool: pending.tool, arguments: pending.arguments, evidence: ids,
          refusals: result?.refusals.map(\.reason) ?? []))
    default: break
    }
  }

  /// What makes two requests with one key the same request.
  static func fingerprint(_ task: TurnTask, _ regions: [Region]) -> String {
    JSONValue.object(["task": json(task), "regions": json(regions)]).canonicalString()
  }

  /// A piece of evidence or a slide by its id.
  public func evidence(_ id: EvidenceID) -> Evidence? {
    if let slide = slides.first(where: { $0.id == id }) {
      return Evidence(id: id, turn: nil, call: nil, tool: nil, body: .slide(slide))
    }
    return evidence.first { $0.id == id }
  }

  /// Turns that have not ended.
  public var openTurns: [TurnID] { turns.filter { $0.value.phase != .completed }.map(\.key) }
}

extension TurnID {
  /// The turn of that number in a case, 1 for the first: `turn-`, the case's own part, `-` and the number, so that
  /// the case can be told from it.
  public init(_ caseID: CaseID, number: Int) {
    let own = caseID.rawValue.hasPrefix("case-") ? String(caseID.rawValue.dropFirst(5)) : caseID.rawValue
    self.init("turn-\(own)-\(number)")
  }

  /// The case the turn belongs to, and its number; nil when the text is no turn's id of ours.
  public var parts: (caseID: CaseID, number: Int)? {
    guard rawValue.hasPrefix("turn-"), let dash = rawValue.lastIndex(of: "-") else { return nil }
    let own = rawValue[
      rawValue.index(rawValue.startIndex, offsetBy: 5)..<max(dash, rawValue.index(rawValue.startIndex, offsetBy: 5))]
    guard !own.isEmpty, let number = Int(rawValue[rawValue.index(after: dash)...]), number > 0 else { return nil }
    let caseID = CaseID("case-\(own)")
    return TurnID(caseID, number: number) == self && isWellFormed ? (caseID, number) : nil
  }
}
