// The key of an endpoint, read from its file.
// What must stay true: a file that others may read is not used; the key is printable ASCII, so that it cannot end the
// header it is sent in; it is never logged, shown or kept.

import Glibc

/// Reads key files.
enum EndpointKey {
  static let maxBytes = 4096

  /// The key: the file's text without white space around it. Throws `keyFile` with what is wrong.
  static func read(_ path: String) throws(EndpointFailure) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw .keyFile("cannot be opened (\(String(cString: strerror(errno)))).")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .keyFile("is no regular file.")
    }
    guard status.st_mode & 0o077 == 0 else {
      let mode = String(status.st_mode & 0o777, radix: 8)
      throw .keyFile("may be read by others (mode 0\(mode)). Run chmod 600 on it, and change the key if others saw it.")
    }
    guard status.st_uid == geteuid() || status.st_uid == 0 else {
      throw .keyFile("belongs to another user. It must belong to the one that the daemon runs as.")
    }
    var buffer = [UInt8](repeating: 0, count: maxBytes + 1)
    let count = Glibc.read(descriptor, &buffer, buffer.count)
    guard count >= 0, count <= maxBytes else { throw .keyFile("is longer than \(maxBytes) bytes, so it is no key.") }
    let white: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
    let key = buffer[..<count].drop { white.contains($0) }.reversed().drop { white.contains($0) }.reversed()
    guard !key.isEmpty else { throw .keyFile("is empty.") }
    guard key.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw .keyFile("holds more than one word of printable ASCII. It must hold the key alone.")
    }
    return String(decoding: key, as: UTF8.self)
  }
}
