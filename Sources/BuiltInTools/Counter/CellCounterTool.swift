// cell_counter: nuclear profiles in the tissue of a slide or in one region, their density, and the densest windows.
// What must stay true: a density's denominator is tissue without flagged pixels; a count's interval predicts a human's
// count and comes from the card; a window selected as a maximum says so and carries no interval; what the card does not
// cover is refused or said.

import Analysis
import Domain
import Glibc
import JSON
import Raster
import Slides
import ToolKit

struct CellCounterTool: Sendable {
  static let name = "cell_counter"
  static let card = "cell_counter_classical"
  let maps: TissueMaps
  let modelsDirectory: String

  /// Sides of windows that may be asked for, in µm.
  static let windowSides = [125, 250]
  /// Least tissue without flagged pixels that a density is given for, in mm².
  static let leastAreaMm2 = 0.0005
  /// Of the random halves that estimate how much selection inflates.
  static let seed: UInt64 = 20_260_101
  /// Most nuclei that are written as objects of their own; more are written as groups of points.
  static let mostObjects = 50_000

  var tool: Tool {
    Tool(
      name: Self.name, title: "Cell counter",
      description: "Counts nuclear profiles in the tissue of an H&E slide or in one region of it, gives their density "
        + "over unflagged tissue with a prediction interval for a human's count, and ranks the densest windows.",
      inputSchema: Schema(json: [
        "type": "object", "additionalProperties": false,
        "properties": [
          "slide": ArgumentSchema.slide.json, "region": ArgumentSchema.region.json,
          "windowMicrons": [
            "type": "integer", "enum": [125, 250], "default": 250,
            "description": "Side of the windows that are ranked, in µm.",
          ],
        ],
      ]), annotations: BuiltInTools.annotations
    ) { call in try run(call) }
  }

  private func run(_ call: ToolCall) throws -> ToolOutput {
    let card = try readCard()
    let asked = try call.region()
    let slide = try call.openSlide()
    let detector = NucleusDetector()
    var items = ToolItems()
    if let reason = CounterRefusal.reason(slide, card: card, parameters: detector.parameters) {
      items.refuse(reason)
      return items.output
    }
    guard let scale = slide.handle.properties.scale else { return items.output }
    let rect = try asked.map { try CutRect($0.rect, on: slide).rect }
    let map = try maps.map(of: slide, share: 0...0.3)
    guard let region = CountedRegion(map: map, rect: rect, polygon: asked?.polygon) else { return items.output }
    guard region.areaMm2 >= Self.leastAreaMm2 else {
      items.refuse(
        "\(asked == nil ? slide.id.rawValue : call.arguments["region"]?.stringValue ?? "The region") holds hardly any "
          + "tissue without flagged pixels (\(NumberText.figures(region.areaMm2, 2)) mm²), so nuclei are not counted.")
      return items.output
    }
    let counting = NucleusCounting(
      slide: slide, picture: AnalysisPicture(slide: slide.handle, scale: scale, parameters: detector.parameters),
      detector: detector)
    let stains = try counting.stains(map)
    if let reason = CounterRefusal.reason(stains.verdict(), slide: slide.id) {
      items.refuse(reason)
      return items.output
    }
    let counted = try counting.count(in: region, profile: stains.profile(), share: 0.35...0.85)
    let place = try place(call, slide, map, region, into: &items)
    let report = CounterReport(card: card, call: call, counted: counted, region: region, place: place)
    try report.measure(map, into: &items)
    let windows = try rank(counted, region, counting, call)
    try report.rank(
      windows.windows, optimism: windows.optimism, slide: slide.id, picture: counting.picture, into: &items)
    if windows.windows.isEmpty {
      items.refuse(
        "No densest window is given: no \(windows.sideMicrons) µm window there holds 80 % tissue without flagged pixels."
      )
    }
    try call.checkCancelled()
    try pictures(slide, map, counting, counted, windows, origin: region.rect, into: &items)
    return items.output
  }

  // MARK: - Windows

  struct Windows {
    var windows: [RankedWindow]
    var optimism: Double?
    var sideMicrons: Int
  }

  private func rank(
    _ counted: CountedNuclei, _ region: CountedRegion, _ counting: NucleusCounting, _ call: ToolCall
  ) throws -> Windows {
    let side = call.arguments["windowMicrons"]?.integerValue ?? 250
    let picture = counting.picture
    let windows = try DensestWindows(
      nuclei: counted.nuclei.map {
        DetectionPoint(
          x: ($0.x - Double(region.rect.x)) / picture.stepX, y: ($0.y - Double(region.rect.y)) / picture.stepY)
      }, tissue: region.tissue, width: Int(Double(region.rect.width) / picture.stepX),
      height: Int(Double(region.rect.height) / picture.stepY), micronsPerPixel: picture.micronsPerPixel,
      rules: WindowRules(sideUm: Double(side)))
    return Windows(
      windows: windows.ranking(), optimism: windows.optimism(seed: Self.seed), sideMicrons: side)
  }

  // MARK: - Place

  /// The region that counts belong to: the one asked for, or all tissue, which is recorded here.
  private func place(
    _ call: ToolCall, _ slide: OpenedSlide, _ map: TissueMap, _ region: CountedRegion, into items: inout ToolItems
  ) throws(VPathError) -> EvidenceID {
    if let id = call.arguments["region"]?.stringValue { return EvidenceID(id) }
    let box = map.tissue.boundingBox ?? PixelRect(x: 0, y: 0, width: map.grid.width, height: map.grid.height)
    return try items.region(
      "tissue",
      Region(slide: slide.id, rect: map.grid.levelZeroRect(of: box), label: "tissue", flags: map.unchecked))
  }

  private func readCard() throws(VPathError) -> CounterCard {
    let name = "\(Self.card)/card.json"
    guard !modelsDirectory.isEmpty, let bytes = SmallFile.read(modelsDirectory + "/" + name) else {
      throw VPathError(
        .toolFailed,
        "The counter's card models/\(name) cannot be read, and without it no count can be judged. Set "
          + "VPATH_MODELS to the models folder.", subject: name)
    }
    do {
      return try CounterCard(json: bytes)
    } catch {
      throw VPathError(.toolFailed, "\(error)", subject: name)
    }
  }

  // MARK: - Files

  private func pictures(
    _ slide: OpenedSlide, _ map: TissueMap, _ counting: NucleusCounting, _ counted: CountedNuclei, _ windows: Windows,
    origin: LevelZeroRect, into items: inout ToolItems
  ) throws {
    let call = slide.call
    let count = NumberText.grouped(counted.nuclei.count)
    let place = call.arguments["region"]?.stringValue.map { "in \($0) of \(slide.id)" } ?? "on \(slide.id)"
    try call.write("nuclei.geojson", Self.geoJSON(counted, slide: slide.id))
    items.artefact(
      "nuclei.geojson", mediaType: MediaTypeName.geoJSON,
      caption: "The centroids of the \(count) nuclear profiles counted \(place), for QuPath")
    call.progress(0.9, "drawing")
    let gallery = NucleusGallery(
      counting: counting, nuclei: counted.nuclei, title: "\(count) nuclear profiles counted \(place)")
    if let sheet = try gallery.draw() {
      try call.write("gallery.png", sheet.encodedPNG())
      items.artefact(
        "gallery.png", mediaType: MediaTypeName.png,
        caption: "Nuclear profiles counted \(place), evenly through the count and the least certain")
    }
    try call.checkCancelled()
    let thumbnail = try SlideOverviewTool.thumbnail(of: slide, map: map)
    let frames = windows.windows.map { window in
      let rect = CounterReport.levelZero(window.rect, counting.picture, origin: origin)
      return NumberedFrame(
        rect: PixelRect(x: rect.x, y: rect.y, width: rect.width, height: rect.height), number: "\(window.rank)")
    }
    let picture = OverviewPicture.draw(
      thumbnail: thumbnail, map: map, frames: frames,
      frameLegend: "densest \(windows.sideMicrons) µm windows, by nuclear density",
      lines: SlideOverviewTool.lines(slide, "Nuclear density of \(slide.id)"))
    try call.write("densest.png", picture.encodedPNG())
    items.artefact(
      "densest.png", mediaType: MediaTypeName.png,
      caption: "\(slide.id): the densest windows numbered, the tissue outlined, what is left out struck through")
  }

  /// The nuclei as QuPath detections; very many of them as groups of points.
  static func geoJSON(_ counted: CountedNuclei, slide: EvidenceID) -> [UInt8] {
    let color = RGBColor.yellow
    let seed = "\(name)/\(counted.pixels.sha256)"
    guard counted.nuclei.count > mostObjects else {
      let features = counted.nuclei.map { nucleus in
        QuPathFeature(
          objectType: .detection, classification: "Nucleus", color: color,
          geometry: QuPathGeoJSON.point(nucleus.x, nucleus.y),
          measurements: [
            "Nucleus: Area µm^2": (nucleus.areaUm2 * 10).rounded() / 10,
            "Nucleus: Hematoxylin OD mean": (nucleus.hematoxylin * 1000).rounded() / 1000,
            "Score": (nucleus.score * 100).rounded() / 100,
          ])
      }
      return QuPathGeoJSON.file(features, seed: seed)
    }
    let groups = stride(from: 0, to: counted.nuclei.count, by: 10_000).map { start in
      QuPathFeature(
        objectType: .annotation, name: "nuclei from \(start + 1)", classification: "Nucleus", color: color,
        geometry: QuPathGeoJSON.points(
          counted.nuclei[start..<min(counted.nuclei.count, start + 10_000)].map { (x: $0.x, y: $0.y) }))
    }
    return QuPathGeoJSON.file(groups, seed: seed)
  }
}
