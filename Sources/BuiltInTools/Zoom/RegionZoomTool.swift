// region_zoom: a region at a µm per pixel, as a view, and as a picture with a scale bar and its place on the slide.
// What must stay true: the view's pixels are hashed before anything is drawn; the region shown is the one recorded, cut
// to the slide and flagged when it was cut.

import Domain
import JSON
import Raster
import Slides
import ToolKit

struct RegionZoomTool: Sendable {
  static let name = "region_zoom"
  /// Longest side of a picture whose scale was not asked for.
  static let longestSide = 1024
  /// Most pixels of a view.
  static let mostPixels = 4_194_304

  let smallSlides: SmallSlides

  var tool: Tool {
    Tool(
      name: Self.name, title: "Region zoom",
      description:
        "Shows a region, by its id or as a rectangle in level-0 pixels, at a µm per pixel: the view with its "
        + "pixel hash, and a picture with a scale bar and the region's place on the slide.",
      inputSchema: .object([
        .optional("slide", ArgumentSchema.slide), .optional("region", ArgumentSchema.region),
        .optional("rect", ArgumentSchema.rect),
        .optional(
          "micronsPerPixel",
          .number(min: 0.05, max: 1000, description: "Scale of the picture; by default as fine as 1,024 pixels allow.")),
      ]), annotations: BuiltInTools.annotations
    ) { call in try run(call) }
  }

  private func run(_ call: ToolCall) throws -> ToolOutput {
    let named = try call.region()
    guard (named == nil) != (call.rect() == nil) else {
      throw VPathError(
        .toolFailed, "Give either \"region\" or \"rect\", and not both.", subject: "region")
    }
    let slide = try call.openSlide()
    let asked = named?.rect ?? call.rect() ?? LevelZeroRect(x: 0, y: 0, width: 0, height: 0)
    let cut = try CutRect(asked, on: slide)
    var items = ToolItems()
    var reference = call.arguments["region"]?.stringValue.map { EvidenceID($0) } ?? EvidenceID("#region")
    if named == nil {
      reference = try items.region(
        "region",
        Region(
          slide: slide.id, rect: cut.rect, label: "asked for",
          flags: cut.isCut ? ["cut at the edge of the scanned area"] : []))
    }
    let picture = try Self.read(slide, cut.rect)
    try call.checkCancelled()
    let file = try call.write("view.png", picture.image.encodedPNG())
    let scaleWords = picture.micronsPerPixel.map { " at \(NumberText.figures($0, 3)) µm/px" } ?? ", without a scale"
    let title = reference.rawValue.hasPrefix("#") ? "rectangle \(cut.rect)" : reference.rawValue
    items.view(picture, of: reference, image: file, caption: "\(title) of \(slide.id)\(scaleWords)")
    let drawn = try draw(slide, picture, polygon: named?.polygon, title: title)
    let zoom = try call.write("zoom.png", drawn.encodedPNG())
    items.artefact(
      zoom, mediaType: MediaTypeName.png,
      caption: "\(title) of \(slide.id)\(scaleWords), with \(picture.micronsPerPixel == nil ? "" : "a scale bar and ")"
        + "its place on the slide")
    return items.output
  }

  private static func read(_ slide: OpenedSlide, _ rect: LevelZeroRect) throws(VPathError) -> RegionPicture {
    let own = slide.handle.properties.scale?.micronsPerPixel
    let asked = slide.call.arguments["micronsPerPixel"]?.numberValue
    if let asked, own == nil {
      throw VPathError(
        .slideNoScale,
        "\(asked) µm per pixel was asked for, but \(slide.id) has no usable scale: "
          + "\(slide.handle.properties.scaleProblem ?? "none is known"). Leave micronsPerPixel out.")
    }
    if let asked {
      return try RenderViewTool.read(slide, rect, micronsPerPixel: asked, maxPixels: mostPixels)
    }
    let ratio = min(1, Double(longestSide) / Double(max(rect.width, rect.height)))
    return try slideErrors { () throws(SlideError) in
      try slide.handle.read(
        rect, width: max(1, Int((Double(rect.width) * ratio).rounded())),
        height: max(1, Int((Double(rect.height) * ratio).rounded())), control: slide.control("reading", share: 0...0.8))
    }
  }

  private func draw(
    _ slide: OpenedSlide, _ picture: RegionPicture, polygon: [LevelZeroPoint]?, title: String
  ) throws(VPathError) -> RGBImage {
    var image = picture.image
    if let polygon {
      let points = polygon.map { point in
        (
          x: Int((Double(point.x - picture.rect.x) / picture.downsample).rounded()),
          y: Int((Double(point.y - picture.rect.y) / picture.downsample).rounded())
        )
      }
      image.drawPolygon(points, with: Stroke(.yellow, thickness: 2))
    }
    if let micronsPerPixel = picture.micronsPerPixel {
      image.drawScaleBar(micronsPerPixel: micronsPerPixel, scale: image.width < 300 ? 1 : 2)
    }
    let lines = [
      title + " of \(slide.id)", "x \(picture.rect.x), y \(picture.rect.y)",
      "\(picture.rect.width) × \(picture.rect.height) px",
      picture.micronsPerPixel.map { "\(NumberText.figures($0, 3)) µm/px" } ?? "no usable scale",
    ]
    return Panel.beside(image, lines: lines, legend: [], inset: try locator(slide, picture.rect))
  }

  /// The whole slide, small, with the region framed.
  private func locator(_ slide: OpenedSlide, _ rect: LevelZeroRect) throws(VPathError) -> RGBImage {
    let made = try smallSlides.small(slide, share: 0.8...0.95)
    var small = made.image
    let ratio = made.ratio
    let frame = PixelRect(
      x: Int(Double(rect.x) * ratio), y: Int(Double(rect.y) * ratio),
      width: max(5, Int((Double(rect.width) * ratio).rounded())),
      height: max(5, Int((Double(rect.height) * ratio).rounded())))
    small.stroke(frame.insetBy(-2), with: Stroke(.white))
    small.stroke(frame.insetBy(-1), with: Stroke(.green, thickness: 2))
    small.stroke(small.bounds, with: Stroke(RGBColor(150, 150, 150)))
    return small
  }
}
