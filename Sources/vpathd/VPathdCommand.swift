// `vpathd`: the daemon. Composition root: it parses flags, reads the configuration, puts the rooms together and
// serves.
// What must stay true: exit codes come from Wire's error table, and 78 (EX_CONFIG) for a configuration or policy that
// cannot be used; a configuration is used whole or not at all.

import ArgumentParser
import Domain
import Glibc
import JSON
import Setup
import SystemPackage
import Wire

@main
struct VPathdCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vpathd",
    abstract: "Answers questions about pathology cases over a Unix socket.",
    discussion: """
      For research; not a medical device. Flags win over the environment (VPATH_…), the environment over the file.

      EXAMPLES
        vpathd --slides /data/slides
        vpathd --check                 what would be used, and what is wrong with it
        vpathd --example               a configuration file with every key
        vpathd --set limits.runningTurns=4
      """,
    version: Product.version)

  @Option(help: "Configuration file (default: yours, then /etc/vpath/vpathd.yaml).") var config: String?
  @Flag(help: "Use the system's places: /var/lib/vpath, /run/vpath.") var system = false
  @Option(help: "The Unix socket clients connect to.") var socket: String?
  @Option(help: "State directory: the trace, its key, installed tools.") var state: String?
  @Option(help: "A folder slides may be in; may be given several times.") var slides: [String] = []
  @Option(help: "Policy file.") var policy: String?
  @Option(help: "debug, info, warning or error.") var logLevel: String?
  @Option(help: "Any key of the configuration, as KEY=VALUE; may be given several times.") var set: [String] = []
  @Flag(help: "Print the effective configuration and what is wrong with it, and end.") var check = false
  @Flag(help: "Print a configuration file with every key and its meaning, and end.") var example = false

  static func main() async {
    do {
      var command = try parseAsRoot()
      if var daemon = command as? VPathdCommand { try await daemon.run() } else { try command.run() }
      Glibc.exit(0)
    } catch let error as VPathError {
      fail("\(error.message) [\(error.id.rawValue)]", ErrorTable.row(error.id).exitCode)
    } catch let error as ConfigurationError {
      fail("The configuration cannot be used: \(error)", configurationExitCode)
    } catch let error as ExitCode {
      Glibc.exit(error.rawValue)
    } catch {
      exit(withError: error)
    }
  }

  /// EX_CONFIG of sysexits(3).
  static let configurationExitCode: Int32 = 78

  private static func fail(_ message: String, _ code: Int32) -> Never {
    Machine.say(message)
    Glibc.exit(code)
  }

  mutating func run() async throws {
    if example {
      print(ConfigurationKey.exampleFile, terminator: "")
      return
    }
    let environment = Machine.environment()
    let places = system ? Places.system : Places.user(environment: environment, uid: getuid())
    let loaded = try DaemonConfiguration.load(
      file: config.map { FilePath($0) }, environment: environment, flags: try flags(), places: places,
      executable: ResourceDirectory.runningExecutable())
    let configuration = try loaded.withAbsolutePaths()
    if check {
      let problems = await ConfigurationCheck.problems(of: configuration)
      print(configuration.json.prettyString())
      for problem in problems { Machine.say(problem) }
      throw ExitCode(problems.isEmpty ? 0 : Self.configurationExitCode)
    }
    try await Daemon(configuration, environment: environment).run()
  }

  private func flags() throws -> [String: String] {
    var flags: [String: String] = [:]
    flags["socket"] = socket
    flags["stateDirectory"] = state
    flags["policyFile"] = policy
    flags["logLevel"] = logLevel
    if !slides.isEmpty { flags["slideDirectories"] = slides.joined(separator: ":") }
    for pair in set {
      guard let equals = pair.firstIndex(of: "=") else {
        throw ValidationError("--set takes KEY=VALUE, not \(pair.prefix(40)).")
      }
      flags[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
    }
    return flags
  }
}

extension DaemonConfiguration {
  /// The same with paths that do not depend on the working directory.
  func withAbsolutePaths() throws(ConfigurationError) -> DaemonConfiguration {
    guard let working = Machine.workingDirectory() else {
      throw ConfigurationError("The working directory is not there any more; give absolute paths.")
    }
    func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : working + "/" + path }
    var changed = self
    changed.socket = absolute(socket)
    changed.stateDirectory = absolute(stateDirectory)
    changed.slideDirectories = slideDirectories.map(absolute)
    changed.policyFile = absolute(policyFile)
    changed.resourceDirectory = absolute(resourceDirectory)
    changed.openSlideLibrary = openSlideLibrary.map(absolute)
    changed.openVINOLibrary = openVINOLibrary.map(absolute)
    changed.cacheDirectory = absolute(cacheDirectory)
    changed.model.server = model.server.map(absolute)
    changed.model.endpointKeyFile = model.endpointKeyFile.map(absolute)
    changed.model.endpointCAFile = model.endpointCAFile.map(absolute)
    changed.trace.checkpointCopy = trace.checkpointCopy.map(absolute)
    return changed
  }
}
