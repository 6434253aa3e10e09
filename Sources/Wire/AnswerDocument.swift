// An answer as a script or a model reads it: the keys of `vpath ask --json` and of MCP's `ask_case`.
// What must stay true: `turn`, `stop`, `findings`, `notAssessable`, `evidence`, `lookedAt` and `usage` stand at the top
// level; keys are added, never renamed.

public import Domain
public import JSON

/// A turn's answer with its evidence, as one object.
public enum AnswerDocument {
  /// The object; `trace` says for people where the record is. Throws `internal.bug`.
  public static func json(_ turn: TurnResult, trace: String) throws(VPathError) -> JSONValue {
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

  /// What every such object has; the rest of a member's keys are in `Answer.schema`.
  public static let schema: Schema = .object(
    [
      .required("turn", .turnID), .required("case", .caseID), .required("stop", .any(description: "Why it ended.")),
      .required(
        "findings",
        .array(
          of: .object(
            [
              .required("part", .integer(min: 1)), .required("statement", .text("As rendered.")),
              .required("kind", .string(enum: ["measured", "described"])),
              .required("evidence", .array(of: .evidenceID)),
            ], additional: true))),
      .required(
        "notAssessable",
        .array(
          of: .object(
            [
              .required("part", .integer(min: 1)), .required("asked", .text("Its words.")),
              .required("reason", .text("Why, and what would be needed.")),
            ], additional: true))),
      .required("evidence", .map(of: Evidence.schema)),
      .required("lookedAt", .object([], description: "How much stands behind the answer.", additional: true)),
      .required("usage", .object([], description: "What it cost, and who planned it.", additional: true)),
    ], description: "An answer with its evidence.", additional: true)
}
