// What the product's own tools are made of on disk: their program, and the files and folders it may read (the OpenSlide
// library, cards, weights, templates). Their digests say which program measured.
// What must stay true: a part that changed is hashed again before the next call; a part that cannot be read has no
// digest, and then the whole has none.

import CPlatform
import Domain
import JSON

/// The parts and their digests.
struct ProgramParts: Sendable {
  private let paths: [String]

  init(_ configuration: ToolHostConfiguration) {
    paths = [configuration.builtInProgram] + configuration.builtInReadOnlyPaths
  }

  /// What tells that a part was replaced or edited.
  func stamps() -> [FolderEntry.Stamp] {
    paths.flatMap { path -> [FolderEntry.Stamp] in
      if let contents = contents(path) { return contents.contents.entries.map(\.stamp) }
      guard let place = place(path), let status = try? place.folder.status(place.name) else { return [] }
      return [
        .init(
          inode: status.inode, modifiedSeconds: status.modified_seconds,
          modifiedNanoseconds: status.modified_nanoseconds)
      ]
    }
  }

  /// Each part's digest by its name; a folder's is the one of docs/tool-contract.md. Empty when a part cannot be read.
  func digests() -> [String: SHA256Hex] {
    var found: [String: SHA256Hex] = [:]
    for path in paths {
      guard let digest = digest(path) else { return [:] }
      found[lastName(path)] = digest
    }
    return found
  }

  /// One digest over all of them; nil when there is none.
  static func digest(_ parts: [String: SHA256Hex]) -> SHA256Hex? {
    parts.isEmpty ? nil : sha256(JSONValue.object(parts.mapValues { .string($0.rawValue) }).canonicalBytes())
  }

  private func digest(_ path: String) -> SHA256Hex? {
    if let found = contents(path) { return try? found.contents.digest(of: found.folder) }
    guard let place = place(path) else { return nil }
    return (try? FolderContents.hash(place.folder, place.name)).map { SHA256Hex($0) }
  }

  private func contents(_ path: String) -> (folder: OpenFolder, contents: FolderContents)? {
    guard let folder = try? OpenFolder.open(path), let contents = try? FolderContents(of: folder) else { return nil }
    return (folder, contents)
  }

  /// A file's folder and name, links resolved.
  private func place(_ path: String) -> (folder: OpenFolder, name: String)? {
    guard let resolved = resolvedPath(path), let slash = resolved.lastIndex(of: "/"),
      let folder = try? OpenFolder.open(String(resolved[..<slash]))
    else { return nil }
    return (folder, lastName(resolved))
  }
}
