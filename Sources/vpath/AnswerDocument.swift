// An answer as a script reads it: the keys of `vpath ask --json`.
// What must stay true: `turn`, `stop`, `findings`, `notAssessable`, `evidence`, `lookedAt` and `usage` stand at the top
// level; keys are added, never renamed.

import Domain
import JSON
import Wire

enum AnswerDocument {
  static func json(_ turn: TurnResult, trace: String) throws(VPathError) -> JSONValue {
    do throws(JSONError) {
      var members: [String: JSONValue] = [
        "turn": .string(turn.turn.rawValue), "case": .string(turn.caseID.rawValue),
        "stop": turn.stop.map { .string($0.rawValue) } ?? .null, "trace": .string(trace),
        "findings": [], "notAssessable": [], "lookedAt": [:], "usage": [:], "parts": [],
        "evidence": try encodeJSON(turn.evidence),
      ]
      if let answer = turn.answer {
        members["question"] = .string(answer.question)
        members["parts"] = try encodeJSON(answer.parts)
        members["findings"] = try encodeJSON(answer.findings)
        members["notAssessable"] = try encodeJSON(answer.notAssessable)
        members["lookedAt"] = try encodeJSON(answer.lookedAt)
        members["usage"] = try encodeJSON(answer.usage)
      }
      return .object(members)
    } catch {
      throw VPathError(.internalBug, "The answer cannot be written as JSON: \(error.message).")
    }
  }
}
