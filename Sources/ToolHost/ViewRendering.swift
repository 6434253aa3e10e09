// What the host asks the product's own tools for on behalf of a call: a slide's properties, and views of regions.
// What must stay true: the host decodes no pixel; a view's bytes go from the built-in tool's scratch to the calling
// tool's input unchanged; the asking is part of an approved call and grants nothing new.

import Domain
import JSON
import Ports

/// The names of the host-only tools and the shapes of their arguments.
enum HostTools {
  static let properties = "slide_properties"
  static let render = "render_view"
  /// Most pixels of one view.
  static let maxViewPixels = 16_000_000

  static func renderArguments(
    slide: EvidenceID, rect: LevelZeroRect, micronsPerPixel: Double, format: ToolManifest.Needs.ViewFormat
  ) -> JSONValue {
    var arguments: [String: JSONValue] = [
      "slide": .string(slide.rawValue),
      "rect": [
        "x": .number(Double(rect.x)), "y": .number(Double(rect.y)), "width": .number(Double(rect.width)),
        "height": .number(Double(rect.height)),
      ],
      "micronsPerPixel": .number(micronsPerPixel), "maxPixels": .number(Double(maxViewPixels)),
    ]
    if format != .png { arguments["format"] = .string(format.rawValue) }
    return .object(arguments)
  }
}

/// Asks the host-only tools.
struct HostQueries: Sendable {
  let runner: CallRunner
  let registry: ToolRegistry
  let caseID: CaseID
  let call: CallID
  let description: CaseDescription
  let slides: [SlideGrant]

  private var surroundings: CallRunner.Surroundings {
    .init(properties: { _ in .failure(VPathError(.internalBug, "Properties are asked for by the host alone.")) })
  }

  private func plan(_ arguments: JSONValue, _ properties: [EvidenceID: SlideProperties]) -> CallPlan {
    CallPlan(
      call: call, caseID: caseID, arguments: arguments, description: description, slides: slides,
      properties: properties, views: [], evidence: [])
  }

  /// What the decoder says of a slide. Throws what the built-in tool says.
  func properties(_ slide: EvidenceID) async throws(VPathError) -> SlideProperties {
    let tool = try registry.verified(HostTools.properties)
    let sandboxed = try runner.mode(tool)
    let raw = try await runner.withRaw(
      tool, plan(["slide": .string(slide.rawValue)], [:]), sandboxed: sandboxed, surroundings
    ) { raw, _ in raw }
    let output = try raw.output.get()
    if let error = OutputCheck.reportedError(output) { throw error }
    for (index, item) in output.evidence.enumerated() where item["kind"] == "slide" {
      guard let schema = ToolOutputSchema.compiledItems["slide"] else { break }
      if let first = schema.validate(item).first {
        throw OutputCheck.fault("/evidence/\(index)\(first.pointer)", first.message)
      }
      guard item["slide"]?.stringValue == slide.rawValue, let found = item["properties"] else { continue }
      do {
        return try decodeJSON(SlideProperties.self, from: found)
      } catch {
        throw OutputCheck.fault("/evidence/\(index)/properties\(error.path ?? "")", error.message)
      }
    }
    throw OutputCheck.fault("/evidence", "\(HostTools.properties) gave no properties of \(slide.rawValue)")
  }

  /// A region at a scale. Throws what the built-in tool says.
  func view(
    of region: EvidenceID, slide: EvidenceID, rect: LevelZeroRect, micronsPerPixel: Double,
    format: ToolManifest.Needs.ViewFormat, properties: [EvidenceID: SlideProperties]
  ) async throws(VPathError) -> CallPlan.ViewFile {
    let tool = try registry.verified(HostTools.render)
    let sandboxed = try runner.mode(tool)
    let arguments = HostTools.renderArguments(
      slide: slide, rect: rect, micronsPerPixel: micronsPerPixel, format: format)
    let rendered = try await runner.withRaw(tool, plan(arguments, properties), sandboxed: sandboxed, surroundings) {
      raw, scratch in HostQueries.read(raw, scratch, rect: rect, format: format)
    }
    var view = try rendered.get()
    view.region = region
    if view.micronsPerPixel == 0 { view.micronsPerPixel = micronsPerPixel }
    return view
  }

  private static func read(
    _ raw: CallRunner.Raw, _ scratch: OpenFolder, rect: LevelZeroRect, format: ToolManifest.Needs.ViewFormat
  ) -> Result<CallPlan.ViewFile, VPathError> {
    do throws(VPathError) {
      let output = try raw.output.get()
      if let error = OutputCheck.reportedError(output) { throw error }
      guard output.evidence.count == 1, let item = output.evidence.first,
        let schema = ToolOutputSchema.compiledRenderedView
      else { throw OutputCheck.fault("/evidence", "\(HostTools.render) must give one view") }
      if let first = schema.validate(item).first {
        throw OutputCheck.fault("/evidence/0\(first.pointer)", first.message)
      }
      guard let given = item["rect"], (try? decodeJSON(LevelZeroRect.self, from: given)) == rect else {
        throw OutputCheck.fault("/evidence/0/rect", "is not the rectangle asked for")
      }
      let bytes: [UInt8]
      do {
        bytes = try scratch.read(item["image"]?.stringValue ?? "", maxBytes: HostTools.maxViewPixels * 4)
      } catch {
        throw OutputCheck.fault("/evidence/0/image", error.words)
      }
      let type: MediaType = format == .png ? .png : .ppm
      if let fault = type.fault(in: bytes) { throw OutputCheck.fault("/evidence/0/image", fault) }
      return .success(
        CallPlan.ViewFile(
          region: EvidenceID("r1"), rect: rect, micronsPerPixel: item["micronsPerPixel"]?.numberValue ?? 0,
          width: item["width"]?.integerValue ?? 0, height: item["height"]?.integerValue ?? 0,
          pixelSha256: SHA256Hex(item["pixelSha256"]?.stringValue ?? ""),
          pixels: item["pixels"].flatMap { try? decodeJSON(PixelDigest.self, from: $0) }, bytes: bytes, format: format))
    } catch {
      return .failure(error)
    }
  }
}
