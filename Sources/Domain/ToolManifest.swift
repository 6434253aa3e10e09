// What a tool says of itself: MCP's tool object and one block of ours (`tool.json`).
// What must stay true: everything here is a claim by a stranger; policy rests on what an operator granted.
// Reading and checking a manifest from disk is ToolHost's work.

public import JSON

/// A tool as its manifest describes it.
public struct ToolManifest: Sendable, Hashable, Codable {
  public var name: String
  public var title: String?
  public var description: String
  public var inputSchema: JSONValue
  public var outputSchema: JSONValue?
  public var annotations: JSONValue?
  public var vpath: Block

  public init(
    name: String, title: String?, description: String, inputSchema: JSONValue, outputSchema: JSONValue? = nil,
    annotations: JSONValue? = nil, vpath: Block
  ) {
    self.name = name
    self.title = title
    self.description = description
    self.inputSchema = inputSchema
    self.outputSchema = outputSchema
    self.annotations = annotations
    self.vpath = vpath
  }

  public var reference: ToolReference {
    ToolReference(name: name, version: vpath.version, sha256: vpath.sha256)
  }

  /// Our block of the manifest.
  public struct Block: Sendable, Hashable, Codable {
    public var version: String
    /// What is run: for an installed tool the digest of its folder, for the product's own that of their program with all it
    /// may read. Set by the registry, never by tool.json; nil where it is not known.
    public var sha256: SHA256Hex?
    /// Command line; the first word is relative to the tool's folder when it starts with `./`.
    public var run: [String]
    public var `protocol`: ToolProtocol
    public var lifetime: Lifetime
    public var needs: Needs
    public var accepts: Accepts?
    public var measures: [Measure]
    public var limits: Limits
    /// What the tool can answer: intents of the closed list in LanguageModels ("density", "count", …) or free words that a
    /// question must contain for the rule planner to use it.
    public var answers: [String]?
    /// True for a tool that only the daemon itself calls (rendering views, reading properties); never offered to a
    /// planner or a client.
    public var hostOnly: Bool?
    /// Why the tool exists and what it must not be used for.
    public var why: String

    public init(
      version: String, run: [String], protocol: ToolProtocol, lifetime: Lifetime, needs: Needs, accepts: Accepts?,
      measures: [Measure], limits: Limits, answers: [String]?, hostOnly: Bool? = nil, why: String
    ) {
      self.version = version
      self.run = run
      self.protocol = `protocol`
      self.lifetime = lifetime
      self.needs = needs
      self.accepts = accepts
      self.measures = measures
      self.limits = limits
      self.answers = answers
      self.hostOnly = hostOnly
      self.why = why
    }
  }

  /// How the tool is spoken to.
  public enum ToolProtocol: String, Sendable, Codable, Hashable { case once, mcp }
  /// How long its process lives.
  public enum Lifetime: String, Sendable, Codable, Hashable { case call, `case` }

  /// What the tool is given.
  public struct Needs: Sendable, Hashable, Codable {
    public var input: Input
    public var network: Bool
    /// µm/px of the views it wants; required when input is `view`.
    public var viewMicronsPerPixel: Double?
    /// The file format of the views it wants; PNG when absent.
    public var viewFormat: ViewFormat?
    /// What a call is given to work on.
    public enum Input: String, Sendable, Codable, Hashable { case none, evidence, view, slide }
    /// `ppm` is binary PPM (P6, 8 bits): a header of three numbers and the RGB bytes, readable without a library.
    public enum ViewFormat: String, Sendable, Codable, Hashable { case png, ppm }
    public init(
      input: Input, network: Bool, viewMicronsPerPixel: Double? = nil, viewFormat: ViewFormat? = nil
    ) {
      self.input = input
      self.network = network
      self.viewMicronsPerPixel = viewMicronsPerPixel
      self.viewFormat = viewFormat
    }
  }

  /// What the tool was made for; absent keys accept everything.
  public struct Accepts: Sendable, Hashable, Codable {
    public var stain: [String]?
    public var organ: [String]?
    /// Smallest and largest µm/px.
    public var mpp: [Double]?
    public init(stain: [String]? = nil, organ: [String]? = nil, mpp: [Double]? = nil) {
      self.stain = stain
      self.organ = organ
      self.mpp = mpp
    }
  }

  /// A measure the tool makes and the words the daemon states it with.
  public struct Measure: Sendable, Hashable, Codable {
    public var name: String
    public var unit: UCUMUnit
    /// What follows the number: "mitoses per mm² of tissue".
    public var phrase: String
    /// For an ordinary MCP server: the place of the number in its `structuredContent`, as a JSON Pointer.
    public var from: String?
    public init(name: String, unit: UCUMUnit, phrase: String, from: String? = nil) {
      self.name = name
      self.unit = unit
      self.phrase = phrase
      self.from = from
    }
  }

  /// Limits the sandbox enforces.
  public struct Limits: Sendable, Hashable, Codable {
    public var seconds: Double
    public var memoryMiB: Int
    public var outputMiB: Int
    public init(seconds: Double, memoryMiB: Int, outputMiB: Int) {
      self.seconds = seconds
      self.memoryMiB = memoryMiB
      self.outputMiB = outputMiB
    }
  }
}
