// The rooms put together and run: socket, trace, policy, tools, planner, runtime, server, signals.
// What must stay true: what cannot be used ends the start with a reason before anything is served; after a signal the
// process is gone within drainSeconds and a second, whatever hangs, and the next start repairs what was open.

import Agent
import Assembly
import Domain
import Glibc
import LanguageModels
import Logging
import Policy
import Ports
import Server
import Setup
import SystemPackage
import SystemPorts
import ToolHost
import Trace
import TurnRuntime
import UnixSignals
import Wire

struct Daemon {
  private let configuration: DaemonConfiguration
  private let environment: [String: String]
  private let log: Logger
  private let clock = SystemClock()

  init(_ configuration: DaemonConfiguration, environment: [String: String]) {
    self.configuration = configuration
    self.environment = environment
    let level = Logger.Level(rawValue: configuration.logLevel) ?? .info
    LoggingSystem.bootstrap { KeyValueLog(label: $0, level: level) }
    log = Logger(label: "vpathd")
  }

  func run() async throws {
    umask(0o077)
    signal(SIGPIPE, SIG_IGN)
    Machine.raiseDescriptorLimit()
    let socket = try listeningSocket()
    do {
      try await serve(on: socket)
    } catch {
      socket.release()
      throw error
    }
  }

  private func serve(on socket: ListeningSocket) async throws {
    try Machine.makeFolder(FilePath(configuration.stateDirectory).removingLastComponent().string)
    let store = try await openTrace()
    let (policy, policyText) = try Self.policy(configuration)
    let toolConfiguration = ToolHostConfiguration(
      configuration, programs: Self.programFolder(), work: configuration.stateDirectory + "/work")
    let registry = ToolRegistry(toolConfiguration)
    let tools = ToolHost(
      configuration: toolConfiguration, registry: registry, policy: policy, log: Logger(label: "tools")
    ) { bytes, mediaType throws(VPathError) in try await store.put(bytes, mediaType: mediaType) }
    let sandbox = await tools.start()
    LlamaServerFolder.clear(configuration.stateDirectory + "/model")
    let hosted = try ModelAssembly.host(
      configuration, programs: Self.programFolder(), runDirectory: configuration.stateDirectory + "/model",
      log: Logger(label: "model"))
    let planner = try Self.planner(hosted, configuration, store)
    let runtime = Runtime(
      Runtime.Environment(
        store: store, model: planner, tools: tools, builtInTools: registry.builtInNames(),
        slides: SlideFolders(configuration.slideDirectories),
        caseFiles: try CaseFileFolder(configuration.stateDirectory + "/cases"), audit: TraceAuditor(store: store),
        clock: clock, names: SystemNames(), policy: policy, policyText: policyText, daemon: Machine.identity,
        version: Product.version, build: Machine.build(),
        programs: registry.programDigests(), configuration: configuration.json, limits: configuration.runtimeLimits,
        models: DaemonModels(hosted, planner: planner.model, folders: ModelAssembly.folders(configuration)),
        health: { Self.health(store, sandbox, hosted) }, turnEnded: { tools.turnEnded($0) },
        log: Logger(label: "runtime")))
    let report = try await runtime.begin()
    log.info(
      "started",
      metadata: [
        "version": "\(Product.version)", "closedTurns": "\(report.closedTurns.count)", "policy": "\(policy.digest)",
        "planner": "\(planner.name)",
      ])
    let missing = SlideFolders(configuration.slideDirectories).missing()
    if !missing.isEmpty {
      log.warning(
        "slide directories are not there; `vpathd --check` names them", metadata: ["missing": "\(missing.count)"])
    }
    let preparing = prepare(hosted)
    let server = Server(
      runtime: runtime, socket: socket, limits: configuration.serverLimits, clock: clock, log: Logger(label: "server"))
    try await serveUntilSignal(server, socket)
    preparing.cancel()
    await hosted.stop()
    await tools.stop()
    try await store.close()
    log.info("stopped")
  }

  // MARK: Signals

  private func serveUntilSignal(_ server: Server, _ socket: ListeningSocket) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
    let log = log
    let deadlineSeconds = configuration.limits.drainSeconds + 0.9
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run { log.info("serving") } }
      group.addTask {
        for await signal in signals {
          log.info("stopping", metadata: ["signal": "\(signal)"])
          Self.exitAfter(deadlineSeconds, socket, log)
          let allEnded = await server.stop(reason: "The daemon was stopped.")
          if !allEnded { log.warning("not every turn ended in time; the next start closes the rest") }
          return
        }
      }
      try await group.next()
      group.cancelAll()
    }
  }

  /// The last resort: what is open then is closed at the next start, and children die with this process.
  private static func exitAfter(_ seconds: Double, _ socket: ListeningSocket, _ log: Logger) {
    Task.detached {
      try? await Task.sleep(for: .seconds(seconds))
      log.error("stopping took too long")
      socket.release()
      _exit(70)
    }
  }

  // MARK: Parts

  /// The planner over the configured model; what it exchanges with the model is kept with the trace.
  private static func planner(
    _ hosted: HostedModel, _ configuration: DaemonConfiguration, _ store: TraceStore
  ) throws(VPathError) -> any LanguageModel {
    try PlannerAssembly.planner(
      hosted, planning: configuration.model.planning, resourceDirectory: configuration.resourceDirectory,
      surroundings: ModelPlanner.Surroundings(
        keep: { bytes, mediaType throws(VPathError) in try await store.put(bytes, mediaType: mediaType) },
        picture: { hash in
          do throws(VPathError) {
            guard let size = try await store.size(of: hash), size <= ModelPlanner.maxPictureBytes else { return nil }
            return try await store.bytes(hash, offset: 0, count: size)
          } catch {
            return nil
          }
        }))
  }

  /// Starts the model ahead of the first question. One that cannot start is said to be so, and tried again then.
  private func prepare(_ hosted: HostedModel) -> Task<Void, Never> {
    let log = log
    return Task {
      do throws(VPathError) {
        try await hosted.prepare()
      } catch {
        log.warning("the model is not ready", metadata: ["error": "\(error.id.rawValue)"])
      }
    }
  }

  private func listeningSocket() throws(VPathError) -> ListeningSocket {
    if let handedIn = try ListeningSocket.handedIn(environment: environment) { return handedIn }
    try Machine.makeFolder(FilePath(configuration.socket).removingLastComponent().string)
    return try ListeningSocket.open(at: configuration.socket)
  }

  private func openTrace() async throws(VPathError) -> TraceStore {
    var options = TraceOptions()
    options.reserveBytes = configuration.trace.reserveMiB << 20
    options.checkpointCopy = configuration.trace.checkpointCopy
    options.logger = Logger(label: "trace")
    return try await TraceStore.open(directory: configuration.stateDirectory, clock: clock, options: options)
  }

  /// The policy and its text. Throws what is wrong with the file, with its line.
  static func policy(_ configuration: DaemonConfiguration) throws(ConfigurationError) -> (Policy, text: String) {
    let text: String
    do {
      text = try BoundedFile.text(FilePath(configuration.policyFile), maxBytes: 1 << 20)
    } catch {
      throw ConfigurationError("The policy file cannot be read: \(error.reason).", key: "policyFile")
    }
    do {
      return (try Policy.load(yaml: text), text)
    } catch {
      throw ConfigurationError("The policy cannot be used: \(error).", key: "policyFile")
    }
  }

  /// The folder of vpath-tools and vpath-launch: this program's own.
  static func programFolder() -> String {
    ResourceDirectory.runningExecutable()?.removingLastComponent().string ?? "/usr/bin"
  }

  private static func health(
    _ store: TraceStore, _ sandbox: SandboxStatus, _ hosted: HostedModel
  ) -> DaemonHealth {
    var health = DaemonHealth()
    if case .unavailable(let reason) = sandbox {
      health.sandbox = false
      health.problems.append("Tools cannot run: the sandbox is not available (\(reason)).")
    }
    if let problem = hosted.problem { health.problems.append(problem) }
    if store.spaceLow {
      health.problems.append("The trace's disk is full; nothing new is recorded until there is space.")
    }
    return health
  }
}

extension DaemonConfiguration {
  fileprivate var runtimeLimits: RuntimeLimits {
    RuntimeLimits(
      parallelCases: limits.runningTurns, turnsPerCase: limits.queuedTurns, turns: max(256, limits.queuedTurns),
      budget: .init(
        steps: budget.steps, toolCalls: budget.toolCalls, regions: budget.regions, tokens: budget.tokens,
        seconds: budget.seconds))
  }

  fileprivate var serverLimits: ServerLimits {
    ServerLimits(
      lineBytes: limits.lineBytes, requestsInFlight: limits.requestsInFlight, connections: limits.connections,
      questionBytes: limits.questionBytes, writeSeconds: limits.slowReaderSeconds, drainSeconds: limits.drainSeconds)
  }
}
