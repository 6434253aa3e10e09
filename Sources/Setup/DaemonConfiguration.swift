// The daemon's one configuration: defaults, then the file, then the environment, then flags.
// What must stay true: an unknown key, a wrong type or a value out of range refuses the whole configuration and names
// key and line; nothing half applies.

public import JSON
public import SystemPackage
import YAML

#if canImport(Glibc)
  import Glibc
#endif

/// What is wrong with a configuration.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  public var message: String
  public var key: String?
  public var line: Int?
  public init(_ message: String, key: String? = nil, line: Int? = nil) {
    self.message = message
    self.key = key
    self.line = line
  }
  public var description: String {
    [line.map { "line \($0)" }, key, message].compactMap { $0 }.joined(separator: ": ")
  }
}

/// The effective configuration of vpathd; each member is a key of ConfigurationKey.all, which documents it.
public struct DaemonConfiguration: Sendable, Hashable, Codable {
  public var socket: String
  public var stateDirectory: String
  public var slideDirectories: [String]
  public var policyFile: String
  public var resourceDirectory: String
  /// Nil: the system's library.
  public var openSlideLibrary: String?
  /// Nil: no classifier can run.
  public var openVINOLibrary: String?
  public var cacheDirectory: String
  public var logLevel: String
  public var limits: Limits
  public var budget: Budget
  public var tools: Tools
  public var model: Model
  public var trace: Trace

  /// `limits.…`
  public struct Limits: Sendable, Hashable, Codable {
    public var runningTurns: Int
    public var queuedTurns: Int
    public var connections: Int
    public var requestsInFlight: Int
    public var lineBytes: Int
    public var questionBytes: Int
    public var drainSeconds: Double
    public var slowReaderSeconds: Double
  }

  /// `budget.…`
  public struct Budget: Sendable, Hashable, Codable {
    public var steps: Int
    public var toolCalls: Int
    public var regions: Int
    public var tokens: Int
    public var seconds: Double
  }

  /// `tools.…`
  public struct Tools: Sendable, Hashable, Codable {
    public var bubblewrap: String
    public var trustedWithoutSandbox: [String]
    public var idleSeconds: Double
    public var processes: Int
  }

  /// `model.…`
  public struct Model: Sendable, Hashable, Codable {
    /// Nil: what was chosen in the state directory, else the built-in one.
    public var use: String?
    /// "narrowed" or "free"; nil: as the model's measured tool choice says.
    public var planning: String?
    public var server: String?
    public var sandbox: Bool
    public var threads: Int
    public var contextTokens: Int?
    public var idleSeconds: Int
    public var requestSeconds: Double
    public var endpointURL: String?
    public var endpointKeyFile: String?
    public var endpointCAFile: String?
    public var endpointProxy: String?
    public var endpointName: String?
    public var endpointVision: Bool
  }

  /// `trace.…`
  public struct Trace: Sendable, Hashable, Codable {
    public var reserveMiB: Int
    public var checkpointCopy: String?
  }

  /// Largest configuration file read.
  public static let maxFileBytes = 1 << 20

  /// Reads the configuration. `file` nil looks at the places' own files; `flags` are keys with dots and their text.
  /// Throws ConfigurationError that names key and line.
  public static func load(
    file: FilePath?, environment: [String: String], flags: [String: String], places: Places, executable: FilePath?
  ) throws(ConfigurationError) -> DaemonConfiguration {
    var merged = machineDefaults(places: places, executable: executable)
    for key in ConfigurationKey.all {
      if let value = key.value { merged.set(key.name, value) }
    }
    if let text = try read(file, places: places) {
      let document: YAMLDocument
      do {
        document = try YAMLDocument(text)
      } catch {
        throw ConfigurationError(error.message, line: error.line)
      }
      try check(document.value) { document.line(at: $0) }
      merged.merge(document.value)
    }
    for key in ConfigurationKey.all {
      if let text = environment[key.environmentName] { try merged.set(key, text: text, from: key.environmentName) }
    }
    for (name, text) in flags.sorted(by: { $0.key < $1.key }) {
      guard let key = ConfigurationKey.all.first(where: { $0.name == name }) else {
        throw ConfigurationError("There is no such key. `vpathd --example` prints them all.", key: name)
      }
      try merged.set(key, text: text, from: name)
    }
    try check(merged.value) { _ in nil }
    guard merged["resourceDirectory"] != nil else {
      throw ConfigurationError(
        "The product's tools and policies were not found beside the program. Set it to the folder that holds tools/.",
        key: "resourceDirectory")
    }
    if merged["policyFile"] == nil, let resources = merged["resourceDirectory"]?.stringValue {
      merged.set("policyFile", .string(FilePath(resources).appending("policies/default.yaml").string))
    }
    do {
      return try decodeJSON(DaemonConfiguration.self, from: merged.value)
    } catch {
      throw ConfigurationError(error.message, key: error.path)
    }
  }

  /// The configuration as JSON, as `--check` prints it.
  public var json: JSONValue { (try? encodeJSON(self)) ?? [:] }

  private static func machineDefaults(places: Places, executable: FilePath?) -> Members {
    var members = Members()
    members.set("socket", .string(places.socket.string))
    members.set("stateDirectory", .string(places.stateDirectory.string))
    members.set("cacheDirectory", .string(places.cacheDirectory.string))
    members.set("limits.runningTurns", .number(Double(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))))
    if let executable, let resources = ResourceDirectory.find(executable: executable) {
      members.set("resourceDirectory", .string(resources.string))
      let installed = resources.appending("lib/libopenslide.so.1")
      if access(installed.string, R_OK) == 0 {
        members.set("openSlideLibrary", .string(installed.string))
      } else if let library = AssetLock.file(
        "openslide", lock: resources.appending("assets.lock"), cache: places.cacheDirectory)
      {
        members.set("openSlideLibrary", .string(library.string))
      }
      let runtime = resources.appending("lib/openvino/libopenvino_c.so.2641")
      if access(runtime.string, R_OK) == 0 {
        members.set("openVINOLibrary", .string(runtime.string))
      } else if let library = AssetLock.file(
        "openvino", lock: resources.appending("assets.lock"), cache: places.cacheDirectory)
      {
        members.set("openVINOLibrary", .string(library.string))
      }
    }
    return members
  }

  private static func read(_ file: FilePath?, places: Places) throws(ConfigurationError) -> String? {
    if let file {
      do {
        return try BoundedFile.text(file, maxBytes: maxFileBytes)
      } catch {
        throw ConfigurationError("The file \(file.lastComponent?.string ?? "") cannot be read: \(error.reason).")
      }
    }
    for candidate in places.configurationFiles where access(candidate.string, F_OK) == 0 {
      return try read(candidate, places: places)
    }
    return nil
  }

  private static func check(_ value: JSONValue, line: (String) -> Int?) throws(ConfigurationError) {
    let schema: JSONSchema
    do {
      schema = try JSONSchema(ConfigurationKey.schema.json)
    } catch {
      throw ConfigurationError("The table of keys is wrong: \(error).")
    }
    guard let first = schema.validate(value).first else { return }
    let key = first.pointer.split(separator: "/").joined(separator: ".")
    throw ConfigurationError(first.message, key: key.isEmpty ? nil : key, line: line(first.pointer))
  }
}

/// A tree of members addressed by keys with dots.
private struct Members {
  var value: JSONValue = [:]

  subscript(name: String) -> JSONValue? {
    name.split(separator: ".").reduce(Optional(value)) { $0?[String($1)] }
  }

  mutating func set(_ name: String, _ new: JSONValue) {
    func setting(_ words: ArraySlice<Substring>, in old: JSONValue?) -> JSONValue {
      guard let word = words.first else { return new }
      var members = old?.objectValue ?? [:]
      members[String(word)] = setting(words.dropFirst(), in: members[String(word)])
      return .object(members)
    }
    value = setting(name.split(separator: ".")[...], in: value)
  }

  mutating func merge(_ other: JSONValue, prefix: String = "") {
    for (name, member) in other.objectValue ?? [:] {
      if case .object = member {
        merge(member, prefix: prefix + name + ".")
      } else if member != .null {
        set(prefix + name, member)
      }
    }
  }

  /// Sets a key from text: a list is separated by colons, numbers and truth values are read as YAML reads them.
  mutating func set(_ key: ConfigurationKey, text: String, from source: String) throws(ConfigurationError) {
    switch key.schema.json["type"] {
    case "array": set(key.name, .array(text.split(separator: ":").map { .string(String($0)) }))
    case "string": set(key.name, .string(text))
    default:
      guard let document = try? YAMLDocument("v: \(text)"), let value = document.value["v"] else {
        throw ConfigurationError("The value of \(source) cannot be read.", key: key.name)
      }
      set(key.name, value)
    }
  }
}
