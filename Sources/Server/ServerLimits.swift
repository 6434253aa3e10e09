// What one server takes on; the defaults are the protocol's documented limits.

public import Wire

/// Limits of a server.
public struct ServerLimits: Sendable, Hashable {
  /// Bytes of a line without its newline.
  public var lineBytes: Int
  /// Bytes of a longer line that are skipped before the connection is cut.
  public var skippedBytes: Int
  /// Requests of one connection that are being worked on.
  public var requestsInFlight: Int
  /// Open connections.
  public var connections: Int
  /// Subscriptions of one connection.
  public var subscriptions: Int
  /// Bytes of a question.
  public var questionBytes: Int
  /// Seconds a line may wait for a client that does not read.
  public var writeSeconds: Double
  /// Seconds to end turns and send what is left when the daemon stops.
  public var drainSeconds: Double

  /// Limits; what is left out is as documented.
  public init(
    lineBytes: Int = WireLimits.lineBytes, skippedBytes: Int = WireLimits.skippedBytes,
    requestsInFlight: Int = WireLimits.requestsInFlight, connections: Int = WireLimits.connections,
    subscriptions: Int = WireLimits.subscriptions, questionBytes: Int = WireLimits.questionBytes,
    writeSeconds: Double = Double(WireLimits.writeSeconds), drainSeconds: Double = 4
  ) {
    self.lineBytes = lineBytes
    self.skippedBytes = max(lineBytes, skippedBytes)
    self.requestsInFlight = requestsInFlight
    self.connections = connections
    self.subscriptions = subscriptions
    self.questionBytes = questionBytes
    self.writeSeconds = writeSeconds
    self.drainSeconds = drainSeconds
  }

  /// As server/discover states them.
  var stated: [String: Int] {
    [
      "lineBytes": lineBytes, "skippedBytes": skippedBytes, "depth": WireLimits.depth,
      "requestsInFlight": requestsInFlight, "connections": connections, "questionBytes": questionBytes,
      "chunkBytes": WireLimits.chunkBytes, "subscriptions": subscriptions, "writeSeconds": Int(writeSeconds),
    ]
  }
}
