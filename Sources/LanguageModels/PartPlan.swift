// How one part is answered: the next call it needs, or the evidence it cites, or the reason why not.
// The plan is made anew at each step from what is on the table: evidence there is, calls of this turn and what came of
// them. Nothing is kept between steps.
// What must stay true: evidence that is there is used before a tool is called; a call is never asked for twice; what a
// tool refused becomes the reason.

import Domain
import JSON
import Ports

/// What a part needs next.
enum PartPlan: Sendable, Hashable {
  case call(tool: String, arguments: JSONValue, thought: String)
  case cite([EvidenceID])
  case notAssessable(String)
}

/// Plans parts.
struct PartPlanner: Sendable {
  let request: StepRequest
  private let table: EvidenceTable
  private let reasons: NotAssessableReason
  private let reader: PartReader

  init(_ request: StepRequest, vocabulary: Vocabulary) {
    self.request = request
    self.table = EvidenceTable(request)
    self.reasons = NotAssessableReason(description: request.description, tools: request.tools)
    self.reader = PartReader(
      vocabulary: vocabulary, drawnNow: request.drawnRegions.count,
      drawnEarlier: table.earlierDrawnRegions.count)
  }

  /// The plan of a part.
  func plan(_ asked: String) -> PartPlan {
    do throws(Detour) {
      switch reader.intent(of: asked) {
      case .limit(let topic, let aboutNuclei): return .notAssessable(reasons.limit(topic, aboutNuclei: aboutNuclei))
      case .lowest: return .notAssessable(NotAssessableReason.onlyDensest)
      case .files(let scope): return try files(scope, asked)
      case .unknown: return .notAssessable(reasons.unknown)
      case .densest(let scope): return try densest(scope, asked)
      case .nuclei(let scope, let perArea): return try nuclei(scope, perArea: perArea, asked)
      case .compareNuclei(let scope): return try compare(scope, asked)
      case .tissueArea(let scope): return try tissueArea(scope, asked)
      case .tissueShare: return try tissueShare(asked)
      case .leftOut(let showsPlace): return try leftOut(showsPlace: showsPlace, asked)
      case .show(let scope): return try show(scope, asked)
      case .overview: return try overview(asked)
      case .slideFacts: return try slideFacts(asked)
      case .report: return try report(asked)
      case .tool(let name, let scope): return try plugIn(name, scope, asked)
      }
    } catch {
      return error.plan
    }
  }

  /// What a part asks for.
  func intent(of asked: String) -> PartIntent { reader.intent(of: asked) }

  /// Why a part can never be answered in this turn, whatever its calls bring; nil when it may be.
  func settledReason(_ asked: String) -> String? {
    guard case .notAssessable(let reason) = plan(asked) else { return nil }
    return [NotAssessableReason.noFocus, NotAssessableReason.compareNeedsTwo].contains(reason) ? nil : reason
  }

  /// A plan that comes up while another is made: a call that is needed first, or a reason that ends it.
  private struct Detour: Error {
    var plan: PartPlan
    static func because(_ reason: String) -> Detour { Detour(plan: .notAssessable(reason)) }
  }

  // MARK: Calls

  private func manifest(_ tool: String) -> ToolManifest? {
    request.tools.first { $0.name == tool } ?? request.unavailableTools.first { $0.tool.name == tool }?.tool
  }

  /// The outcome of a call: as it was, or a detour to make it. Throws the reason when it failed or may not be made.
  private func outcome(of tool: String, _ target: CallTarget, thought: String) throws(Detour) -> StepOutcome {
    guard let manifest = manifest(tool) else { throw .because(NotAssessableReason.notInstalled(tool)) }
    let arguments: JSONValue
    do {
      arguments = try ToolArguments.fill(manifest, target)
    } catch {
      throw .because(NotAssessableReason.cannotFill(tool, error.name))
    }
    if let done = request.history.last(where: { $0.tool == tool && $0.arguments == arguments }) {
      if let error = done.error { throw .because("\(tool): \(error.message)") }
      return done
    }
    if let unavailable = request.unavailableTools.first(where: { $0.tool.name == tool }) {
      throw .because(unavailable.reason)
    }
    guard request.stepsLeft > 1 else { throw .because(NotAssessableReason.stepsRanOut) }
    throw Detour(plan: .call(tool: tool, arguments: arguments, thought: thought))
  }

  /// The ids that some evidence of a call gives, or why it gives none.
  private func found(_ ids: [EvidenceID], _ outcome: StepOutcome) throws(Detour) -> [EvidenceID] {
    guard ids.isEmpty else { return ids }
    guard let refusal = outcome.refusals.first else { throw .because(NotAssessableReason.nothingFound) }
    throw .because(refusal)
  }

  // MARK: Where

  /// The regions a scope names; nil for all tissue.
  private func regions(_ scope: Scope, _ asked: String) throws(Detour) -> [EvidenceID]? {
    switch scope {
    case .whole: return nil
    case .rect(let rect):
      if let known = table.region(rect, on: slide(asked)) { return [known] }
      // A rectangle becomes a region of the case by being shown.
      let outcome = try outcome(
        of: BuiltInToolName.zoom, CallTarget(slide: slide(asked), rect: rect), thought: "Look at the rectangle \(rect)."
      )
      return try found(table.region(rect, on: slide(asked)).map { [$0] } ?? [], outcome)
    case .named(let ids):
      let missing = ids.filter { table.region($0) == nil }
      guard missing.isEmpty else { throw .because(reasons.noRegion(missing)) }
      return ids
    case .drawn: return request.drawnRegions.isEmpty ? table.earlierDrawnRegions : request.drawnRegions
    case .focus:
      guard let focus = table.focus else { throw .because(NotAssessableReason.noFocus) }
      return [focus]
    case .densestWindow:
      let windows = try windows(slide(asked), scope: .whole, asked)
      guard let top = windows.first?.region else { throw .because(NotAssessableReason.nothingFound) }
      return [top]
    }
  }

  /// The slides a part is about: those it names by id, or all of the case, the first four at most.
  private func slides(_ asked: String) -> [EvidenceID] {
    let all = table.slides
    let named = QuestionWords(asked).words.map { EvidenceID($0.text) }.filter { all.contains($0) }
    return Array((named.isEmpty ? all : named).prefix(4))
  }

  private func slide(_ asked: String) -> EvidenceID? { slides(asked).first }

  // MARK: Measured

  private func nuclei(_ scope: Scope, perArea: Bool, _ asked: String) throws(Detour) -> PartPlan {
    let unit: UCUMUnit = perArea ? .perSquareMillimetre : .one
    if let regions = try regions(scope, asked) {
      var ids: [EvidenceID] = []
      for region in regions { ids += try counted(in: region, unit) }
      return .cite(ids + regions.filter { !ids.contains($0) })
    }
    var ids: [EvidenceID] = []
    for slide in slides(asked) {
      if let known = table.wholeCount(on: slide, unit) ?? table.wholeCount(on: slide, .perSquareMillimetre) {
        ids += known
        continue
      }
      let outcome = try outcome(
        of: BuiltInToolName.counter, CallTarget(slide: slide), thought: "Count nuclei over all tissue of \(slide).")
      let whole = table.unranked(outcome.evidence, unit)
      ids += try found(whole.isEmpty ? table.unranked(outcome.evidence, .perSquareMillimetre) : whole, outcome)
    }
    guard !ids.isEmpty else { throw .because(NotAssessableReason.nothingFound) }
    return .cite(table.withRegions(ids))
  }

  /// Counts in one region: what is known of it, or a call.
  private func counted(in region: EvidenceID, _ unit: UCUMUnit) throws(Detour) -> [EvidenceID] {
    if let known = table.count(in: region, unit) ?? table.count(in: region, .perSquareMillimetre) { return [known] }
    let outcome = try outcome(
      of: BuiltInToolName.counter, CallTarget(slide: table.region(region)?.slide, region: region),
      thought: "Count nuclei in \(region).")
    let inside = table.unranked(outcome.evidence, unit)
    let ids = inside.isEmpty ? table.unranked(outcome.evidence, .perSquareMillimetre) : inside
    return Array(try found(ids, outcome).prefix(1))
  }

  private func compare(_ scope: Scope, _ asked: String) throws(Detour) -> PartPlan {
    guard let regions = try regions(scope, asked), regions.count > 1 else {
      throw .because(NotAssessableReason.compareNeedsTwo)
    }
    var ids: [EvidenceID] = []
    for region in regions { ids += try counted(in: region, .perSquareMillimetre) }
    return .cite(ids + regions)
  }

  private func densest(_ scope: Scope, _ asked: String) throws(Detour) -> PartPlan {
    let regions = try regions(scope, asked)
    var ids: [EvidenceID] = []
    var tops: [EvidenceID] = []
    if let regions {
      for region in regions {
        let windows = try windows(table.region(region)?.slide, scope: .named([region]), asked)
        ids += windows.map(\.id)
        tops += windows.prefix(1).compactMap(\.region)
      }
    } else {
      for slide in slides(asked) {
        try lookOver(slide)
        let windows = try windows(slide, scope: .whole, asked)
        ids += windows.map(\.id)
        tops += windows.prefix(1).compactMap(\.region)
      }
    }
    var views: [EvidenceID] = []
    for top in tops {
      if let view = try lookInto(top, scaleAsked(asked)) { views.append(view) }
    }
    return .cite(table.withRegions(ids) + views)
  }

  /// The ranked windows of a slide or of a region, best first.
  private func windows(
    _ slide: EvidenceID?, scope: Scope, _ asked: String
  ) throws(Detour) -> [EvidenceTable.Window] {
    let size = windowSize(asked)
    var region: EvidenceID?
    if case .named(let ids) = scope { region = ids.first }
    if region == nil, let slide {
      let known = table.windows(on: slide, windowMicrons: size)
      if !known.isEmpty { return known }
    }
    let place = region.map { "\($0)" } ?? slide.map { "all tissue of \($0)" } ?? "all tissue"
    let outcome = try outcome(
      of: BuiltInToolName.counter, CallTarget(slide: slide, region: region, windowMicrons: size),
      thought: "Count nuclei in \(place) and rank windows.")
    let windows = table.windows(outcome.evidence)
    _ = try found(windows.map(\.id), outcome)
    return windows
  }

  /// The window size that a part asks for, in µm; a scale ("0.25 µm/px") is none.
  private func windowSize(_ asked: String) -> Double? {
    let size = Self.number(before: ["µm", "μm", "um", "micron", "microns", "micrometres", "micrometers"], in: asked)
    return size.flatMap { $0 >= 10 ? $0 : nil }
  }

  /// An overview of a slide before a place on it is named; without one the rest goes on.
  private func lookOver(_ slide: EvidenceID) throws(Detour) {
    guard !table.hasOverview(of: slide) else { return }
    try attempt(
      BuiltInToolName.overview, CallTarget(slide: slide), thought: "Look over \(slide): tissue and what to leave out.")
  }

  /// A view of a region; without one the rest goes on.
  private func lookInto(_ region: EvidenceID, _ scale: Double?) throws(Detour) -> EvidenceID? {
    if let view = table.view(of: region, micronsPerPixel: scale) { return view }
    try attempt(
      BuiltInToolName.zoom,
      CallTarget(slide: table.region(region)?.slide, region: region, micronsPerPixel: scale),
      thought: "Look at \(region).")
    return table.view(of: region, micronsPerPixel: scale)
  }

  /// The µm per pixel that a part asks for.
  private func scaleAsked(_ asked: String) -> Double? {
    Self.number(
      before: ["µm px", "μm px", "um px", "µm per", "μm per", "um per", "microns per", "mpp"], in: asked)
  }

  /// Makes a call whose failure does not end the part.
  private func attempt(_ tool: String, _ target: CallTarget, thought: String) throws(Detour) {
    do throws(Detour) {
      _ = try outcome(of: tool, target, thought: thought)
    } catch {
      if case .call = error.plan { throw error }
    }
  }

  private func tissueArea(_ scope: Scope, _ asked: String) throws(Detour) -> PartPlan {
    if let regions = try regions(scope, asked) {
      var ids: [EvidenceID] = []
      for region in regions {
        if let area = table.area(in: region) {
          ids.append(area)
        } else {
          ids += try counted(in: region, .perSquareMillimetre)
        }
      }
      return .cite(ids + regions)
    }
    var ids: [EvidenceID] = []
    for slide in slides(asked) {
      if let known = table.tissueArea(on: slide) {
        ids.append(known)
        continue
      }
      let outcome = try outcome(
        of: BuiltInToolName.overview, CallTarget(slide: slide), thought: "Measure the tissue of \(slide).")
      ids += try found(table.tissueAreas(outcome.evidence), outcome)
    }
    return .cite(table.withRegions(ids))
  }

  private func tissueShare(_ asked: String) throws(Detour) -> PartPlan {
    var ids: [EvidenceID] = []
    for slide in slides(asked) {
      if let known = table.tissueShare(on: slide) {
        ids.append(known)
        continue
      }
      guard !table.hasOverview(of: slide) else { throw .because(NotAssessableReason.noShare) }
      let outcome = try outcome(
        of: BuiltInToolName.overview, CallTarget(slide: slide), thought: "Measure the tissue of \(slide).")
      throw .because(outcome.refusals.first ?? NotAssessableReason.noShare)
    }
    return .cite(table.withRegions(ids))
  }

  private func leftOut(showsPlace: Bool, _ asked: String) throws(Detour) -> PartPlan {
    var ids: [EvidenceID] = []
    for slide in slides(asked) {
      if !table.hasOverview(of: slide) {
        let outcome = try outcome(
          of: BuiltInToolName.overview, CallTarget(slide: slide), thought: "Find what is to be left out on \(slide).")
        _ = try found(outcome.evidence, outcome)
      }
      if showsPlace { ids += table.files(by: BuiltInToolName.overview, on: slide) }
      let leftOut = table.leftOut(on: slide)
      ids += leftOut.isEmpty ? table.tissueArea(on: slide).map { [$0] } ?? [] : leftOut
    }
    guard !ids.isEmpty else { throw .because(NotAssessableReason.nothingFound) }
    let measured = ids.filter { $0.parts?.kind != .artefact }
    return .cite(measured + ids.filter { $0.parts?.kind == .artefact })
  }

  // MARK: Shown

  private func show(_ scope: Scope, _ asked: String) throws(Detour) -> PartPlan {
    let scale = scaleAsked(asked)
    if case .rect(let rect) = scope {
      let outcome = try outcome(
        of: BuiltInToolName.zoom, CallTarget(slide: slide(asked), rect: rect, micronsPerPixel: scale),
        thought: "Show the rectangle \(rect).")
      return .cite(try found(table.shown(outcome.evidence), outcome))
    }
    guard let regions = try regions(scope, asked) else { return try overview(asked) }
    var ids: [EvidenceID] = []
    for region in regions.prefix(8) {
      if let known = table.view(of: region, micronsPerPixel: scale) {
        ids += [region, known]
        continue
      }
      let outcome = try outcome(
        of: BuiltInToolName.zoom,
        CallTarget(slide: table.region(region)?.slide, region: region, micronsPerPixel: scale),
        thought: "Show \(region).")
      ids.append(region)
      ids += try found(table.shown(outcome.evidence).filter { $0 != region }, outcome)
    }
    return .cite(ids)
  }

  private func overview(_ asked: String) throws(Detour) -> PartPlan {
    var ids: [EvidenceID] = []
    for slide in slides(asked) {
      let target = CallTarget(slide: slide)
      let outcome = try outcome(of: BuiltInToolName.overview, target, thought: "Look over \(slide).")
      let shown = table.shown(outcome.evidence).filter { table.region($0)?.rank == nil }
      ids += try found(shown + table.tissueAreas(outcome.evidence), outcome)
    }
    return .cite(Array(ids.prefix(40)))
  }

  private func slideFacts(_ asked: String) throws(Detour) -> PartPlan {
    let slides = slides(asked)
    for slide in slides where !table.isOpened(slide) {
      let outcome = try outcome(of: BuiltInToolName.overview, CallTarget(slide: slide), thought: "Open \(slide).")
      guard table.isOpened(slide) else { throw .because(outcome.refusals.first ?? NotAssessableReason.nothingFound) }
    }
    return .cite(slides)
  }

  // MARK: Files, reports and installed tools

  /// Files that counting gave, such as the centres of counted nuclei.
  private func files(_ scope: Scope, _ asked: String) throws(Detour) -> PartPlan {
    let known = table.files(by: BuiltInToolName.counter, on: nil)
    if !known.isEmpty { return .cite(known) }
    let region = try regions(scope, asked)?.first
    let outcome = try outcome(
      of: BuiltInToolName.counter,
      CallTarget(slide: region.flatMap { table.region($0)?.slide } ?? slide(asked), region: region),
      thought: "Count nuclei for a file of their centres.")
    return .cite(try found(outcome.evidence.filter { $0.parts?.kind == .artefact }, outcome))
  }

  private func report(_ asked: String) throws(Detour) -> PartPlan {
    guard let manifest = manifest(BuiltInToolName.report) else {
      throw .because(NotAssessableReason.notInstalled(BuiltInToolName.report))
    }
    guard let template = template(manifest, asked) else { throw .because(NotAssessableReason.noTemplate) }
    // A report is filled from evidence: measure what its fields ask for first, as far as that is possible.
    for slide in slides(asked) {
      try lookOver(slide)
      guard table.wholeCount(on: slide, .perSquareMillimetre) == nil else { continue }
      try attempt(
        BuiltInToolName.counter, CallTarget(slide: slide), thought: "Count nuclei over all tissue of \(slide).")
    }
    let outcome = try outcome(
      of: BuiltInToolName.report, CallTarget(template: template), thought: "Fill the template \(template).")
    return .cite(try found(outcome.evidence.filter { $0.parts?.kind == .artefact }, outcome))
  }

  /// The template whose name shares a word with the part, or else with the organ; the only one there is otherwise.
  private func template(_ manifest: ToolManifest, _ asked: String) -> String? {
    let property = manifest.inputSchema["properties"]?["template"]
    let names = property?["enum"]?.arrayValue?.compactMap(\.stringValue) ?? []
    func best(_ words: [String]) -> String? {
      let scored = names.map { name in
        (name, QuestionWords(name).words.filter { part in words.contains { $0.hasPrefix(part.text.prefix(5)) } }.count)
      }
      guard let top = scored.max(by: { $0.1 < $1.1 }), top.1 > 0 else { return nil }
      return scored.filter { $0.1 == top.1 }.count == 1 ? top.0 : nil
    }
    let organ = QuestionWords(request.description.organ ?? "").words.map(\.text)
    let synonyms = ["colon": "colorectal", "rectum": "colorectal", "bowel": "colorectal", "colonic": "colorectal"]
    let words = QuestionWords(asked).words.map { synonyms[$0.text] ?? $0.text }
    let organs = organ.map { synonyms[$0] ?? $0 }
    return best(words) ?? best(organs) ?? (names.count == 1 ? names[0] : nil)
  }

  private func plugIn(_ name: String, _ scope: Scope, _ asked: String) throws(Detour) -> PartPlan {
    guard let manifest = manifest(name) else { throw .because(NotAssessableReason.notInstalled(name)) }
    let takesRegion = ["region", "regions", "rect"].contains { ToolArguments.takes(manifest, $0) }
    var targets: [CallTarget] = []
    if takesRegion, let regions = try places(scope, manifest, asked) {
      for region in regions.prefix(4) {
        let known = table.region(region)
        targets.append(CallTarget(slide: known?.slide, region: region, rect: known?.rect))
      }
    } else {
      targets = slides(asked).map { CallTarget(slide: $0) }
    }
    var ids: [EvidenceID] = []
    for target in targets {
      let place = target.region.map { " on \($0)" } ?? target.slide.map { " on \($0)" } ?? ""
      let outcome = try outcome(of: name, target, thought: "Run \(NotAssessableReason.word(name))\(place).")
      let own = table.results(outcome.evidence)
      ids += try found(own, outcome)
      if let region = target.region, !ids.contains(region) { ids.append(region) }
    }
    var seen: Set<EvidenceID> = []
    return .cite(Array(ids.filter { seen.insert($0).inserted }.prefix(40)))
  }

  /// The regions an installed tool is sent to: drawn or named ones, the top window, a candidate, tissue; nil when it
  /// can do without one.
  private func places(_ scope: Scope, _ manifest: ToolManifest, _ asked: String) throws(Detour) -> [EvidenceID]? {
    if let named = try regions(scope, asked) { return named }
    // A tool that takes a slide, and no region if none is named, is asked about the whole of it.
    let takesWhole = ToolArguments.takes(manifest, "slide") || ToolArguments.takes(manifest, "slides")
    if takesWhole, !ToolArguments.needs(manifest, anyOf: ["region", "regions", "rect"]) { return nil }
    if let best = table.bestRegion { return [best] }
    guard ToolArguments.needs(manifest, anyOf: ["region", "regions", "rect"]) else { return nil }
    guard let slide = slide(asked) else { throw .because(NotAssessableReason.noFocus) }
    let outcome = try outcome(
      of: BuiltInToolName.overview, CallTarget(slide: slide), thought: "Find a region to look at on \(slide).")
    guard let best = table.bestRegion else {
      throw .because(outcome.refusals.first ?? NotAssessableReason.nothingFound)
    }
    return [best]
  }

  // MARK: Numbers in a part

  /// A number that stands right before one of these words, such as the 250 of "250 µm".
  static func number(before units: [String], in asked: String) -> Double? {
    let text = QuestionWords(asked)
    for (index, word) in text.words.enumerated() {
      guard word.text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), word.text.utf8.count <= 6 else {
        if let glued = gluedNumber(word.text, units) { return glued }
        continue
      }
      // 0.5 is split at its point: the piece after it belongs to the number.
      var last = index
      var digits = word.text
      if index > 0, text.gap(before: index) == "." { continue }
      if index + 1 < text.words.count, text.gap(before: index + 1) == ".",
        text.words[index + 1].text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
      {
        digits += "." + text.words[index + 1].text
        last = index + 1
      }
      let follows = units.contains { unit in
        let parts = unit.split(separator: " ")
        guard last + parts.count < text.words.count else { return false }
        return parts.indices.allSatisfy { text.words[last + 1 + $0].text == parts[$0] }
      }
      if follows, let number = Double(digits), number > 0 { return number }
    }
    return nil
  }

  /// "250µm", written without a space.
  private static func gluedNumber(_ word: String, _ units: [String]) -> Double? {
    let digits = word.prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty, units.contains(String(word.dropFirst(digits.count))) else { return nil }
    return Double(digits)
  }
}
