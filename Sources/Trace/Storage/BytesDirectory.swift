// Kept bytes and payloads that are too large for the database: one file each, named by SHA-256.
// What must stay true: a file under its hash's name is whole and durable before anything refers to it; temporary
// files are left only by a crash, and `clean` removes them.

import Glibc

/// The directory `bytes` of a trace: `bytes/ab/abcd…`.
struct BytesDirectory: Sendable {
  let path: String

  /// The file of a hash.
  func file(_ hash: SHA256Bytes) -> String {
    let name = hash.hex
    return "\(path)/\(name.prefix(2))/\(name)"
  }

  /// Makes the directory where there is none.
  func create() throws(FileFailure) {
    if mkdir(path, 0o700) != 0 && errno != EEXIST { throw FileFailure("mkdir", path) }
  }

  /// Writes a file durably. Writing the same bytes again replaces the file by an equal one.
  func write(_ bytes: [UInt8], hash: SHA256Bytes) throws(FileFailure) {
    let name = hash.hex
    let directory = "\(path)/\(name.prefix(2))"
    if mkdir(directory, 0o700) == 0 {
      try syncDirectory(path)
    } else if errno != EEXIST {
      throw FileFailure("mkdir", directory)
    }
    try writeFileDurably(bytes, to: name, in: directory)
  }

  /// Removes a file; none there is as good.
  func remove(_ hash: SHA256Bytes) throws(FileFailure) {
    guard unlink(file(hash)) == 0 || errno == ENOENT else { throw FileFailure("unlink", hash.hex) }
  }

  /// Part of a file; nil when there is none.
  func read(_ hash: SHA256Bytes, offset: Int, count: Int) throws(FileFailure) -> [UInt8]? {
    do {
      let file = try OpenFile(file(hash), O_RDONLY | O_NOFOLLOW)
      return try file.read(at: offset, count: min(count, max(0, file.size() - offset)))
    } catch {
      if error.code == ENOENT { return nil }
      throw error
    }
  }

  /// A file's size; nil when there is none.
  func size(_ hash: SHA256Bytes) throws(FileFailure) -> Int? {
    guard fileExists(file(hash)) else { return nil }
    return try OpenFile(file(hash), O_RDONLY | O_NOFOLLOW).size()
  }

  /// Feeds a file's bytes to a hasher, a piece at a time; false when there is no such regular file.
  func feed(_ hash: SHA256Bytes, to hasher: inout SHA256Hasher) throws(FileFailure) -> Bool {
    do {
      let file = try OpenFile(file(hash), O_RDONLY | O_NOFOLLOW)
      guard file.isRegular() else { return false }
      var offset = 0
      while true {
        let piece = try file.read(at: offset, count: 1 << 20)
        if piece.isEmpty { return true }
        hasher.update(piece)
        offset += piece.count
      }
    } catch {
      if error.code == ENOENT || error.code == ELOOP { return false }
      throw error
    }
  }

  /// Removes what a crash left: temporary files, and files that nothing refers to. Returns how many.
  func clean(isKnown: (SHA256Bytes) throws -> Bool) throws -> Int {
    var removed = 0
    for prefix in namesIn(path) ?? [] {
      for name in namesIn("\(path)/\(prefix)") ?? [] {
        if let hash = SHA256Bytes(hex: name), try isKnown(hash) { continue }
        if unlink("\(path)/\(prefix)/\(name)") == 0 { removed += 1 }
      }
    }
    return removed
  }
}
