// The private folder of a model server: where its socket appears.
// What must stay true: mode 0700 and ours before anything is in it; a socket that an earlier server left is removed,
// nobody's other file is.

import Domain
import Glibc

enum LlamaServerFolder {
  /// Makes the folders and removes a stale socket. Throws `model.unavailable`.
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
