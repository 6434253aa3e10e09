// The words of an installed tool by which a part of a question is recognised as its own: what its manifest says it
// answers, the names of its measures, and its name.
// What must stay true: words so general that they would draw every question to a tool count only inside a phrase.

import Domain

/// The words of tools.
enum ToolPhrases {
  /// Phrases by tool, for tools that did not come with the product.
  static func of(_ tools: [ToolManifest]) -> [(tool: String, phrases: [String])] {
    tools.filter { !BuiltInToolName.all.contains($0.name) }.map { manifest in
      let said = manifest.vpath.answers ?? []
      let measures = manifest.vpath.measures.map(\.name)
      let names = [manifest.name, manifest.title ?? ""]
      var phrases = (said + measures + names).filter { isTelling($0) }
      // "mitotic density" is also asked for as "mitoses per mm²": the first words of the phrase that follows the
      // number, without its denominator.
      for measure in manifest.vpath.measures {
        let counted = words(measure.phrase).prefix { !["per", "of", "in", "is", "are", "in"].contains($0) }
        let phrase = counted.joined(separator: " ")
        if counted.count <= 3, isTelling(phrase) { phrases.append(phrase) }
      }
      return (manifest.name, phrases)
    }
  }

  private static func words(_ text: String) -> [String] {
    text.lowercased().split { !($0.isLetter || $0.isNumber) }.map(String.init)
  }

  /// Whether a phrase has a word that is not general.
  private static func isTelling(_ phrase: String) -> Bool {
    let words = words(phrase)
    return (1...8).contains(words.count) && words.contains { $0.count > 2 && !general.contains($0) }
  }

  private static let general: Set<String> = [
    "the", "and", "for", "how", "what", "where", "which", "many", "much", "are", "there", "this", "that", "tissue",
    "area", "density", "count", "number", "measure", "measurement", "value", "mean", "total", "region", "slide",
    "image", "view", "tool", "score", "index", "fraction", "ratio", "share", "percent", "percentage", "per", "mm2",
    "mm²", "is", "of", "in", "any", "all", "with", "from", "question", "answer", "patient", "case", "pixel", "pixels",
  ]
}

/// Names of the tools that come with the product.
enum BuiltInToolName {
  static let overview = "slide_overview"
  static let zoom = "region_zoom"
  static let counter = "cell_counter"
  static let report = "report_template_filler"
  static let all: Set<String> = [overview, zoom, counter, report]
}
