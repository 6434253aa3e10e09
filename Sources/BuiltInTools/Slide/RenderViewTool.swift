// render_view: a region as a picture, for tools that ask for views. Only the daemon itself calls it.
// What must stay true: the picture shows exactly the rectangle asked for; nothing is drawn on it.

import Domain
import JSON
import Raster
import Slides
import ToolKit

enum RenderViewTool {
  static let name = "render_view"
  /// How much finer than the slide's own scale a view may be asked for.
  static let finest = 0.5

  static let tool = Tool(
    name: name, title: "Render view",
    description: "Renders a rectangle of a slide at a µm per pixel as PNG or PPM. For the daemon itself.",
    inputSchema: .object([
      .optional("slide", ArgumentSchema.slide), .required("rect", ArgumentSchema.rect),
      .optional("micronsPerPixel", .number(min: 0.001, max: 100_000)),
      .optional("maxPixels", .integer(min: 1, max: SlideHandle.largestPicture)),
      .optional("format", .string(enum: ["png", "ppm"])),
    ]), annotations: BuiltInTools.annotations
  ) { call in
    let slide = try call.openSlide()
    guard let rect = call.rect() else { throw VPathError(.regionOutOfBounds, "There is no rectangle in the call.") }
    let picture = try read(
      slide, rect, micronsPerPixel: call.arguments["micronsPerPixel"]?.numberValue,
      maxPixels: call.arguments["maxPixels"]?.integerValue ?? SlideHandle.largestPicture)
    let isPPM = call.arguments["format"] == "ppm"
    let file = try call.write(
      isPPM ? "view.ppm" : "view.png", isPPM ? picture.image.encodedPPM() : try picture.image.encodedPNG())
    var items = ToolItems()
    try items.add(
      "view", key: nil,
      Body(
        slide: slide.id, rect: rect, micronsPerPixel: picture.micronsPerPixel, width: picture.image.width,
        height: picture.image.height, pixelSha256: picture.image.pixelSha256, image: file, pixels: picture.source))
    return items.output
  }

  /// Reads a rectangle at a scale, or at the slide's own.
  ///
  /// - Throws: `region.too_large` over `maxPixels`; `slide.no_scale`; `tool.failed` for a scale finer than half the
  ///   slide's own.
  static func read(
    _ slide: OpenedSlide, _ rect: LevelZeroRect, micronsPerPixel: Double?, maxPixels: Int
  ) throws(VPathError) -> RegionPicture {
    let own = slide.handle.properties.scale?.micronsPerPixel
    if let asked = micronsPerPixel, let own, asked < own * finest {
      throw VPathError(
        .toolFailed, "\(asked) µm per pixel was asked for; the slide has \(own), and twice as fine is the limit.",
        subject: "micronsPerPixel")
    }
    let ratio = micronsPerPixel.flatMap { asked in own.map { $0 / asked } } ?? 1
    let pixels = Double(max(0, rect.width)) * ratio * (Double(max(0, rect.height)) * ratio)
    guard pixels <= Double(maxPixels) * 1.01 else {
      throw VPathError(
        .regionTooLarge,
        "The picture would have \(Int(min(pixels, 1e15))) pixels; \(maxPixels) is the limit. Ask for a smaller region or "
          + "more µm per pixel.", subject: rect.description)
    }
    return try slideErrors { () throws(SlideError) in
      if let micronsPerPixel {
        try slide.handle.read(
          rect, micronsPerPixel: micronsPerPixel, control: slide.control("reading", share: 0...0.9))
      } else {
        try slide.handle.read(
          rect, width: rect.width, height: rect.height, control: slide.control("reading", share: 0...0.9))
      }
    }
  }

  private struct Body: Encodable {
    var slide: EvidenceID
    var rect: LevelZeroRect
    var micronsPerPixel: Double?
    var width: Int
    var height: Int
    var pixelSha256: SHA256Hex
    var image: String
    var pixels: PixelDigest
  }
}
