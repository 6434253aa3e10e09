// One step of a planner: JSON text by the schema of the moment, read strictly.
// What must stay true: an unknown key is an error that names it; nothing in the text is followed, only read.
// The schema itself is made in LegalActions.swift; a new key goes into both.

import Domain
import JSON

/// What a planner wants to do.
enum StepAct: Sendable, Hashable {
  /// The first step: the question split into parts.
  case parts([PlannedPart])
  case tool(PlannedCall)
  case answer(AnswerDraft)
}

/// A part as a planner splits it off. A reason means that the planner holds it for not assessable at once.
struct PlannedPart: Sendable, Hashable {
  var asked: String
  var notAssessable: String?
}

/// A call that a planner wants.
struct PlannedCall: Sendable, Hashable {
  var tool: String
  var arguments: JSONValue
  /// The parts it is for; empty when the planner did not say.
  var parts: [Int]
}

/// An answer that a planner proposes.
struct AnswerDraft: Sendable, Hashable {
  var findings: [DraftFinding] = []
  var notAssessable: [DraftReason] = []
}

/// Evidence selected for a part; words only for what was looked at and not measured.
struct DraftFinding: Sendable, Hashable {
  var part: Int
  var evidence: [EvidenceID]
  var words: String?
}

/// Why a part cannot be answered.
struct DraftReason: Sendable, Hashable {
  var part: Int
  var reason: String
}

/// Why a text is no step. The text goes back to the planner as a correction.
struct StepError: Error, Sendable, Equatable {
  var correction: String
}

/// Reads steps.
enum Step {
  /// The most bytes a step may have.
  static let maxBytes = 256 << 10

  /// The act of a step. Throws what a planner needs to know to write a better one.
  static func read(_ text: String) throws(StepError) -> StepAct {
    let value: JSONValue
    do {
      value = try JSONValue.parse(text, limits: JSONLimits(maxBytes: maxBytes, maxDepth: 24, maxValues: 50_000))
    } catch {
      throw StepError(correction: "The step is no JSON that can be read: \(error.message). Write one JSON object.")
    }
    let step = try members(of: value, called: "the step", required: ["act"], optional: ["thought"])
    if let thought = step["thought"], thought.stringValue == nil {
      throw StepError(correction: "\"thought\" must be text.")
    }
    let act = try members(
      of: step["act"] ?? .null, called: "\"act\"", required: [],
      optional: ["parts", "tool", "args", "for", "answer"])
    switch (act["parts"], act["tool"], act["answer"]) {
    case (let parts?, nil, nil) where act.count == 1: return .parts(try readParts(parts))
    case (nil, let tool?, nil): return .tool(try readCall(tool, act))
    case (nil, nil, let answer?) where act.count == 1: return .answer(try readAnswer(answer))
    default:
      throw StepError(
        correction: "\"act\" must hold exactly one of \"parts\", \"tool\" with \"args\", or \"answer\".")
    }
  }

  private static func readParts(_ value: JSONValue) throws(StepError) -> [PlannedPart] {
    var parts: [PlannedPart] = []
    for item in try elements(of: value, called: "\"parts\"") {
      let part = try members(of: item, called: "a part", required: ["asked"], optional: ["notAssessable"])
      let asked = try text(part["asked"], called: "\"asked\"")
      let reason: String? =
        if let reason = part["notAssessable"] { try text(reason, called: "\"notAssessable\"") } else { nil }
      parts.append(PlannedPart(asked: asked, notAssessable: reason))
    }
    return parts
  }

  private static func readCall(_ tool: JSONValue, _ act: [String: JSONValue]) throws(StepError) -> PlannedCall {
    let name = try text(tool, called: "\"tool\"")
    guard let arguments = act["args"], arguments.objectValue != nil else {
      throw StepError(correction: "A tool needs \"args\", an object; {} when it takes none.")
    }
    var parts: [Int] = []
    if let value = act["for"] {
      for item in try elements(of: value, called: "\"for\"") { parts.append(try number(item, called: "\"for\"")) }
    }
    return PlannedCall(tool: name, arguments: arguments, parts: parts)
  }

  private static func readAnswer(_ value: JSONValue) throws(StepError) -> AnswerDraft {
    let answer = try members(
      of: value, called: "\"answer\"", required: [], optional: ["findings", "notAssessable"])
    var draft = AnswerDraft()
    for item in try elements(of: answer["findings"] ?? [], called: "\"findings\"") {
      let finding = try members(of: item, called: "a finding", required: ["part", "evidence"], optional: ["words"])
      var ids: [EvidenceID] = []
      for id in try elements(of: finding["evidence"] ?? [], called: "\"evidence\"") {
        ids.append(EvidenceID(try text(id, called: "an evidence id")))
      }
      let words: String? = if let words = finding["words"] { try text(words, called: "\"words\"") } else { nil }
      draft.findings.append(
        DraftFinding(part: try number(finding["part"], called: "\"part\""), evidence: ids, words: words))
    }
    for item in try elements(of: answer["notAssessable"] ?? [], called: "\"notAssessable\"") {
      let reason = try members(
        of: item, called: "an item of \"notAssessable\"", required: ["part", "reason"], optional: [])
      draft.notAssessable.append(
        DraftReason(
          part: try number(reason["part"], called: "\"part\""),
          reason: try text(reason["reason"], called: "\"reason\"")))
    }
    return draft
  }

  // MARK: Reading values

  private static func members(
    of value: JSONValue, called name: String, required: Set<String>, optional: Set<String>
  ) throws(StepError) -> [String: JSONValue] {
    guard let members = value.objectValue else { throw StepError(correction: "\(name) must be an object.") }
    if let unknown = members.keys.filter({ !required.contains($0) && !optional.contains($0) }).min() {
      throw StepError(correction: "\(name) has the unknown key \"\(unknown.excerpt(40))\".")
    }
    if let missing = required.filter({ members[$0] == nil }).min() {
      throw StepError(correction: "\(name) lacks the key \"\(missing)\".")
    }
    return members
  }

  private static func elements(of value: JSONValue, called name: String) throws(StepError) -> [JSONValue] {
    guard let elements = value.arrayValue else { throw StepError(correction: "\(name) must be an array.") }
    return elements
  }

  private static func text(_ value: JSONValue?, called name: String) throws(StepError) -> String {
    guard let text = value?.stringValue else { throw StepError(correction: "\(name) must be text.") }
    return text
  }

  private static func number(_ value: JSONValue?, called name: String) throws(StepError) -> Int {
    guard let number = value?.integerValue else {
      throw StepError(correction: "\(name) must be a part's number.")
    }
    return number
  }
}
