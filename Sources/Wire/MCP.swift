// The words of the Model Context Protocol, revision 2026-07-28, that host and tools exchange over stdio.
// What must stay true: every request carries the required `_meta`; every result carries `resultType`; servers send
// no requests. (Specification: modelcontextprotocol, schema/2026-07-28.)

public import JSON

/// Constants and shapes of MCP 2026-07-28.
public enum MCP {
  public static let protocolVersion = "2026-07-28"
  public static let protocolVersionKey = "io.modelcontextprotocol/protocolVersion"
  public static let clientCapabilitiesKey = "io.modelcontextprotocol/clientCapabilities"
  public static let clientInfoKey = "io.modelcontextprotocol/clientInfo"
  public static let serverInfoKey = "io.modelcontextprotocol/serverInfo"
  public static let progressTokenKey = "progressToken"
  /// UnsupportedProtocolVersion.
  public static let unsupportedProtocolVersion = -32022
  /// MissingRequiredClientCapability.
  public static let missingClientCapability = -32021

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
