// Disk space held back so that turns can still be closed when the disk is full.
// What must stay true: the file's blocks are really allocated, or the reserve counts as not held.

import Glibc
import Synchronization

/// A file of allocated blocks that is given up when space runs out.
final class DiskReserve: Sendable {
  private let path: String
  private let directory: String
  private let sizeBytes: Int
  private let held = Mutex(false)

  /// A reserve of that size in a directory; 0 for none.
  init(directory: String, sizeBytes: Int) {
    self.directory = directory
    path = "\(directory)/\(TraceFile.reserve)"
    self.sizeBytes = sizeBytes
  }

  /// Whether the space is held back.
  var isHeld: Bool { held.withLock { $0 } }

  /// Allocates the space; false when there is not enough. Costs nothing when it is held.
  func hold() -> Bool {
    held.withLock { held in
      guard sizeBytes > 0, !held else { return held || sizeBytes == 0 }
      guard let file = try? OpenFile(path, O_RDWR | O_CREAT | O_NOFOLLOW) else { return false }
      if posix_fallocate(file.descriptor, 0, off_t(sizeBytes)) == 0 {
        held = true
      } else {
        unlink(path)
      }
      return held
    }
  }

  /// Whether there is room for the reserve and as much again, so that a disk which was full is worth writing to.
  var hasRoom: Bool { isHeld || (freeBytes(directory) ?? 0) >= 2 * max(sizeBytes, 1 << 20) }

  /// Gives the space up.
  func release() {
    held.withLock { held in
      unlink(path)
      held = false
    }
  }
}
