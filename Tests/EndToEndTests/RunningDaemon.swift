// The real daemon, with the real tools in their sandbox, on a state directory of its own.
// What must stay true: every daemon started here is ended before the test ends; nothing outside its folder is written.

import Client
import Domain
import Glibc
import JSON
import Subprocess
import SystemPackage
import Testing
import Wire

/// A daemon under test.
struct RunningDaemon: Sendable {
  let folder: TestFolder
  let socket: String
  let processID: pid_t

  var state: String { folder.path + "/state" }
  var log: String { (try? folder.text("vpathd.log")) ?? "" }

  /// Starts vpathd, waits until it answers, runs the body, ends it with SIGTERM and waits for it.
  static func with<R: Sendable>(
    in folder: TestFolder, slides: [String] = [], flags: [String] = [],
    _ body: @escaping @Sendable (RunningDaemon) async throws -> R
  ) async throws -> R {
    let socket = folder.path + "/d.sock"
    let log = try FileDescriptor.open(
      FilePath(folder.path + "/vpathd.log"), .writeOnly, options: [.create, .append], permissions: .ownerReadWrite)
    var options = PlatformOptions()
    options.teardownSequence = [.send(signal: .terminate, allowedDurationToNextStep: .seconds(6))]
    let outcome = try await Subprocess.run(
      .path(FilePath(Programs.path("vpathd"))),
      arguments: Arguments(
        ["--socket", socket, "--state", folder.path + "/state"] + slides.flatMap { ["--slides", $0] } + flags),
      platformOptions: options, input: .none, output: .discarded,
      error: .fileDescriptor(log, closeAfterSpawningProcess: true)
    ) { execution -> Result<R, any Error> in
      let daemon = RunningDaemon(folder: folder, socket: socket, processID: execution.processIdentifier.value)
      do {
        try await daemon.waitUntilItAnswers()
        let result = try await body(daemon)
        try? execution.send(signal: .terminate)
        return .success(result)
      } catch {
        try? execution.send(signal: .terminate)
        return .failure(error)
      }
    }
    return try outcome.closureResult.get()
  }

  /// A connection to it.
  func connected<R: Sendable>(_ body: @escaping @Sendable (ClientConnection) async throws -> R) async throws -> R {
    try await ClientConnection.withConnection(socket: socket, timeoutSeconds: 10, body)
  }

  private func waitUntilItAnswers() async throws {
    try await eventually("the daemon answers; its log: \(log)") {
      (try? await ClientConnection.withConnection(
        socket: socket, { try await $0.call(ServerMethods.health, Empty(), timeoutSeconds: 5) })) != nil
    }
  }
}

/// Tries until it is true; a test that waits longer than `seconds` has failed.
func eventually(
  _ what: @autoclosure () -> String, seconds: Double = 60, _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now.advanced(by: .seconds(seconds))
  while try await !condition() {
    guard ContinuousClock.now < deadline else {
      Issue.record("It did not come true within \(seconds) s: \(what())")
      throw CancellationError()
    }
    try await Task.sleep(for: .milliseconds(10))
  }
}

/// The programs of this build, beside the test binary.
enum Programs {
  static let folder: String = {
    guard let resolved = realpath("/proc/self/exe", nil) else { return "." }
    defer { free(resolved) }
    return FilePath(String(cString: resolved)).removingLastComponent().string
  }()

  static func path(_ name: String) -> String { "\(folder)/\(name)" }

  /// Runs a program to its end within `seconds`.
  static func run(
    _ name: String, _ arguments: [String], environment: [String: String] = [:], seconds: Double = 120
  ) async throws -> (status: Int32, output: String, errors: String) {
    try await run(path: name.hasPrefix("/") ? name : path(name), arguments, environment: environment, seconds: seconds)
  }

  private static func run(
    path: String, _ arguments: [String], environment: [String: String], seconds: Double
  ) async throws -> (status: Int32, output: String, errors: String) {
    try await withThrowingTaskGroup(of: (status: Int32, output: String, errors: String)?.self) { group in
      group.addTask {
        let values = environment.map { (Environment.Key(rawValue: $0.key) ?? "VPATH_TEST", Optional($0.value)) }
        let result = try await Subprocess.run(
          .path(FilePath(path)), arguments: Arguments(arguments),
          environment: .inherit.updating(Dictionary(values) { $1 }), input: .none,
          output: .string(limit: 16 << 20), error: .string(limit: 4 << 20))
        let status: Int32 =
          switch result.terminationStatus {
          case .exited(let code): code
          case .signaled(let signal): 128 + signal
          }
        return (status, result.standardOutput, result.standardError)
      }
      group.addTask {
        try await Task.sleep(for: .seconds(seconds))
        return nil
      }
      guard let first = try await group.next(), let done = first else {
        group.cancelAll()
        Issue.record("\(path) did not end within \(seconds) s")
        throw CancellationError()
      }
      group.cancelAll()
      return done
    }
  }
}

/// The demo slide, where set-up put it.
enum DemoSlide {
  static func path() throws -> String {
    try #require(
      getenv("VPATH_DEMO_SLIDE").map { String(cString: $0) },
      "VPATH_DEMO_SLIDE is not set; `make test` fetches the slide and sets it")
  }

  static func folder() throws -> String { FilePath(try path()).removingLastComponent().string }
}
