// What a child and everything it started use, read from /proc.
// What must stay true: a look at the tree is bounded and never blocks; where /proc does not tell (a kernel without
// `children`), it gives nil and only the limits set inside the sandbox hold.

import CPlatform
import Glibc

enum ProcessTree {
  /// What a tree uses at one moment.
  struct Usage: Sendable, Hashable {
    var processes: Int
    /// Private and shared-memory pages; pages shared after fork count for each process.
    var memoryBytes: Int
  }

  /// The processes below one, itself first, at most `limit` of them. Nil when the kernel does not tell.
  static func members(of root: pid_t, limit: Int) -> [pid_t]? {
    guard access("/proc/thread-self/children", R_OK) == 0 else { return nil }
    var found = [root]
    var next = 0
    while next < found.count, found.count < limit {
      let process = found[next]
      next += 1
      for thread in names("/proc/\(process)/task", limit: 4096) {
        for word in read("/proc/\(process)/task/\(thread)/children").split(separator: " ") {
          if let child = pid_t(word), found.count < limit { found.append(child) }
        }
      }
    }
    return found
  }

  /// What a tree uses; looks at no more than `limit` processes.
  static func usage(of root: pid_t, limit: Int) -> Usage? {
    guard let members = members(of: root, limit: limit) else { return nil }
    let memory = members.reduce(0) { $0 + memoryBytes(of: $1) }
    return Usage(processes: members.count, memoryBytes: memory)
  }

  /// Whether the process has ended, reaped or not.
  static func hasEnded(_ process: pid_t) -> Bool {
    guard kill(process, 0) == 0 else { return errno == ESRCH }
    guard let end = read("/proc/\(process)/stat").split(separator: ")").last else { return true }
    return end.split(separator: " ").first == "Z"
  }

  private static func memoryBytes(of process: pid_t) -> Int {
    var bytes = 0
    for line in read("/proc/\(process)/status").split(separator: "\n")
    where line.hasPrefix("RssAnon:") || line.hasPrefix("RssShmem:") {
      bytes +=
        (line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }
    return bytes
  }

  private static func read(_ path: String) -> String {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { return "" }
    defer { close(fd) }
    var buffer = [UInt8](repeating: 0, count: 8192)
    let count = Glibc.read(fd, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : ""
  }

  private static func names(_ path: String, limit: Int) -> [String] {
    guard let folder = try? OpenFolder.open(path) else { return [] }
    return (try? folder.names(limit: limit)) ?? []
  }
}
