// `vpath serve`: run the daemon in the foreground; and `vpath health`.
// What must stay true: serve becomes vpathd (exec), so that signals and exit codes are the daemon's own.

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
    discussion: "Everything after `serve` goes to vpathd as it is; see `vpathd --help`.")

  @Argument(parsing: .captureForPassthrough, help: "Flags of vpathd.")
  var flags: [String] = []

  func run() throws {
    let daemon = try DaemonSession.daemonExecutable()
    var arguments: [UnsafeMutablePointer<CChar>?] = ([daemon.string] + flags).map { strdup($0) }
    arguments.append(nil)
    execv(daemon.string, &arguments)
    throw VPathError(.serverUnreachable, "vpathd could not be started: \(String(cString: strerror(errno))).")
  }
}

struct HealthCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "health", abstract: "Whether the daemon is well.")
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
