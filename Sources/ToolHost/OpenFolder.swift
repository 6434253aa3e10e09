// Files in a folder that a stranger may have written: opened beneath it, through no link, regular files only, within a
// size.
// What must stay true: nothing here follows a link or leaves the folder, whatever the names say; a read is bounded.

import CPlatform
import Domain
import Glibc

/// Why a file of a folder was not read or written.
struct FolderError: Error, Sendable, Equatable {
  enum Reason: Sendable, Equatable {
    case missing
    /// A link, or a name that leaves the folder.
    case link
    case notAFile
    case tooLarge(limitBytes: Int)
    /// Too many entries, or too deep.
    case tooMany(limit: Int)
    case system(Int32)
  }
  var reason: Reason
  /// Relative to the folder.
  var name: String

  init(_ reason: Reason, _ name: String) {
    self.reason = reason
    self.name = name
  }

  /// From errno of an open.
  init(errno code: Int32, _ name: String) {
    switch code {
    case ENOENT, ENOTDIR: self.init(.missing, name)
    case ELOOP, EXDEV: self.init(.link, name)
    case ENXIO, EISDIR, ENODEV: self.init(.notAFile, name)
    default: self.init(.system(code), name)
    }
  }

  /// What is wrong, without the name.
  var words: String {
    switch reason {
    case .missing: "is not there"
    case .link: "is a link or leads out of its folder; only files inside it are read"
    case .notAFile: "is no regular file"
    case .tooLarge(let limit): "is larger than the limit of \(limit) bytes"
    case .tooMany(let limit): "has too much below it (the limit is \(limit))"
    case .system(let code): "cannot be used: \(systemMessage(code))"
    }
  }
}

/// What the system says of an error number.
func systemMessage(_ code: Int32) -> String { strerror(code).map { String(cString: $0) } ?? "error \(code)" }

/// An open folder.
final class OpenFolder: Sendable {
  let descriptor: Int32

  /// Takes ownership of the descriptor.
  init(descriptor: Int32) { self.descriptor = descriptor }
  deinit { close(descriptor) }

  /// Opens a folder; the last part of the path may not be a link.
  static func open(_ path: String) throws(FolderError) -> OpenFolder {
    let fd = vp_open_directory(path)
    guard fd >= 0 else { throw FolderError(errno: errno, lastName(path)) }
    return OpenFolder(descriptor: fd)
  }

  /// A folder inside.
  func folder(_ name: String) throws(FolderError) -> OpenFolder {
    let fd = vp_open_directory_beneath(descriptor, name)
    guard fd >= 0 else { throw FolderError(errno: errno, name) }
    return OpenFolder(descriptor: fd)
  }

  /// Makes a folder inside that only this user may enter, and opens it. Throws when the name is taken.
  func makeFolder(_ name: String, mode: mode_t = 0o700) throws(FolderError) -> OpenFolder {
    guard mkdirat(descriptor, name, mode) == 0 else { throw FolderError(errno: errno, name) }
    return try folder(name)
  }

  /// The names inside, sorted by their bytes, without `.` and `..`. Throws when there are more than `limit`.
  func names(limit: Int) throws(FolderError) -> [String] {
    // fdopendir owns the descriptor it gets, and the place in the listing is shared with copies of it.
    let fd = vp_open_directory_beneath(descriptor, ".")
    guard fd >= 0, let listing = fdopendir(fd) else {
      let code = errno
      if fd >= 0 { close(fd) }
      throw FolderError(errno: code, ".")
    }
    defer { closedir(listing) }
    var found: [String] = []
    while let entry = readdir(listing) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let name else { throw FolderError(.system(EILSEQ), "a name that is not UTF-8") }
      if name == "." || name == ".." { continue }
      guard found.count < limit else { throw FolderError(.tooMany(limit: limit), ".") }
      found.append(name)
    }
    return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// What lies under a name, the last part not followed if it is a link.
  func status(_ name: String) throws(FolderError) -> vp_stat {
    var found = vp_stat()
    guard vp_lstat_at(descriptor, name, &found) == 0 else { throw FolderError(errno: errno, name) }
    return found
  }

  /// Opens a regular file beneath, and says what it is. The caller closes it.
  func openFile(_ name: String) throws(FolderError) -> (descriptor: Int32, status: vp_stat) {
    let fd = vp_open_beneath(descriptor, name)
    guard fd >= 0 else { throw FolderError(errno: errno, name) }
    var status = vp_stat()
    guard vp_fstat(fd, &status) == 0, status.is_regular != 0 else {
      close(fd)
      throw FolderError(.notAFile, name)
    }
    return (fd, status)
  }

  /// The bytes of a regular file beneath.
  func read(_ name: String, maxBytes: Int) throws(FolderError) -> [UInt8] {
    let (fd, status) = try openFile(name)
    defer { close(fd) }
    guard status.size <= maxBytes else { throw FolderError(.tooLarge(limitBytes: maxBytes), name) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(status.size) + 1)
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(fd, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FolderError(.system(errno), name) }
      if count == 0 { return bytes }
      // It may have grown since it was looked at.
      guard bytes.count + count <= maxBytes else { throw FolderError(.tooLarge(limitBytes: maxBytes), name) }
      bytes.append(contentsOf: buffer[..<count])
    }
  }

  /// Writes a new file that only this user may read. Throws when the name is taken.
  func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o600, sync: Bool = false) throws(FolderError) {
    let fd = openat(descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    guard fd >= 0 else { throw FolderError(errno: errno, name) }
    defer { close(fd) }
    try OpenFolder.writeAll(bytes[...], to: fd, name: name)
    if sync, vp_sync(fd) != 0 { throw FolderError(.system(errno), name) }
  }

  /// Writes all of the bytes to an open file.
  static func writeAll(_ bytes: ArraySlice<UInt8>, to descriptor: Int32, name: String) throws(FolderError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress?.advanced(by: done), $0.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw FolderError(.system(errno), name) }
      done += count
    }
  }

  /// Removes everything inside, links unfollowed, however deep it is: a folder met too deep is first moved up.
  /// Only for folders that nobody else writes to any more. Gives false when something could not be removed.
  @discardableResult
  func removeContents() -> Bool {
    var moved = 0
    var clean = true
    // Each round removes or moves at least one folder; a folder tree of n folders needs at most n rounds.
    for _ in 0..<1_000_000 {
      let before = moved
      clean = OpenFolder.clear(descriptor, top: descriptor, depth: 0, moved: &moved)
      if moved == before { break }
    }
    return clean
  }

  private static let maxDepth = 24

  private static func clear(_ fd: Int32, top: Int32, depth: Int, moved: inout Int) -> Bool {
    let copy = vp_open_directory_beneath(fd, ".")
    guard copy >= 0, let listing = fdopendir(copy) else {
      if copy >= 0 { close(copy) }
      return false
    }
    defer { closedir(listing) }
    var clean = true
    while let entry = readdir(listing) {
      let isDots =
        entry.pointee.d_name.0 == 0x2E
        && (entry.pointee.d_name.1 == 0
          || (entry.pointee.d_name.1 == 0x2E && entry.pointee.d_name.2 == 0))
      if isDots { continue }
      let done = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { name in
          if unlinkat(fd, name, 0) == 0 { return true }
          guard errno == EISDIR || errno == EPERM else { return errno == ENOENT }
          if unlinkat(fd, name, AT_REMOVEDIR) == 0 { return true }
          if depth >= maxDepth {
            moved += 1
            return renameat(fd, name, top, ".deep-\(moved)") == 0
          }
          // A tool may have taken its own rights away.
          fchmodat(fd, name, 0o700, 0)
          let inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
          guard inner >= 0 else { return false }
          defer { close(inner) }
          return clear(inner, top: top, depth: depth + 1, moved: &moved) && unlinkat(fd, name, AT_REMOVEDIR) == 0
        }
      }
      clean = clean && done
    }
    return clean
  }
}

/// Whether the path leads to a regular file (or, if `orFolder`, a folder) through no link at all; for paths that were
/// resolved before.
func isThereWithoutLinks(_ path: String, orFolder: Bool = false) -> Bool {
  guard path.hasPrefix("/"), let root = try? OpenFolder.open("/") else { return false }
  let name = String(path.dropFirst())
  if let file = try? root.openFile(name) {
    close(file.descriptor)
    return true
  }
  return orFolder && (try? root.folder(name)) != nil
}

/// The last part of a path: what may be shown of it.
func lastName(_ path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? "/"
}
