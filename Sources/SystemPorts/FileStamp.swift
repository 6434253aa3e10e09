// What tells a file from its later self without reading it: hashes are cached by it.
// What must stay true: a file that was replaced or written to has another stamp, as far as inode, size and time tell.

import Glibc

/// What tells a file from its later self without reading it.
struct FileStamp: Sendable, Hashable {
  var parts: [Int]
  var size: Int

  static let none = FileStamp(parts: [], size: 0)

  private init(parts: [Int], size: Int) {
    self.parts = parts
    self.size = size
  }

  /// Of a file; nil when it is not there.
  init?(_ path: String) {
    var found = stat()
    guard lstat(path, &found) == 0 else { return nil }
    size = Int(found.st_size)
    parts = [
      Int(truncatingIfNeeded: found.st_dev), Int(truncatingIfNeeded: found.st_ino), size, Int(found.st_mtim.tv_sec),
      Int(found.st_mtim.tv_nsec),
    ]
  }

  func joined(_ other: FileStamp) -> FileStamp { FileStamp(parts: parts + other.parts, size: size + other.size) }
}
