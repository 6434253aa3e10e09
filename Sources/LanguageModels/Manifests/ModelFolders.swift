// The models of this machine: those that came with the product, and those that were put in.
// What must stay true: a manifest that cannot be read hides no other; a model that was put in wins over a built-in one
// of the same name; nothing here changes a file.

public import Domain
import Glibc

/// One model's folder.
public struct ModelEntry: Sendable {
  public var name: String
  public var isBuiltIn: Bool
  public var folder: String
  /// The manifest, or what is wrong with it.
  public var manifest: Result<ModelManifest, VPathError>
}

/// Finds models.
public struct ModelFolders: Sendable, Hashable {
  /// `models/` of the product.
  public var builtIn: String
  /// `models/` of the state directory.
  public var own: String
  /// The cache of pinned files: `assets/SHA256/FILE` in it.
  public var cache: String

  public init(builtIn: String, own: String, cache: String) {
    self.builtIn = builtIn
    self.own = own
    self.cache = cache
  }

  /// All models by name; at most 1,000.
  public func list() -> [ModelEntry] {
    var found: [String: ModelEntry] = [:]
    for (folder, isBuiltIn) in [(builtIn, true), (own, false)] {
      for name in Self.names(in: folder) {
        if let entry = entry(name, in: folder, isBuiltIn: isBuiltIn) { found[name] = entry }
      }
    }
    return found.values.sorted { $0.name < $1.name }
  }

  /// One model. Throws `model.unavailable` when there is none of that name, or its manifest cannot be used.
  public func manifest(_ name: String) throws(VPathError) -> (ModelManifest, folder: String) {
    guard let found = try manifestIfThere(name) else {
      throw VPathError(
        .modelUnavailable,
        "There is no model called \(EndpointFailure.clean(name)). `vpath model list` shows them, "
          + "`vpath model add` puts one in.", subject: "model.use")
    }
    return found
  }

  /// One model, or nil where there is none of that name. Throws `model.unavailable` when its manifest cannot be used.
  public func manifestIfThere(_ name: String) throws(VPathError) -> (ModelManifest, folder: String)? {
    guard ModelManifest.isName(name),
      let entry = entry(name, in: own, isBuiltIn: false) ?? entry(name, in: builtIn, isBuiltIn: true)
    else { return nil }
    return (try entry.manifest.get(), entry.folder)
  }

  /// One model with its files. Throws `model.unavailable` naming the file that is missing and what gets it.
  public func resolve(_ name: String) throws(VPathError) -> ResolvedModel {
    let (manifest, folder) = try manifest(name)
    var places: [ResolvedModel.Place] = []
    for file in manifest.files {
      let candidates = [file.path, "\(folder)/\(file.file)", "\(cache)/assets/\(file.sha256.rawValue)/\(file.file)"]
      guard let path = candidates.compactMap({ $0 }).first(where: { access($0, R_OK) == 0 }) else {
        let remedy =
          file.asset.map { "Run packaging/fetch-assets \($0), which fetches and makes it." }
          ?? "Put it back, or put the model in again with `vpath model add`."
        throw VPathError(
          .modelUnavailable, "The model \(name) lacks its file \(file.file). \(remedy)", subject: file.file)
      }
      places.append(.init(file: file, path: path))
    }
    return ResolvedModel(manifest: manifest, files: places)
  }

  private func entry(_ name: String, in folder: String, isBuiltIn: Bool) -> ModelEntry? {
    let own = "\(folder)/\(name)"
    guard access(own + "/model.json", F_OK) == 0 else { return nil }
    let manifest: Result<ModelManifest, VPathError>
    do throws(VPathError) {
      guard let bytes = SmallFile.bytes(own + "/model.json", maxBytes: ModelManifest.maxBytes) else {
        throw VPathError(
          .modelUnavailable,
          "The manifest of \(name) cannot be read, or has more than \(ModelManifest.maxBytes) bytes.",
          subject: "model.json")
      }
      let read = try ModelManifest.read(bytes)
      guard read.name == name else {
        throw VPathError(
          .modelUnavailable, "The manifest in the folder \(name) names the model \(read.name). They must agree.",
          subject: "model.json")
      }
      manifest = .success(read)
    } catch {
      manifest = .failure(error)
    }
    return ModelEntry(name: name, isBuiltIn: isBuiltIn, folder: own, manifest: manifest)
  }

  private static func names(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while names.count < 1000, let entry = readdir(directory) {
      let name = withUnsafePointer(to: entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if ModelManifest.isName(name) { names.append(name) }
    }
    return names
  }
}

/// Reads small files whole.
enum SmallFile {
  /// The bytes of a regular file; nil when it is none, cannot be read, or has more than `maxBytes`.
  static func bytes(_ path: String, maxBytes: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= maxBytes else {
      return nil
    }
    return bytes(descriptor, maxBytes: maxBytes)
  }

  /// The beginning of a file of the kernel, which tells no size.
  static func kernelFile(_ path: String, maxBytes: Int = 1 << 20) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while result.count < maxBytes {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      result += buffer[..<count]
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func bytes(_ descriptor: Int32, maxBytes: Int) -> [UInt8]? {
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0, result.count + count <= maxBytes else { return nil }
      if count == 0 { return result }
      result += buffer[..<count]
    }
  }
}
