// server/discover and server/health.

public import JSON

/// What the daemon is and can do.
public struct DiscoverResult: WireType {
  public var name: String
  public var version: String
  /// The versions of this API it speaks.
  public var supportedVersions: [String]
  public var methods: [String]
  /// Limits a client should know.
  public var limits: [String: Int]

  public init(name: String, version: String, supportedVersions: [String], methods: [String], limits: [String: Int]) {
    self.name = name
    self.version = version
    self.supportedVersions = supportedVersions
    self.methods = methods
    self.limits = limits
  }

  public static var schema: Schema {
    .object([
      .required("name", .text("Always vpathd.")), .required("version", .text("The daemon's version.")),
      .required("supportedVersions", .array(of: .text("A version."))),
      .required("methods", .array(of: .text("A method's name."))),
      .required("limits", .map(of: .count("A limit."))),
    ])
  }
}

/// Whether the daemon is well.
public struct HealthResult: WireType {
  /// `ok`, `degraded` or `draining`.
  public var state: String
  /// What is not well, in words.
  public var problems: [String]
  public var runningTurns: Int
  public var queuedTurns: Int
  public var connections: Int
  /// Whether tools run in their sandbox.
  public var sandbox: Bool
  public var policyDigest: String

  public init(
    state: String, problems: [String], runningTurns: Int, queuedTurns: Int, connections: Int, sandbox: Bool,
    policyDigest: String
  ) {
    self.state = state
    self.problems = problems
    self.runningTurns = runningTurns
    self.queuedTurns = queuedTurns
    self.connections = connections
    self.sandbox = sandbox
    self.policyDigest = policyDigest
  }

  public static var schema: Schema {
    .object([
      .required("state", .string(enum: ["ok", "degraded", "draining"])),
      .required("problems", .array(of: .text("What is not well."))),
      .required("runningTurns", .count("Turns at work.")), .required("queuedTurns", .count("Turns waiting.")),
      .required("connections", .count("Open connections.")),
      .required("sandbox", .boolean(description: "Whether tools run in their sandbox.")),
      .required("policyDigest", .sha256),
    ])
  }
}

/// The methods about the daemon itself.
public enum ServerMethods {
  public static let discover = Method<Empty, DiscoverResult>(
    "server/discover", "Name, version, methods and limits of the daemon.", example: [:])
  public static let health = Method<Empty, HealthResult>(
    "server/health", "Whether the daemon is well, and what it is doing.", example: [:])
}
