// A folder for the length of a command, the moment as RFC 3339, and a hash in hexadecimal.

import Crypto
import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#endif

enum ScratchFolder {
  static func with<R>(_ body: (String) async throws -> R) async throws -> R {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("vpath-\(getpid())").path
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
  }
}

enum RFC3339 {
  static func now() -> String { Date.now.formatted(.iso8601.time(includingFractionalSeconds: true)) }
}

enum Hexadecimal {
  static func sha256(_ bytes: [UInt8]) -> String {
    SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
