// What the hosted model server is started with.
// What must stay true: everything that the child sees is named here; its socket and its files' folder are private.

import Sandboxing

/// How a llama-server is started and watched.
public struct LlamaServerConfiguration: Sendable, Hashable {
  /// The program; its folder is readable to it, for libraries of its own.
  public var program: String
  /// What the program is called in the trace.
  public var programName: String
  /// vpath-launch, which every child is started through.
  public var launcher: String
  /// The sandbox program; nil where the operator has it run without.
  public var bubblewrap: String?
  /// A folder of this server's own: made with mode 0700, emptied of an earlier socket.
  public var runDirectory: String
  public var model: ResolvedModel
  /// Tokens of context; memory grows with it.
  public var contextTokens: Int
  /// More than one collapses when anything else uses the processors: 1.5 instead of 60 tokens a second were measured.
  public var threads: Int
  /// Time without a request after which the weights leave memory; they come back with the next request.
  public var sleepSeconds: Int
  /// Time until it must be ready.
  public var startSeconds: Double
  /// What a request may take. Between two pieces it is silent for no longer than a batch of the prompt takes.
  public var limits: EndpointLimits

  public init(
    program: String, programName: String, launcher: String, bubblewrap: String?, runDirectory: String,
    model: ResolvedModel, contextTokens: Int, threads: Int = 1, sleepSeconds: Int = 300, startSeconds: Double = 120,
    limits: EndpointLimits = EndpointLimits(firstByteSeconds: 30, idleSeconds: 20)
  ) {
    self.program = program
    self.programName = programName
    self.launcher = launcher
    self.bubblewrap = bubblewrap
    self.runDirectory = runDirectory
    self.model = model
    self.contextTokens = contextTokens
    self.threads = threads
    self.sleepSeconds = sleepSeconds
    self.startSeconds = startSeconds
    self.limits = limits
  }

  /// Where the launcher looks for the filter of system calls.
  var filter: String { runDirectory + "/seccomp" }
  var socketFolder: String { runDirectory + "/socket" }
  var socket: String { socketFolder + "/llama.sock" }
  /// Longest path a Unix socket's address holds, its end mark not counted.
  static let maxSocketBytes = 107

  /// The child as vpath-launch is told of it, after `outside PID DIRECTORY`.
  func command() -> [String] {
    guard let bubblewrap else { return [program] + arguments(socket: socket) { $0 } }
    let inside = ["/run/vpath/vpath-launch", "inside", "core=0", "nofile=1024", "--", program]
    return [bubblewrap] + sandboxOptions() + ["--"] + inside
      + arguments(socket: Self.insideSocket + "/llama.sock") { Self.insideModels + "/" + lastName($0) }
  }

  private static let insideSocket = "/run/vpath/socket"
  private static let insideModels = "/run/vpath/models"

  /// Small batches of the prompt, so that a cancel is heard soon: it is looked for between two. On one thread a batch of
  /// 128 tokens took the built-in model 0.97 s, one of 64 0.52 s, for 7 % of the speed. One slot, so that the cache is the
  /// conversation's.
  private func arguments(socket: String, _ place: (String) -> String) -> [String] {
    var words = [
      "-m", place(model.weights), "--host", socket, "--offline", "--no-ui", "-c", String(contextTokens), "-t",
      String(threads), "-b", "64", "-ub", "64", "-np", "1", "--jinja", "--cache-ram", "0", "--sleep-idle-seconds",
      String(sleepSeconds),
    ]
    if let projector = model.projector { words += ["--mmproj", place(projector)] }
    return words
  }

  /// An allowlist: the system's libraries, the program's folder, the model's files, its socket's folder; no network.
  /// Descriptor 9 is the filter of system calls, which the launcher opens.
  private func sandboxOptions() -> [String] {
    var options = [
      "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--uid", "65534",
      "--gid", "65534", "--hostname", "model", "--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "LC_ALL",
      "C.UTF-8", "--setenv", "HOME", "/tmp",
    ]
    options += SystemPaths.options
    options += ["--proc", "/proc", "--dev", "/dev"] + SystemPaths.accelerators
    options += ["--size", String(64 << 20), "--tmpfs", "/tmp", "--ro-bind", launcher, "/run/vpath/vpath-launch"]
    let folder = folderName(program)
    if !folder.hasPrefix("/usr/") { options += ["--ro-bind", folder, folder] }
    for file in model.files { options += ["--ro-bind", file.path, Self.insideModels + "/" + lastName(file.path)] }
    options += ["--bind", socketFolder, Self.insideSocket]
    return options + ["--remount-ro", "/proc", "--remount-ro", "/", "--chdir", "/", "--seccomp", "9"]
  }
}

/// The last part of a path.
func lastName(_ path: String) -> String { String(path.split(separator: "/").last ?? "") }

/// A path without its last part.
func folderName(_ path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}
