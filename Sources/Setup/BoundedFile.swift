// Reading a small file of ours whole, with a bound.
// What must stay true: never more than the bound is read; only regular files.

public import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// Why a file could not be read.
public struct BoundedFileError: Error, Sendable, Hashable {
  public var reason: String
}

/// Reads small files.
public enum BoundedFile {
  /// The bytes of a regular file of at most `maxBytes`.
  public static func bytes(_ path: FilePath, maxBytes: Int) throws(BoundedFileError) -> [UInt8] {
    let descriptor = open(path.string, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw BoundedFileError(reason: String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw BoundedFileError(reason: "it is no regular file")
    }
    guard status.st_size <= maxBytes else {
      throw BoundedFileError(reason: "it has \(status.st_size) bytes, and at most \(maxBytes) are read")
    }
    var result: [UInt8] = []
    result.reserveCapacity(Int(status.st_size))
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw BoundedFileError(reason: String(cString: strerror(errno))) }
      if count == 0 { return result }
      guard result.count + count <= maxBytes else { throw BoundedFileError(reason: "it grew past \(maxBytes) bytes") }
      result.append(contentsOf: buffer[0..<count])
    }
  }

  /// The same as text in UTF-8.
  public static func text(_ path: FilePath, maxBytes: Int) throws(BoundedFileError) -> String {
    let bytes = try bytes(path, maxBytes: maxBytes)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw BoundedFileError(reason: "it is not UTF-8")
    }
    return text
  }
}
