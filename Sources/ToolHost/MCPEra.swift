// Which era of the Model Context Protocol a server speaks, found by probing: `server/discover` first; what does not show
// that the server knows 2026-07-28 leads to the older `initialize`.
// What must stay true: no single error code decides for the older era; the era is settled once for a process; what a
// server says of itself besides its versions is not used.

import Domain
import JSON
import Synchronization
import Wire

extension MCPSession {
  /// How requests are written.
  enum Era: Sendable, Equatable {
    /// 2026-07-28: every request carries its `_meta`.
    case modern
    /// A revision that began with `initialize`.
    case handshake(String)
  }

  /// How long a server may be silent before its first answers.
  struct Patience: Sendable, Equatable {
    /// Until a silent probe counts as a sign of the older era.
    var probeSeconds = 10.0
    /// Until a silent start fails.
    var startSeconds = 30.0
  }

  /// What the probe came to.
  enum Probe: Sendable {
    case era(Era)
    case older
  }

  /// Sends `server/discover`. Throws when the server can only be one that this host cannot speak to.
  func probe() async throws(VPathError) -> Probe {
    switch await exchange("server/discover", [:], era: .modern, seconds: patience.probeSeconds, silence: .giveUp) {
    case .failed(let error): throw error
    case .silent: return .older
    case .result(let reply):
      guard let versions = reply.result["supportedVersions"]?.arrayValue?.compactMap(\.stringValue) else {
        return .older
      }
      return try choose(versions)
    case .refused(let error):
      switch error.code {
      case MCP.unsupportedProtocolVersion:
        return try choose(error.data?["supported"]?.arrayValue?.compactMap(\.stringValue) ?? [])
      case MCP.missingClientCapability, MCP.headerMismatch: return .era(.modern)
      default: return .older
      }
    }
  }

  private func choose(_ versions: [String]) throws(VPathError) -> Probe {
    if versions.contains(MCP.protocolVersion) { return .era(.modern) }
    if versions.isEmpty || versions.contains(where: MCP.handshakeVersions.contains) { return .older }
    throw MCPSession.otherVersions(versions)
  }

  /// The older handshake. Throws what kept it from succeeding.
  func shakeHands() async throws(VPathError) -> Era {
    let offered = MCP.newestHandshakeVersion
    era = .handshake(offered)
    let params: [String: JSONValue] = [
      "protocolVersion": .string(offered), "capabilities": [:],
      "clientInfo": ["name": "vpathd", "version": .string(Product.version)],
    ]
    switch await exchange(
      "initialize", params, era: .handshake(offered), seconds: patience.startSeconds, silence: .endProcess)
    {
    case .failed(let error): throw error
    case .silent: throw EndReason.timedOut(seconds: patience.startSeconds).error
    case .refused(let error):
      // A server that was too slow for the probe has settled on the newer era meanwhile, or says so here.
      if case .result(let late)? = lateProbe,
        late.result["supportedVersions"]?.arrayValue?.contains(.string(MCP.protocolVersion)) == true
      {
        return .modern
      }
      let supported = error.data?["supported"]?.arrayValue?.compactMap(\.stringValue) ?? []
      if error.code == MCP.unsupportedProtocolVersion {
        if supported.contains(MCP.protocolVersion) { return .modern }
        throw MCPSession.otherVersions(supported)
      }
      throw VPathError(
        .toolBadOutput,
        "The tool's server answers neither server/discover nor initialize (\(error.code): "
          + "\(PlainText.clean(error.message, limit: 200))). It must speak MCP \(MCP.protocolVersion) or \(offered).")
    case .result(let reply):
      let version = reply.result["protocolVersion"]?.stringValue ?? ""
      guard MCP.handshakeVersions.contains(version) else {
        throw MCPSession.otherVersions(version.isEmpty ? [] : [version])
      }
      write(.notification(method: "notifications/initialized", params: [:]))
      return .handshake(version)
    }
  }

  private static func otherVersions(_ versions: [String]) -> VPathError {
    let named = versions.isEmpty ? "no version it names" : PlainText.clean(versions.joined(separator: ", "), limit: 100)
    return VPathError(
      .toolBadOutput,
      "The tool's server speaks MCP \(named); this host speaks \(MCP.protocolVersion) and "
        + "\(MCP.handshakeVersions.joined(separator: ", ")). Update the server, or use \"protocol\": \"once\".")
  }
}

/// Which tools' servers were found to want the handshake, so that the next process is not probed in vain.
final class KnownEras: Sendable {
  private let names = Mutex<Set<String>>([])
  private static let limit = 1024

  /// Whether a server of this tool is known to be of the older era.
  func isOlder(_ key: String) -> Bool { names.withLock { $0.contains(key) } }

  func note(_ key: String, isOlder: Bool) {
    names.withLock { names in
      if !isOlder {
        names.remove(key)
      } else if names.count < KnownEras.limit {
        names.insert(key)
      }
    }
  }
}
