// Where things live on a machine: configuration, state, socket, cache, and the files that came with the product.
// What must stay true: nothing is created here; places follow the XDG base directory specification for a person and
// the file hierarchy standard for the system's daemon.

public import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// The folders and files of one installation, for one user.
public struct Places: Sendable, Hashable {
  /// Where a configuration file is looked for, in order.
  public var configurationFiles: [FilePath]
  public var stateDirectory: FilePath
  public var socket: FilePath
  public var cacheDirectory: FilePath

  /// The system's daemon's socket.
  public static let systemSocket: FilePath = "/run/vpath/vpathd.sock"

  /// The places of a person, from their environment. `uid` names the fallback when XDG_RUNTIME_DIR is not set.
  public static func user(environment: [String: String], uid: UInt32) -> Places {
    let home = FilePath(environment["HOME"] ?? "/")
    func xdg(_ name: String, _ fallback: FilePath) -> FilePath {
      let value = FilePath(environment[name] ?? "")
      return value.isAbsolute ? value : fallback
    }
    let state = xdg("XDG_STATE_HOME", home.appending(".local/state")).appending("vpath")
    let runtime = xdg("XDG_RUNTIME_DIR", FilePath("/tmp/vpath-\(uid)"))
    return Places(
      configurationFiles: [
        xdg("XDG_CONFIG_HOME", home.appending(".config")).appending("vpath/vpathd.yaml"), "/etc/vpath/vpathd.yaml",
      ],
      stateDirectory: state, socket: runtime.appending("vpath/vpathd.sock"),
      cacheDirectory: xdg("XDG_CACHE_HOME", home.appending(".cache")).appending("vpath"))
  }

  /// The places of the system's daemon.
  public static let system = Places(
    configurationFiles: ["/etc/vpath/vpathd.yaml"], stateDirectory: "/var/lib/vpath", socket: systemSocket,
    cacheDirectory: "/var/cache/vpath")
}

/// Finds what came with the product: tools, policies, models, prompts, schemas.
public enum ResourceDirectory {
  /// The folder beside an installed executable (`../share/vpath`), or the checkout that the executable was built in.
  /// Nil when neither holds the built-in tools.
  public static func find(executable: FilePath) -> FilePath? {
    let folder = executable.removingLastComponent()
    if holdsTools(folder.removingLastComponent().appending("share/vpath")) {
      return folder.removingLastComponent().appending("share/vpath")
    }
    var candidate = folder
    for _ in 0..<6 {
      if holdsTools(candidate) { return candidate }
      candidate = candidate.removingLastComponent()
    }
    return holdsTools("/usr/share/vpath") ? "/usr/share/vpath" : nil
  }

  private static func holdsTools(_ folder: FilePath) -> Bool {
    access(folder.appending("tools/slide_overview/tool.json").string, R_OK) == 0
      && access(folder.appending("policies/default.yaml").string, R_OK) == 0
  }

  /// The running program's own file, all links resolved.
  public static func runningExecutable() -> FilePath? {
    guard let resolved = realpath("/proc/self/exe", nil) else { return nil }
    defer { free(resolved) }
    return FilePath(String(cString: resolved))
  }
}
