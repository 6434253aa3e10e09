// SHA-256 of files on disk, read in pieces.

import Crypto
public import Domain
import Glibc

/// Hashes files.
public enum FileHash {
  private static let pieceBytes = 1 << 20

  /// Over the bytes of the files one after another; nil when one cannot be read or is no regular file.
  public static func sha256(of files: [String]) -> SHA256Hex? {
    var hash = SHA256()
    var buffer = [UInt8](repeating: 0, count: pieceBytes)
    for file in files {
      let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
      while true {
        let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { return nil }
        if count == 0 { break }
        buffer.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      }
    }
    return SHA256Hex(bytes: hash.finalize())
  }
}
