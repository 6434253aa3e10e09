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
          + ", \(fixed(usage.seconds, 1)) s, planned by \(Terminal.printable(usage.planner))", .dim))
    return lines.joined(separator: "\n")
  }

  private static func lookedAt(_ looked: LookedAt) -> String {
    var text = "Looked at: "
    if let area = looked.tissueAreaMm2 {
      text += "\(fixed(area, 2)) mm² of tissue"
      if let scale = looked.micronsPerPixel { text += " at \(fixed(scale, 3)) µm/px" }
    } else {
      text += "no measured area"
    }
    guard !looked.leftOut.isEmpty else { return text + "." }
    let left = looked.leftOut.map { item in
      var words = Terminal.printable(item.what)
      if let area = item.areaMm2 { words += " \(fixed(area, 3)) mm²" }
      if let share = item.share { words += " (\(fixed(share * 100, 1)) %)" }
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

  /// A number with so many decimals.
  static func fixed(_ value: Double, _ decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let rounded = (abs(value) * scale).rounded()
    guard rounded < 9e15 else { return "\(value)" }
    let whole = Int(rounded)
    let sign = value < 0 && whole != 0 ? "-" : ""
    guard decimals > 0 else { return sign + String(whole) }
    let fraction = String(whole % Int(scale))
    return sign + "\(whole / Int(scale))." + String(repeating: "0", count: decimals - fraction.count) + fraction
  }
}
