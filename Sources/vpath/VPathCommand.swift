// `vpath`: the command line client. Composition root: it parses, calls the rooms below and prints.
// What must stay true: exit codes come from Wire's error table; with --json stdout carries JSON and nothing else.

import ArgumentParser
import Domain
import Wire

#if canImport(Glibc)
  import Glibc
#endif

@main
struct VPathCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vpath",
    abstract: "Ask questions about a pathology case; every number in an answer cites its evidence.",
    discussion: """
      For research; not a medical device.

      EXAMPLES
        vpath ask slide.svs "How many nuclei per mm² are there?" --organ skin --stain H&E
        vpath ask slide.svs "Where is it most cellular?" --overview overview.png --json
        vpath trace explain TURN
        vpath trace verify
      """,
    version: Product.version,
    subcommands: [
      AskCommand.self, CaseCommand.self, ReportCommand.self, ToolCommand.self, ModelCommand.self, TraceCommand.self,
      PolicyCommand.self,
      ServeCommand.self, MCPCommand.self, HealthCommand.self, SchemasCommand.self,
    ])

  static func main() async {
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let error as VPathError {
      Terminal.error(error)
      Glibc.exit(ErrorTable.row(error.id).exitCode)
    } catch let error as ExitCode {
      Glibc.exit(error.rawValue)
    } catch {
      guard exitCode(for: error) != .success else { exit(withError: error) }  // --help, --version
      refuse(error)
    }
  }

  /// A command line that was not understood: ArgumentParser words it, the table gives its id and exit code.
  private static func refuse(_ error: any Error) -> Never {
    Terminal.error(VPathError(.cliUsage, message(for: error)))
    let usage = fullMessage(for: error).split(separator: "\n").drop { !$0.hasPrefix("Usage:") }
    for line in usage { Terminal.note(String(line)) }
    Glibc.exit(ErrorTable.row(.cliUsage).exitCode)
  }
}

/// Options of every command that talks to the daemon.
struct ConnectionOptions: ParsableArguments {
  @Option(help: "The daemon's socket (default: the system's daemon if it answers, else yours).")
  var socket: String?

  @Flag(help: "Print JSON.")
  var json = false
}
