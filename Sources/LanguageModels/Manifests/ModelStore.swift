// Putting a model in: a GGUF and its projector, pinned and described in the state directory's models/NAME.
// What must stay true: a model is there whole or not at all; a file's head is read before it is taken; no model's files
// are overwritten, and its manifest only by a measurement.

public import Domain
import Glibc
import JSON

/// Puts models in.
public struct ModelStore: Sendable {
  public var folders: ModelFolders

  public init(_ folders: ModelFolders) { self.folders = folders }

  /// What is put in.
  public struct Addition: Sendable {
    public var name: String
    /// Absolute paths.
    public var weights: String
    public var projector: String?
    public var licence: String
    public var source: String
    /// Nil: what the file says.
    public var contextTokens: Int?
    public init(
      name: String, weights: String, projector: String?, licence: String, source: String, contextTokens: Int?
    ) {
      self.name = name
      self.weights = weights
      self.projector = projector
      self.licence = licence
      self.source = source
      self.contextTokens = contextTokens
    }
  }

  /// Throws `model.unavailable` when a model of that name is there, or a file is no GGUF.
  public func add(_ addition: Addition) async throws(VPathError) -> ModelManifest {
    try checkName(addition.name)
    let (head, weights) = try await pinned(addition.weights, role: .weights)
    guard head.architecture != "clip" else {
      throw VPathError(
        .modelUnavailable,
        "\(lastName(addition.weights)) is a projector, not a model. Give it with --projector, beside "
          + "the model.", subject: lastName(addition.weights))
    }
    var files = [weights]
    if let projector = addition.projector {
      let (head, file) = try await pinned(projector, role: .projector)
      guard head.architecture == "clip" else {
        throw VPathError(
          .modelUnavailable,
          "\(file.file) is no projector: its architecture is "
            + "\(EndpointFailure.clean(head.architecture)), not clip.", subject: file.file)
      }
      files.append(file)
    }
    guard let context = addition.contextTokens ?? head.contextTokens, context >= 256 else {
      throw VPathError(
        .modelUnavailable, "\(weights.file) does not say how many tokens of context it takes. Give --context.",
        subject: weights.file)
    }
    let title = EndpointFailure.clean(head.texts["general.name"] ?? addition.name)
    let licence =
      addition.licence.isEmpty ? EndpointFailure.clean(head.texts["general.license"] ?? "") : addition.licence
    let manifest = ModelManifest(
      name: addition.name, title: title.isEmpty ? addition.name : title, licence: licence.isEmpty ? "unknown" : licence,
      source: addition.source, files: files, vision: addition.projector != nil, contextTokens: context)
    try write(manifest)
    return manifest
  }

  /// Writes a manifest into the state's models/, new or in place of the one there.
  public func write(_ manifest: ModelManifest) throws(VPathError) {
    let bytes = try manifest.written()
    _ = try ModelManifest.read(bytes)
    let folder = "\(folders.own)/\(manifest.name)"
    try Self.writeWhole(bytes, to: folder + "/model.json")
  }

  /// Throws `model.unavailable` when the name cannot be a model's, or is taken.
  public func checkName(_ name: String) throws(VPathError) {
    guard ModelManifest.isName(name), !["rules", "endpoint"].contains(name) else {
      throw VPathError(
        .modelUnavailable,
        "A model cannot be called \(EndpointFailure.clean(name)): use small letters, digits, dot, dash "
          + "and underscore, at most 64, and neither rules nor endpoint.", subject: "name")
    }
    for folder in [folders.own, folders.builtIn] where access("\(folder)/\(name)/model.json", F_OK) == 0 {
      throw VPathError(
        .modelUnavailable,
        "A model called \(name) is there already. Choose another name, or remove its folder in the "
          + "state directory's models/.", subject: name)
    }
  }

  private func pinned(_ path: String, role: ModelFile.Role) async throws(VPathError) -> (GGUFHeader, ModelFile) {
    let name = lastName(path)
    func wrong(_ words: String) -> VPathError {
      VPathError(.modelUnavailable, "\(EndpointFailure.clean(name)) cannot be put in: \(words).", subject: name)
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw wrong("it cannot be opened (\(String(cString: strerror(errno))))") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw wrong("it is no file") }
    let size = Int(status.st_size)
    let head: GGUFHeader
    do {
      head = try GGUFHeader.read(descriptor, sizeBytes: size)
    } catch {
      throw wrong(error.words)
    }
    guard head.numbers["split.count"] ?? 1 <= 1 else {
      throw wrong("it is one part of several; join them with llama-gguf-split --merge first")
    }
    guard let hash = await ModelFileChecks.sha256(path) else { throw wrong("it could not be read") }
    return (head, ModelFile(role: role, file: name, sizeBytes: size, sha256: hash, path: path))
  }

  /// Writes a file that appears whole, its folders made as needed. Throws `model.unavailable`.
  static func writeWhole(_ bytes: [UInt8], to path: String) throws(VPathError) {
    guard makeFolder(folderName(path)) else { throw failure() }
    let new = "\(path).new-\(getpid())"
    guard let stream = fopen(new, "we") else { throw failure() }
    let isWhole =
      fwrite(bytes, 1, bytes.count, stream) == bytes.count && fflush(stream) == 0 && fsync(fileno(stream)) == 0
    guard fclose(stream) == 0, isWhole, rename(new, path) == 0 else {
      let error = failure()
      unlink(new)
      throw error
    }
  }

  /// Makes a folder and those above it, with mode 0700: before its first start a daemon has no state directory. False,
  /// with errno set, when it cannot be made.
  static func makeFolder(_ path: String) -> Bool {
    if mkdir(path, 0o700) == 0 || errno == EEXIST { return true }
    let parent = folderName(path)
    guard errno == ENOENT, parent != path, parent != "/", parent != ".", makeFolder(parent) else { return false }
    return mkdir(path, 0o700) == 0 || errno == EEXIST
  }

  private static func failure() -> VPathError {
    VPathError(
      .modelUnavailable, "The state directory's models/ cannot be written (\(String(cString: strerror(errno)))).",
      subject: "stateDirectory")
  }
}
