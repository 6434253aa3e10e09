// Where things lie and how much a tool may have: what an operator sets, in one value.
// What must stay true: nothing here comes from a tool.

public import Domain

/// The tool host's configuration.
public struct ToolHostConfiguration: Sendable, Hashable {
  /// Bubblewrap's executable: an absolute path.
  public var bubblewrap: String
  /// `vpath-launch`, an absolute path.
  public var launcher: String
  /// `vpath-tools`, an absolute path; what `run: ["vpath-tools"]` of a built-in manifest stands for.
  public var builtInProgram: String
  /// Folder of the product's own manifests: `<name>/tool.json`.
  public var builtInDirectory: String
  /// Folder of the tools an operator installed: `<name>/installed.json` and `<name>/files/`.
  public var installedDirectory: String
  /// Folder for the files of running calls; emptied at the start, so it belongs to this host alone.
  public var workDirectory: String
  /// Further paths the built-in process may read (the OpenSlide library, cards, templates), seen at the same place.
  public var builtInReadOnlyPaths: [String]
  /// Further environment of the built-in process, such as `VPATH_OPENSLIDE`.
  public var builtInEnvironment: [String: String]
  /// Tools (by name) that may run where the sandbox cannot be set up, if the policy permits `tool.unsandboxed` as well.
  public var trustedUnsandboxed: Set<String>
  /// The most a manifest may ask for.
  public var maxima: ToolManifest.Limits
  /// Limits of the one process that the built-in tools of a case share; time limits stay those of each manifest.
  public var builtInLimits: ToolManifest.Limits
  /// Processes one tool may have at a time.
  public var maxProcessesPerTool: Int
  /// Calls that run at the same time; more wait.
  public var maxConcurrentCalls: Int
  /// Calls that may wait.
  public var maxWaitingCalls: Int
  /// Processes kept for cases; the longest idle one ends when another is needed.
  public var maxKeptProcesses: Int
  /// A kept process without a call ends after this.
  public var idleSeconds: Double
  /// A cancelled call on a kept process must be answered within this, or the process ends.
  public var cancelGraceSeconds: Double
  /// An MCP server that is silent this long when it is probed is taken for one of the older era.
  public var probeSeconds: Double
  /// An MCP server must have started and named its tools within this.
  public var startSeconds: Double

  public init(
    bubblewrap: String = "/usr/bin/bwrap", launcher: String, builtInProgram: String, builtInDirectory: String,
    installedDirectory: String, workDirectory: String, builtInReadOnlyPaths: [String] = [],
    builtInEnvironment: [String: String] = [:], trustedUnsandboxed: Set<String> = [],
    maxima: ToolManifest.Limits = .init(seconds: 600, memoryMiB: 8192, outputMiB: 256),
    builtInLimits: ToolManifest.Limits = .init(seconds: 600, memoryMiB: 4096, outputMiB: 256),
    maxProcessesPerTool: Int = 64, maxConcurrentCalls: Int = 4, maxWaitingCalls: Int = 256,
    maxKeptProcesses: Int = 8, idleSeconds: Double = 120, cancelGraceSeconds: Double = 0.3, probeSeconds: Double = 10,
    startSeconds: Double = 30
  ) {
    self.bubblewrap = bubblewrap
    self.launcher = launcher
    self.builtInProgram = builtInProgram
    self.builtInDirectory = builtInDirectory
    self.installedDirectory = installedDirectory
    self.workDirectory = workDirectory
    self.builtInReadOnlyPaths = builtInReadOnlyPaths
    self.builtInEnvironment = builtInEnvironment
    self.trustedUnsandboxed = trustedUnsandboxed
    self.maxima = maxima
    self.builtInLimits = builtInLimits
    self.maxProcessesPerTool = maxProcessesPerTool
    self.maxConcurrentCalls = maxConcurrentCalls
    self.maxWaitingCalls = maxWaitingCalls
    self.maxKeptProcesses = maxKeptProcesses
    self.idleSeconds = idleSeconds
    self.cancelGraceSeconds = cancelGraceSeconds
    self.probeSeconds = probeSeconds
    self.startSeconds = startSeconds
  }
}
