// What one process may see and do, and how that is said to bubblewrap.
// What must stay true: an allowlist. The system's libraries, the tool's own folder, what was granted, and nothing of
// anybody's home; no network, no capabilities, no inherited environment; nothing is writable but scratch and a small
// /tmp.

import Domain
import Glibc
import Sandboxing

/// A path of the host shown inside, read-only.
struct ReadOnlyBind: Sendable, Hashable {
  var host: String
  var inside: String
}

/// Limits set inside the sandbox by the launcher, for each process.
struct ProcessLimits: Sendable, Hashable {
  var memoryMiB: Int
  var outputMiB: Int
  /// Nil for a process that outlives a call.
  var seconds: Double?
  var processes: Int

  /// The launcher's words. `countsPerSandbox`: whether the kernel counts processes for each user namespace; where it
  /// counts the user's, a limit would hit others.
  func words(countsPerSandbox: Bool) -> [String] {
    // The host ends a tree at its limit; these are a quarter wider, so that the host's clearer word comes first. Address
    // space is wider still: libraries reserve much that they never touch.
    let data = (memoryMiB + memoryMiB / 4 + 64) << 20
    let address = (memoryMiB * 4 + 1024) << 20
    var words = [
      "as=\(address)", "data=\(data)", "fsize=\(outputMiB << 20)", "nofile=1024", "core=0", "memlock=65536",
    ]
    if let seconds {
      // Processor time of all threads; the host's clock is the limit that counts.
      let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
      words.append("cpu=\(Int(seconds.rounded(.up)) * cores + 1)")
    }
    // Bubblewrap's first process counts too.
    if countsPerSandbox { words.append("nproc=\(processes + 2)") }
    return words
  }
}

/// Everything about a process that is to be started.
struct SandboxProfile: Sendable {
  /// The command: an absolute path first.
  var command: [String]
  var workingDirectory: String
  var readOnly: [ReadOnlyBind]
  /// On top of the standard environment.
  var environment: [String: String] = [:]
  var limits: ProcessLimits

  static let inputPath = "/input"
  static let scratchPath = "/scratch"
  static let launcherPath = "/run/vpath/vpath-launch"

  /// What every tool finds in its environment. One thread for numeric libraries: the same input gives the same bits.
  static let standardEnvironment: [String: String] = [
    "PATH": "/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC",
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
  ]

  /// Bubblewrap's options, without the command.
  func bubblewrapOptions(work: WorkFolder, launcher: String, forbidsNestedNamespaces: Bool) -> [String] {
    var options = [
      "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--uid", "65534",
      "--gid", "65534", "--hostname", "tool", "--clearenv",
    ]
    if forbidsNestedNamespaces { options.append("--disable-userns") }
    let environment = SandboxProfile.standardEnvironment.merging(self.environment) { _, own in own }
    for (key, value) in environment.sorted(by: { $0.key < $1.key }) { options += ["--setenv", key, value] }
    options += SystemPaths.options
    options += ["--proc", "/proc", "--dev", "/dev"]
    let temporaryBytes = String(min(limits.memoryMiB, 64) << 20)
    for path in ["/tmp", "/dev/shm"] { options += ["--size", temporaryBytes, "--tmpfs", path] }
    options += ["--ro-bind", launcher, SandboxProfile.launcherPath]
    for bind in readOnly { options += ["--ro-bind", bind.host, bind.inside] }
    options += ["--ro-bind", work.inputPath, SandboxProfile.inputPath]
    options += ["--bind", work.scratchPath, SandboxProfile.scratchPath]
    // /proc too: where the daemon's user is root, that user may write the kernel's settings there, even from inside.
    for path in ["/proc", "/dev", "/"] { options += ["--remount-ro", path] }
    options += ["--chdir", workingDirectory, "--seccomp", "9"]
    return options
  }
}
