// Files and folders that the command line names.
// What must stay true: what is not there is a wrong command line, said before anything is read; the message shows the
// last name alone.

import Domain
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

enum NamedPath {
  /// Throws `cli.usage` when nothing is there; `remedy` says what to do.
  static func require(_ path: String, _ remedy: String) throws(VPathError) {
    guard access(path, F_OK) == 0 else { throw missing("file", path, remedy) }
  }

  /// Throws `cli.usage` when no folder is there.
  static func requireFolder(_ path: String, _ remedy: String) throws(VPathError) {
    var found = stat()
    guard stat(path, &found) == 0, found.st_mode & S_IFMT == S_IFDIR else { throw missing("folder", path, remedy) }
  }

  private static func missing(_ what: String, _ path: String, _ remedy: String) -> VPathError {
    let name = FilePath(path).lastComponent?.string ?? path
    return VPathError(.cliUsage, "There is no \(what) \(name). \(remedy)", subject: name)
  }
}
