// slide_overview: the tissue of a slide, its area, what is left out and why, and regions worth a closer look.
// What must stay true: an area in mm² needs a scale; without one the tool says so and gives shares only; every pixel
// that is left out is in one measure, with the tissue found as its denominator.

import Domain
import JSON
import Raster
import Slides
import ToolKit

struct SlideOverviewTool: Sendable {
  static let name = "slide_overview"
  let maps: TissueMaps

  var tool: Tool {
    Tool(
      name: Self.name, title: "Slide overview",
      description: "Finds the tissue of a slide, its area, what must be left out of measurements (ink, keratin, folds, "
        + "out-of-focus tissue) and why, and ranks candidate regions by nuclear stain. Gives an overview picture.",
      inputSchema: .object([
        .optional("slide", ArgumentSchema.slide),
        .optional(
          "regions",
          .array(
            of: ArgumentSchema.region, max: Self.maxFrames,
            description: "Regions to draw on the overview under their ids; the picture alone is given then.")),
      ]), annotations: BuiltInTools.annotations
    ) { call in
      call.arguments["regions"]?.arrayValue?.isEmpty == false ? try draw(call) : try run(call)
    }
  }

  /// Most regions drawn on one picture.
  static let maxFrames = 64

  /// The overview with the regions that the call names, and nothing measured anew.
  private func draw(_ call: ToolCall) throws -> ToolOutput {
    let slide = try call.openSlide()
    let map = try maps.map(of: slide, share: 0...0.7)
    try call.checkCancelled()
    var frames: [NumberedFrame] = []
    for id in call.arguments["regions"]?.arrayValue?.compactMap(\.stringValue) ?? [] {
      guard case .region(let region)? = call.input.evidence[id]?.body, region.slide == slide.id else {
        throw VPathError(.evidenceNotFound, "\(id) is no region of \(slide.id) in this case.", subject: id)
      }
      frames.append(
        NumberedFrame(
          rect: PixelRect(x: region.rect.x, y: region.rect.y, width: region.rect.width, height: region.rect.height),
          number: id))
    }
    let picture = OverviewPicture.draw(
      thumbnail: try Self.thumbnail(of: slide, map: map), map: map, frames: frames, frameLegend: "cited regions",
      lines: Self.lines(slide, "Cited regions of \(slide.id)"))
    var items = ToolItems()
    items.artefact(
      try call.write("cited-regions.png", picture.encodedPNG()), mediaType: MediaTypeName.png,
      caption: "\(slide.id): the tissue outlined, what is left out struck through, the cited regions under their ids")
    return items.output
  }

  private func run(_ call: ToolCall) throws -> ToolOutput {
    let slide = try call.openSlide()
    let map = try maps.map(of: slide, share: 0...0.7)
    try call.checkCancelled()
    let candidates = CandidateWindows.find(in: map)
    let thumbnail = try Self.thumbnail(of: slide, map: map)
    var items = ToolItems()
    let whole = try items.region("slide", Region(slide: slide.id, rect: slide.handle.bounds, label: "whole slide"))
    if let box = map.tissue.boundingBox {
      let tissue = try items.region("tissue", tissueRegion(slide, map, box))
      try measure(map, slide, region: tissue, into: &items)
      for (index, candidate) in candidates.enumerated() {
        try items.region(
          "candidate-\(index + 1)",
          Region(
            slide: slide.id, rect: map.grid.levelZeroRect(of: candidate.rect), label: "candidate", rank: index + 1,
            score: .init(name: CandidateWindows.scoreName, value: rounded(candidate.score)), flags: []))
      }
    } else {
      items.refuse(
        "No tissue was found on \(slide.id): nothing with an optical density above "
          + "\(NumberText.figures(Double(map.threshold), 2)) in pieces large enough to judge. Look at the overview "
          + "picture, or ask about another slide.")
    }
    if slide.handle.properties.scale == nil {
      items.refuse(
        "The tissue area of \(slide.id) in mm² is not assessable: "
          + "\(slide.handle.properties.scaleProblem ?? "the slide has no usable scale").")
    }
    try call.checkCancelled()
    let plain = try call.write("thumbnail.png", thumbnail.image.encodedPNG())
    items.view(thumbnail, of: whole, image: plain, caption: "\(slide.id) as a whole")
    let picture = OverviewPicture.draw(
      thumbnail: thumbnail, map: map,
      frames: candidates.enumerated().map { index, candidate in
        let rect = map.grid.levelZeroRect(of: candidate.rect)
        return NumberedFrame(
          rect: PixelRect(x: rect.x, y: rect.y, width: rect.width, height: rect.height), number: "\(index + 1)")
      }, frameLegend: "candidate regions, by nuclear stain", lines: Self.lines(slide, "Overview of \(slide.id)"))
    let overview = try call.write("overview.png", picture.encodedPNG())
    items.artefact(
      overview, mediaType: MediaTypeName.png,
      caption: "\(slide.id): the tissue outlined, what is left out struck through, candidate regions numbered")
    let outlines = try call.write("tissue.geojson", geoJSON(slide, map, candidates))
    items.artefact(
      outlines, mediaType: MediaTypeName.geoJSON,
      caption: "Outlines of the tissue of \(slide.id), of what is left out, and of the candidate regions, for QuPath")
    return items.output
  }

  /// The whole slide, small. A large slide without a small level is not decoded twice: its tissue map has a picture.
  static func thumbnail(of slide: OpenedSlide, map: TissueMap) throws(VPathError) -> RegionPicture {
    let bounds = slide.handle.bounds
    let ratio = min(1, Double(OverviewPicture.longestSide) / Double(max(bounds.width, bounds.height)))
    let level = slide.handle.levels[slide.handle.bestLevel(forDownsample: 1 / ratio)]
    if level.width > SlideHandle.largestPicture / level.height {
      let width = max(1, Int((Double(bounds.width) * ratio).rounded()))
      let image = map.image.resized(toWidth: width, height: max(1, Int((Double(bounds.height) * ratio).rounded())))
      let downsample = Double(bounds.width) / Double(width)
      return RegionPicture(
        image: image, rect: bounds,
        micronsPerPixel: slide.handle.properties.scale.map { $0.micronsPerPixel * downsample }, downsample: downsample,
        source: map.pixels)
    }
    return try slideErrors { () throws(SlideError) in
      try slide.handle.read(
        bounds, width: max(1, Int((Double(bounds.width) * ratio).rounded())),
        height: max(1, Int((Double(bounds.height) * ratio).rounded())),
        control: slide.control("drawing the overview", share: 0.7...0.95))
    }
  }

  private func tissueRegion(_ slide: OpenedSlide, _ map: TissueMap, _ box: PixelRect) -> Region {
    var flags = map.unchecked
    if map.grid.micronsPerPixel == nil {
      // Areas left out cannot be given in mm² here; that they were is said all the same.
      flags += Exclusion.allCases.filter { (map.excluded[$0]?.count ?? 0) > 0 }.map { "\($0.name) was left out" }
    }
    if box.x == 0 || box.y == 0 || box.maxX == map.grid.width || box.maxY == map.grid.height {
      flags.append("reaches the edge of the scanned area")
    }
    return Region(
      slide: slide.id, rect: map.grid.levelZeroRect(of: box), label: "tissue", flags: flags)
  }

  private func measure(
    _ map: TissueMap, _ slide: OpenedSlide, region: EvidenceID, into items: inout ToolItems
  ) throws(VPathError) {
    let found = map.tissue.count
    guard let area = map.grid.areaMm2(pixels: found) else {
      let all = map.grid.width * map.grid.height
      try items.measurement(
        Measurement(
          name: "tissue share of the slide", value: 100 * Double(found) / Double(all), unit: .percent, region: region,
          ratio: Ratio(
            numeratorName: "tissue", numerator: Double(found), denominatorName: "pixels of the grid",
            denominator: Double(all), denominatorUnit: .one), validity: .none, pixels: map.pixels))
      return
    }
    try items.measurement(
      Measurement(
        name: "tissue area", value: area, unit: .squareMillimetre, region: region, validity: .none,
        pixels: map.pixels))
    for exclusion in Exclusion.allCases {
      guard let mask = map.excluded[exclusion], mask.count > 0, let leftOut = map.grid.areaMm2(pixels: mask.count)
      else { continue }
      try items.measurement(
        LeftOut.measurement(exclusion, areaMm2: leftOut, tissueMm2: area, region: region, pixels: map.pixels))
    }
  }

  /// The first lines of a picture's panel.
  static func lines(_ slide: OpenedSlide, _ title: String) -> [String] {
    let properties = slide.handle.properties
    var lines = [title]
    if let scale = properties.scale {
      let source = scale.source == .slide ? "from the file" : "as stated"
      lines.append("\(NumberText.figures(scale.micronsPerPixel, 3)) µm/px \(source)")
    } else {
      lines.append("no usable scale")
    }
    lines += ["Research use only.", "Not reviewed by a pathologist.", ""]
    return lines
  }

  private func geoJSON(_ slide: OpenedSlide, _ map: TissueMap, _ candidates: [CandidateWindow]) -> [UInt8] {
    var features: [QuPathFeature] = []
    if let area = QuPathGeoJSON.area(map.tissue, on: map.grid) {
      features.append(
        QuPathFeature(
          objectType: .annotation, name: "tissue", classification: "Tissue", color: RGBColor(0, 0, 0), geometry: area))
    }
    for exclusion in Exclusion.allCases {
      guard let mask = map.excluded[exclusion], let area = QuPathGeoJSON.area(mask, on: map.grid) else { continue }
      features.append(
        QuPathFeature(
          objectType: .annotation, name: exclusion.reason, classification: "Left out: \(exclusion.name)",
          color: OverviewPicture.color(of: exclusion), geometry: area))
    }
    for (index, candidate) in candidates.enumerated() {
      let rect = map.grid.levelZeroRect(of: candidate.rect)
      features.append(
        QuPathFeature(
          objectType: .annotation, name: "candidate \(index + 1)", classification: "Candidate", color: .green,
          geometry: QuPathGeoJSON.rectangle(rect), measurements: [CandidateWindows.scoreName: rounded(candidate.score)])
      )
    }
    return QuPathGeoJSON.file(features, seed: "\(Self.name)/\(map.pixels.sha256)")
  }

  private func rounded(_ score: Double) -> Double { (score * 1e6).rounded() / 1e6 }
}

/// What is left out, as measures that the daemon knows by their names.
enum LeftOut {
  static func name(_ exclusion: Exclusion) -> String { "left out: \(exclusion.name)" }

  /// An area left out, with the tissue found as its denominator.
  static func measurement(
    _ exclusion: Exclusion, areaMm2: Double, tissueMm2: Double, region: EvidenceID, pixels: PixelDigest
  ) -> Measurement {
    Measurement(
      name: name(exclusion), value: areaMm2, unit: .squareMillimetre, region: region,
      ratio: tissueMm2 > 0
        ? Ratio(
          numeratorName: exclusion.name, numerator: areaMm2, denominatorName: "tissue found", denominator: tissueMm2,
          denominatorUnit: .squareMillimetre) : nil, validity: .none, pixels: pixels)
  }
}
