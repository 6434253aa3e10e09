// The parts of the host's system that a sandboxed child sees.
// What must stay true: an allowlist, read-only but for devices; nobody's home, no settings but where the loader finds
// libraries.

import Glibc

/// Options of bubblewrap that show parts of the system.
public enum SystemPaths {
  /// Programs and libraries of the system, read-only.
  public static let options: [String] = {
    var options = ["--ro-bind", "/usr", "/usr"]
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
      var buffer = [CChar](repeating: 0, count: 256)
      let length = readlink("/\(name)", &buffer, buffer.count - 1)
      if length > 0 {
        let target = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        options += ["--symlink", target, "/\(name)"]
      } else if access("/\(name)", X_OK) == 0 {
        options += ["--ro-bind", "/\(name)", "/\(name)"]
      }
    }
    // Where the loader finds libraries, and which of several is meant (BLAS, Python).
    for path in ["/etc/ld.so.cache", "/etc/alternatives"] where access(path, R_OK) == 0 {
      options += ["--ro-bind", path, path]
    }
    return options
  }()

  /// Devices of graphics processors, where there are some, and what their libraries read of them.
  public static let accelerators: [String] = {
    var options: [String] = []
    for name in ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "kfd", "dri"] + (0..<16).map({ "nvidia\($0)" })
    where access("/dev/\(name)", F_OK) == 0 {
      options += ["--dev-bind", "/dev/\(name)", "/dev/\(name)"]
    }
    return options.isEmpty ? [] : options + ["--ro-bind-try", "/sys", "/sys"]
  }()
}
