// What the process asks the system for directly: environment, folders, its own identity.
// What must stay true: a folder made here is 0700.

import Domain
import Glibc
import Policy
import Setup
import SystemPackage
import SystemPorts
import Wire

enum Machine {
  /// The variables that mean something to the daemon.
  static func environment() -> [String: String] {
    let names =
      ConfigurationKey.all.map(\.environmentName) + [
        "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "LISTEN_PID", "LISTEN_FDS",
      ]
    var result: [String: String] = [:]
    for name in names {
      if let value = getenv(name) { result[name] = String(cString: value) }
    }
    return result
  }

  /// Says something on standard error.
  static func say(_ text: String) {
    let bytes = Array("vpathd: \(text)\n".utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  /// The working directory; nil when it is gone.
  static func workingDirectory() -> String? {
    guard let found = getcwd(nil, 0) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }

  /// Makes a folder and those above it.
  static func makeFolder(_ path: String) throws(VPathError) {
    if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    let parent = FilePath(path).removingLastComponent().string
    if errno == ENOENT, parent != path, !parent.isEmpty {
      try makeFolder(parent)
      if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    }
    throw VPathError(
      .traceWriteFailed,
      "The folder \(FilePath(path).lastComponent?.string ?? "") cannot be made "
        + "(\(String(cString: strerror(errno)))). Choose another place with --state or --socket.")
  }

  /// As many open files as the hard limit lets, up to 8192.
  static func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < 8192 else { return }
    limit.rlim_cur = min(8192, limit.rlim_max)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  /// Who the daemon is.
  static var identity: Principal {
    Principal(uid: getuid(), gid: getgid(), pid: getpid(), kind: .daemon)
  }

  /// What tells this build from others: the version and the hash of the program's own file.
  static func build() -> String {
    let hash = ResourceDirectory.runningExecutable().flatMap { FileHash.sha256(of: [$0.string]) }
    return "vpathd \(Product.version) \(hash?.rawValue.prefix(16) ?? "unknown")"
  }
}
