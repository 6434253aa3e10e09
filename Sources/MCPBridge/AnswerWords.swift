// An answer as plain text, for clients that hand a model nothing but text.
// What must stay true: statements are given as the daemon rendered them; nothing is worded anew here.

import Domain
import JSON
import Wire

enum AnswerWords {
  static func text(_ turn: TurnResult) -> String {
    guard let answer = turn.answer else {
      let why = turn.error?["message"]?.stringValue.map { ": \($0)" } ?? "."
      return "The turn ended (\(turn.stop?.rawValue ?? "unknown")) without an answer\(why)"
    }
    var lines: [String] = []
    for part in answer.parts {
      lines.append("\(part.part). \(part.asked)")
      for finding in answer.findings where finding.part == part.part {
        lines.append("   \(finding.statement)\(finding.kind == .described ? " (in the model's words)" : "")")
        lines.append("   evidence: \(finding.evidence.map(\.rawValue).joined(separator: ", "))")
      }
      for gap in answer.notAssessable where gap.part == part.part {
        lines.append("   not assessable: \(gap.reason)")
      }
    }
    lines.append(
      "\(turn.turn) of \(turn.caseID), ended as \(answer.stop.rawValue). For research; not a medical device.")
    return lines.joined(separator: "\n")
  }
}
