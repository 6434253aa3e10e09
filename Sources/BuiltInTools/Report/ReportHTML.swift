// A report as one HTML page to print on A4: no script, nothing from elsewhere, its own style.
// What must stay true: every text is escaped here, once; the notice is on the first screen and on every printed page;
// what state a field is in is told by words, not by colour alone.

import Domain

/// Writes HTML.
enum ReportHTML {
  static func text(_ report: Report) -> String {
    let e = ReportText.html
    var html = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <meta name="referrer" content="no-referrer">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(e(report.template.title)): draft report</title>
      <style>
      \(style)
      </style>
      </head>
      <body>
      <h1>\(e(report.template.title)): draft report</h1>
      <p class="notice" role="note"><strong>\(e(Report.notice))</strong></p>

      """
    for caution in report.cautions { html += "<p class=\"caution\" role=\"note\">Caution: \(e(caution))</p>\n" }
    html += "<p>\(e(report.summary))</p>\n"
    for section in report.sections {
      html += """
        <table>
        <caption>\(e(section.title))</caption>
        <thead><tr><th scope="col">Field</th><th scope="col">Value</th><th scope="col">Evidence</th></tr></thead>
        <tbody>

        """
      html += section.fields.map(rows).joined()
      html += "</tbody>\n</table>\n"
    }
    html += "<footer>\n<h2>What this report rests on</h2>\n<dl>\n"
    html += "<dt>Case</dt><dd>\(e(report.caseLine))</dd>\n"
    for slide in report.slides { html += "<dt>Slide \(e(slide.id.rawValue))</dt><dd>\(e(slide.words))</dd>\n" }
    for region in report.regions { html += "<dt>Region \(e(region.id.rawValue))</dt><dd>\(e(region.words))</dd>\n" }
    html += "<dt>Tools</dt><dd>\(e(report.tools.map(ReportWords.words).joined(separator: ", ")))</dd>\n"
    html += "<dt>Template</dt><dd>\(e(report.template.id)) \(e(report.template.version))</dd>\n</dl>\n"
    html += "<p>Values show two significant figures; report.json holds them exactly.</p>\n"
    html += "</footer>\n</body>\n</html>\n"
    return html
  }

  private static func rows(_ field: Report.Field) -> String {
    let e = ReportText.html
    let guide = field.guide.map { "<div class=\"guide\">\(e($0))</div>" } ?? ""
    if let words = field.entry.words {
      return "<tr class=\"\(field.entry.state)\"><th scope=\"row\">\(e(field.title))\(guide)</th>"
        + "<td>\(e(words))</td><td>–</td></tr>\n"
    }
    let (values, omitted) = field.entry.values
    var rows = values.map { value -> String in
      let title = field.title + (value.qualifier.map { " (\($0))" } ?? "")
      let notes = value.notes.map { "<li>\(e($0))</li>" }.joined()
      let cited = value.evidence.map { e($0.rawValue) }.joined(separator: ", ")
      return "<tr class=\"\(field.entry.state)\"><th scope=\"row\">\(e(title))</th>"
        + "<td><strong>\(e(value.text))</strong>\(notes.isEmpty ? "" : "<ul>\(notes)</ul>")</td>"
        + "<td>\(cited.isEmpty ? "–" : cited)</td></tr>\n"
    }
    if omitted > 0 {
      rows.append(
        "<tr class=\"\(field.entry.state)\"><th scope=\"row\">\(e(field.title))</th>"
          + "<td>\(omitted) more values are in the case's evidence</td><td>–</td></tr>\n")
    }
    return rows.joined()
  }

  private static let style = """
    @page { size: A4; margin: 16mm 15mm 20mm;
      @bottom-left { content: "\(Report.notice)"; font: 8pt sans-serif; }
      @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; } }
    body { font: 10pt/1.4 "Noto Sans", "DejaVu Sans", Arial, sans-serif; color: #111; background: #fff;
      max-width: 180mm; margin: 0 auto; padding: 4mm; overflow-wrap: anywhere; }
    h1 { font-size: 16pt; margin: 0 0 3mm; }
    h2 { font-size: 12pt; margin: 6mm 0 2mm; }
    .notice { border: 2px solid #8a1c1c; padding: 2mm 3mm; margin: 0 0 3mm; }
    .caution { border-left: 4px solid #8a5a00; padding: 1mm 3mm; margin: 0 0 3mm; }
    table { width: 100%; border-collapse: collapse; table-layout: fixed; margin: 5mm 0 0; }
    caption { text-align: left; font-weight: bold; font-size: 12pt; padding-bottom: 1mm; break-after: avoid; }
    th, td { border: 1px solid #999; padding: 1.2mm 2mm; text-align: left; vertical-align: top; }
    thead { display: table-header-group; }
    thead th { background: #eee; }
    thead th:nth-child(1) { width: 30%; }
    thead th:nth-child(3) { width: 12%; }
    tbody th { font-weight: normal; }
    tr { break-inside: avoid; }
    ul { margin: 1mm 0 0; padding-left: 4mm; font-size: 9pt; color: #333; }
    .guide { font-size: 8pt; color: #555; }
    .notAssessable td, .notProvided td { color: #444; font-style: italic; }
    dl { display: grid; grid-template-columns: 24mm 1fr; gap: 1mm 3mm; margin: 0; font-size: 9pt; }
    dt { font-weight: bold; }
    dd { margin: 0; }
    footer p { font-size: 9pt; }
    @media print { body { max-width: none; margin: 0; padding: 0; } }
    """
}
