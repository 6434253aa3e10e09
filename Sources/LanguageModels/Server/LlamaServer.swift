// The hosted model: a llama-server of our own, started with the daemon or when it is first needed, watched, started
// again when it dies or hangs.
// What must stay true: one child at a time, and none is left behind; the request in flight is asked a second time at
// most; starts are spaced out, so that a model that cannot load does not eat the machine; files are checked before
// every start.

public import Domain
import Glibc
import JSON
public import Logging
import Synchronization

/// Hosts one model.
public actor LlamaServer: ChatModel {
  /// What it is doing.
  public enum Status: Sendable, Hashable {
    case notStarted
    case starting
    case ready
    /// It failed that many times in a row; in words why.
    case failing(times: Int, reason: String)
    case stopped
  }

  private struct Child {
    var process: LlamaServerProcess
    var endpoint: OpenAIEndpoint
    var server: String
  }

  /// A start under way, shared by all who wait for it.
  private final class Start: Sendable {
    let result = Mutex<Result<Child, VPathError>?>(nil)
  }

  private let configuration: LlamaServerConfiguration
  private let checks: ModelFileChecks
  private let log: Logger
  private let door = OneAtATime()
  private var child: Child?
  private var starting: Start?
  private var failures = 0
  private var lastReason = ""
  private var notBefore = ContinuousClock.now
  private var isStopped = false
  /// Starts after this many failures in a row wait for a request.
  private static let eagerStarts = 4
  /// A wait for the next start that is longer than this is told instead.
  private static let patienceSeconds = 5.0

  public init(_ configuration: LlamaServerConfiguration, checks: ModelFileChecks, log: Logger) {
    self.configuration = configuration
    self.checks = checks
    self.log = log
  }

  /// The server's build is known once it has run.
  public var identity: ModelIdentity {
    ModelIdentity(
      name: configuration.model.manifest.name, filesSha256: configuration.model.manifest.files.map(\.sha256),
      server: child?.server ?? configuration.programName)
  }

  public var status: Status {
    if isStopped { return .stopped }
    if starting != nil { return .starting }
    if child != nil { return .ready }
    return failures == 0 ? .notStarted : .failing(times: failures, reason: lastReason)
  }

  /// The process of the child, for tests and measurements.
  var processForTests: LlamaServerProcess? { child?.process }

  /// Starts the server ahead of its first request. Throws `model.unavailable`.
  public func start() async throws(VPathError) { _ = try await readyChild() }

  public func complete(_ request: ChatRequest) async throws(ChatFailure) -> ChatReply {
    guard await door.enter() else { throw ChatFailure(EndpointFailure.cancelled.error("")) }
    defer { door.leave() }
    var earlier: [ChatFailure] = []
    while true {
      let child: Child
      do throws(VPathError) {
        child = try await readyChild()
      } catch {
        throw ChatFailure(error, earlier: earlier)
      }
      let attempt = await child.endpoint.attempt(request)
      do throws(EndpointFailure) {
        var reply = try attempt.outcome.get()
        reply.earlier = earlier
        failures = 0
        return reply
      } catch {
        var failure = attempt.failure(error.error("the hosted model server"))
        failure.earlier = earlier
        guard !isStopped, await isChildsFault(error, child) else { throw failure }
        await discard(child, reason: failure.error.message)
        guard earlier.isEmpty else { throw failure }
        earlier.append(failure)
        log.warning("the model server failed; the request is asked once more", metadata: ["why": "\(lastReason)"])
      }
    }
  }

  /// Ends the child: asked, and after two seconds made to. Requests in flight end with `model.unavailable`.
  public func stop() async {
    isStopped = true
    let begun = starting
    if let child { await child.process.terminate() }
    // What is starting sees that it is not wanted, and ends its child itself.
    while let begun, begun.result.withLock({ $0 == nil }) { await Self.pause() }
    child = nil
    unlink(configuration.socket)
  }

  // MARK: - The child

  /// Whether the child must go: it is dead or hangs. A refusal or a cancelled request is none of its faults.
  private func isChildsFault(_ failure: EndpointFailure, _ child: Child) async -> Bool {
    switch failure {
    case .silent, .stalled, .cut, .unreachable, .unreadable, .tooLong, .lineTooLong: true
    case .cancelled, .contextFull, .noVision, .status, .server, .tooSlow, .tls, .proxy, .keyFile: child.process.hasEnded
    }
  }

  private func readyChild() async throws(VPathError) -> Child {
    if isStopped { throw VPathError(.modelUnavailable, "The model server was stopped with the daemon.") }
    if let child, !child.process.hasEnded { return child }
    if let starting { return try await Self.awaited(starting) }
    let wait = ContinuousClock.now.duration(to: notBefore)
    guard wait <= .seconds(Self.patienceSeconds) else {
      throw VPathError(
        .modelUnavailable,
        "The model server failed \(failures) times in a row and is started again in "
          + "\(wait.components.seconds) s. Last: \(lastReason)", retryable: true)
    }
    let start = Start()
    starting = start
    Task {
      let outcome = await self.launch(after: wait)
      start.result.withLock { $0 = outcome }
    }
    return try await Self.awaited(start)
  }

  /// Who is cancelled leaves; the start goes on.
  private static func awaited(_ start: Start) async throws(VPathError) -> Child {
    while true {
      if let outcome = start.result.withLock({ $0 }) { return try outcome.get() }
      if Task.isCancelled { throw EndpointFailure.cancelled.error("") }
      try? await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Waits a moment although the task may be cancelled.
  private static func pause() async {
    await Task { try? await Task.sleep(for: .milliseconds(5)) }.value
  }

  private func launch(after wait: Duration) async -> Result<Child, VPathError> {
    if wait > .zero { try? await Task.sleep(for: wait) }
    let outcome: Result<Child, VPathError>
    do throws(VPathError) {
      outcome = .success(try await newChild())
    } catch {
      outcome = .failure(error)
    }
    starting = nil
    switch outcome {
    case .success(let new) where isStopped:
      await new.process.terminate()
      return .failure(VPathError(.modelUnavailable, "The model server was stopped with the daemon."))
    case .success(let new):
      child = new
      Task { await self.watch(new) }
    case .failure(let error):
      noteFailure(error.message)
    }
    return outcome
  }

  private func newChild() async throws(VPathError) -> Child {
    try await checks.verify(configuration.model)
    try await checks.checkMemory(configuration.model, contextTokens: configuration.contextTokens)
    try LlamaServerFolder.prepare(configuration)
    let begun = ContinuousClock.now
    let process = LlamaServerProcess(configuration, log: log)
    do throws(VPathError) {
      let endpoint = try OpenAIEndpoint(
        EndpointConfiguration(
          target: .unixSocket(path: configuration.socket), vision: configuration.model.manifest.vision,
          reportsProgress: true, quirks: configuration.model.manifest.quirks, limits: configuration.limits),
        identity: ModelIdentity(name: configuration.model.manifest.name))
      try await waitUntilReady(process, endpoint)
      let build = await endpoint.properties(seconds: 5)?["build_info"]?.stringValue ?? ""
      let server = "\(configuration.programName) \(EndpointFailure.clean(String(build.prefix(64))))"
      log.info(
        "the model server is ready",
        metadata: [
          "model": "\(configuration.model.manifest.name)", "server": "\(server)",
          "took": "\(begun.duration(to: .now))",
        ])
      return Child(process: process, endpoint: endpoint, server: server)
    } catch {
      await process.kill()
      throw error
    }
  }

  private func waitUntilReady(_ process: LlamaServerProcess, _ endpoint: OpenAIEndpoint) async throws(VPathError) {
    let deadline = ContinuousClock.now + .seconds(configuration.startSeconds)
    var pause = 10
    while !process.hasEnded, !isStopped {
      if access(configuration.socket, F_OK) == 0, await endpoint.isHealthy(seconds: 2) { return }
      guard ContinuousClock.now < deadline else {
        throw VPathError(
          .modelUnavailable,
          "The model server was not ready within \(Int(configuration.startSeconds)) s "
            + "(\(process.lastWords)). See that the machine is not overloaded, or use a smaller model.", retryable: true
        )
      }
      try? await Task.sleep(for: .milliseconds(pause))
      pause = min(pause * 2, 100)
    }
    if isStopped { throw VPathError(.modelUnavailable, "The model server was stopped with the daemon.") }
    let words = await process.ended()
    throw VPathError(
      .modelUnavailable,
      "The model server did not start: \(words) (\(process.lastWords)). Run the daemon with "
        + "--log-level debug for all it says; `vpath model verify` checks the model's files.", retryable: true)
  }

  /// Waits for the child's end; unless that was wanted, another takes its place.
  private func watch(_ watched: Child) async {
    let words = await watched.process.ended()
    guard !isStopped, child?.process === watched.process else { return }
    child = nil
    noteFailure("\(words) (\(watched.process.lastWords))")
    log.warning("the model server died", metadata: ["how": "\(lastReason)"])
    guard failures <= Self.eagerStarts else { return }
    _ = try? await readyChild()
  }

  private func discard(_ bad: Child, reason: String) async {
    if child?.process === bad.process {
      child = nil
      noteFailure(reason)
    }
    await bad.process.kill()
  }

  /// At once after one failure, then after 0.5, 1, 2 … 30 seconds.
  private func noteFailure(_ reason: String) {
    failures += 1
    lastReason = reason
    let seconds = failures < 2 ? 0 : min(30, 0.5 * Double(1 << min(failures - 2, 10)))
    notBefore = .now + .seconds(seconds)
  }
}
