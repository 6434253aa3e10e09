// From a word in an answer back to the measurement, the tool and its version, the region, the pixels and the policy's
// decision, each with the events that say so.
// What must stay true: only what was recorded is said; a link that the record does not hold is left out.

public import Domain
public import JSON

/// Explains answers.
public enum Explanation {
  /// What stands behind an answer.
  public struct Explained: Sendable, Hashable {
    /// One object a finding, in the answer's order.
    public var findings: [JSONValue]
    /// One object a part that is not assessable, in the answer's order.
    public var notAssessable: [JSONValue]
  }

  /// What stands behind the turn's answer; nil when the turn rendered none.
  ///
  /// - Parameters:
  ///   - turn: the turn whose answer is explained.
  ///   - events: the case's events up to the turn's end: evidence may come from earlier turns.
  public static func explain(turn: TurnID, events: [Event]) -> Explained? {
    guard let rendered = events.last(where: { $0.turn == turn && $0.kind == .answerRendered }) else { return nil }
    let record = Record(events)
    let checked = events.last { $0.turn == turn && $0.kind == .answerChecked }
    let answer = rendered.payload["answer"]
    let seqs: JSONValue = .object(
      [
        "answer.rendered": .number(Double(rendered.seq)),
        "answer.checked": checked.map { .number(Double($0.seq)) },
      ].compactMapValues { $0 })
    let findings = (answer?["findings"]?.arrayValue ?? []).enumerated().map { index, item -> JSONValue in
      let part = item["part"]?.integerValue
      var members: [String: JSONValue] = [
        "finding": .number(Double(index)),
        "evidence": .array(
          (item["evidence"]?.arrayValue ?? []).compactMap(\.stringValue).map { record.evidence(EvidenceID($0)) }),
        "seqs": seqs,
      ]
      members["part"] = item["part"]
      members["asked"] = answer?["parts"]?.arrayValue?.first { $0["part"]?.integerValue == part }?["asked"]
      members["statement"] = item["statement"]
      members["kind"] = item["kind"]
      return .object(members)
    }
    let origins = ReasonOrigins(events.filter { $0.turn == turn })
    let reasons = (answer?["notAssessable"]?.arrayValue ?? []).map { item -> JSONValue in
      var members = item.objectValue ?? [:]
      members["seqs"] = seqs
      members["from"] = .array(
        origins.of(part: item["part"]?.integerValue ?? 0, reason: item["reason"]?.stringValue ?? ""))
      return .object(members)
    }
    return Explained(findings: findings, notAssessable: reasons)
  }

  /// The events of a case, by what they are about.
  private struct Record {
    private struct CallKey: Hashable {
      var turn: TurnID?
      var call: String
    }

    private var evidenceEvents: [String: Event] = [:]
    private var calls: [CallKey: [EventKind: Event]] = [:]
    private var steps: [CallKey: Event] = [:]
    private var slides: [String: JSONValue] = [:]

    init(_ events: [Event]) {
      var lastReply: [TurnID: Event] = [:]
      for event in events {
        switch event.kind {
        case .caseOpened: note(slides: event.payload["slides"])
        case .turnStarted: note(slides: event.payload["brief"]?["slides"])
        case .slideHashed:
          guard let id = event.payload["slide"]?.stringValue, case .object(var slide)? = slides[id] else { continue }
          slide["sha256"] = event.payload["sha256"]
          slides[id] = .object(slide)
        case .evidenceRecorded:
          guard let id = event.payload["evidence"]?["id"]?.stringValue else { continue }
          evidenceEvents[id] = event
          if event.payload["evidence"]?["kind"]?.stringValue == "slide", let slide = event.payload["evidence"] {
            slides[id] = slide
          }
        case .modelResponded: if let turn = event.turn { lastReply[turn] = event }
        case .policyDecided, .toolCalled, .toolReturned:
          guard let call = event.payload["call"]?.stringValue else { continue }
          let key = CallKey(turn: event.turn, call: call)
          calls[key, default: [:]][event.kind] = event
          if let turn = event.turn, let reply = lastReply[turn], steps[key] == nil { steps[key] = reply }
        default: continue
        }
      }
    }

    private mutating func note(slides list: JSONValue?) {
      for slide in list?.arrayValue ?? [] {
        if let id = slide["id"]?.stringValue { slides[id] = slide }
      }
    }

    /// All that the record says of a piece of evidence.
    func evidence(_ id: EvidenceID) -> JSONValue {
      var members: [String: JSONValue] = ["id": .string(id.rawValue)]
      guard let event = evidenceEvents[id.rawValue], let evidence = event.payload["evidence"] else {
        if let slide = slides[id.rawValue] { members["evidence"] = slide }
        return .object(members)
      }
      var seqs: [String: JSONValue] = ["evidence.recorded": .number(Double(event.seq))]
      members["kind"] = evidence["kind"]
      members["evidence"] = evidence
      members["tool"] = evidence["tool"]
      members["pixels"] = evidence["pixels"] ?? evidence["pixelSha256"].map { ["sha256": $0] }
      if let region = evidence["region"]?.stringValue { members["region"] = self.region(EvidenceID(region)) }
      if let slide = slide(of: evidence) { members["slide"] = slide }
      let compared = ["left", "right"].compactMap { evidence[$0]?.stringValue }
      if evidence["kind"]?.stringValue == EvidenceKind.comparison.rawValue {
        members["of"] = .array(compared.map { self.evidence(EvidenceID($0)) })
      }
      if let call = evidence["call"]?.stringValue {
        add(CallKey(turn: event.turn, call: call), to: &members, &seqs)
      }
      members["seqs"] = .object(seqs)
      return .object(members)
    }

    private func add(_ key: CallKey, to members: inout [String: JSONValue], _ seqs: inout [String: JSONValue]) {
      let events = calls[key] ?? [:]
      for (kind, event) in events { seqs[kind.rawValue] = .number(Double(event.seq)) }
      if let step = steps[key] { seqs[EventKind.modelResponded.rawValue] = .number(Double(step.seq)) }
      if let decided = events[.policyDecided] { members["policy"] = decided.payload["decision"] }
      var call: [String: JSONValue] = ["call": .string(key.call)]
      if let turn = key.turn { call["turn"] = .string(turn.rawValue) }
      call["arguments"] = events[.toolCalled]?.payload["arguments"]
      let result = events[.toolReturned]?.payload["result"]
      call["rawSha256"] = result?["rawSha256"]
      call["sandboxed"] = result?["sandboxed"]
      members["call"] = .object(call)
    }

    private func region(_ id: EvidenceID) -> JSONValue? {
      guard let event = evidenceEvents[id.rawValue], case .object(var region)? = event.payload["evidence"] else {
        return nil
      }
      region["seq"] = .number(Double(event.seq))
      return .object(region)
    }

    /// The slide the evidence lies on, with the hash of its files.
    private func slide(of evidence: JSONValue) -> JSONValue? {
      var id = evidence["slide"]?.stringValue
      if id == nil, let region = evidence["region"]?.stringValue {
        id = evidenceEvents[region]?.payload["evidence"]?["slide"]?.stringValue
      }
      guard let id, let slide = slides[id] else { return nil }
      var members: [String: JSONValue] = ["id": .string(id)]
      for key in ["fileName", "sha256"] { members[key] = slide[key] }
      return .object(members)
    }
  }
}
