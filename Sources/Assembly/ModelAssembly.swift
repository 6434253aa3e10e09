// The model that plans, made from the daemon's configuration: hosted here, behind an endpoint, or none.
// What must stay true: what the configuration names is used or refused, never something else in its place; where it names
// nothing, and what an operator chose or else the built-in model cannot be used, rules plan, and the reason is said.

public import Domain
public import LanguageModels
public import Logging
public import Setup

/// The model of a daemon.
public struct HostedModel: Sendable {
  /// Nil where rules alone plan.
  public var chat: (any ChatModel)?
  public var manifest: ModelManifest?
  /// Whether prompts leave this machine.
  public var isRemote = false
  /// Tokens of context that it has.
  public var contextTokens = 0
  /// Why rules plan although a model was expected; in words, with what to do.
  public var problem: String?

  /// Starts a hosted model ahead of its first request. Throws `model.unavailable`.
  public func prepare() async throws(VPathError) {
    if let server = chat as? LlamaServer { try await server.start() }
  }

  /// Ends what was started for it.
  public func stop() async {
    if let server = chat as? LlamaServer { await server.stop() }
  }
}

/// Makes the model.
public enum ModelAssembly {
  /// The model that is used where nothing else is said.
  public static let builtIn = "smollm2-135m-instruct"
  /// Names of `model.use` that are no model's.
  public static let rules = "rules"
  public static let endpoint = "endpoint"
  private static let mostDefaultContextTokens = 8192

  /// The folders that models are in.
  public static func folders(_ daemon: DaemonConfiguration) -> ModelFolders {
    ModelFolders(
      builtIn: daemon.resourceDirectory + "/models", own: daemon.stateDirectory + "/models",
      cache: daemon.cacheDirectory)
  }

  /// `programs` is the folder of vpath-launch; `runDirectory` a folder of this process alone, for the server's socket.
  /// Throws `model.unavailable` when what the configuration names cannot be used.
  public static func host(
    _ daemon: DaemonConfiguration, programs: String, runDirectory: String, log: Logger
  ) throws(VPathError) -> HostedModel {
    if let named = daemon.model.use {
      return try make(named, daemon, programs: programs, runDirectory: runDirectory, log: log)
    }
    do throws(VPathError) {
      let chosen = try ModelChoice.read(folders(daemon)) ?? builtIn
      return try make(chosen, daemon, programs: programs, runDirectory: runDirectory, log: log)
    } catch {
      return HostedModel(problem: "Rules plan, no model does: \(error.message)")
    }
  }

  private static func make(
    _ name: String, _ daemon: DaemonConfiguration, programs: String, runDirectory: String, log: Logger
  ) throws(VPathError) -> HostedModel {
    switch name {
    case rules: return HostedModel()
    case endpoint: return try atEndpoint(daemon)
    default:
      let model = try folders(daemon).resolve(name)
      guard !model.files.isEmpty else {
        throw VPathError(
          .modelUnavailable, "The model \(name) has no files; it is behind an endpoint. Set model.use to endpoint.",
          subject: "model.use")
      }
      return try hosted(model, daemon, programs: programs, runDirectory: runDirectory, log: log)
    }
  }

  private static func hosted(
    _ model: ResolvedModel, _ daemon: DaemonConfiguration, programs: String, runDirectory: String, log: Logger
  ) throws(VPathError) -> HostedModel {
    let server = try program(daemon)
    let context = daemon.model.contextTokens ?? min(model.manifest.contextTokens, mostDefaultContextTokens)
    var limits = EndpointLimits(firstByteSeconds: 30, idleSeconds: 20)
    limits.totalSeconds = daemon.model.requestSeconds
    let configuration = LlamaServerConfiguration(
      program: server.program, programName: server.name, launcher: programs + "/vpath-launch",
      bubblewrap: daemon.model.sandbox ? daemon.tools.bubblewrap : nil, runDirectory: runDirectory, model: model,
      contextTokens: context, threads: daemon.model.threads, sleepSeconds: daemon.model.idleSeconds, limits: limits)
    let checks = ModelFileChecks(file: daemon.stateDirectory + "/model-files.json")
    return HostedModel(
      chat: LlamaServer(configuration, checks: checks, log: log), manifest: model.manifest, contextTokens: context)
  }

  /// The llama-server to start. Throws `model.unavailable` when there is none.
  public static func program(_ daemon: DaemonConfiguration) throws(VPathError) -> LlamaServerBuild {
    if let program = daemon.model.server {
      return LlamaServerBuild(program: program, name: "llama-server of model.server")
    }
    let places = [daemon.resourceDirectory + "/llama-server"] + LlamaServerBuild.folders(cache: daemon.cacheDirectory)
    guard let build = LlamaServerBuild.find(in: places) else {
      throw VPathError(
        .modelUnavailable,
        "No llama-server is built for this processor. Run packaging/build-llama-server, or name one in "
          + "model.server.", subject: "model.server")
    }
    return build
  }

  private static func atEndpoint(_ daemon: DaemonConfiguration) throws(VPathError) -> HostedModel {
    let model = daemon.model
    guard let address = model.endpointURL else {
      throw VPathError(
        .modelUnavailable,
        "model.use is endpoint, and model.endpointURL is not set. Set it, such as to "
          + "https://host/v1.", subject: "model.endpointURL")
    }
    let target: EndpointConfiguration.Target =
      if address.hasPrefix("unix:/") { .unixSocket(path: String(address.dropFirst(5))) } else {
        .url(try EndpointURL(address))
      }
    var proxy: EndpointURL?
    if let text = model.endpointProxy { proxy = try EndpointURL(text, key: "model.endpointProxy") }
    let manifest = try manifestOfEndpoint(daemon)
    var limits = EndpointLimits()
    limits.totalSeconds = model.requestSeconds
    limits.firstByteSeconds = min(limits.firstByteSeconds, model.requestSeconds)
    let configuration = EndpointConfiguration(
      target: target, model: model.endpointName, keyFile: model.endpointKeyFile, caFile: model.endpointCAFile,
      proxy: proxy, vision: manifest.vision, quirks: manifest.quirks, limits: limits)
    let name = model.endpointName ?? manifest.name
    return HostedModel(
      chat: try OpenAIEndpoint(configuration, identity: ModelIdentity(name: name, server: configuration.name)),
      manifest: manifest, isRemote: configuration.isRemote, contextTokens: manifest.contextTokens)
  }

  /// What was put in for the endpoint (`models/endpoint/model.json` of the state directory), else what the configuration
  /// tells.
  private static func manifestOfEndpoint(_ daemon: DaemonConfiguration) throws(VPathError) -> ModelManifest {
    var manifest =
      try folders(daemon).manifestIfThere(endpoint)?.0
      ?? ModelManifest(
        name: endpoint, title: daemon.model.endpointName ?? "a model behind an endpoint", licence: "unknown",
        source: "model.endpointURL", files: [], vision: false, contextTokens: mostDefaultContextTokens)
    if let tokens = daemon.model.contextTokens { manifest.contextTokens = tokens }
    if daemon.model.endpointVision { manifest.vision = true }
    return manifest
  }
}
