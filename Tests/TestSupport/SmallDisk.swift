// A file system of a few megabytes, so that a disk can be full without filling the machine's.
// What must stay true: it is gone when its value is; nothing else of the machine is touched.

import Glibc

/// A small file system in memory, where this process may mount one.
public final class SmallDisk: Sendable {
  /// Where it is mounted.
  public let path: String

  /// Mounts one; nil where that is not allowed.
  public init?(bytes: Int) {
    var template = Array("/tmp/vpath-disk-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { return nil }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0 else {
      rmdir(path)
      return nil
    }
  }

  deinit {
    umount2(path, Int32(MNT_DETACH))
    rmdir(path)
  }

  /// Makes room, or takes it away; false when it cannot be done.
  public func resize(bytes: Int) -> Bool { mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT), "size=\(bytes)") == 0 }

  /// Writes a file until nothing more fits.
  public func fill(_ name: String = "filler") {
    let file = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    defer { close(file) }
    var size = 65_536
    let zeros = [UInt8](repeating: 0, count: size)
    while size > 0 { if write(file, zeros, size) < size { size /= 2 } }
  }

  /// Whether this process may mount one.
  public static let isPossible = geteuid() == 0 && SmallDisk(bytes: 1 << 20) != nil
}
