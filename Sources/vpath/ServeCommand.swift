// `vpath serve`: run the daemon in the foreground; and `vpath health`.
// What must stay true: serve becomes vpathd (exec), so that signals and exit codes are the daemon's own; only a request
// for help is answered here.

import ArgumentParser
import Client
import Domain
import SystemPackage
import Wire

#if canImport(Glibc)
  import Glibc
#endif

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the daemon in the foreground.",
    discussion: """
      Everything after `serve` goes to vpathd as it is; `vpathd --help` lists its flags.

      EXAMPLES
        vpath serve --slides /data/slides
        vpath serve --slides /data/slides --set limits.runningTurns=4
      """)

  @Argument(parsing: .captureForPassthrough, help: "Flags of vpathd.")
  var flags: [String] = []

  func run() throws {
    if let only = flags.first, flags.count == 1, ["--help", "-h", "help"].contains(only) {
      throw CleanExit.helpRequest(self)
    }
    let daemon = try DaemonSession.daemonExecutable()
    var arguments: [UnsafeMutablePointer<CChar>?] = ([daemon.string] + flags).map { strdup($0) }
    arguments.append(nil)
    execv(daemon.string, &arguments)
    throw VPathError(.serverUnreachable, "vpathd could not be started: \(String(cString: strerror(errno))).")
  }
}

struct HealthCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health", abstract: "Whether the daemon is well.", discussion: "EXAMPLE\n  vpath health --json")
  @OptionGroup var options: ConnectionOptions

  func run() async throws {
    let health = try await DaemonSession.run(options) {
      try await $0.connection.call(ServerMethods.health, Empty(), timeoutSeconds: 5)
    }
    try Printed.rows(health, json: options.json) { health in
      [
        "\(health.state): \(health.runningTurns) turns running, \(health.queuedTurns) waiting, "
          + "\(health.connections) connections, sandbox \(health.sandbox ? "works" : "does not work")"
      ] + health.problems.map { "  \($0)" }
    }
  }
}
