// A report as Markdown (CommonMark with tables).
// What must stay true: every text is escaped here, once; a value's row is one line.

import Domain

/// Writes Markdown.
enum ReportMarkdown {
  static func text(_ report: Report) -> String {
    let e = ReportText.markdown
    var lines = ["# \(e(report.template.title)): draft report", "", "> **\(e(Report.notice))**", ""]
    lines += report.cautions.flatMap { ["> Caution: \(e($0))", ""] }
    lines += [e(report.summary), ""]
    for section in report.sections {
      lines += ["## \(e(section.title))", "", "| Field | Value | Evidence |", "|---|---|---|"]
      lines += section.fields.flatMap(rows)
      lines.append("")
    }
    lines += ["## What this report rests on", "", "- Case: \(e(report.caseLine))"]
    lines += report.slides.map { "- Slide \($0.id): \(e($0.words))" }
    lines += report.regions.map { "- Region \($0.id): \(e($0.words))" }
    lines.append("- Tools: \(e(report.tools.map(ReportWords.words).joined(separator: ", ")))")
    lines.append("- Template: \(e(report.template.id)) \(e(report.template.version))")
    lines.append("- Values show two significant figures; report.json holds them exactly.")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func rows(_ field: Report.Field) -> [String] {
    let e = ReportText.markdown
    if let words = field.entry.words { return ["| \(e(field.title)) | \(e(words)) | – |"] }
    let (values, omitted) = field.entry.values
    var rows = values.map { value -> String in
      let title = field.title + (value.qualifier.map { " (\($0))" } ?? "")
      let notes = value.notes.isEmpty ? "" : "; " + e(value.notes.joined(separator: "; "))
      let cited = value.evidence.map(\.rawValue).joined(separator: ", ")
      return "| \(e(title)) | **\(e(value.text))**\(notes) | \(cited.isEmpty ? "–" : cited) |"
    }
    if omitted > 0 { rows.append("| \(e(field.title)) | \(omitted) more values are in the case's evidence | – |") }
    return rows
  }
}
