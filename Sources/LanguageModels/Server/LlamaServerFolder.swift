// The private folder of a model server: where its socket appears and the filter of its system calls lies.
// What must stay true: mode 0700 and ours before anything is in it; a socket that an earlier server left is removed,
// nobody's other file is.

import Domain
import Glibc
import Sandboxing

/// The folder of a hosted model's server.
public enum LlamaServerFolder {
  /// Removes what a server of an earlier process left in `runDirectory`, also where none is hosted now. For a start, when
  /// no other process uses the folder.
  public static func clear(_ runDirectory: String) {
    for name in ["socket/llama.sock", "seccomp", "started"] { unlink(runDirectory + "/" + name) }
  }

  /// Makes the folders, removes a stale socket and writes the filter. Throws `model.unavailable`.
  static func prepare(_ configuration: LlamaServerConfiguration) throws(VPathError) {
    guard configuration.socket.utf8.count <= LlamaServerConfiguration.maxSocketBytes else {
      throw VPathError(
        .modelUnavailable,
        "The model server's socket would have a path of \(configuration.socket.utf8.count) bytes, and "
          + "a socket can have \(LlamaServerConfiguration.maxSocketBytes). Set stateDirectory to a shorter path.",
        subject: "stateDirectory")
    }
    for folder in [configuration.runDirectory, configuration.socketFolder] { try makePrivate(folder) }
    var status = stat()
    if lstat(configuration.socket, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFSOCK, unlink(configuration.socket) == 0 else {
        throw failure("holds something else where its socket belongs")
      }
    }
    unlink(configuration.filter)
    if configuration.bubblewrap != nil { try writeFilter(configuration.filter) }
  }

  private static func writeFilter(_ path: String) throws(VPathError) {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure("takes no file (\(String(cString: strerror(errno))))") }
    defer { close(file) }
    do throws(VPathError) {
      try SystemCallFilter.write(to: file)
    } catch {
      throw VPathError(.modelUnavailable, error.message, subject: "model.sandbox")
    }
  }

  private static func makePrivate(_ folder: String) throws(VPathError) {
    if mkdir(folder, 0o700) != 0, errno != EEXIST {
      throw failure("cannot be made (\(String(cString: strerror(errno))))")
    }
    var status = stat()
    guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(),
      chmod(folder, 0o700) == 0
    else { throw failure("is no folder of this user") }
  }

  private static func failure(_ words: String) -> VPathError {
    VPathError(
      .modelUnavailable, "The model server's folder in the state directory \(words). See to the state directory.",
      subject: "stateDirectory")
  }
}
