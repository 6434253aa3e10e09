// The limits of a connection, in one place: the daemon enforces them, server/discover and docs/rpc.md state them.
// What must stay true: each is a promise to clients; lowering one is a change of the API's version.

/// Limits of the protocol.
public enum WireLimits {
  /// Bytes of a line without its newline. A longer one is skipped to its end and answered with an error.
  public static let lineBytes = 8 << 20
  /// Bytes of a too long line that are skipped before the connection is closed.
  public static let skippedBytes = 64 << 20
  /// Arrays and objects inside one another.
  public static let depth = 64
  /// Requests of one connection that are being worked on.
  public static let requestsInFlight = 64
  /// Connections to the daemon.
  public static let connections = 256
  /// Bytes of a question in UTF-8.
  public static let questionBytes = 64 << 10
  /// Bytes in one piece of an artefact or export, before base 64.
  public static let chunkBytes = 1 << 20
  /// Subscriptions of one connection that have not ended.
  public static let subscriptions = 64
  /// Seconds a line may wait for a client that does not read before the connection is cut.
  public static let writeSeconds = 30

  /// All of them, by the name server/discover gives them.
  public static let all: [String: Int] = [
    "lineBytes": lineBytes, "skippedBytes": skippedBytes, "depth": depth, "requestsInFlight": requestsInFlight,
    "connections": connections, "questionBytes": questionBytes, "chunkBytes": chunkBytes,
    "subscriptions": subscriptions, "writeSeconds": writeSeconds,
  ]
}
