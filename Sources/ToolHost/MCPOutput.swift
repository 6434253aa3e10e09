// What a result of `tools/call` is to the case: the output by our contract where the server gives one, else what an
// ordinary MCP tool may give.
// What must stay true: an ordinary tool's words are descriptions and its pictures and JSON are artefacts, never
// measurements; a number becomes one only where tool.json names the measure and the place of the number (`from`). Text
// is never read as evidence.

import Domain
import JSON
import Wire

/// An output with the files that came inside the message.
struct MCPOutput: Sendable {
  var output: ToolOutput
  /// By the name that an item gives as its `file`; no file in scratch can have such a name.
  var files: [String: [UInt8]] = [:]
}

extension MCPSession.Reply {
  /// The tool's output, or its error. `regions` are those the call was given.
  func output(
    of manifest: ToolManifest, outputSchema: JSONSchema?, version: MCPSession.Era, arguments: JSONValue,
    regions: Set<EvidenceID>
  ) throws(VPathError) -> MCPOutput {
    let structured = result["structuredContent"]
    if let structured, structured["evidence"] != nil {
      var output = try OutputCheck.frame(structured, outputSchema: outputSchema)
      if result["isError"] == true { output.isError = true }
      return MCPOutput(output: output)
    }
    if result["isError"] == true {
      let text = result["content"]?.arrayValue?.prefix(64).compactMap { $0["text"]?.stringValue }.joined(separator: " ")
      return MCPOutput(output: ToolOutput(evidence: [], isError: true, message: text))
    }
    var ordinary = try OrdinaryResult(result, title: manifest.title ?? manifest.name)
    ordinary.structured = structured
    if structured == nil, version.hasNoStructuredContent, manifest.readsStructuredContent {
      ordinary.takeTextAsStructured()
    }
    if let outputSchema {
      guard let value = ordinary.structured else {
        throw OutputCheck.fault("/structuredContent", "is missing; the tool's outputSchema promises it")
      }
      if let first = outputSchema.validate(value).first {
        throw OutputCheck.fault(
          "/structuredContent\(first.pointer)", "\(first.message) (by the tool's own outputSchema)")
      }
    }
    let region = arguments["region"]?.stringValue.map { EvidenceID($0) }.flatMap { regions.contains($0) ? $0 : nil }
    return try ordinary.output(measures: manifest.vpath.measures, region: region)
  }
}

extension MCPSession.Era {
  /// Revisions before 2025-06-18 carry structured results as text.
  fileprivate var hasNoStructuredContent: Bool {
    switch self {
    case .modern: false
    case .handshake(let version): version < "2025-06-18"
    }
  }
}

extension ToolManifest {
  fileprivate var readsStructuredContent: Bool { outputSchema != nil || vpath.measures.contains { $0.from != nil } }
}

/// The content of an ordinary MCP tool's result, sorted.
private struct OrdinaryResult {
  var structured: JSONValue?
  private var texts: [String] = []
  private var images: [(bytes: [UInt8], type: MediaType)] = []
  private let title: String

  private static let maxItems = 64
  private static let maxTextCharacters = 4000

  init(_ result: JSONValue, title: String) throws(VPathError) {
    self.title = title
    guard let content = result["content"]?.arrayValue else {
      throw OutputCheck.fault("/content", "is missing; a result of tools/call has it")
    }
    guard content.count <= OrdinaryResult.maxItems else {
      throw OutputCheck.fault("/content", "has \(content.count) items; \(OrdinaryResult.maxItems) are the most")
    }
    for (index, item) in content.enumerated() { try take(item, "/content/\(index)") }
  }

  private mutating func take(_ item: JSONValue, _ place: String) throws(VPathError) {
    switch item["type"] {
    case "text":
      guard let text = item["text"]?.stringValue else { throw OutputCheck.fault("\(place)/text", "must be a string") }
      texts.append(text)
    case "image": try takeImage(item["data"], item["mimeType"], place)
    case "resource":
      let resource = item["resource"]
      if let text = resource?["text"]?.stringValue {
        texts.append(text)
      } else {
        try takeImage(resource?["blob"], resource?["mimeType"], "\(place)/resource")
      }
    // Sound, links and what is to come are in the record and nowhere else.
    case .string: break
    default: throw OutputCheck.fault("\(place)/type", "must be a string")
    }
  }

  private mutating func takeImage(_ data: JSONValue?, _ type: JSONValue?, _ place: String) throws(VPathError) {
    guard let type = type?.stringValue.flatMap(MediaType.init(rawValue:)), [.png, .jpeg, .tiff].contains(type) else {
      return
    }
    guard let bytes = data?.stringValue.flatMap(Base64.decode) else {
      throw OutputCheck.fault(place, "its bytes are no base 64")
    }
    images.append((bytes, type))
  }

  /// One text that is a JSON object stands for the structured content.
  mutating func takeTextAsStructured() {
    guard texts.count == 1, let value = try? JSONValue.parse(Array(texts[0].utf8)), value.objectValue != nil else {
      return
    }
    structured = value
  }

  /// The evidence: measures first, then words, then pictures, then the whole as JSON.
  func output(measures: [ToolManifest.Measure], region: EvidenceID?) throws(VPathError) -> MCPOutput {
    var made = MCPOutput(output: ToolOutput(evidence: []))
    for measure in measures { if let item = try measurement(measure, region) { made.output.evidence.append(item) } }
    for (index, text) in texts.enumerated() where !repeatsStructured(text) {
      describe(text, number: index + 1, in: &made)
    }
    for (index, image) in images.enumerated() {
      let ending = image.type.rawValue.split(separator: "/").last ?? "bin"
      attach(
        image.bytes, image.type, name: "image-\(index + 1).\(ending)", caption: "Image \(index + 1) given by \(title)",
        to: &made)
    }
    if let structured, !isRepeatedByText(structured) {
      attach(
        Array(structured.prettyString().utf8), .json, name: "result.json", caption: "The result given by \(title)",
        to: &made)
    }
    return made
  }

  private func measurement(
    _ measure: ToolManifest.Measure, _ region: EvidenceID?
  ) throws(VPathError) -> JSONValue? {
    guard let from = measure.from, let pointer = JSONPointer(parsing: from), let value = structured?[pointer],
      value != .null
    else { return nil }
    guard let number = value.numberValue else {
      throw OutputCheck.fault("/structuredContent\(from)", "must be a number: tool.json measures it")
    }
    var item: [String: JSONValue] = [
      "kind": "measurement", "name": .string(measure.name), "value": .number(number),
      "unit": .string(measure.unit.rawValue),
    ]
    if let region { item["region"] = .string(region.rawValue) }
    return .object(item)
  }

  /// Servers repeat structured content as text, for older clients.
  private func repeatsStructured(_ text: String) -> Bool {
    guard let structured, let value = try? JSONValue.parse(Array(text.utf8)) else { return false }
    // Some wrap a plain value: {"result": value}, and repeat the value alone.
    return value == structured || (structured.objectValue?.count == 1 && structured["result"] == value)
  }

  /// Some wrap a text: {"result": text}, beside the text itself.
  private func isRepeatedByText(_ structured: JSONValue) -> Bool {
    guard structured.objectValue?.count == 1, let text = structured["result"]?.stringValue else { return false }
    return texts.contains(text)
  }

  private func describe(_ text: String, number: Int, in made: inout MCPOutput) {
    guard !text.isEmpty else { return }
    let start = String(text.prefix(OrdinaryResult.maxTextCharacters))
    let isWhole = start.utf8.count == text.utf8.count
    made.output.evidence.append(["kind": "description", "text": .string(isWhole ? start : start + " […]")])
    guard !isWhole else { return }
    attach(
      Array(text.utf8), .plain, name: "text-\(number).txt", caption: "The whole text given by \(title)", to: &made)
  }

  private func attach(
    _ bytes: [UInt8], _ type: MediaType, name: String, caption: String, to made: inout MCPOutput
  ) {
    let file = "/message/\(name)"
    made.files[file] = bytes
    made.output.evidence.append([
      "kind": "artefact", "file": .string(file), "name": .string(name), "mediaType": .string(type.rawValue),
      "caption": .string(PlainText.clean(caption, limit: 200)),
    ])
  }
}
