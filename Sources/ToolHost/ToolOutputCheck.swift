// What a tool gave back, checked by contract and made into evidence that only lacks its ids.
// What must stay true: nothing of a stranger's output gets further unless it has the right shape, refers only to what
// the call was given or to its own items, lies on its slide, and measures what its manifest declares; a fault names the
// place as a JSON Pointer. Text is data: cleaned, bounded, never interpreted.

public import Domain
import JSON

/// What a call's output is checked against.
struct OutputContext: Sendable {
  var manifest: ToolManifest
  var isBuiltIn: Bool
  var outputSchema: JSONSchema?
  var description: CaseDescription
  /// The slides the call was given.
  var slides: [EvidenceID]
  /// The evidence the call was given.
  var evidence: [EvidenceID: Evidence]
  var views: [HostView]
  var outputMiB: Int
  /// Files that came inside the tool's message, by the names its items give.
  var files: [String: [UInt8]] = [:]
}

/// A view the host rendered for a call.
struct HostView: Sendable {
  var view: ToolInput.RenderedView
  /// What the built-in renderer says of its pixels.
  var pixels: PixelDigest?
}

/// Keeps bytes by their hash.
public typealias BlobSink = @Sendable (_ bytes: [UInt8], _ mediaType: String) async throws(VPathError) -> SHA256Hex

/// Checks one output.
struct OutputCheck {
  let context: OutputContext
  /// The call's scratch folder.
  let scratch: OpenFolder
  let put: BlobSink
  /// A slide's size and scale, asked for only when a region needs it.
  let properties: (EvidenceID) async throws(VPathError) -> SlideProperties

  private var kinds: [String: String] = [:]
  var bytesLeft = 0
  var filesLeft = 64

  init(
    context: OutputContext, scratch: OpenFolder, put: @escaping BlobSink,
    properties: @escaping (EvidenceID) async throws(VPathError) -> SlideProperties
  ) {
    self.context = context
    self.scratch = scratch
    self.put = put
    self.properties = properties
  }

  /// Reads the bytes of a `once` tool's output.
  static func parse(_ bytes: [UInt8], outputMiB: Int) throws(VPathError) -> JSONValue {
    do {
      return try JSONValue.parse(
        bytes, limits: JSONLimits(maxBytes: outputMiB << 20, maxDepth: 64, maxValues: 1_000_000))
    } catch {
      throw VPathError(
        .toolBadOutput,
        "The tool's output is no JSON: \(error). It must be one object, and nothing else may be printed to standard output."
      )
    }
  }

  /// The output's frame: its items, or its error. Throws `tool.bad_output`.
  static func frame(_ value: JSONValue, outputSchema: JSONSchema?) throws(VPathError) -> ToolOutput {
    guard let schema = ToolOutputSchema.compiledOutput else {
      throw VPathError(.internalBug, "An own schema is wrong.")
    }
    if let first = schema.validate(value).first { throw fault(first.pointer, first.message) }
    if let first = outputSchema?.validate(value).first {
      throw fault(first.pointer, "\(first.message) (by the tool's own outputSchema)")
    }
    do {
      return try decodeJSON(ToolOutput.self, from: value)
    } catch {
      throw fault(error.path ?? "", error.message)
    }
  }

  /// The error a tool reports of itself, when it does.
  static func reportedError(_ output: ToolOutput) -> VPathError? {
    guard output.isError == true else { return nil }
    let allowed: Set<ErrorID> = [
      .toolFailed, .slideNotFound, .slideUnsupported, .slideDamaged, .slideNoScale, .regionOutOfBounds, .regionTooLarge,
      .evidenceNotFound,
    ]
    let id = output.errorId.flatMap(ErrorID.init(rawValue:)).flatMap { allowed.contains($0) ? $0 : nil }
    let words = PlainText.clean(output.message ?? "", limit: 1000)
    return VPathError(id ?? .toolFailed, words.isEmpty ? "The tool failed and does not say why." : words)
  }

  /// The items as evidence, their files stored.
  mutating func check(_ output: ToolOutput) async throws(VPathError) -> (
    evidence: [ProposedEvidence], refusals: [ToolRefusal]
  ) {
    bytesLeft = context.outputMiB << 20
    for (index, item) in output.evidence.enumerated() { try noteKey(item, "/evidence/\(index)") }
    var evidence: [ProposedEvidence] = []
    var refusals: [ToolRefusal] = []
    for (index, item) in output.evidence.enumerated() {
      let place = "/evidence/\(index)"
      let kind = try shape(item, place)
      let clean = PlainText.clean(item, limit: 4096)
      if kind == "notAssessable" {
        refusals.append(ToolRefusal(reason: PlainText.clean(clean["reason"]?.stringValue ?? "", limit: 1000)))
        continue
      }
      evidence.append(try await proposed(kind, clean, place))
    }
    try OutputCheck.checkSize(evidence)
    return (evidence, refusals)
  }

  /// The most bytes of canonical JSON that a call's evidence may have: an event holds all of it, and at most 16 MiB.
  static let maxEvidenceBytes = 12 << 20

  static func checkSize(_ evidence: [ProposedEvidence]) throws(VPathError) {
    let bytes = evidence.reduce(0) { $0 + $1.body.canonicalBytes().count + 256 }
    guard bytes <= maxEvidenceBytes else {
      throw VPathError(
        .toolLimit,
        "The tool's result has \(bytes >> 20) MiB of evidence without its files; at most \(maxEvidenceBytes >> 20) can be recorded. It should give fewer items or outlines with fewer corners."
      )
    }
  }

  static func fault(_ pointer: String, _ message: String) -> VPathError {
    VPathError(
      .toolBadOutput, "The tool's result breaks its contract at \(pointer.isEmpty ? "the top" : pointer): \(message).",
      subject: pointer)
  }

  // MARK: - Shape

  private mutating func noteKey(_ item: JSONValue, _ place: String) throws(VPathError) {
    guard let key = item["key"]?.stringValue else { return }
    guard kinds.updateValue(item["kind"]?.stringValue ?? "", forKey: key) == nil else {
      throw OutputCheck.fault("\(place)/key", "two items have this key; give each its own")
    }
  }

  private func shape(_ item: JSONValue, _ place: String) throws(VPathError) -> String {
    let kind = item["kind"]?.stringValue ?? ""
    guard let schema = ToolOutputSchema.compiledItems[kind] else {
      throw OutputCheck.fault(
        "\(place)/kind", "must be one of \(ToolOutputSchema.kinds.joined(separator: ", "))")
    }
    if let first = schema.validate(item).first { throw OutputCheck.fault(place + first.pointer, first.message) }
    return kind
  }

  // MARK: - Meaning

  private mutating func proposed(
    _ kind: String, _ item: JSONValue, _ place: String
  ) async throws(VPathError) -> ProposedEvidence {
    let key = item["key"]?.stringValue
    var members = item.objectValue ?? [:]
    members["kind"] = nil
    members["key"] = nil
    switch kind {
    case "region":
      if members["flags"] == nil { members["flags"] = [] }
      if members["slide"] == nil { members["slide"] = try onlySlide(place) }
      let region = try decode(Region.self, members, place)
      try await check(region, place)
      return try evidence(key, .region, region)
    case "view":
      if members["caption"] == nil { members["caption"] = "" }
      let image = members.removeValue(forKey: "image")?.stringValue
      var view = try decode(View.self, members, place)
      try refer(view.region, to: .region, "\(place)/region")
      if let image { view.imageSha256 = try await store(image, .png, "\(place)/image").hash }
      return try evidence(key, .view, view)
    case "measurement":
      let measurement = try await measurement(members, place)
      return try evidence(key, .measurement, measurement)
    case "description":
      let description = try decode(Description.self, members, place)
      if let view = description.view { try refer(view, to: .view, "\(place)/view") }
      return try evidence(key, .description, description)
    case "artefact":
      return try evidence(key, .artefact, try await artefact(members, place))
    case "slide":
      guard context.isBuiltIn else {
        throw OutputCheck.fault("\(place)/kind", "only the product's own tools read slides' properties")
      }
      let slide = EvidenceID(members["slide"]?.stringValue ?? "")
      try refer(slide, to: .slide, "\(place)/slide")
      _ = try decode(SlideProperties.self, members["properties"]?.objectValue ?? [:], "\(place)/properties")
      return ProposedEvidence(key: key, kind: .slide, body: .object(members))
    default:
      throw OutputCheck.fault("\(place)/kind", "is not known")
    }
  }

  func decode<Body: Decodable>(
    _ type: Body.Type, _ members: [String: JSONValue], _ place: String
  ) throws(VPathError) -> Body {
    do {
      return try decodeJSON(type, from: .object(members))
    } catch {
      throw OutputCheck.fault(place + (error.path ?? ""), error.message)
    }
  }

  private func evidence(
    _ key: String?, _ kind: EvidenceKind, _ body: some Encodable
  ) throws(VPathError) -> ProposedEvidence {
    do {
      return ProposedEvidence(key: key, kind: kind, body: try encodeJSON(body))
    } catch {
      throw VPathError(.internalBug, "A checked item could not be written: \(error.message).")
    }
  }

  private func onlySlide(_ place: String) throws(VPathError) -> JSONValue {
    guard context.slides.count == 1, let slide = context.slides.first else {
      throw OutputCheck.fault("\(place)/slide", "must name the slide, since the call had \(context.slides.count)")
    }
    return .string(slide.rawValue)
  }

  /// Whether something of that kind is under the reference: an item of this output, or evidence the call was given.
  func refer(_ id: EvidenceID, to kind: EvidenceKind, _ place: String) throws(VPathError) {
    if id.rawValue.hasPrefix("#") {
      guard let found = kinds[String(id.rawValue.dropFirst())] else {
        throw OutputCheck.fault(place, "no item of this output has the key \"\(id.rawValue.dropFirst())\"")
      }
      guard found == kind.rawValue else {
        throw OutputCheck.fault(place, "\"\(id.rawValue)\" is a \(found), and a \(kind.rawValue) is needed")
      }
    } else if kind == .slide {
      guard context.slides.contains(id) else {
        throw OutputCheck.fault(place, "the call was not given a slide \"\(id.rawValue)\"")
      }
    } else {
      guard context.evidence[id]?.body.kind == kind else {
        throw OutputCheck.fault(place, "the call was not given a \(kind.rawValue) \"\(id.rawValue)\"")
      }
    }
  }

  private func check(_ region: Region, _ place: String) async throws(VPathError) {
    try refer(region.slide, to: .slide, "\(place)/slide")
    let slide = try await properties(region.slide)
    let whole = LevelZeroRect(x: 0, y: 0, width: slide.width, height: slide.height)
    guard !region.rect.isEmpty, whole.contains(region.rect) else {
      throw OutputCheck.fault(
        "\(place)/rect", "\(region.rect) is empty or not inside the slide's \(slide.width) × \(slide.height) pixels")
    }
    for (index, point) in (region.polygon ?? []).enumerated() {
      let rect = region.rect
      guard point.x >= rect.x, point.y >= rect.y, point.x <= rect.x + rect.width, point.y <= rect.y + rect.height else {
        throw OutputCheck.fault("\(place)/polygon/\(index)", "the corner is outside the region's rect")
      }
    }
  }
}
