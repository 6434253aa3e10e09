// The sandbox as this machine can give it: probed once by running a program in it, then used for every child.
// What must stay true: what is probed is what is used; where the probe fails no tool runs, unless configuration and
// policy both name it.

import CPlatform
import Domain
import Glibc
import Sandboxing

/// What the sandbox can do on this machine.
public enum SandboxStatus: Sendable, Hashable {
  /// It works. `forbidsNestedNamespaces`: whether a tool is also kept from making user namespaces by the kernel, besides
  /// the filter.
  case available(forbidsNestedNamespaces: Bool)
  /// It does not; in words.
  case unavailable(reason: String)
}

/// Starts processes, sandboxed or, for trusted tools, not.
struct Sandbox: Sendable {
  let configuration: ToolHostConfiguration
  let status: SandboxStatus
  private let workRoot: OpenFolder
  /// Since Linux 5.14 RLIMIT_NPROC counts for each user namespace.
  private let countsPerSandbox: Bool

  static let filterName = "filter"

  /// Prepares the work directory (what an earlier run left there is removed) and tries the sandbox.
  /// Throws `sandbox.unavailable` when the work directory cannot be used.
  static func prepare(_ configuration: ToolHostConfiguration) async throws(VPathError) -> Sandbox {
    guard makeDirectories(configuration.workDirectory), let resolved = resolvedPath(configuration.workDirectory),
      let root = try? OpenFolder.open(resolved)
    else {
      throw VPathError(
        .sandboxUnavailable, "The folder for running calls cannot be used: \(systemMessage(errno)).", retryable: true)
    }
    root.removeContents()
    let filter = openat(
      root.descriptor, filterName, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard filter >= 0 else {
      throw VPathError(.sandboxUnavailable, "The system call filter cannot be written: \(systemMessage(errno)).")
    }
    defer { close(filter) }
    try SystemCallFilter.write(to: filter)
    var settled = configuration
    settled.workDirectory = resolved
    var sandbox = Sandbox(
      configuration: settled, status: .available(forbidsNestedNamespaces: true), workRoot: root,
      countsPerSandbox: kernelIsAtLeast(5, 14))
    var reason = await sandbox.probe()
    if reason != nil {
      sandbox = sandbox.with(.available(forbidsNestedNamespaces: false))
      reason = await sandbox.probe()
    }
    guard let reason else { return sandbox }
    return sandbox.with(.unavailable(reason: reason))
  }

  private func with(_ status: SandboxStatus) -> Sandbox {
    Sandbox(configuration: configuration, status: status, workRoot: workRoot, countsPerSandbox: countsPerSandbox)
  }

  /// Runs /usr/bin/true in the whole sandbox; why it does not work, or nil.
  private func probe() async -> String? {
    guard access(configuration.bubblewrap, X_OK) == 0 else {
      return "bubblewrap is not at \(configuration.bubblewrap) (on Debian: apt install bubblewrap)"
    }
    guard access(configuration.launcher, X_OK) == 0 else { return "vpath-launch is not where the configuration says" }
    let profile = SandboxProfile(
      command: ["/usr/bin/true"], workingDirectory: "/", readOnly: [],
      limits: ProcessLimits(memoryMiB: 256, outputMiB: 1, seconds: 10, processes: 4))
    do {
      let work = try makeWork()
      defer { work.remove() }
      let process = try start(profile, work: work, sandboxed: true) { _ in }
      process.finishInput()
      let end = await process.end()
      if end.exit == .code(0), end.started == "1" { return nil }
      let words = PlainText.clean(end.errorTail, limit: 300)
      return words.isEmpty ? "bubblewrap ended with \(end.exit)" : words
    } catch {
      return error.message
    }
  }

  /// A folder for a process's files.
  func makeWork() throws(VPathError) -> WorkFolder {
    try WorkFolder(in: workRoot, path: configuration.workDirectory)
  }

  /// Starts a process. Throws `sandbox.unavailable` or `tool.failed`.
  func start(
    _ profile: SandboxProfile, work: WorkFolder, sandboxed: Bool,
    receive: @escaping @Sendable ([UInt8]) async -> Void
  ) throws(VPathError) -> ToolProcess {
    let bounds = ProcessBounds(
      seconds: profile.limits.seconds,
      standardOutputBytes: profile.limits.seconds == nil ? nil : profile.limits.outputMiB << 20,
      memoryMiB: profile.limits.memoryMiB, outputMiB: profile.limits.outputMiB,
      processes: profile.limits.processes)
    let outside = ["outside", String(getpid()), work.path]
    let limits = profile.limits.words(countsPerSandbox: countsPerSandbox && sandboxed)
    let launch: ProcessLaunch
    if sandboxed {
      guard case .available(let forbidsNestedNamespaces) = status else { throw unavailable }
      let options = profile.bubblewrapOptions(
        work: work, launcher: configuration.launcher, forbidsNestedNamespaces: forbidsNestedNamespaces)
      do {
        // In a file, so that names of slides stand in no process list.
        try work.folder.write("arguments", options.flatMap { Array($0.utf8) + [0] })
      } catch {
        throw VPathError(.toolFailed, "The sandbox's description could not be written: it \(error.words).")
      }
      guard linkat(workRoot.descriptor, Sandbox.filterName, work.folder.descriptor, "seccomp", 0) == 0 else {
        throw VPathError(.sandboxUnavailable, "The system call filter is gone: \(systemMessage(errno)).")
      }
      launch = ProcessLaunch(
        executable: configuration.launcher,
        arguments: outside + [configuration.bubblewrap, "--args", "8", "--", SandboxProfile.launcherPath, "inside"]
          + limits + ["--"] + profile.command,
        environment: [:], workingDirectory: "/")
    } else {
      launch = ProcessLaunch(
        executable: configuration.launcher,
        arguments: outside + [configuration.launcher, "inside"] + limits + ["--"] + profile.command,
        environment: SandboxProfile.standardEnvironment.merging(profile.environment) { _, own in own },
        workingDirectory: profile.workingDirectory)
    }
    return ToolProcess(launch, bounds: bounds, work: work, receive: receive)
  }

  /// The error of a call that cannot run for want of a sandbox.
  var unavailable: VPathError {
    guard case .unavailable(let reason) = status else {
      return VPathError(.sandboxUnavailable, "The sandbox is not available.")
    }
    return VPathError(
      .sandboxUnavailable,
      "The sandbox cannot be set up, so no tool runs: \(reason). Install bubblewrap and allow user namespaces, or name the "
        + "tool as trusted in the configuration and permit tool.unsandboxed for it in the policy.")
  }
}

/// Whether the running kernel has at least that version.
private func kernelIsAtLeast(_ major: Int, _ minor: Int) -> Bool {
  var name = utsname()
  guard uname(&name) == 0 else { return false }
  let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  let parts = release.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
  guard parts.count == 2 else { return false }
  return parts[0] > major || (parts[0] == major && parts[1] >= minor)
}

/// Folders of libraries that this process has loaded from outside the system's own: the Swift runtime of a toolchain.
func loadedRuntimeFolders() -> [String] {
  final class Found { var folders: Set<String> = [] }
  let found = Found()
  _ = vp_each_loaded_object(
    { path, context in
      guard let path, let context else { return }
      let text = String(cString: path)
      guard !text.hasPrefix("/usr/lib"), !text.hasPrefix("/lib"), lastName(text).hasPrefix("libswift"),
        let slash = text.lastIndex(of: "/"), let folder = resolvedPath(String(text[..<slash])),
        !folder.hasPrefix("/usr/")
      else { return }
      Unmanaged<Found>.fromOpaque(context).takeUnretainedValue().folders.insert(folder)
    }, Unmanaged.passUnretained(found).toOpaque())
  return found.folders.sorted()
}
