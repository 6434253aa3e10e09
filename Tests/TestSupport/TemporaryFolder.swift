// A folder of a test's own, gone when the test is.

import Glibc

/// A new empty folder under /tmp, removed with what is in it when the value goes.
public final class TemporaryFolder: Sendable {
  /// Its path.
  public let path: String

  /// Makes it.
  public init() {
    var template = Array("/tmp/vpath-test-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/nonexistent"
  }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard name != ".", name != ".." else { continue }
        let inside = path + "/" + name
        var status = stat()
        if lstat(inside, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { remove(inside) } else { unlink(inside) }
      }
      closedir(directory)
    }
    rmdir(path)
  }

  /// Writes a file and gives its path.
  @discardableResult
  public func write(_ name: String, _ bytes: [UInt8]) -> String {
    let file = path + "/" + name
    if let stream = fopen(file, "wb") {
      fwrite(bytes, 1, bytes.count, stream)
      fclose(stream)
    }
    return file
  }

  /// A file's bytes; nil when it is not there.
  public static func read(_ path: String) -> [UInt8]? {
    guard let stream = fopen(path, "rb") else { return nil }
    defer { fclose(stream) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&buffer, 1, buffer.count, stream)
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }
}
