// The socket the daemon listens on: made at a path without a moment of wider access, or handed in by systemd.
// What must stay true: one daemon a path. The lock file beside the socket decides, never the socket file, which a
// killed daemon leaves behind; nobody's file but a dead socket is ever removed. A socket that was handed in is neither
// locked nor removed.

import CPlatform
public import Domain
import Glibc

/// A listening Unix socket.
public struct ListeningSocket: Sendable, Hashable {
  /// The listening descriptor; whoever serves it closes it.
  public let descriptor: CInt
  /// The socket's path; nil when it was handed in.
  public let path: String?
  private let lock: CInt?

  /// Accept queue. Linux cuts it to net.core.somaxconn.
  static let backlog: CInt = 1024
  /// Longest path a Unix socket's address holds, its end mark not counted.
  public static let maxPathBytes = 107

  /// Makes the socket at that path, for its owner and group (0660).
  ///
  /// Throws `server.unreachable` with what is in the way: another daemon, a file that is no socket, a path that is too
  /// long, a directory that cannot be written.
  public static func open(at path: String) throws(VPathError) -> ListeningSocket {
    guard path.utf8.count <= maxPathBytes, path.hasPrefix("/") else {
      throw failure(
        "a socket's path must be absolute and at most \(maxPathBytes) bytes; this one has \(path.utf8.count)")
    }
    let lock = try takeLock(path + ".lock")
    do throws(VPathError) {
      try removeDeadSocket(path)
      let descriptor = vp_open_unix_listener(path, 0o660, backlog)
      guard descriptor >= 0 else { throw failure("the socket cannot be made (\(reason()))") }
      return ListeningSocket(descriptor: descriptor, path: path, lock: lock)
    } catch {
      close(lock)
      throw error
    }
  }

  /// The socket systemd hands in (`LISTEN_PID`, `LISTEN_FDS`), if it does; it must be one listening Unix socket.
  public static func handedIn(environment: [String: String]) throws(VPathError) -> ListeningSocket? {
    guard let pid = environment["LISTEN_PID"], Int32(pid) == getpid(), let count = environment["LISTEN_FDS"] else {
      return nil
    }
    guard count == "1" else { throw failure("one socket can be handed in, not \(count.prefix(8))") }
    let descriptor: CInt = 3
    guard option(SO_DOMAIN, of: descriptor) == AF_UNIX, option(SO_ACCEPTCONN, of: descriptor) == 1 else {
      throw failure("what was handed in as descriptor 3 is no listening Unix socket")
    }
    _ = vp_set_cloexec(descriptor)
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    return ListeningSocket(descriptor: descriptor, path: nil, lock: nil)
  }

  /// Lets the path go: removes our socket file, then the lock. The descriptor is not touched.
  public func release() {
    if let path { unlink(path) }
    if let lock { close(lock) }
  }

  private static func takeLock(_ path: String) throws(VPathError) -> CInt {
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure("its lock file cannot be opened (\(reason()))") }
    guard vp_flock_exclusive_nonblocking(descriptor) == 0 else {
      let cause =
        errno == EWOULDBLOCK
        ? "another vpathd serves it already; use that one, stop it, or choose another socket"
        : "its lock file cannot be locked (\(reason()))"
      close(descriptor)
      throw failure(cause)
    }
    return descriptor
  }

  /// With the lock held no daemon of ours listens: what is there is dead, or somebody else's.
  private static func removeDeadSocket(_ path: String) throws(VPathError) {
    var found = stat()
    guard lstat(path, &found) == 0 else {
      if errno == ENOENT { return }
      throw failure("its place cannot be looked at (\(reason()))")
    }
    guard found.st_mode & S_IFMT == S_IFSOCK else {
      throw failure("a file that is no socket is in its place; move it away or choose another path")
    }
    if isServed(path) {
      throw failure("another program listens there; choose another path")
    }
    guard unlink(path) == 0 else { throw failure("the dead socket there cannot be removed (\(reason()))") }
  }

  private static func isServed(_ path: String) -> Bool {
    let probe = socket(
      AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
    guard probe >= 0 else { return false }
    defer { close(probe) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { place in
      place.copyBytes(from: path.utf8.prefix(maxPathBytes))
    }
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(probe, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    // A full queue answers EAGAIN: somebody holds it.
    return connected == 0 || errno == EAGAIN || errno == EINPROGRESS
  }

  private static func option(_ name: CInt, of descriptor: CInt) -> CInt? {
    var value: CInt = 0
    var size = socklen_t(MemoryLayout<CInt>.size)
    return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
  }

  private static func reason() -> String { String(cString: strerror(errno)) }

  private static func failure(_ cause: String) -> VPathError {
    VPathError(.serverUnreachable, "The daemon cannot listen on its socket: \(cause).", subject: "socket")
  }
}
