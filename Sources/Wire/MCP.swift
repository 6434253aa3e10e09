// The words of the Model Context Protocol that host, tools and the bridge exchange over stdio: revision 2026-07-28, and
// the older ones that begin with `initialize`.
// What must stay true: in 2026-07-28 every request carries the required `_meta`, every result carries `resultType`, and
// servers send no requests. (Specification: modelcontextprotocol, schema/2026-07-28.)

public import JSON

/// Constants and shapes of MCP.
public enum MCP {
  /// The revision without a handshake: every request stands for itself.
  public static let protocolVersion = "2026-07-28"
  /// The revisions that begin with `initialize`, the newest first.
  public static let handshakeVersions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
  /// The newest of them, which a client offers.
  public static let newestHandshakeVersion = "2025-11-25"
  public static let protocolVersionKey = "io.modelcontextprotocol/protocolVersion"
  public static let clientCapabilitiesKey = "io.modelcontextprotocol/clientCapabilities"
  public static let clientInfoKey = "io.modelcontextprotocol/clientInfo"
  public static let serverInfoKey = "io.modelcontextprotocol/serverInfo"
  public static let progressTokenKey = "progressToken"
  /// UnsupportedProtocolVersion.
  public static let unsupportedProtocolVersion = -32022
  /// MissingRequiredClientCapability.
  public static let missingClientCapability = -32021
  /// HeaderMismatch; here only as a sign that a server knows 2026-07-28.
  public static let headerMismatch = -32020
  /// URLElicitationRequired, of 2025-11-25 alone.
  public static let urlElicitationRequired = -32042

  /// The `_meta` of a request, with further members.
  public static func requestMeta(client name: String, version: String, _ more: [String: JSONValue] = [:]) -> JSONValue {
    var meta: [String: JSONValue] = [
      protocolVersionKey: .string(protocolVersion),
      clientCapabilitiesKey: [:],
      clientInfoKey: ["name": .string(name), "version": .string(version)],
    ]
    meta.merge(more) { own, _ in own }
    return .object(meta)
  }

  /// A complete result: its members, `resultType` and the server's name.
  public static func completeResult(
    server name: String, version: String, _ members: [String: JSONValue]
  ) -> JSONValue {
    var result = members
    result["resultType"] = "complete"
    result["_meta"] = .object([serverInfoKey: ["name": .string(name), "version": .string(version)]])
    return .object(result)
  }
}
