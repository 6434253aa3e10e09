// `tool.json` read from a folder and checked: every fault is found in one go, each with what to change.
// What must stay true: an unknown key is a fault that names the key; nothing a manifest says widens what it gets.

import CPlatform
import Domain
import Glibc
import JSON

/// Something about a tool that should be changed.
public struct ToolCheckFinding: Sendable, Hashable, CustomStringConvertible {
  /// How much it matters.
  public enum Severity: String, Sendable, Codable, Hashable {
    /// The tool cannot be installed.
    case error
    /// It can, but will disappoint.
    case warning
  }
  public var severity: Severity
  /// The key of tool.json as a JSON Pointer, or the file.
  public var subject: String
  /// What is wrong and what to change.
  public var message: String

  public init(_ severity: Severity, _ subject: String, _ message: String) {
    self.severity = severity
    self.subject = subject
    // An error's own words end with a full stop already.
    self.message = message.hasSuffix("..") ? String(message.dropLast()) : message
  }

  public var description: String { "\(severity.rawValue): \(subject): \(message)" }
}

/// A manifest read from its folder.
struct ToolManifestFile: Sendable {
  static let name = "tool.json"
  static let maxBytes = 1 << 20

  var manifest: ToolManifest
  var inputSchema: JSONSchema
  var outputSchema: JSONSchema?
  /// The folder, links resolved.
  var folder: String
  var isBuiltIn: Bool

  /// The kept text of a tool.json, for the trace.
  var bytes: [UInt8]

  /// Reads and checks the manifest of a folder. Throws `tool.bad_manifest` with everything that is wrong.
  static func load(
    folder path: String, isBuiltIn: Bool, maxima: ToolManifest.Limits
  ) throws(VPathError) -> ToolManifestFile {
    var findings: [ToolCheckFinding] = []
    let file = read(folder: path, isBuiltIn: isBuiltIn, maxima: maxima, findings: &findings)
    let faults = findings.filter { $0.severity == .error }
    guard let file, faults.isEmpty else {
      throw VPathError(
        .toolBadManifest,
        "\(lastName(path))/tool.json: "
          + faults.prefix(8).map { "\($0.subject): \($0.message)" }.joined(separator: " "),
        subject: faults.first?.subject)
    }
    return file
  }

  /// Reads the manifest, adding what is wrong to `findings`; nil when it cannot be understood at all.
  static func read(
    folder path: String, isBuiltIn: Bool, maxima: ToolManifest.Limits, findings: inout [ToolCheckFinding]
  ) -> ToolManifestFile? {
    let folder: OpenFolder
    let bytes: [UInt8]
    let resolved = resolvedPath(path) ?? path
    do {
      folder = try OpenFolder.open(resolved)
      bytes = try folder.read(name, maxBytes: maxBytes)
    } catch {
      findings.append(.init(.error, error.name, "\(error.words). A tool is a folder with a tool.json."))
      return nil
    }
    let value: JSONValue
    do {
      value = try JSONValue.parse(bytes, limits: JSONLimits(maxBytes: maxBytes, maxDepth: 64, maxValues: 100_000))
    } catch {
      findings.append(.init(.error, name, "It is no JSON: \(error)."))
      return nil
    }
    let shapeFaults = ToolManifestSchema.compiled.map { $0.validate(value) } ?? []
    guard shapeFaults.isEmpty else {
      findings += shapeFaults.map {
        ToolCheckFinding(.error, $0.pointer.isEmpty ? name : $0.pointer, "\($0.message).")
      }
      return nil
    }
    let manifest: ToolManifest
    do {
      manifest = try decodeJSON(ToolManifest.self, from: value)
    } catch {
      findings.append(.init(.error, error.path ?? name, "\(error.message)."))
      return nil
    }
    var check = ManifestCheck(manifest: manifest, folder: folder, isBuiltIn: isBuiltIn, maxima: maxima)
    check.run()
    findings += check.findings
    guard let inputSchema = check.inputSchema else { return nil }
    return ToolManifestFile(
      manifest: manifest, inputSchema: inputSchema, outputSchema: check.outputSchema, folder: resolved,
      isBuiltIn: isBuiltIn, bytes: bytes)
  }
}

/// A path with its links resolved; nil when it does not exist.
func resolvedPath(_ path: String) -> String? {
  guard let found = realpath(path, nil) else { return nil }
  defer { free(found) }
  return String(cString: found)
}

/// What the schema alone cannot say of a manifest.
private struct ManifestCheck {
  let manifest: ToolManifest
  let folder: OpenFolder
  let isBuiltIn: Bool
  let maxima: ToolManifest.Limits
  var findings: [ToolCheckFinding] = []
  var inputSchema: JSONSchema?
  var outputSchema: JSONSchema?

  mutating func run() {
    compileSchemas()
    checkRun()
    checkNeeds()
    checkMeasures()
    checkLimits()
    checkAccepts()
    if manifest.vpath.protocol == .once, manifest.vpath.lifetime == .case {
      fault(
        "/vpath/lifetime",
        #"A "once" process ends with its call. Say "lifetime": "call", or speak "mcp"."#)
    }
    if manifest.vpath.hostOnly == true, !isBuiltIn {
      fault("/vpath/hostOnly", "Only the product's own tools may be host-only. Remove the key.")
    }
    if isBuiltIn, manifest.vpath.protocol != .mcp {
      fault("/vpath/protocol", #"The product's own tools speak "mcp"."#)
    }
  }

  private mutating func fault(_ subject: String, _ message: String) {
    findings.append(.init(.error, subject, message))
  }

  private mutating func compileSchemas() {
    do {
      inputSchema = try JSONSchema(manifest.inputSchema)
    } catch {
      fault("/inputSchema\(error.pointer)", "\(error.message).")
    }
    if manifest.inputSchema["type"] != "object" {
      fault("/inputSchema/type", #"Arguments are an object: say "type": "object"."#)
    }
    if manifest.inputSchema["additionalProperties"] != false {
      findings.append(
        .init(
          .warning, "/inputSchema",
          #"It accepts any further argument. Say "additionalProperties": false, so that a typing error is seen."#))
    }
    guard let schema = manifest.outputSchema else { return }
    do {
      outputSchema = try JSONSchema(schema)
    } catch {
      fault("/outputSchema\(error.pointer)", "\(error.message).")
    }
  }

  private mutating func checkRun() {
    guard let program = manifest.vpath.run.first else { return }
    if manifest.vpath.run.contains(where: { $0.utf8.contains(0) || $0.utf8.count > 4096 }) {
      fault("/vpath/run", "A word of the command is longer than 4,096 bytes or holds a NUL.")
    }
    if isBuiltIn {
      if program != BuiltInProgram.word {
        fault("/vpath/run/0", #"The product's own tools run "\#(BuiltInProgram.word)"."#)
      }
      return
    }
    switch ToolProgram(program) {
    case .inFolder(let name):
      do {
        let (fd, status) = try folder.openFile(name)
        close(fd)
        if status.mode & 0o111 == 0 {
          fault("/vpath/run/0", "\"\(program)\" is not executable. Run: chmod +x \(name)")
        }
      } catch {
        fault("/vpath/run/0", "\"\(program)\" \(error.words). Give a file of the tool's folder as ./name.")
      }
    case .system(let path):
      if access(path, X_OK) != 0 {
        fault("/vpath/run/0", "\"\(program)\" is not on this machine. Install it, or run a file of the tool's folder.")
      }
    case nil:
      fault(
        "/vpath/run/0",
        "\"\(PlainText.clean(program, limit: 100))\" must be a file of the folder (./name), a program below /usr, or the "
          + "bare name of one in /usr/bin.")
    }
  }

  private mutating func checkNeeds() {
    let needs = manifest.vpath.needs
    if needs.network {
      fault("/vpath/needs/network", "No tool gets the network. Put what it needs into its folder and say false.")
    }
    if needs.input == .view {
      if needs.viewMicronsPerPixel == nil {
        fault("/vpath/needs/viewMicronsPerPixel", "A tool that works on views says their µm per pixel here.")
      }
      let properties = manifest.inputSchema["properties"]
      if properties?["region"] == nil, properties?["regions"] == nil {
        fault(
          "/inputSchema/properties",
          #"A tool that works on views takes "region" (an evidence id) or "regions" (a list of them)."#)
      }
    } else if needs.viewMicronsPerPixel != nil || needs.viewFormat != nil {
      fault("/vpath/needs", #"viewMicronsPerPixel and viewFormat go with "input": "view"."#)
    }
  }

  private mutating func checkMeasures() {
    var names: Set<String> = []
    for (index, measure) in manifest.vpath.measures.enumerated() where !names.insert(measure.name).inserted {
      fault("/vpath/measures/\(index)/name", "\"\(measure.name)\" is there twice. Give each measure a name of its own.")
    }
    for (index, measure) in manifest.vpath.measures.enumerated() where measure.isOpen && !isBuiltIn {
      fault(
        "/vpath/measures/\(index)/name",
        "Only the product's own tools may leave a word of a measure open. Name each measure whole.")
    }
    for (index, measure) in manifest.vpath.measures.enumerated() {
      guard let from = measure.from else { continue }
      if JSONPointer(parsing: from) == nil {
        fault(
          "/vpath/measures/\(index)/from",
          #"It must be a JSON Pointer into structuredContent, such as "/count"."#)
      }
      if manifest.vpath.protocol != .mcp {
        fault("/vpath/measures/\(index)/from", #"It goes with "protocol": "mcp" alone."#)
      }
    }
  }

  private mutating func checkLimits() {
    let limits = manifest.vpath.limits
    if limits.seconds > maxima.seconds {
      fault("/vpath/limits/seconds", "\(limits.seconds) is above this host's maximum of \(maxima.seconds).")
    }
    if limits.memoryMiB > maxima.memoryMiB {
      fault("/vpath/limits/memoryMiB", "\(limits.memoryMiB) is above this host's maximum of \(maxima.memoryMiB).")
    }
    if limits.outputMiB > maxima.outputMiB {
      fault("/vpath/limits/outputMiB", "\(limits.outputMiB) is above this host's maximum of \(maxima.outputMiB).")
    }
  }

  private mutating func checkAccepts() {
    if let mpp = manifest.vpath.accepts?.mpp, mpp.count == 2, mpp[0] > mpp[1] {
      fault("/vpath/accepts/mpp", "The smaller µm per pixel comes first.")
    }
  }
}

/// What the first word of `run` names.
enum ToolProgram: Sendable, Equatable {
  /// A file of the tool's folder.
  case inFolder(String)
  /// A program of the system, by its absolute path.
  case system(String)

  init?(_ word: String) {
    if word.hasPrefix("./") {
      let name = String(word.dropFirst(2))
      guard !name.isEmpty, !name.split(separator: "/").contains("..") else { return nil }
      self = .inFolder(name)
    } else if word.hasPrefix("/") {
      guard word.hasPrefix("/usr/"), !word.split(separator: "/").contains("..") else { return nil }
      self = .system(word)
    } else {
      guard !word.isEmpty, !word.contains("/"), word != BuiltInProgram.word else { return nil }
      self = .system("/usr/bin/\(word)")
    }
  }
}

/// The word in a built-in manifest's `run` that stands for the product's own tools program.
enum BuiltInProgram {
  static let word = "vpath-tools"
}
