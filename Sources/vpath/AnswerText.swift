// An answer as a person reads it in a terminal.
// What must stay true: statements are printed as the daemon rendered them; nothing is worded anew here.

import Domain
import Wire

enum AnswerText {
  static func text(_ turn: TurnResult) -> String {
    guard let answer = turn.answer else {
      return "The turn ended (\(turn.stop?.rawValue ?? "unknown")) without an answer."
    }
    var lines: [String] = [""]
    for part in answer.parts {
      lines.append(Terminal.styled("\(part.part). \(Terminal.printable(part.asked))", .bold))
      for finding in answer.findings where finding.part == part.part {
        let label = finding.kind == .described ? Terminal.styled(" (in the model's words)", .yellow) : ""
        lines.append("   \(Terminal.printable(finding.statement))\(label)")
        lines.append(Terminal.styled("   evidence: \(finding.evidence.map(\.rawValue).joined(separator: ", "))", .dim))
      }
      for gap in answer.notAssessable where gap.part == part.part {
        lines.append("   " + Terminal.styled("not assessable: ", .yellow) + Terminal.printable(gap.reason))
      }
    }
    lines.append("")
    lines.append(lookedAt(answer.lookedAt))
    let usage = answer.usage
    lines.append(
      Terminal.styled(
        "\(stop(answer.stop)); \(usage.steps) steps, \(usage.toolCalls) tool calls"
          + (usage.reusedCalls > 0 ? " and \(usage.reusedCalls) answered from evidence" : "")
          + ", \(NumberText.fixed(usage.seconds, decimals: 1)) s, \(planned(usage))", .dim
      ))
    return lines.joined(separator: "\n")
  }

  private static func planned(_ usage: Usage) -> String {
    let planner = Terminal.printable(usage.planner)
    if usage.modelRequests > 0 { return "planned by \(planner), \(Terminal.printable(usage.planning))" }
    return planner == "rule planner" ? "planned by rules" : "planned by rules (\(planner) was not asked)"
  }

  private static func lookedAt(_ looked: LookedAt) -> String {
    var text = "Looked at: "
    if let area = looked.tissueAreaMm2 {
      text += "\(NumberText.twoFigures(area)) mm² of tissue"
      if let scale = looked.micronsPerPixel { text += " at \(NumberText.plain(scale)) µm/px" }
    } else {
      text += "no measured area"
    }
    guard !looked.leftOut.isEmpty else { return text + "." }
    let left = looked.leftOut.map { item in
      var words = Terminal.printable(item.what)
      if let area = item.areaMm2 { words += " \(NumberText.twoFigures(area)) mm²" }
      if let share = item.share { words += " (\(NumberText.twoFigures(share * 100)) %)" }
      return words
    }
    return text + "; left out: " + left.joined(separator: ", ") + "."
  }

  private static func stop(_ reason: StopReason) -> String {
    switch reason {
    case .answered: "answered"
    case .composed: "composed by the daemon from the evidence"
    case .budgetExhausted: "the budget ran out"
    case .interrupted: "interrupted"
    case .modelUnavailable: "no planner answered"
    case .failed: "failed"
    }
  }
}
