// Finds a daemon to talk to, or starts one for the length of a command.
// What must stay true: a daemon started here is a child of this command: it is told to stop and waited for, and its
// trace is the user's own. A running daemon is never stopped.

import Client
import Domain
import Setup
import Subprocess
import SystemPackage
import Wire

#if canImport(Glibc)
  import Glibc
#endif

/// A connection with the daemon behind it.
struct DaemonSession: Sendable {
  let connection: ClientConnection
  /// Where it listens, for further connections.
  let socket: String
  /// The trace a turn goes to, for people: the state directory where it is known.
  let trace: String

  /// Runs the body with the daemon that answers: the one named, the system's, the user's. When none does and
  /// `startingFor` names slides, starts one that may read their folders.
  static func run<R: Sendable>(
    _ options: ConnectionOptions, startingFor slides: [String]? = nil,
    _ body: @escaping @Sendable (DaemonSession) async throws -> R
  ) async throws -> R {
    try await run(options, startingIn: slides.map(foldersOf), body)
  }

  /// The same, with the folders that a daemon started here may read; each is made when it is needed, or the throw says
  /// what is not there.
  static func run<R: Sendable>(
    _ options: ConnectionOptions, startingIn folders: (() throws -> [String])?,
    _ body: @escaping @Sendable (DaemonSession) async throws -> R
  ) async throws -> R {
    let places = Places.user(environment: environment, uid: getuid())
    let candidates = options.socket.map { [$0] } ?? [Places.systemSocket.string, places.socket.string]
    for socket in candidates where access(socket, F_OK) == 0 {
      do {
        return try await connected(to: socket, trace: "the trace of the daemon at \(socket)", body)
      } catch let error as VPathError where error.id == .serverUnreachable && socket != candidates.last {
        continue
      } catch let error as VPathError where error.id == .serverUnreachable && folders != nil && options.socket == nil {
        break
      }
    }
    guard let folders, options.socket == nil else {
      throw VPathError(
        .serverUnreachable,
        "No daemon answers on \(candidates.joined(separator: " or ")). Start one with `vpath serve` or `vpathd`.",
        retryable: true)
    }
    return try await starting(places, folders: try folders(), body)
  }

  private static func foldersOf(_ slides: [String]) -> () throws -> [String] {
    {
      for slide in slides where access(slide, F_OK) != 0 {
        let name = FilePath(slide).lastComponent?.string ?? slide
        throw VPathError(.slideNotFound, "There is no file \(name). Check the path.", subject: name)
      }
      return Set(slides.compactMap(resolvedFolder)).sorted()
    }
  }

  static var environment: [String: String] {
    var result: [String: String] = [:]
    for name in ["HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
      if let value = getenv(name) { result[name] = String(cString: value) }
    }
    return result
  }

  /// The environment's configuration keys.
  static var configurationEnvironment: [String: String] {
    var result: [String: String] = [:]
    for key in ConfigurationKey.all {
      if let value = getenv(key.environmentName) { result[key.environmentName] = String(cString: value) }
    }
    return result
  }

  /// The daemon beside this program.
  static func daemonExecutable() throws(VPathError) -> FilePath {
    guard let own = ResourceDirectory.runningExecutable() else {
      throw VPathError(.internalBug, "This program's own file cannot be found.")
    }
    let daemon = own.removingLastComponent().appending("vpathd")
    guard access(daemon.string, X_OK) == 0 else {
      throw VPathError(.serverUnreachable, "No daemon runs, and vpathd is not beside vpath. Install both.")
    }
    return daemon
  }

  private static func connected<R: Sendable>(
    to socket: String, trace: String, _ body: @escaping @Sendable (DaemonSession) async throws -> R
  ) async throws -> R {
    try await ClientConnection.withConnection(socket: socket) { connection in
      try await body(DaemonSession(connection: connection, socket: socket, trace: trace))
    }
  }

  private static func starting<R: Sendable>(
    _ places: Places, folders: [String], _ body: @escaping @Sendable (DaemonSession) async throws -> R
  ) async throws -> R {
    let daemon = try daemonExecutable()
    Terminal.note("No daemon runs; starting one. Its trace is \(places.stateDirectory.string).")
    let socket = places.socket.string
    let outcome = try await Subprocess.run(
      .path(FilePath(daemon.string)),
      arguments: Arguments(
        ["--socket", socket, "--log-level", "warning"] + folders.flatMap { ["--slides", $0] }),
      platformOptions: detachedFromTerminal, input: .none, output: .discarded,
      error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
    ) { execution -> Result<R, any Error> in
      defer { try? execution.send(signal: .terminate) }
      do {
        try await waitUntilItAnswers(socket, process: execution.processIdentifier.value)
        return .success(
          try await connected(to: socket, trace: "the trace in \(places.stateDirectory.string)", body))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.closureResult.get()
  }

  /// A process group of its own, so that an interrupt typed at the terminal reaches this command, which then ends the
  /// daemon in order.
  private static var detachedFromTerminal: PlatformOptions {
    var options = PlatformOptions()
    options.processGroupID = 0
    options.teardownSequence = [.send(signal: .terminate, allowedDurationToNextStep: .seconds(6))]
    return options
  }

  private static func waitUntilItAnswers(_ socket: String, process: pid_t) async throws {
    let deadline = ContinuousClock.now.advanced(by: .seconds(60))
    while ContinuousClock.now < deadline {
      if access(socket, F_OK) == 0,
        (try? await ClientConnection.withConnection(
          socket: socket, { try await $0.call(ServerMethods.health, Empty(), timeoutSeconds: 5) })) != nil
      {
        return
      }
      guard kill(process, 0) == 0, !isZombie(process) else {
        throw VPathError(.serverUnreachable, "The daemon ended while starting; its messages are above.")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw VPathError(
      .serverUnreachable, "The daemon did not answer within 60 s of starting. Try again when the machine is less busy.",
      retryable: true)
  }

  private static func isZombie(_ process: pid_t) -> Bool {
    guard let text = try? BoundedFile.text(FilePath("/proc/\(process)/stat"), maxBytes: 4096),
      let end = text.lastIndex(of: ")")
    else { return true }
    return text[text.index(after: end)...].drop(while: { $0 == " " }).first == "Z"
  }

  /// The folder of a file with links resolved; nil when it is not there (the daemon then says so).
  private static func resolvedFolder(_ slide: String) -> String? {
    guard let resolved = realpath(slide, nil) else { return nil }
    defer { free(resolved) }
    return FilePath(String(cString: resolved)).removingLastComponent().string
  }
}
