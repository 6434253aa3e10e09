// The real daemon, with the real tools in their sandbox, on a state directory of its own.
// What must stay true: every daemon started here is ended before the test ends, and ends well; nothing outside its
// folder is written; what it answers is planned by rules where a test says nothing else, so that the same question has
// the same answer.

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
  let state: String

  var log: String { (try? folder.text("vpathd.log")) ?? "" }

  /// The environment of every program of these tests, and so of every daemon, also one that `vpath` starts.
  static func environment(_ more: [String: String] = [:]) -> Environment {
    let values = ["VPATH_MODEL_USE": "rules"].merging(more) { $1 }
    return .inherit.updating(
      Dictionary(values.map { (Environment.Key(rawValue: $0.key) ?? "VPATH_TEST", Optional($0.value)) }) { $1 })
  }

  /// Starts vpathd, waits until it answers, runs the body, ends it with SIGTERM and waits for it.
  ///
  /// - Parameters:
  ///   - state: its state directory; a folder of the test's own when nil.
  ///   - through: a program that becomes vpathd, with the arguments that come before vpathd's own.
  ///   - more: variables of its environment, over those of every daemon here.
  static func with<R: Sendable>(
    in folder: TestFolder, slides: [String] = [], flags: [String] = [], state: String? = nil, through: [String] = [],
    environment more: [String: String] = [:],
    _ body: @escaping @Sendable (RunningDaemon) async throws -> R
  ) async throws -> R {
    let socket = folder.path + "/d.sock"
    let state = state ?? folder.path + "/state"
    let log = try FileDescriptor.open(
      FilePath(folder.path + "/vpathd.log"), .writeOnly, options: [.create, .append], permissions: .ownerReadWrite)
    var options = PlatformOptions()
    options.teardownSequence = [.send(signal: .terminate, allowedDurationToNextStep: .seconds(6))]
    let outcome = try await Subprocess.run(
      .path(FilePath(through.first ?? Programs.path("vpathd"))),
      arguments: Arguments(
        through.dropFirst() + ["--socket", socket, "--state", state] + slides.flatMap { ["--slides", $0] } + flags),
      environment: environment(more), platformOptions: options, input: .none, output: .discarded,
      error: .fileDescriptor(log, closeAfterSpawningProcess: true)
    ) { execution -> Result<R, any Error> in
      let daemon = RunningDaemon(
        folder: folder, socket: socket, processID: execution.processIdentifier.value, state: state)
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
    #expect(outcome.terminationStatus == .exited(0), "vpathd's log: \((try? folder.text("vpathd.log")) ?? "")")
    return try outcome.closureResult.get()
  }

  /// A connection to it.
  func connected<R: Sendable>(_ body: @escaping @Sendable (ClientConnection) async throws -> R) async throws -> R {
    try await ClientConnection.withConnection(socket: socket, timeoutSeconds: 10, body)
  }

  private func waitUntilItAnswers() async throws {
    // On a busy machine many start at once; what has ended says so at once in its log.
    try await eventually("the daemon answers; its log: \(log)", seconds: 180) {
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
        let result = try await Subprocess.run(
          .path(FilePath(path)), arguments: Arguments(arguments),
          environment: RunningDaemon.environment(environment), input: .none,
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
