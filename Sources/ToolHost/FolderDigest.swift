// A tool's folder as one hash: every file and link under it, so that any change is seen. docs/tool-contract.md gives
// the exact bytes that are hashed.
// What must stay true: the same content gives the same digest wherever it lies; a link that leaves the folder for
// anywhere but the system's own files is an error; the walk is bounded in entries, depth and bytes.

import CPlatform
import Crypto
import Domain
import Glibc
import JSON

/// One file or link under a folder.
struct FolderEntry: Sendable, Hashable {
  enum Kind: Sendable, Hashable {
    case file(isExecutable: Bool)
    case link(target: String)
    case folder
  }
  /// Relative, parts joined by `/`.
  var path: String
  var kind: Kind
  var sizeBytes: Int
  /// Changes whenever the content may have changed.
  var stamp: Stamp

  struct Stamp: Sendable, Hashable {
    var inode: UInt64
    var modifiedSeconds: Int64
    var modifiedNanoseconds: Int64
  }
}

/// What lies under a folder.
struct FolderContents: Sendable, Hashable {
  /// Sorted by the bytes of their paths.
  var entries: [FolderEntry]

  /// Bounds of a walk.
  struct Limits: Sendable, Hashable {
    var entries = 50_000
    var depth = 32
    var bytes = 8 << 30
    static let tool = Limits()
  }

  /// Folders that tools of developers leave behind; skipped when a folder is copied, never when it is checked.
  static let leftBehind: Set<String> = [".git", "__pycache__", ".venv-cache", ".DS_Store"]

  /// Walks the folder. Throws `tool.bad_manifest`, naming what must be changed.
  init(of folder: OpenFolder, limits: Limits = .tool, skipping: Set<String> = []) throws(VPathError) {
    var walk = Walk(limits: limits, skipping: skipping)
    do {
      try walk.visit(folder, prefix: "", depth: 0)
    } catch {
      throw VPathError(.toolBadManifest, "\"\(error.name)\" in the tool's folder \(error.words).", subject: error.name)
    }
    entries = walk.entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    for entry in entries {
      if case .link(let target) = entry.kind, !FolderContents.isAllowed(link: entry.path, to: target) {
        throw VPathError(
          .toolBadManifest,
          "The link \"\(entry.path)\" leads out of the tool's folder. Links may stay inside it or point below /usr.",
          subject: entry.path)
      }
    }
  }

  /// Whether a link stays inside the folder, or leads to the system's own files.
  static func isAllowed(link path: String, to target: String) -> Bool {
    if target.hasPrefix("/") {
      let parts = target.split(separator: "/", omittingEmptySubsequences: true)
      return parts.first == "usr" && !parts.contains("..")
    }
    var depth = path.split(separator: "/").count - 1
    for part in target.split(separator: "/") {
      if part == ".." { depth -= 1 } else if part != "." { depth += 1 }
      if depth < 0 { return false }
    }
    return true
  }

  /// The digest over all files and links. Reads every file once. Throws `tool.bad_manifest`.
  func digest(of folder: OpenFolder) throws(VPathError) -> SHA256Hex {
    var whole = SHA256()
    for entry in entries {
      let line: JSONValue
      switch entry.kind {
      case .folder: continue
      case .link(let target): line = ["link", .string(entry.path), .string(target)]
      case .file(let isExecutable):
        do {
          let hash = try FolderContents.hash(folder, entry.path)
          line = [isExecutable ? "program" : "file", .string(entry.path), .string(hash)]
        } catch {
          throw VPathError(.toolBadManifest, "\"\(error.name)\" in the tool's folder \(error.words).")
        }
      }
      whole.update(data: line.canonicalBytes() + [0x0A])
    }
    return SHA256Hex(bytes: whole.finalize())
  }

  static func hash(_ folder: OpenFolder, _ name: String) throws(FolderError) -> String {
    let (fd, _) = try folder.openFile(name)
    defer { close(fd) }
    var hash = SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = Glibc.read(fd, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FolderError(.system(errno), name) }
      if count == 0 { return SHA256Hex(bytes: hash.finalize()).rawValue }
      hash.update(data: buffer[..<count])
    }
  }

  private struct Walk {
    let limits: Limits
    let skipping: Set<String>
    var entries: [FolderEntry] = []
    var bytes = 0

    mutating func visit(_ folder: OpenFolder, prefix: String, depth: Int) throws(FolderError) {
      guard depth <= limits.depth else { throw FolderError(.tooMany(limit: limits.depth), prefix) }
      for name in try folder.names(limit: limits.entries) where !skipping.contains(name) {
        let path = prefix.isEmpty ? name : "\(prefix)/\(name)"
        guard !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
          throw FolderError(.system(EILSEQ), PlainText.clean(path, limit: 200))
        }
        let status = try folder.status(name)
        guard entries.count < limits.entries else { throw FolderError(.tooMany(limit: limits.entries), path) }
        var entry = FolderEntry(
          path: path, kind: .folder, sizeBytes: Int(status.size),
          stamp: .init(
            inode: status.inode, modifiedSeconds: status.modified_seconds,
            modifiedNanoseconds: status.modified_nanoseconds))
        if status.is_link != 0 {
          entry.kind = .link(target: try target(folder, name))
        } else if status.is_directory != 0 {
          entry.sizeBytes = 0
          entries.append(entry)
          try visit(try folder.folder(name), prefix: path, depth: depth + 1)
          continue
        } else if status.is_regular != 0 {
          entry.kind = .file(isExecutable: status.mode & 0o111 != 0)
          bytes += entry.sizeBytes
          guard bytes <= limits.bytes else { throw FolderError(.tooLarge(limitBytes: limits.bytes), path) }
        } else {
          throw FolderError(.notAFile, path)
        }
        entries.append(entry)
      }
    }

    private func target(_ folder: OpenFolder, _ name: String) throws(FolderError) -> String {
      var buffer = [CChar](repeating: 0, count: 4096)
      let count = readlinkat(folder.descriptor, name, &buffer, buffer.count)
      guard count >= 0, count < buffer.count,
        let text = String(validating: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      else { throw FolderError(.link, name) }
      return text
    }
  }
}

/// SHA-256 of bytes.
func sha256(_ bytes: some Collection<UInt8>) -> SHA256Hex {
  SHA256Hex(bytes: SHA256.hash(data: Array(bytes)))
}
