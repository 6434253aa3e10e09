// The parts of the host's system that the model server sees in its sandbox.

import Glibc

enum SandboxPaths {
  /// Programs and libraries of the system, read-only.
  static let system: [String] = {
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
    for path in ["/etc/ld.so.cache", "/etc/alternatives"] where access(path, R_OK) == 0 {
      options += ["--ro-bind", path, path]
    }
    return options
  }()

  /// Devices of graphics processors, for a llama-server that was built for them.
  static let accelerators: [String] = {
    var options: [String] = []
    for name in ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "kfd", "dri"] + (0..<16).map({ "nvidia\($0)" })
    where access("/dev/\(name)", F_OK) == 0 {
      options += ["--dev-bind", "/dev/\(name)", "/dev/\(name)"]
    }
    return options.isEmpty ? [] : options + ["--ro-bind-try", "/sys", "/sys"]
  }()
}
