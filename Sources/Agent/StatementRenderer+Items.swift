// Evidence that is no measurement in words: regions, views, files, slides, descriptions.
// What must stay true: a stranger's text is one bounded line that passed ToldWords or the rules for words.

import Domain

extension StatementRenderer {
  /// "r5 (candidate) lies at x 1204, y 880, 501 × 501 px, that is 250 × 250 µm".
  func region(_ id: EvidenceID) -> String? {
    guard let region = evidence.region(id) else { return nil }
    let rect = region.rect
    var text =
      "\(id) (\(told(region.label, by: id, limit: 80))) lies at x \(rect.x), y \(rect.y)\(slideSuffix(region.slide)), "
    text += "\(NumberText.grouped(rect.width)) × \(NumberText.grouped(rect.height)) px"
    if let scale = evidence.micronsPerPixel(ofSlide: region.slide) {
      text +=
        ", that is \(NumberText.micrometres(rect.width, micronsPerPixel: scale)) × \(NumberText.micrometres(rect.height, micronsPerPixel: scale)) µm"
    }
    if let rank = region.rank, let score = region.score {
      text += "; number \(rank) by \(told(score.name, by: id, limit: 80))"
    }
    let flags = regionFlags(id)
    return flags.isEmpty ? text : text + "; flagged: \(joined(flags))"
  }

  /// What a reader must know of a region; that a window was selected is said with the ranking.
  func regionFlags(_ id: EvidenceID) -> [String] {
    (evidence.region(id)?.flags ?? []).filter { !$0.hasPrefix("selected") }.map { told($0, by: id, limit: 120) }
  }

  func view(_ id: EvidenceID, _ view: View) -> String {
    let scale = view.micronsPerPixel.map { " at \(NumberText.plain($0)) µm/px" } ?? " without a scale"
    return "\(view.region) is shown\(scale) as \(id)"
  }

  func artefact(_ id: EvidenceID, _ artefact: Artefact) -> String {
    let caption = told(artefact.caption, by: id, limit: 160)
    return "\(id) is the file \(told(artefact.name, by: id, limit: 80))" + (caption.isEmpty ? "" : " (\"\(caption)\")")
  }

  func slide(_ slide: SlideRecord) -> String {
    let name = "\(slide.id) is \(slide.fileName.excerpt(80))"
    guard let properties = slide.properties else { return name + ", which no tool has opened yet" }
    var text = name + ": \(NumberText.grouped(properties.width)) × \(NumberText.grouped(properties.height)) px"
    text +=
      ", \(properties.levelCount) level\(properties.levelCount == 1 ? "" : "s"), format \(properties.vendor.excerpt(40))"
    if let scale = properties.scale {
      let source = scale.source == .slide ? "as the file says" : "as stated with the case"
      text += ", \(NumberText.plain(scale.micronsPerPixel)) µm/px \(source)"
    } else {
      text += ", no usable scale" + (properties.scaleProblem.map { " (\($0.excerpt(160)))" } ?? "")
    }
    if let power = properties.objectivePower { text += ", objective \(NumberText.plain(power))× as the file says" }
    return text
  }

  /// A tool's description is shown only when it keeps the rules for words.
  func description(_ id: EvidenceID, _ description: Description) -> String {
    let tool = evidence[id]?.tool?.name ?? "a tool"
    let view = description.view.map { " of \($0)" } ?? ""
    if let problem = WordRules.problem(inDescription: description.text) {
      return "\(id), a description\(view) by \(tool), is not shown: \(problem)"
    }
    return "\(id), a description\(view) in the words of \(tool): \"\(description.text.excerpt(600))\""
  }
}
