// `vpath tool`: what a tool author and an operator do with tools. Works without a daemon; a running one sees an
// installed tool at its next turn.
// What must stay true: nothing is installed that `check` finds wrong; installing says what the tool asks for.

import ArgumentParser
import Assembly
import Crypto
import Domain
import JSON
import Logging
import Setup
import SystemPackage
import ToolHost
import Wire

#if canImport(Glibc)
  import Glibc
#endif

struct ToolCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tool", abstract: "Check, install, list and try tools.",
    discussion: """
      EXAMPLES
        vpath tool check tools/examples/eosin_fraction
        vpath tool install tools/examples/eosin_fraction
        vpath tool list
      """,
    subcommands: [Check.self, Install.self, List.self, Info.self, Run.self, Remove.self])

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say what to change in a tool's folder; its examples run in the sandbox.",
      discussion: "EXAMPLE\n  vpath tool check tools/examples/eosin_fraction")
    @Argument(help: "The tool's folder.") var directory: String
    @OptionGroup var options: ToolOptions

    func run() async throws {
      let directory = AbsolutePath.of(directory)
      let findings = try await options.withHost { host, _ in await host.check(directory: directory) }
      if options.json {
        Terminal.print(
          JSONValue.array(
            findings.map {
              [
                "severity": .string($0.severity.rawValue), "subject": .string($0.subject),
                "message": .string($0.message),
              ]
            }
          ).prettyString())
      } else if findings.isEmpty {
        Terminal.print("Nothing to change.")
      }
      if !options.json {
        for finding in findings {
          Terminal.print(
            Terminal.printable("\(finding.severity.rawValue)  \(finding.subject): \(finding.message)"))
        }
      }
      guard !findings.contains(where: { $0.severity == .error }) else {
        throw ExitCode(ErrorTable.row(.toolBadManifest).exitCode)
      }
    }
  }

  struct Install: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check a tool's folder, copy it into the registry and pin its hash.",
      discussion: "EXAMPLE\n  vpath tool install tools/examples/eosin_fraction")
    @Argument(help: "The tool's folder.") var directory: String
    @Option(help: "A further folder or file the tool may read, such as a virtual environment.") var allow: [String] = []
    @OptionGroup var options: ToolOptions

    func run() async throws {
      let directory = AbsolutePath.of(directory)
      let grants = ToolGrants(readOnlyPaths: allow.map(AbsolutePath.of))
      let info = try await options.withHost { host, registry in
        let errors = await host.check(directory: directory, grants: grants).filter { $0.severity == .error }
        if let first = errors.first {
          throw VPathError(.toolBadManifest, "\(first.subject): \(first.message)", subject: first.subject)
        }
        return try registry.install(from: directory, grants: grants, by: getuid(), at: RFC3339.now())
      }
      try ToolText.print(info, json: options.json)
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the tools.", discussion: "EXAMPLE\n  vpath tool list --json")
    @OptionGroup var options: ToolOptions

    func run() async throws {
      let tools = try await options.withHost { _, registry in registry.list() }
      if options.json {
        Terminal.print(JSONValue.array(tools.map(ToolText.json)).prettyString())
        return
      }
      for tool in tools where tool.manifest?.vpath.hostOnly != true {
        let state = tool.problem.map { "NOT OFFERED: \($0.message)" } ?? (tool.isBuiltIn ? "built in" : "installed")
        Terminal.print(
          Terminal.printable("\(tool.name)  \(tool.manifest?.vpath.version ?? "")  \(state)"))
      }
    }
  }

  struct Info: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one tool.", discussion: "EXAMPLE\n  vpath tool info cell_counter")
    @Argument(help: "The tool.") var name: String
    @OptionGroup var options: ToolOptions

    func run() async throws {
      let name = name
      let info = try await options.withHost { _, registry in try registry.info(name) }
      try ToolText.print(info, json: options.json)
    }
  }

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run an example of a tool's folder in the sandbox and show what it gives.",
      discussion: "EXAMPLE\n  vpath tool run tools/examples/eosin_fraction --example pink")
    @Argument(help: "The tool's folder.") var directory: String
    @Option(help: "The example, its file's name without .json (default: the first).") var example: String?
    @OptionGroup var options: ToolOptions

    func run() async throws {
      let directory = AbsolutePath.of(directory)
      guard let name = example ?? ToolHost.exampleNames(directory: directory).first else {
        throw VPathError(.toolBadManifest, "The folder has no examples/<name>.json to run.", subject: "examples")
      }
      let result = try await options.withHost { host, _ in try await host.runExample(directory: directory, name: name) }
      Terminal.print(try encodeJSON(result.result).prettyString())
      for difference in result.differences { Terminal.note(Terminal.printable(difference)) }
      if !result.errorTail.isEmpty { Terminal.note(Terminal.printable(result.errorTail)) }
      guard result.differences.isEmpty else { throw ExitCode(ErrorTable.row(.toolBadManifest).exitCode) }
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove an installed tool.", discussion: "EXAMPLE\n  vpath tool remove eosin_fraction")
    @Argument(help: "The tool.") var name: String
    @OptionGroup var options: ToolOptions

    func run() async throws {
      let name = name
      try await options.withHost { _, registry in try registry.remove(name) }
      if !options.json { Terminal.print("\(name) is removed.") }
    }
  }
}

/// Where tools are kept.
struct ToolOptions: ParsableArguments {
  @Option(help: "The daemon's state directory (default: from the configuration).") var state: String?
  @Option(help: "The daemon's configuration file.") var config: String?
  @Flag(help: "Print JSON.") var json = false

  /// Runs the body with a tool host of this command's own, on the daemon's registry.
  func withHost<R: Sendable>(
    _ body: @Sendable (ToolHost, ToolRegistry) async throws -> R
  ) async throws -> R {
    var flags: [String: String] = [:]
    if let state { flags["stateDirectory"] = AbsolutePath.of(state) }
    let executable = ResourceDirectory.runningExecutable()
    let configuration: DaemonConfiguration
    do {
      configuration = try DaemonConfiguration.load(
        file: config.map { FilePath($0) }, environment: DaemonSession.configurationEnvironment, flags: flags,
        places: .user(environment: DaemonSession.environment, uid: getuid()), executable: executable)
    } catch {
      throw VPathError(.cliUsage, "The configuration is refused: \(error)", subject: error.key)
    }
    let programs = executable?.removingLastComponent().string ?? "/usr/bin"
    return try await ScratchFolder.with { work in
      let hostConfiguration = ToolHostConfiguration(configuration, programs: programs, work: work)
      let registry = ToolRegistry(hostConfiguration)
      var log = Logger(label: "vpath.tool") { StreamLogHandler.standardError(label: $0) }
      log.logLevel = .error
      let policy = try PolicyCommand.load(configuration.policyFile)
      let host = ToolHost(configuration: hostConfiguration, registry: registry, policy: policy, log: log) {
        bytes, _ in SHA256Hex(bytes: SHA256.hash(data: bytes))
      }
      do {
        let result = try await body(host, registry)
        await host.stop()
        return result
      } catch {
        await host.stop()
        throw error
      }
    }
  }
}

/// A tool in words or JSON.
enum ToolText {
  static func print(_ info: ToolInfo, json: Bool) throws {
    if json {
      Terminal.print(Self.json(info).prettyString())
      return
    }
    Terminal.print(Terminal.printable("\(info.name) \(info.manifest?.vpath.version ?? "")"))
    if let problem = info.problem { Terminal.print(Terminal.printable("  NOT OFFERED: \(problem.message)")) }
    guard let manifest = info.manifest else { return }
    let block = manifest.vpath
    Terminal.print(Terminal.printable("  \(manifest.description)"))
    Terminal.print("  is given \(block.needs.input.rawValue), network \(block.needs.network ? "asked for" : "no")")
    for measure in block.measures {
      Terminal.print(Terminal.printable("  measures \(measure.name) (\(measure.unit.rawValue))"))
    }
    Terminal.print(Terminal.printable("  why: \(block.why)"))
    if let installed = info.installed {
      Terminal.print(
        "  installed \(installed.installedAt) by uid \(installed.installedByUID), pinned \(installed.sha256)")
    }
  }

  static func json(_ info: ToolInfo) -> JSONValue {
    var members: [String: JSONValue] = ["name": .string(info.name), "builtIn": .bool(info.isBuiltIn)]
    members["manifest"] = try? encodeJSON(info.manifest)
    members["installed"] = try? encodeJSON(info.installed)
    members["problem"] = info.problem.map { .string($0.message) }
    return .object(members)
  }
}
