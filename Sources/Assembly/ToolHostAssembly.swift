// The tool host's configuration, made from the daemon's one: vpathd runs tools with it, and `vpath tool` checks and
// installs them with the same.
// What must stay true: the built-in process may read the product's models, templates, OpenSlide and OpenVINO, and nothing else
// that the configuration does not name.

public import Setup
import SystemPackage
public import ToolHost

extension ToolHostConfiguration {
  /// `programs` is the folder of vpath-tools and vpath-launch; `work` a folder that belongs to this process alone.
  public init(_ daemon: DaemonConfiguration, programs: String, work: String) {
    let resources = FilePath(daemon.resourceDirectory)
    let models = resources.appending("models").string
    let tools = resources.appending("tools").string
    var environment = ["VPATH_MODELS": models, "VPATH_TOOLS": tools]
    var readable = [models, tools]
    if let library = daemon.openSlideLibrary {
      environment["VPATH_OPENSLIDE"] = library
      readable.append(library)
    }
    if let library = daemon.openVINOLibrary {
      environment["VPATH_OPENVINO"] = library
      readable.append(FilePath(library).removingLastComponent().string)
    }
    self.init(
      bubblewrap: daemon.tools.bubblewrap, launcher: programs + "/vpath-launch",
      builtInProgram: programs + "/vpath-tools", builtInDirectory: tools,
      installedDirectory: daemon.stateDirectory + "/tools", workDirectory: work, builtInReadOnlyPaths: readable,
      builtInEnvironment: environment, trustedUnsandboxed: Set(daemon.tools.trustedWithoutSandbox),
      maxConcurrentCalls: daemon.limits.runningTurns, maxKeptProcesses: daemon.tools.processes,
      idleSeconds: daemon.tools.idleSeconds)
  }
}
