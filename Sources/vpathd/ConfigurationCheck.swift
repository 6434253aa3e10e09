// What is wrong with a configuration on this machine: `vpathd --check`.

import Assembly
import Domain
import Glibc
import LanguageModels
import Logging
import Policy
import Server
import Setup
import SystemPackage
import SystemPorts
import ToolHost

enum ConfigurationCheck {
  /// In words, with what to do; empty when the daemon would start and could answer.
  static func problems(of configuration: DaemonConfiguration) async -> [String] {
    var problems: [String] = []
    do {
      _ = try Daemon.policy(configuration)
    } catch {
      problems.append("policyFile: \(error)")
    }
    if configuration.slideDirectories.isEmpty {
      problems.append("slideDirectories: none is set, so no slide can be opened. Set it or give --slides.")
    }
    for folder in SlideFolders(configuration.slideDirectories).missing() {
      problems.append("slideDirectories: \(folder) is not there.")
    }
    if configuration.socket.utf8.count > ListeningSocket.maxPathBytes {
      problems.append("socket: the path has \(configuration.socket.utf8.count) bytes, more than a socket's can have.")
    }
    if access(configuration.tools.bubblewrap, X_OK) != 0 {
      problems.append("tools.bubblewrap: \(configuration.tools.bubblewrap) is not there. Install bubblewrap.")
    }
    let programs = Daemon.programFolder()
    for name in ["vpath-tools", "vpath-launch"] where access("\(programs)/\(name)", X_OK) != 0 {
      problems.append("\(name) is not beside vpathd. Install it there.")
    }
    for (key, library) in [
      ("openSlideLibrary", configuration.openSlideLibrary), ("openVINOLibrary", configuration.openVINOLibrary),
    ] {
      if let library, access(library, R_OK) != 0 { problems.append("\(key): \(library) is not there.") }
    }
    if let copy = configuration.trace.checkpointCopy {
      let folder = FilePath(copy).removingLastComponent().string
      if access(folder, W_OK) != 0 {
        problems.append("trace.checkpointCopy: its folder \(folder) is not there or not writable.")
      }
    }
    do throws(VPathError) {
      // Nothing is started, and the folder of a daemon that runs is not this process's to touch.
      let hosted = try ModelAssembly.host(
        configuration, programs: programs, runDirectory: "/nonexistent", log: Logger(label: "model"))
      if hosted.chat != nil { _ = try PlannerAssembly.prompts(resourceDirectory: configuration.resourceDirectory) }
    } catch {
      problems.append("\(error.subject ?? "model.use"): \(error.message)")
    }
    let registry = ToolRegistry(ToolHostConfiguration(configuration, programs: programs, work: "/nonexistent"))
    for tool in registry.list() {
      if let problem = tool.problem { problems.append("tool \(tool.name): \(problem)") }
    }
    return problems
  }
}
