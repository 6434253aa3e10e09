// Fills a template from a case.
// What must stay true: a value comes from evidence or from what was stated with the case and from nowhere else; a
// field without one says why; slides go by their ids, never by file names.

import Domain
import JSON

/// Fills templates from one case.
struct ReportFilling: Sendable {
  var description: CaseDescription
  var evidence: ReportEvidence
  /// The tool that fills, for the list of tools.
  var filler: ToolReference

  /// Most values shown in one field.
  private static let maxValues = 16
  /// Most slides and regions listed.
  private static let maxSources = 200

  func report(_ template: ReportTemplate) throws(VPathError) -> Report {
    var sections: [Report.Section] = []
    for section in template.sections {
      var fields: [Report.Field] = []
      for field in section.fields {
        fields.append(
          Report.Field(
            id: field.id, title: field.title, guide: field.guide, kind: field.kind, entry: try entry(field)))
      }
      sections.append(Report.Section(title: section.title, fields: fields))
    }
    let cited = Set(sections.flatMap(\.fields).flatMap { $0.entry.values.shown }.flatMap(\.evidence))
    var tools: Set<ToolReference> = [filler]
    for item in evidence.measurements where cited.contains(item.id) {
      guard let tool = item.tool else { continue }
      tools.insert(
        ToolReference(
          name: ReportText.line(tool.name, limit: 64), version: ReportText.line(tool.version, limit: 64)))
    }
    return Report(
      template: template, cautions: cautions(template), sections: sections, caseLine: caseLine, caseJSON: caseJSON,
      slides: evidence.slides.prefix(Self.maxSources).map(source), regions: regions(cited),
      tools: tools.sorted { ($0.name, $0.version) < ($1.name, $1.version) })
  }

  // MARK: Fields

  private func entry(_ field: ReportTemplate.Field) throws(VPathError) -> Report.Entry {
    switch field.kind {
    case .fromPathologist: return .notProvided(nil)
    case .stated: return stated(field.stated ?? .organ)
    case .measured:
      let picks = evidence.picks(field)
      guard !picks.isEmpty else { return .notAssessable(whyNot(field)) }
      let words = ReportWords(evidence: evidence)
      let hasManyNames = (field.measure ?? []).contains { $0.hasSuffix(":") }
      var values: [Report.Value] = []
      for pick in picks.prefix(Self.maxValues) {
        var parts: [String] = []
        if hasManyNames { parts.append(Self.lastPart(pick.newest.measurement.name)) }
        if evidence.slides.count > 1 { parts.append(pick.newest.slide.map { Self.shown($0) } ?? "slide unknown") }
        values.append(try words.value(pick, qualifier: parts.isEmpty ? nil : parts.joined(separator: ", ")))
      }
      return .measured(values, omitted: max(0, picks.count - Self.maxValues))
    }
  }

  /// The template's reason; where a measure could fill the field, first that the case does not hold it.
  private func whyNot(_ field: ReportTemplate.Field) -> String {
    guard let name = field.measure?.first else { return field.notAssessable ?? "nothing measures it" }
    let place =
      switch field.region {
      case nil: ""
      case .wholeTissue: " of all tissue"
      case .densest: " ranked over all tissue"
      }
    let measure = name.hasSuffix(":") ? "of areas \(name.dropLast())" : "\"\(name)\""
    return "the case holds no measurement \(measure)\(place); "
      + (field.notAssessable ?? "ask for it before drafting the report")
  }

  /// "ink" of "left out: ink".
  private static func lastPart(_ name: String) -> String {
    let parts = name.split(separator: ":", maxSplits: 1)
    return ReportText.line(parts.count > 1 ? String(parts[1]) : name, limit: 60)
  }

  private func stated(_ what: ReportTemplate.Statement) -> Report.Entry {
    switch what {
    case .organ: return statement(description.organ, "the organ was not stated with the case")
    case .stain: return statement(description.stain, "the stain was not stated with the case")
    case .notes:
      let notes = ReportText.line(description.notes ?? "", limit: 1_000)
      guard !notes.isEmpty else { return .notProvided("no notes were given with the case") }
      return .stated(
        [
          Report.Value(
            qualifier: nil, text: "“\(notes)”", notes: ["the requester's own words, not checked"], evidence: [],
            json: ["stated": .string(notes)])
        ], omitted: 0)
    case .slides:
      return values(evidence.slides) { slide in
        Report.Value(
          qualifier: nil, text: "\(slide.id)", notes: Self.size(slide.properties).map { [$0] } ?? [],
          evidence: [slide.id], json: ["stated": .string(slide.id.rawValue)])
      } ?? .notProvided("the case names no slide")
    case .scale: return scales
    }
  }

  private func statement(_ text: String?, _ missing: String) -> Report.Entry {
    let text = ReportText.line(text ?? "", limit: 80)
    guard !text.isEmpty else { return .notProvided(missing) }
    return .stated(
      [Report.Value(qualifier: nil, text: text, notes: [], evidence: [], json: ["stated": .string(text)])], omitted: 0)
  }

  private func values(_ slides: [ReportSlide], _ value: (ReportSlide) -> Report.Value) -> Report.Entry? {
    guard !slides.isEmpty else { return nil }
    return .stated(slides.prefix(Self.maxValues).map(value), omitted: max(0, slides.count - Self.maxValues))
  }

  /// The scale of each slide; else the one stated with the case.
  private var scales: Report.Entry {
    let known = evidence.slides.filter { $0.properties != nil }
    let perSlide = values(known) { slide in
      let qualifier = evidence.slides.count > 1 ? Self.shown(slide.id) : nil
      guard let scale = slide.properties?.scale, scale.micronsPerPixel.isFinite else {
        let problem = ReportText.line(slide.properties?.scaleProblem ?? "the file states none")
        return Report.Value(
          qualifier: qualifier, text: "no usable scale", notes: [problem], evidence: [slide.id], json: ["stated": .null]
        )
      }
      let source = scale.source == .slide ? "as the slide's file says" : "as stated with the case"
      return Report.Value(
        qualifier: qualifier, text: "\(NumberText.plain(scale.micronsPerPixel)) µm/px", notes: [source],
        evidence: [slide.id], json: ["stated": .number(scale.micronsPerPixel), "unit": "um/{pixel}"])
    }
    if let perSlide { return perSlide }
    guard let stated = description.statedMicronsPerPixel, stated.isFinite else {
      return .notProvided("no slide's properties are known and no scale was stated with the case")
    }
    return .stated(
      [
        Report.Value(
          qualifier: nil, text: "\(NumberText.plain(stated)) µm/px", notes: ["as stated with the case"], evidence: [],
          json: ["stated": .number(stated), "unit": "um/{pixel}"])
      ], omitted: 0)
  }

  // MARK: Around the fields

  private func cautions(_ template: ReportTemplate) -> [String] {
    var cautions: [String] = []
    let organ = ReportText.line(description.organ ?? "", limit: 80)
    if let organs = template.organs {
      if organ.isEmpty {
        cautions.append("The organ was not stated; this template is for \(organs.joined(separator: ", ")).")
      } else if !OrganName(organ).isAmong(organs) {
        cautions.append("The organ is stated as \(organ); this template is for \(organs.joined(separator: ", ")).")
      }
    }
    for slide in evidence.slides.prefix(Self.maxValues) {
      guard let problem = slide.properties?.scaleProblem else { continue }
      cautions.append("\(slide.id) has no usable scale: \(ReportText.line(problem)).")
    }
    return cautions
  }

  private var caseLine: String {
    let organ = ReportText.line(description.organ ?? "", limit: 80)
    let stain = ReportText.line(description.stain ?? "", limit: 80)
    var parts = [organ.isEmpty ? "organ not stated" : organ, stain.isEmpty ? "stain not stated" : stain]
    let count = evidence.slides.count
    parts.append(count == 1 ? "1 slide" : "\(count) slides")
    if let scale = description.statedMicronsPerPixel, scale.isFinite {
      parts.append("scale stated as \(NumberText.plain(scale)) µm/px")
    }
    return parts.joined(separator: ", ")
  }

  private var caseJSON: JSONValue {
    var members: [String: JSONValue] = [:]
    for (key, text, limit) in [
      ("organ", description.organ, 80), ("stain", description.stain, 80), ("notes", description.notes, 1_000),
    ] {
      let clean = ReportText.line(text ?? "", limit: limit)
      if !clean.isEmpty { members[key] = .string(clean) }
    }
    members["statedMicronsPerPixel"] = description.statedMicronsPerPixel.flatMap { $0.isFinite ? .number($0) : nil }
    return .object(members)
  }

  private func source(_ slide: ReportSlide) -> Report.Source {
    var members: [String: JSONValue] = ["id": .string(slide.id.rawValue)]
    var words: [String] = []
    if let properties = slide.properties {
      members["width"] = .number(Double(properties.width))
      members["height"] = .number(Double(properties.height))
      members["vendor"] = .string(ReportText.line(properties.vendor, limit: 40))
      members["decoder"] = .string(ReportText.line(properties.decoder, limit: 80))
      if let scale = properties.scale, scale.micronsPerPixel.isFinite {
        members["micronsPerPixel"] = .number(scale.micronsPerPixel)
        members["scaleSource"] = .string(scale.source.rawValue)
        words.append("\(NumberText.plain(scale.micronsPerPixel)) µm/px")
      }
      if let size = Self.size(properties) { words.insert(size, at: 0) }
      words.append("read by \(ReportText.line(properties.decoder, limit: 80))")
    }
    if let sha256 = slide.sha256 {
      members["sha256"] = .string(sha256.rawValue)
      words.append("SHA-256 \(sha256.rawValue.prefix(12))…")
    }
    return Report.Source(
      id: slide.id, words: words.isEmpty ? "nothing more is known to this tool" : words.joined(separator: ", "),
      json: .object(members))
  }

  private static func size(_ properties: SlideProperties?) -> String? {
    guard let properties else { return nil }
    return "\(NumberText.grouped(properties.width)) × \(NumberText.grouped(properties.height)) px"
  }

  private func regions(_ cited: Set<EvidenceID>) -> [Report.Source] {
    let shown = cited.compactMap { id in evidence.regions[id].map { (id: id, region: $0) } }
      .sorted { ($0.id.parts?.number ?? 0) < ($1.id.parts?.number ?? 0) }
    return shown.prefix(Self.maxSources).map { id, region in
      let rect = region.rect
      let label = ReportText.line(region.label, limit: 80)
      let slide = Self.shown(region.slide)
      let numbers = [rect.x, rect.y, rect.width, rect.height].map { JSONValue.number(Double($0)) }
      let size = "\(NumberText.grouped(rect.width)) × \(NumberText.grouped(rect.height)) px"
      return Report.Source(
        id: id,
        words: (label.isEmpty ? "" : "\(label), ") + "on \(slide) at x \(rect.x), y \(rect.y), \(size)",
        json: [
          "id": .string(id.rawValue), "slide": .string(slide), "label": .string(label),
          "rect": ["x": numbers[0], "y": numbers[1], "width": numbers[2], "height": numbers[3]],
        ])
    }
  }

  /// An id of a slide, or a word that it is none.
  private static func shown(_ id: EvidenceID) -> String {
    id.parts?.kind == .slide ? id.rawValue : "a slide without an id"
  }
}
