// What a tool is given for one call: the JSON a `once` tool reads as its line, and an `mcp` tool finds in
// `_meta` under `ToolInput.metaKey`.
// What must stay true: paths are those inside the sandbox; nothing here lets a tool reach another case.

public import JSON

/// The input of one call, by DESIGN's contract for tools.
public struct ToolInput: Sendable, Hashable, Codable {
  /// The key under `params._meta` that carries this object in MCP's `tools/call`.
  public static let metaKey = "org.vpath/input"

  public var call: CallID
  public var arguments: JSONValue
  public var `case`: CaseDescription
  public var slides: [Slide]
  public var views: [RenderedView]
  /// Evidence the tool may read, by id.
  public var evidence: [String: Evidence]
  /// A directory of this call's own, writable, empty at the start, gone after it.
  public var scratch: String

  /// A slide file.
  public struct Slide: Sendable, Hashable, Codable {
    public var id: EvidenceID
    public var path: String
    /// What is known of it; nil on the first call, which reads it.
    public var properties: SlideProperties?
    public init(id: EvidenceID, path: String, properties: SlideProperties?) {
      self.id = id
      self.path = path
      self.properties = properties
    }
  }

  /// A region rendered by the host, as PNG or in the manifest's `viewFormat`, for tools that ask for `view`.
  public struct RenderedView: Sendable, Hashable, Codable {
    /// The region it shows.
    public var region: EvidenceID
    public var path: String
    public var rect: LevelZeroRect
    public var micronsPerPixel: Double
    public var width: Int
    public var height: Int
    public var pixelSha256: SHA256Hex
    public init(
      region: EvidenceID, path: String, rect: LevelZeroRect, micronsPerPixel: Double, width: Int, height: Int,
      pixelSha256: SHA256Hex
    ) {
      self.region = region
      self.path = path
      self.rect = rect
      self.micronsPerPixel = micronsPerPixel
      self.width = width
      self.height = height
      self.pixelSha256 = pixelSha256
    }
  }

  public init(
    call: CallID, arguments: JSONValue, case: CaseDescription, slides: [Slide], views: [RenderedView],
    evidence: [String: Evidence], scratch: String
  ) {
    self.call = call
    self.arguments = arguments
    self.case = `case`
    self.slides = slides
    self.views = views
    self.evidence = evidence
    self.scratch = scratch
  }
}
