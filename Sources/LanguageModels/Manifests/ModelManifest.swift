// What is known of a model: `models/NAME/model.json`.
// What must stay true: an unknown key is an error that names it; every file is pinned by size and SHA-256; what is
// peculiar to a model stands here, not in code.

public import Domain
public import JSON

/// A model's manifest.
public struct ModelManifest: Sendable, Hashable, Codable {
  /// The folder's name too.
  public var name: String
  public var title: String
  /// SPDX.
  public var licence: String
  /// Where the files come from, for people.
  public var source: String
  /// The weights first; none for a model behind an endpoint.
  public var files: [ModelFile]
  /// Whether it takes pictures.
  public var vision: Bool
  /// The most tokens of context it was made for.
  public var contextTokens: Int
  /// Tokens that one picture takes; nil where it takes none or that is not known.
  public var imageTokens: Int?
  public var quirks: [Quirk]
  /// Measured by `vpath model bench`; nil when it was not.
  public var toolChoice: ToolChoice?

  /// What a model's chat needs beside the common form.
  public enum Quirk: String, Sendable, Hashable, Codable, CaseIterable {
    /// Its template puts in a system message of its own where there is none.
    case alwaysSendSystem = "always_send_system"
    /// It knows no system role: the system message goes before the first message of the user.
    case noSystemRole = "no_system_role"
    /// Its server knows no `response_format`.
    case noJSONSchema = "no_json_schema"
  }

  /// How often the model chose the right tool in a suite of cases.
  public struct ToolChoice: Sendable, Hashable, Codable {
    /// Share of right choices, 0 to 1.
    public var accuracy: Double
    public var cases: Int
    /// The suite's name and version.
    public var suite: String
    public init(accuracy: Double, cases: Int, suite: String) {
      self.accuracy = accuracy
      self.cases = cases
      self.suite = suite
    }
  }

  public init(
    name: String, title: String, licence: String, source: String, files: [ModelFile], vision: Bool, contextTokens: Int,
    imageTokens: Int? = nil, quirks: [Quirk] = [], toolChoice: ToolChoice? = nil
  ) {
    self.name = name
    self.title = title
    self.licence = licence
    self.source = source
    self.files = files
    self.vision = vision
    self.contextTokens = contextTokens
    self.imageTokens = imageTokens
    self.quirks = quirks
    self.toolChoice = toolChoice
  }

  /// Largest manifest read.
  public static let maxBytes = 1 << 16

  /// Reads a manifest. Throws `model.unavailable` with the key that is wrong.
  public static func read(_ bytes: [UInt8]) throws(VPathError) -> ModelManifest {
    func wrong(_ words: String) -> VPathError {
      VPathError(.modelUnavailable, "The model's manifest cannot be used: \(words)", subject: "model.json")
    }
    let value: JSONValue
    do {
      value = try JSONValue.parse(bytes, limits: JSONLimits(maxBytes: maxBytes, maxDepth: 8, maxValues: 2000))
    } catch {
      throw wrong("\(error)")
    }
    guard let schema = try? JSONSchema(Self.schema.json) else { throw wrong("its schema is wrong.") }
    if let first = schema.validate(value).first { throw wrong("\(first)") }
    let manifest: ModelManifest
    do {
      manifest = try decodeJSON(ModelManifest.self, from: value)
    } catch {
      throw wrong("\(error)")
    }
    let weights = manifest.files.filter { $0.role == .weights }
    guard manifest.files.isEmpty || (weights.count == 1 && manifest.files[0].role == .weights) else {
      throw wrong("/files: the weights come first, and once.")
    }
    guard manifest.files.filter({ $0.role == .projector }).count <= 1 else {
      throw wrong("/files: there is more than one projector.")
    }
    guard Set(manifest.files.map(\.file)).count == manifest.files.count else {
      throw wrong("/files: two files have one name.")
    }
    return manifest
  }

  /// The manifest as it is written: pretty, keys in order.
  public func written() throws(VPathError) -> [UInt8] {
    do {
      return Array((try encodeJSON(self).prettyString() + "\n").utf8)
    } catch {
      throw VPathError(.internalBug, "The manifest could not be written: \(error.message)")
    }
  }

  /// JSON Schema of the file.
  public static let schema: Schema = {
    func word(_ most: Int) -> Schema { .string(minLength: 1, maxLength: most) }
    let file = Schema.object([
      .required("role", .string(enum: ModelFile.Role.allCases.map(\.rawValue))),
      .required("file", .string(minLength: 1, maxLength: 128, pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$")),
      .required("sizeBytes", .integer(min: 1)),
      .required("sha256", .string(pattern: "^[0-9a-f]{64}$")),
      .optional("asset", word(64)),
      .optional("path", .string(minLength: 2, maxLength: 4096, pattern: "^/")),
    ])
    let choice = Schema.object([
      .required("accuracy", .number(min: 0, max: 1)), .required("cases", .integer(min: 1)),
      .required("suite", word(64)),
    ])
    return .object([
      .required("name", .string(pattern: namePattern)), .required("title", word(200)), .required("licence", word(100)),
      .required("source", word(1000)), .required("files", .array(of: file, max: 64)), .required("vision", .boolean()),
      .required("contextTokens", .integer(min: 256, max: 16_777_216)),
      .optional("imageTokens", .anyOf([.integer(min: 1, max: 100_000), .null()])),
      .required("quirks", .array(of: .string(enum: Quirk.allCases.map(\.rawValue)), max: Quirk.allCases.count)),
      .optional("toolChoice", .anyOf([choice, .null()])),
    ])
  }()

  static let namePattern = "^[a-z0-9][a-z0-9._-]{0,63}$"

  /// Whether a text can be a model's name, and so its folder's.
  public static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, text.utf8.count <= 64 else { return false }
    func isWord(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) }
    return isWord(first) && text.utf8.allSatisfy { isWord($0) || [0x2E, 0x5F, 0x2D].contains($0) }
  }
}

/// One file of a model.
public struct ModelFile: Sendable, Hashable, Codable {
  public enum Role: String, Sendable, Hashable, Codable, CaseIterable {
    /// The GGUF that the server is given.
    case weights
    /// A further part of weights that are split over several files.
    case part
    /// The vision projector.
    case projector
  }
  public var role: Role
  /// The last part of its path.
  public var file: String
  public var sizeBytes: Int
  public var sha256: SHA256Hex
  /// The asset of assets.lock that gives it.
  public var asset: String?
  /// Where it lies, when it was put in from there and not copied.
  public var path: String?

  public init(
    role: Role, file: String, sizeBytes: Int, sha256: SHA256Hex, asset: String? = nil, path: String? = nil
  ) {
    self.role = role
    self.file = file
    self.sizeBytes = sizeBytes
    self.sha256 = sha256
    self.asset = asset
    self.path = path
  }
}

/// A model whose files were found; not yet whether they are the right ones.
public struct ResolvedModel: Sendable, Hashable {
  /// A file and where it lies.
  public struct Place: Sendable, Hashable {
    public var file: ModelFile
    public var path: String
    public init(file: ModelFile, path: String) {
      self.file = file
      self.path = path
    }
  }
  public var manifest: ModelManifest
  /// The weights first.
  public var files: [Place]

  public init(manifest: ModelManifest, files: [Place]) {
    self.manifest = manifest
    self.files = files
  }

  /// The GGUF that the server is given.
  public var weights: String { files.first?.path ?? "" }
  /// The vision projector.
  public var projector: String? { files.first { $0.file.role == .projector }?.path }
}
