// A case's evidence as a report looks at it: slides, regions, measurements from the newest to the oldest.
// What must stay true: the newest measurement fills a field; a selected maximum is never taken for a value of all
// tissue, nor a part of a slide for the whole; ids shown are well formed, whatever was given.

import Domain

/// A measurement of the case.
struct ReportMeasurement: Sendable, Hashable {
  var id: EvidenceID
  /// The number in the id; ids are given in order, so the highest is the newest.
  var number: Int
  var turn: TurnID?
  var call: CallID?
  var tool: ToolReference?
  var measurement: Measurement
  /// Nil when it names none, or one that the case does not hold.
  var region: Region?
  /// Nil when it cannot be told.
  var slide: EvidenceID?

  /// Whether it was chosen as one of the largest of many.
  var isSelected: Bool {
    measurement.rank != nil || measurement.selectionOptimism != nil
      || measurement.flags.contains { $0.lowercased().hasPrefix("selected") }
  }

  func isSameCall(as other: ReportMeasurement) -> Bool { turn == other.turn && call == other.call }
}

/// A slide of the case. Its file name stays out of reports: it may name a patient.
struct ReportSlide: Sendable, Hashable {
  var id: EvidenceID
  var sha256: SHA256Hex?
  var properties: SlideProperties?
}

/// What a report is filled from.
struct ReportEvidence: Sendable {
  /// By number.
  let slides: [ReportSlide]
  let regions: [EvidenceID: Region]
  /// Newest first.
  let measurements: [ReportMeasurement]

  /// - Throws: `tool.failed` for evidence whose id is not one of its kind.
  init(_ input: ToolInput) throws(VPathError) {
    var regions: [EvidenceID: Region] = [:]
    var slides: [EvidenceID: ReportSlide] = [:]
    var numbered: [(number: Int, evidence: Evidence)] = []
    for (key, item) in input.evidence {
      guard let parts = item.id.parts, parts.kind == item.body.kind, key == item.id.rawValue else {
        throw VPathError(
          .toolFailed,
          "The evidence \"\(ReportText.line(key, limit: 40))\" has an id that is not one of its kind, as r3 is of a "
            + "region. The host gives the ids.", subject: ReportText.line(key, limit: 40))
      }
      switch item.body {
      case .region(let region): regions[item.id] = region
      case .slide(let record):
        slides[item.id] = ReportSlide(
          id: item.id, sha256: record.sha256.flatMap { $0.isWellFormed ? $0 : nil }, properties: record.properties)
      case .measurement: numbered.append((parts.number, item))
      default: break
      }
    }
    for slide in input.slides where slide.id.parts?.kind == .slide {
      slides[slide.id, default: ReportSlide(id: slide.id)].properties =
        slides[slide.id]?.properties ?? slide.properties
    }
    for region in regions.values where region.slide.parts?.kind == .slide && slides[region.slide] == nil {
      slides[region.slide] = ReportSlide(id: region.slide)
    }
    let sorted = slides.values.sorted { ($0.id.parts?.number ?? 0) < ($1.id.parts?.number ?? 0) }
    let only = sorted.count == 1 ? sorted.first?.id : nil
    self.slides = sorted
    self.regions = regions
    measurements = numbered.sorted { $0.number > $1.number }.compactMap { number, item in
      guard case .measurement(let measurement) = item.body else { return nil }
      let region = measurement.region.flatMap { regions[$0] }
      return ReportMeasurement(
        id: item.id, number: number, turn: item.turn, call: item.call, tool: item.tool, measurement: measurement,
        region: region, slide: measurement.region == nil ? only : region.map(\.slide))
    }
  }

  /// µm per level-0 pixel of a slide.
  func micronsPerPixel(of slide: EvidenceID) -> Double? {
    slides.first { $0.id == slide }?.properties?.scale?.micronsPerPixel
  }

  /// A field's measurement on one slide, and the older ones it takes the place of.
  struct Pick: Sendable, Hashable {
    var newest: ReportMeasurement
    var earlier: [EvidenceID]
  }

  /// What fills a field: the newest of each slide and, for a measure that stands for many, of each name that the
  /// newest call gave. By slide and name.
  func picks(_ field: ReportTemplate.Field) -> [Pick] {
    struct Place: Hashable {
      var slide: EvidenceID?
      var name: String
    }
    let names = (field.measure ?? []).map { $0.lowercased() }
    let prefixes = names.filter { $0.hasSuffix(":") }
    var picks: [Place: Pick] = [:]
    var newestOfMany: [EvidenceID?: ReportMeasurement] = [:]
    for item in measurements {
      let name = item.measurement.name.lowercased()
      let isOneOfMany = prefixes.contains { name.hasPrefix($0) }
      guard isOneOfMany || names.contains(name), field.unit == nil || field.unit == item.measurement.unit,
        lies(item, in: field.region)
      else { continue }
      if isOneOfMany {
        // What an older call left out does not belong to what the newest one did.
        let newest = newestOfMany[item.slide] ?? item
        newestOfMany[item.slide] = newest
        guard item.isSameCall(as: newest) else { continue }
      }
      let place = Place(slide: item.slide, name: isOneOfMany ? name : "")
      if picks[place] == nil {
        picks[place] = Pick(newest: item, earlier: [])
      } else {
        picks[place]?.earlier.append(item.id)
      }
    }
    return picks.sorted { left, right in
      let numbers = [left, right].map { $0.key.slide?.parts?.number ?? .max }
      return numbers[0] != numbers[1] ? numbers[0] < numbers[1] : left.key.name < right.key.name
    }.map(\.value)
  }

  private func lies(_ item: ReportMeasurement, in place: ReportTemplate.Place?) -> Bool {
    switch place {
    case nil: true
    case .wholeTissue: !item.isSelected && isWholeTissue(item)
    case .densest: item.measurement.rank == 1 && !wasSentToOnePlace(item)
    }
  }

  /// No region at all, or one that is tissue and not a candidate or window in it.
  private func isWholeTissue(_ item: ReportMeasurement) -> Bool {
    guard item.measurement.region != nil else { return true }
    guard let region = item.region else { return false }
    let label = region.label.lowercased()
    return region.rank == nil && label.contains("tissue") && !label.contains("candidate") && !label.contains("window")
  }

  /// Whether the call that ranked this looked at a part of the slide: it counted that part, which is not all tissue.
  private func wasSentToOnePlace(_ item: ReportMeasurement) -> Bool {
    measurements.contains { other in
      other.isSameCall(as: item) && other.measurement.unit == item.measurement.unit && !other.isSelected
        && other.measurement.name == item.measurement.name && !isWholeTissue(other)
    }
  }
}
