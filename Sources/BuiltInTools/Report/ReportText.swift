// Text in a report: strangers' strings made one bounded line, and the escapes of the two written forms.
// What must stay true: what is shown cannot hide, reorder or forge what stands around it; a cut is marked by "…";
// escaping is the last step and happens once.

/// Cleaning and escaping.
enum ReportText {
  /// The text on one line: white space joined, control, format, bidirectional and other invisible characters taken
  /// out, at most `limit` scalars and then "…".
  static func line(_ text: String, limit: Int = 160) -> String {
    var kept = String.UnicodeScalarView()
    var count = 0
    var marks = 0
    var pendingSpace = false
    // A string of a million invisible characters is not worth reading to its end.
    for scalar in text.unicodeScalars.prefix(limit * 64) {
      if scalar.properties.isWhitespace {
        pendingSpace = count > 0
        continue
      }
      if isInvisible(scalar) { continue }
      marks = isCombining(scalar) ? marks + 1 : 0
      // No writing needs more than a few marks on one letter; hundreds paint over the lines above.
      if marks > 4 { continue }
      guard count < limit else { return String(kept) + "…" }
      if pendingSpace {
        kept.append(" ")
        count += 1
        pendingSpace = false
      }
      kept.append(scalar)
      count += 1
    }
    return String(kept)
  }

  /// The first of many texts, each cleaned, without empty ones.
  static func lines(_ texts: [String], count: Int = 8, limit: Int = 120) -> [String] {
    texts.prefix(count).map { line($0, limit: limit) }.filter { !$0.isEmpty }
  }

  /// Safe inside an HTML element and inside a quoted attribute.
  static func html(_ text: String) -> String {
    var escaped = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      default: escaped.unicodeScalars.append(character)
      }
    }
    return escaped
  }

  /// Safe in a paragraph and in a cell of a table: no mark-up, no HTML, no entity, no link, no cell's end. The text
  /// is one line.
  static func markdown(_ text: String) -> String {
    let scalars = Array(text.unicodeScalars)
    var escaped = ""
    for (index, scalar) in scalars.enumerated() {
      switch scalar {
      case "\\", "`", "*", "{", "}", "[", "]", "|", "~", "#":
        escaped += "\\"
        escaped.unicodeScalars.append(scalar)
      // Inside a word it emphasizes nothing, and tools' names stay readable.
      case "_": escaped += isInsideWord(index, scalars) ? "_" : "\\_"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "&": escaped += startsEntity(index, scalars) ? "&amp;" : "&"
      // Many readers make a link of an address that stands alone; an escape inside it ends it.
      case ":": escaped += index + 1 < scalars.count && scalars[index + 1] != " " ? "\\:" : ":"
      case ".": escaped += follows("www", index, scalars) ? "\\." : "."
      case "/": escaped += follows("/", index, scalars) ? "\\/" : "/"
      case "@": escaped += "\\@"
      // A line may begin with a cell's text: no list, rule or ordered list comes of it.
      case "-", "+", "=": escaped += escaped.isEmpty ? "\\\(scalar)" : String(scalar)
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// Whether the text stands right before this place, in either case.
  private static func follows(_ text: String, _ index: Int, _ scalars: [Unicode.Scalar]) -> Bool {
    scalars[..<index].suffix(text.unicodeScalars.count).map { $0.properties.lowercaseMapping }.joined() == text
  }

  private static func isInsideWord(_ index: Int, _ scalars: [Unicode.Scalar]) -> Bool {
    guard index > 0, index + 1 < scalars.count else { return false }
    return [scalars[index - 1], scalars[index + 1]].allSatisfy(isASCIIAlphanumeric)
  }

  /// Whether what follows an ampersand makes it an entity: `&name;`, `&#60;`.
  private static func startsEntity(_ index: Int, _ scalars: [Unicode.Scalar]) -> Bool {
    let rest = scalars[(index + 1)...].prefix(64)
    let name = rest.prefix { $0 == "#" || isASCIIAlphanumeric($0) }
    return name.count == 64 || (name.endIndex < rest.endIndex && rest[name.endIndex] == ";")
  }

  private static func isASCIIAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
  }

  private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .privateUse, .unassigned, .surrogate, .lineSeparator, .paragraphSeparator: true
    default: scalar.properties.isDefaultIgnorableCodePoint
    }
  }

  private static func isCombining(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .spacingMark: true
    default: false
    }
  }
}
