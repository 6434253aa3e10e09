// What an operator agreed to when a tool was installed: `installed.json` beside the tool's copy.
// What must stay true: the tool runs only while its folder has exactly the pinned hash; a change asks again.

public import Domain
import Glibc
import JSON

/// The record of an installation.
public struct InstalledTool: Sendable, Hashable, Codable {
  /// The tool's name.
  public var name: String
  /// Its version when it was installed.
  public var version: String
  /// Digest over every file of its folder; docs/tool-contract.md gives the bytes hashed.
  public var sha256: SHA256Hex
  /// RFC 3339 in UTC.
  public var installedAt: String
  /// The user id of who installed it.
  public var installedByUID: UInt32
  /// What it was granted beyond its manifest.
  public var grants: ToolGrants

  public init(
    name: String, version: String, sha256: SHA256Hex, installedAt: String, installedByUID: UInt32, grants: ToolGrants
  ) {
    self.name = name
    self.version = version
    self.sha256 = sha256
    self.installedAt = installedAt
    self.installedByUID = installedByUID
    self.grants = grants
  }

  static let fileName = "installed.json"
  static let folderName = "files"
}

/// What an operator gives a tool beyond what every tool sees.
public struct ToolGrants: Sendable, Hashable, Codable {
  /// Absolute paths the tool may read, at the same place: an environment that lies outside its folder.
  public var readOnlyPaths: [String]

  public init(readOnlyPaths: [String] = []) { self.readOnlyPaths = readOnlyPaths }

  /// Checks the paths. Throws `tool.bad_manifest` naming the one to change.
  func check() throws(VPathError) {
    for path in readOnlyPaths {
      let parts = path.split(separator: "/")
      let tooWide = ["home", "root", "etc", "var", "proc", "sys", "dev", "run", "tmp"]
      guard path.hasPrefix("/"), !parts.isEmpty, !parts.contains("..") else {
        throw VPathError(
          .toolBadManifest, "A path granted to a tool must be absolute, without \"..\", and not \"/\".", subject: path)
      }
      if parts.count == 1, tooWide.contains(String(parts[0])) || parts[0] == "home" {
        throw VPathError(
          .toolBadManifest, "/\(parts[0]) is too much to grant to a tool. Grant the folder it needs.", subject: path)
      }
      if parts.count == 2, parts[0] == "home" {
        throw VPathError(
          .toolBadManifest, "A home directory is too much to grant to a tool. Grant the folder it needs.")
      }
    }
  }
}

/// A tool as the registry knows it.
public struct ToolInfo: Sendable, Hashable {
  /// Nil when the manifest cannot be read any more.
  public var manifest: ToolManifest?
  public var name: String
  public var isBuiltIn: Bool
  /// Nil for the product's own tools.
  public var installed: InstalledTool?
  /// Why it is not offered, when it is not.
  public var problem: VPathError?
}
