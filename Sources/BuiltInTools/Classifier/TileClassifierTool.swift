// tile_classifier: which fraction of the tiles of a region, or of all tissue, resembles each class of a card.
// What must stay true: a case that the card does not accept is refused before anything is read; every number names the
// classifier and says that it is experimental where it is; nothing here says that a disease is there or not.

import Analysis
import Domain
import JSON
import Raster
import Slides
import ToolKit

struct TileClassifierTool: Sendable {
  static let name = "tile_classifier"
  let maps: TissueMaps
  let modelsDirectory: String

  /// Largest share of tiles of another stain that is left out; above it nothing is measured.
  static let mostForeign = 0.5

  var tool: Tool {
    Tool(
      name: Self.name, title: "Tile classifier",
      description: "Gives the fraction of tiles, of all tissue or of one region, that resembles each class of an "
        + "installed classifier, with an interval over blocks of tissue, the tiles most like each class, a map and a "
        + "file for QuPath. Refuses organs, stains and scales that the classifier's card does not accept. Resemblance "
        + "is no diagnosis.",
      inputSchema: Schema(json: [
        "type": "object", "additionalProperties": false,
        "properties": [
          "slide": ArgumentSchema.slide.json, "region": ArgumentSchema.region.json,
          "classifier": [
            "type": "string", "pattern": "^[a-z0-9_]{1,64}$",
            "description":
              "A classifier, by the name of its folder in models; left out, the first whose card accepts the case.",
          ],
        ],
      ]), annotations: BuiltInTools.annotations
    ) { call in try run(call) }
  }

  private func run(_ call: ToolCall) throws -> ToolOutput {
    let asked = try call.region()
    let slide = try call.openSlide()
    var items = ToolItems()
    guard let scale = slide.handle.properties.scale else {
      items.refuse(
        "Tiles of \(slide.id) need its scale: \(slide.handle.properties.scaleProblem ?? "the slide has none").")
      return items.output
    }
    let (installed, card): (InstalledClassifier, ClassifierCard)
    switch try ClassifierChoice.choose(
      named: call.arguments["classifier"]?.stringValue, from: InstalledClassifier.all(in: modelsDirectory),
      description: call.input.case, micronsPerPixel: scale.micronsPerPixel)
    {
    case .refused(let reason):
      items.refuse(reason)
      return items.output
    case .chosen(let found, let its): (installed, card) = (found, its)
    }
    let rect = try asked.map { try CutRect($0.rect, on: slide).rect }
    let map = try maps.map(of: slide, share: 0...0.3)
    guard let region = CountedRegion(map: map, rect: rect, polygon: asked?.polygon) else { return items.output }
    let detector = NucleusDetector()
    let stains = try NucleusCounting(
      slide: slide, picture: AnalysisPicture(slide: slide.handle, scale: scale, parameters: detector.parameters),
      detector: detector
    ).stains(map)
    if let refusal = stains.verdict().refusal {
      items.refuse(
        "The colours of \(slide.id) do not look like \(card.accepts?.stain.joined(separator: ", ") ?? "the stain"): "
          + "\(refusal). A classifier made for this stain would be needed.")
      return items.output
    }
    let hash = try installed.modelHash(card)
    let lattice = TileLattice(slide: slide.handle, scale: scale, input: card.input)
    let classification = TileClassification(
      slide: slide, lattice: lattice, classifier: try load(card, installed), stains: stains)
    let classified = try classification.classify(region, share: 0.35...0.9)
    if let reason = refusal(classified, card, asked: call.arguments["region"]?.stringValue ?? slide.id.rawValue) {
      items.refuse(reason)
      return items.output
    }
    let place = try place(call, slide, map, into: &items)
    let report = ClassifierReport(
      card: card, call: call, classified: classified, region: region, lattice: lattice, place: place)
    try report.measure(map, into: &items)
    try report.rank(slide: slide.id, into: &items)
    try call.checkCancelled()
    try files(slide, map, classified, card, hash, runtime: classification.classifier.runtime, into: &items)
    return items.output
  }

  private func load(_ card: ClassifierCard, _ installed: InstalledClassifier) throws(VPathError) -> TileClassifier {
    do throws(AnalysisError) {
      return try TileClassifier(card: card, folder: installed.folder)
    } catch {
      throw VPathError(.toolFailed, "models/\(installed.name): \(error).", subject: "classifier")
    }
  }

  private func refusal(_ classified: ClassifiedTiles, _ card: ClassifierCard, asked: String) -> String? {
    let all = classified.tiles.count + classified.foreign.count
    let side = NumberText.figures(card.input.sideMicrons, 3)
    guard all > 0 else {
      return "\(asked) holds no tile of \(side) µm of which half is tissue without flagged pixels; a larger region "
        + "would be needed."
    }
    guard Double(classified.foreign.count) <= Self.mostForeign * Double(all), !classified.tiles.isEmpty else {
      return "The colours of \(classified.foreign.count) of \(all) tiles of \(asked) do not look like "
        + "\(card.accepts?.stain.joined(separator: ", ") ?? "the stain"), so no fraction is given."
    }
    return nil
  }

  /// The region that fractions belong to: the one asked for, or all tissue, which is recorded here.
  private func place(
    _ call: ToolCall, _ slide: OpenedSlide, _ map: TissueMap, into items: inout ToolItems
  ) throws(VPathError) -> EvidenceID {
    if let id = call.arguments["region"]?.stringValue { return EvidenceID(id) }
    let box = map.tissue.boundingBox ?? PixelRect(x: 0, y: 0, width: map.grid.width, height: map.grid.height)
    return try items.region(
      "tissue",
      Region(slide: slide.id, rect: map.grid.levelZeroRect(of: box), label: "tissue", flags: map.unchecked))
  }

  private func files(
    _ slide: OpenedSlide, _ map: TissueMap, _ classified: ClassifiedTiles, _ card: ClassifierCard,
    _ hash: SHA256Hex, runtime: String, into items: inout ToolItems
  ) throws {
    let call = slide.call
    let by = "\(card.name) \(card.version), network \(hash.rawValue.prefix(16)), \(runtime)"
    try call.write("tiles.geojson", ClassMap.geoJSON(classified, card: card))
    items.artefact(
      "tiles.geojson", mediaType: MediaTypeName.geoJSON,
      caption: "\(NumberText.grouped(classified.tiles.count)) tiles of \(slide.id) with class and scores by \(by), "
        + "for QuPath")
    call.progress(0.95, "drawing")
    let picture = ClassMap.draw(
      thumbnail: try SlideOverviewTool.thumbnail(of: slide, map: map), map: map, classified: classified, card: card,
      lines: SlideOverviewTool.lines(slide, "Tiles of \(slide.id) by class") + [
        "\(card.experimental ? "experimental: " : "")\(card.name) \(card.version)", "Resemblance is no diagnosis.",
      ])
    try call.write("classes.png", picture.encodedPNG())
    items.artefact(
      "classes.png", mediaType: MediaTypeName.png, caption: "\(slide.id): tiles tinted by class, by \(by)")
  }
}
