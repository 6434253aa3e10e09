// Strangers' text in reports: bounded, made visible, escaped; and numbers as they are shown.

import Domain
import JSON
import Testing

@testable import BuiltInTools

@Suite struct ReportTextTests {
  private static let attacks = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</td></tr></table><h1>Benign</h1>",
    "[click](javascript:alert(1))", "x](javascript:alert(1)) [y", "![](https://example.invalid/x.png)",
    "a | b | c\n| d | e |", "line\r\nbreak\u{2028}more\u{2029}still\u{85}end", "`code` **bold** _it_ ~~no~~",
    "https://example.invalid/path www.example.invalid", "&lt;script&gt; &#60;b&#62;", "\" onmouseover=\"x' y",
    "\u{202E}txt.exe\u{202C} \u{2066}iso\u{2069}", "zero\u{200B}width\u{FEFF}\u{00AD}\u{E0041}",
    "bell\u{07}esc\u{1B}[31m",
    "\u{115F}filler\u{3164}", "# heading", "- list", "---", "1. one", "<!-- comment", "]]>", "{{7*7}} ${x}",
    String(repeating: "A", count: 100_000), "Z" + String(repeating: "\u{0300}", count: 50_000),
    String(repeating: "\u{200B}", count: 100_000) + "late",
  ]

  /// A case whose every text is hostile.
  private static func hostileInput(_ attack: String) throws -> ToolInput {
    var input = try exampleReportInput()
    input.case.organ = attack
    input.case.stain = attack
    input.case.notes = attack
    for (key, value) in input.evidence {
      var item = value
      if item.tool != nil { item.tool = ToolReference(name: attack, version: attack) }
      switch item.body {
      case .region(var region):
        region.label = "tissue " + attack
        region.flags = [attack]
        region.score = Region.Score(name: attack, value: 1)
        item.body = .region(region)
      case .slide(var record):
        record.fileName = attack
        record.properties?.vendor = attack
        record.properties?.decoder = attack
        record.properties?.scaleProblem = attack
        record.sha256 = SHA256Hex(attack)
        item.body = .slide(record)
      case .measurement(var measurement):
        if measurement.name.hasPrefix("left out:") { measurement.name = "left out: " + attack }
        measurement.flags = [attack] + Array(repeating: attack, count: 3)
        measurement.interval?.method = attack
        measurement.interval?.predicts = attack
        measurement.ratio?.numeratorName = attack
        measurement.ratio?.denominatorName = attack
        measurement.validity.limits = [attack]
        measurement.validity.organs = [attack]
        measurement.validity.stains = [attack]
        measurement.pixels?.decoder = attack
        measurement.pixels?.sha256 = SHA256Hex(attack)
        item.body = .measurement(measurement)
      default: break
      }
      input.evidence[key] = item
    }
    return input
  }

  /// Rows and headings of a case whose texts are plain.
  private static let plainShape: (rows: Int, headings: [String]) = {
    let lines = (try? fillReport(hostileInput("plain")))?.markdown.split(separator: "\n").map(String.init) ?? []
    return (lines.filter { $0.hasPrefix("|") }.count, lines.filter { $0.hasPrefix("#") })
  }()

  /// The tags that a page may have.
  private static let allowedTags: Set<String> = [
    "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "strong", "table", "caption",
    "thead", "tbody", "tr", "th", "td", "div", "ul", "li", "footer", "dl", "dt", "dd",
  ]

  @Test(arguments: attacks.indices)
  func noTextBreaksOutOfThePage(index: Int) throws {
    let attack = Self.attacks[index]
    let report = try fillReport(try Self.hostileInput(attack))
    for piece in report.html.split(separator: "<", omittingEmptySubsequences: false).dropFirst() {
      let name = piece.drop { $0 == "/" }.prefix { $0.isLetter || $0.isNumber || $0 == "!" }
      #expect(Self.allowedTags.contains(String(name)), "tag \(name)")
      // Only our own attributes: none is an event, an address or a style.
      let tag = piece.prefix { $0 != ">" }
      #expect(
        !tag.contains("onerror") && !tag.contains("onmouseover") && !tag.contains("href") && !tag.contains("src="))
    }
    let tableRows = report.markdown.split(separator: "\n").filter { $0.hasPrefix("|") }
    for row in tableRows {
      let bare = String(row).replacing("\\\\", with: "").replacing("\\|", with: "")
      #expect(bare.filter { $0 == "|" }.count == 4, "\(row)")
    }
    #expect(tableRows.count == Self.plainShape.rows)
    #expect(
      report.markdown.split(separator: "\n").filter { $0.hasPrefix("#") }.map(String.init) == Self.plainShape.headings)
    for text in [report.jsonText, report.markdown, report.html] {
      #expect(!text.unicodeScalars.contains { Self.isForbidden($0) })
      #expect(text.utf8.count < 400_000)
    }
  }

  private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
    if scalar == "\n" { return false }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse: return true
    default: return scalar.properties.isDefaultIgnorableCodePoint
    }
  }

  @Test func markdownHasNoLinkImageOrHTMLOfAStrangers() throws {
    for attack in Self.attacks {
      let escaped = ReportText.markdown(ReportText.line(attack))
      #expect(!escaped.contains("<") && !escaped.contains("www."), "\(escaped.prefix(80))")
      #expect(!escaped.contains("//"), "\(escaped.prefix(80))")
      var previous: Character = " "
      for character in escaped {
        if "[]`*|".contains(character) { #expect(previous == "\\", "\(escaped.prefix(80))") }
        previous = previous == "\\" && character == "\\" ? " " : character
      }
    }
    #expect(ReportText.markdown("[x](javascript:alert(1))") == "\\[x\\](javascript\\:alert(1))")
    #expect(ReportText.markdown("a|b & c@d.e") == "a\\|b & c\\@d.e")
    #expect(ReportText.markdown("H&E &lt; &#60; &amp") == "H&E &amp;lt; &amp;\\#60; &amp")
    #expect(ReportText.markdown("cell_counter _it_ __b__") == "cell_counter \\_it\\_ \\_\\_b\\_\\_")
    #expect(ReportText.markdown("- x") == "\\- x")
    #expect(ReportText.markdown("not assessable: no tool") == "not assessable: no tool")
  }

  @Test func htmlEscapesTheFiveCharacters() {
    #expect(ReportText.html("<a href=\"x\" title='y'>&") == "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;")
  }

  @Test func aLineIsOneLineOfVisibleCharacters() {
    #expect(ReportText.line("  a\r\n\tb\u{2028}c  ") == "a b c")
    #expect(ReportText.line("a\u{202E}b\u{200B}c\u{0}d\u{FEFF}") == "abcd")
    #expect(ReportText.line("Muñoz 東京 µm² “x” 𝛼") == "Muñoz 東京 µm² “x” 𝛼")
    #expect(ReportText.line("abcdef", limit: 3) == "abc…")
    #expect(ReportText.line("abc ", limit: 3) == "abc")
    #expect(ReportText.line("") == "")
    #expect(ReportText.line("a" + String(repeating: "\u{0301}", count: 90)).unicodeScalars.count == 5)
    #expect(ReportText.lines(Array(repeating: "x", count: 1_000)).count == 8)
    #expect(ReportText.lines(["", "\u{200B}", "a"]) == ["a"])
  }
}
