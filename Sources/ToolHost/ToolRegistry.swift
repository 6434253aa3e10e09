// The tools there are: the product's own, and those an operator installed. Used by the daemon, and by `vpath tool`
// without one.
// What must stay true: an installed tool whose folder no longer has its pinned hash is not offered and does not run;
// an installation is there whole or not at all.

import CPlatform
public import Domain
import Glibc
import JSON
import Synchronization

/// Finds, installs and removes tools. Its calls read and write files and may take a while for large folders.
public final class ToolRegistry: Sendable {
  private let builtInDirectory: String
  private let installedDirectory: String
  private let programs: ProgramParts
  private let maxima: ToolManifest.Limits
  private let state = Mutex(State())

  private struct State {
    var tools: [String: Entry]?
    var stamps: [FolderEntry.Stamp] = []
    var parts: (stamps: [FolderEntry.Stamp], digests: [String: SHA256Hex])?
  }

  private struct Entry {
    var info: ToolInfo
    var tool: RegisteredTool?
  }

  /// A registry over the two folders; nothing is read yet.
  public init(_ configuration: ToolHostConfiguration) {
    builtInDirectory = configuration.builtInDirectory
    installedDirectory = configuration.installedDirectory
    programs = ProgramParts(configuration)
    maxima = configuration.maxima
  }

  /// Most tools that are looked at in each folder.
  private static let maxTools = 512

  // MARK: - Reading

  /// All tools, those with a problem too, sorted by name. Reads again what changed on disk.
  public func list() -> [ToolInfo] {
    entries().values.map(\.info).sorted { $0.name < $1.name }
  }

  /// One tool. Throws `tool.not_found`.
  public func info(_ name: String) throws(VPathError) -> ToolInfo {
    guard let entry = entries()[name] else { throw ToolRegistry.notFound(name) }
    return entry.info
  }

  /// The manifests of the tools that can be offered, sorted by name.
  public func manifests() -> [ToolManifest] {
    list().compactMap { $0.problem == nil ? $0.manifest : nil }
  }

  /// The digests of what the product's own tools are made of, by name: their program, and each file or folder it may read.
  public func programDigests() -> [String: SHA256Hex] {
    let now = programs.stamps()
    if let known = state.withLock({ $0.parts?.stamps == now ? $0.parts?.digests : nil }) { return known }
    let digests = programs.digests()
    state.withLock { $0.parts = (now, digests) }
    return digests
  }

  /// Names of the product's own tools.
  public func builtInNames() -> [String] { list().filter(\.isBuiltIn).map(\.name) }

  /// The tool, its folder checked against what was pinned. Throws `tool.not_found` or `tool.bad_manifest`.
  func verified(_ name: String) throws(VPathError) -> RegisteredTool {
    guard let entry = entries()[name] else { throw ToolRegistry.notFound(name) }
    if let problem = entry.info.problem { throw problem }
    guard let tool = entry.tool else { throw ToolRegistry.notFound(name) }
    guard !tool.file.isBuiltIn else { return tool }
    let folder = try ToolRegistry.open(tool.file.folder)
    guard try FolderContents(of: folder) != tool.contents else { return tool }
    // Something was touched: read everything again, which compares the hashes.
    let again = reload()
    guard let entry = again[name] else { throw ToolRegistry.notFound(name) }
    if let problem = entry.info.problem { throw problem }
    guard let tool = entry.tool else { throw ToolRegistry.notFound(name) }
    return tool
  }

  private static func notFound(_ name: String) -> VPathError {
    VPathError(
      .toolNotFound,
      "There is no tool \"\(PlainText.clean(name, limit: 64))\". `vpath tool list` shows those there are.",
      subject: PlainText.clean(name, limit: 64))
  }

  private static func open(_ path: String) throws(VPathError) -> OpenFolder {
    do {
      return try OpenFolder.open(path)
    } catch {
      throw VPathError(.toolBadManifest, "The tool's folder \(error.words).")
    }
  }

  private func entries() -> [String: Entry] {
    let now = stamps()
    if let known = state.withLock({ $0.stamps == now ? $0.tools : nil }) { return known }
    return reload()
  }

  /// What tells that something was installed, removed or edited.
  private func stamps() -> [FolderEntry.Stamp] {
    func stamp(_ folder: OpenFolder, _ name: String) -> FolderEntry.Stamp? {
      guard let status = try? folder.status(name) else { return nil }
      return .init(
        inode: status.inode, modifiedSeconds: status.modified_seconds,
        modifiedNanoseconds: status.modified_nanoseconds)
    }
    var found: [FolderEntry.Stamp] = []
    for (directory, file) in [
      (builtInDirectory, ToolManifestFile.name), (installedDirectory, InstalledTool.fileName),
    ] {
      guard let folder = try? OpenFolder.open(directory), let names = try? folder.names(limit: ToolRegistry.maxTools)
      else { continue }
      for name in names { if let stamp = stamp(folder, "\(name)/\(file)") { found.append(stamp) } }
    }
    return found + programs.stamps()
  }

  @discardableResult
  private func reload() -> [String: Entry] {
    let stamps = stamps()
    var tools: [String: Entry] = [:]
    let digest = ProgramParts.digest(programDigests())
    for name in ToolRegistry.folders(builtInDirectory) { tools[name] = builtIn(name, digest) }
    for name in ToolRegistry.folders(installedDirectory) where tools[name] == nil { tools[name] = installed(name) }
    let found = tools
    state.withLock { state in
      state.tools = found
      state.stamps = stamps
    }
    return found
  }

  private static func folders(_ path: String) -> [String] {
    guard let folder = try? OpenFolder.open(path), let names = try? folder.names(limit: maxTools) else { return [] }
    return names.filter { !$0.hasPrefix(".") && ((try? folder.status($0))?.is_directory ?? 0) != 0 }
  }

  private func builtIn(_ name: String, _ digest: SHA256Hex?) -> Entry? {
    let path = "\(builtInDirectory)/\(name)"
    // Folders without a manifest hold examples and documents.
    guard access("\(path)/\(ToolManifestFile.name)", F_OK) == 0 else { return nil }
    do {
      var file = try ToolManifestFile.load(folder: path, isBuiltIn: true, maxima: maxima)
      try ToolRegistry.check(file.manifest, folderName: name)
      file.manifest.vpath.sha256 = digest
      return Entry(
        info: ToolInfo(manifest: file.manifest, name: name, isBuiltIn: true, installed: nil, problem: nil),
        tool: RegisteredTool(file: file, grants: ToolGrants(), contents: nil))
    } catch {
      return Entry(info: ToolInfo(manifest: nil, name: name, isBuiltIn: true, installed: nil, problem: error))
    }
  }

  private func installed(_ name: String) -> Entry {
    var info = ToolInfo(manifest: nil, name: name, isBuiltIn: false, installed: nil, problem: nil)
    do throws(VPathError) {
      let outer = try ToolRegistry.open("\(installedDirectory)/\(name)")
      let record = try ToolRegistry.record(outer)
      info.installed = record
      let path = "\(installedDirectory)/\(name)/\(InstalledTool.folderName)"
      let folder = try ToolRegistry.open(path)
      let contents = try FolderContents(of: folder)
      guard try contents.digest(of: folder) == record.sha256 else {
        throw VPathError(
          .toolBadManifest,
          "The folder of \"\(name)\" has changed since it was installed, so it is not offered. Look at the change and run "
            + "`vpath tool install` again.", subject: name)
      }
      var file = try ToolManifestFile.load(folder: path, isBuiltIn: false, maxima: maxima)
      try ToolRegistry.check(file.manifest, folderName: name)
      file.manifest.vpath.sha256 = record.sha256
      info.manifest = file.manifest
      return Entry(info: info, tool: RegisteredTool(file: file, grants: record.grants, contents: contents))
    } catch {
      info.problem = error
      return Entry(info: info)
    }
  }

  private static func check(_ manifest: ToolManifest, folderName: String) throws(VPathError) {
    guard manifest.name != folderName else { return }
    throw VPathError(
      .toolBadManifest, "The folder \"\(folderName)\" holds a tool named \"\(manifest.name)\". Give both one name.",
      subject: manifest.name)
  }

  private static func record(_ folder: OpenFolder) throws(VPathError) -> InstalledTool {
    do {
      let bytes = try folder.read(InstalledTool.fileName, maxBytes: 1 << 16)
      return try decodeJSON(InstalledTool.self, from: try JSONValue.parse(bytes))
    } catch {
      throw VPathError(
        .toolBadManifest, "The record of an installed tool cannot be read. Run `vpath tool install` again.",
        subject: InstalledTool.fileName)
    }
  }

  // MARK: - Changing

  /// Copies the tool of a folder into the registry and pins its hash; a tool of that name is replaced. Throws
  /// `tool.bad_manifest` saying what to change; then nothing was changed.
  @discardableResult
  public func install(
    from directory: String, grants: ToolGrants = ToolGrants(), by uid: UInt32, at time: String
  ) throws(VPathError) -> ToolInfo {
    try grants.check()
    let manifest = try ToolManifestFile.load(folder: directory, isBuiltIn: false, maxima: maxima).manifest
    guard access("\(builtInDirectory)/\(manifest.name)/\(ToolManifestFile.name)", F_OK) != 0 else {
      throw VPathError(
        .toolBadManifest, "\"\(manifest.name)\" is one of the product's own tools. Give yours another name.",
        subject: "/name")
    }
    guard let source = resolvedPath(directory) else { throw ToolRegistry.notFound(lastName(directory)) }
    guard makeDirectories(installedDirectory) else {
      throw VPathError(.toolBadManifest, "The folder for installed tools cannot be made: \(systemMessage(errno)).")
    }
    let registry = try ToolRegistry.open(installedDirectory)
    let temporary = ".new-\(randomHexadecimal())"
    do {
      try copy(source, into: registry, as: temporary, name: manifest.name, grants: grants, uid: uid, time: time)
    } catch {
      ToolRegistry.remove(temporary, in: registry)
      throw error
    }
    if vp_rename_noreplace(registry.descriptor, temporary, registry.descriptor, manifest.name) != 0 {
      let exchanged = vp_rename_exchange(registry.descriptor, temporary, registry.descriptor, manifest.name)
      let code = errno
      ToolRegistry.remove(temporary, in: registry)
      guard exchanged == 0 else {
        throw VPathError(.toolBadManifest, "The tool could not be put in place: \(systemMessage(code)).")
      }
    }
    _ = vp_sync(registry.descriptor)
    reload()
    return try info(manifest.name)
  }

  /// Removes an installed tool. Throws `tool.not_found`; the product's own cannot be removed.
  public func remove(_ name: String) throws(VPathError) {
    guard let entry = entries()[name], !entry.info.isBuiltIn, let registry = try? OpenFolder.open(installedDirectory)
    else { throw ToolRegistry.notFound(name) }
    let gone = ".old-\(randomHexadecimal())"
    guard vp_rename_noreplace(registry.descriptor, name, registry.descriptor, gone) == 0 else {
      throw ToolRegistry.notFound(name)
    }
    ToolRegistry.remove(gone, in: registry)
    reload()
  }

  private func copy(
    _ source: String, into registry: OpenFolder, as temporary: String, name: String, grants: ToolGrants, uid: UInt32,
    time: String
  ) throws(VPathError) {
    let from = try ToolRegistry.open(source)
    let contents = try FolderContents(of: from, skipping: FolderContents.leftBehind)
    do {
      let outer = try registry.makeFolder(temporary)
      let files = try outer.makeFolder(InstalledTool.folderName)
      for entry in contents.entries { try ToolRegistry.copy(entry, from: from, to: files) }
    } catch {
      throw VPathError(.toolBadManifest, "\"\(error.name)\" could not be copied: it \(error.words).")
    }
    // What is pinned is what was copied, not what was looked at before.
    let path = "\(installedDirectory)/\(temporary)/\(InstalledTool.folderName)"
    let manifest = try ToolManifestFile.load(folder: path, isBuiltIn: false, maxima: maxima).manifest
    try ToolRegistry.check(manifest, folderName: name)
    let files = try ToolRegistry.open(path)
    let record = InstalledTool(
      name: name, version: manifest.vpath.version,
      sha256: try FolderContents(of: files).digest(of: files), installedAt: time, installedByUID: uid, grants: grants)
    do {
      let outer = try registry.folder(temporary)
      try outer.write(
        InstalledTool.fileName, Array(try encodeJSON(record).prettyString().utf8) + [0x0A], mode: 0o644, sync: true)
    } catch {
      throw VPathError(.toolBadManifest, "The record of the installation could not be written.")
    }
  }

  private static func copy(_ entry: FolderEntry, from: OpenFolder, to: OpenFolder) throws(FolderError) {
    switch entry.kind {
    case .folder:
      guard mkdirat(to.descriptor, entry.path, 0o755) == 0 else { throw FolderError(errno: errno, entry.path) }
    case .link(let target):
      guard symlinkat(target, to.descriptor, entry.path) == 0 else { throw FolderError(errno: errno, entry.path) }
    case .file(let isExecutable):
      let (source, _) = try from.openFile(entry.path)
      defer { close(source) }
      let target = openat(
        to.descriptor, entry.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, isExecutable ? 0o755 : 0o644)
      guard target >= 0 else { throw FolderError(errno: errno, entry.path) }
      defer { close(target) }
      var buffer = [UInt8](repeating: 0, count: 1 << 18)
      while true {
        let count = read(source, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw FolderError(.system(errno), entry.path) }
        if count == 0 { return }
        try OpenFolder.writeAll(buffer[..<count], to: target, name: entry.path)
      }
    }
  }

  private static func remove(_ name: String, in registry: OpenFolder) {
    if let folder = try? registry.folder(name) { folder.removeContents() }
    unlinkat(registry.descriptor, name, AT_REMOVEDIR)
  }
}

/// A tool that may run.
struct RegisteredTool: Sendable {
  var file: ToolManifestFile
  var grants: ToolGrants
  /// What its folder held when its hash was last checked; nil for the product's own.
  var contents: FolderContents?

  var manifest: ToolManifest { file.manifest }
}

/// Makes a directory and those above it, for this user alone.
func makeDirectories(_ path: String) -> Bool {
  if mkdir(path, 0o700) == 0 || errno == EEXIST { return true }
  guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return false }
  return makeDirectories(String(path[..<slash])) && (mkdir(path, 0o700) == 0 || errno == EEXIST)
}

/// 32 random digits, the first of each eight not zero.
func randomHexadecimal() -> String {
  (0..<4).map { _ in String(UInt32.random(in: 0x1000_0000 ... .max), radix: 16) }.joined()
}
