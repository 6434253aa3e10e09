// The directory a trace lives in: private to its owner, held by one process, with the signing key in it.
// What must stay true: the directory is 0700 and every file in it is made 0600 from the start, whatever the umask;
// the lock is held until `unlock` or the value's end; a key is never replaced.

import Domain
import Glibc
import Synchronization

/// A trace's directory, locked.
final class StateDirectory: Sendable {
  /// Without a slash at its end.
  let path: String
  private let lockDescriptor: Mutex<Int32>

  /// Makes the directory where there is none (its parent must exist), makes it private and takes the lock.
  init(_ path: String) throws(VPathError) {
    self.path = path
    do throws(FileFailure) {
      if mkdir(path, 0o700) == 0 {
        try syncDirectory("\(path)/..")
      } else if errno != EEXIST {
        throw FileFailure("mkdir", path)
      }
      let directory = try OpenFile(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      var status = stat()
      guard fstat(directory.descriptor, &status) == 0 else { throw FileFailure("stat", path) }
      guard status.st_uid == geteuid() else {
        throw FileFailure("use of another user's directory", path, code: EPERM)
      }
      if status.st_mode & 0o7777 != 0o700, fchmod(directory.descriptor, 0o700) != 0 {
        throw FileFailure("chmod", path)
      }
    } catch {
      throw VPathError(error)
    }
    let descriptor = open("\(path)/\(TraceFile.lock)", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    lockDescriptor = Mutex(descriptor)
    guard descriptor >= 0 else { throw VPathError(FileFailure("open", TraceFile.lock)) }
    guard Self.lock(descriptor) else {
      throw VPathError(
        .traceWriteFailed,
        "Another process uses this trace. Stop that daemon, or give this one a state directory of its own.",
        subject: TraceFile.lock)
    }
  }

  deinit { unlock() }

  /// Takes the lock, within half a second: a daemon that just ended, or a child of it between its fork and its exec, may
  /// hold it for a moment longer.
  private static func lock(_ descriptor: Int32) -> Bool {
    for _ in 0..<20 {
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
      guard errno == EWOULDBLOCK || errno == EINTR else { return false }
      usleep(25_000)
    }
    return flock(descriptor, LOCK_EX | LOCK_NB) == 0
  }

  /// Gives the directory free for other processes.
  func unlock() {
    lockDescriptor.withLock { descriptor in
      if descriptor >= 0 { close(descriptor) }
      descriptor = -1
    }
  }

  /// The path of a file in the directory.
  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Makes an empty file with mode 0600 where there is none, so that SQLite, which takes over the mode of the
  /// database file for all its files, never makes one that others can read.
  func reserveName(_ name: String) throws(FileFailure) {
    _ = try OpenFile(file(name), O_RDWR | O_CREAT | O_NOFOLLOW)
    guard chmod(file(name), 0o600) == 0 else { throw FileFailure("chmod", name) }
  }

  /// Reads the signing key, or makes one where the trace is new.
  func signer(isNew: Bool) throws(VPathError) -> CheckpointSigner {
    do {
      if !fileExists(file(TraceFile.privateKey)) {
        guard isNew else {
          throw VPathError(
            .traceWriteFailed,
            "trace-key is missing, so this trace cannot be signed further. Put the key back, or start with an empty state directory and keep this one for verification.",
            subject: TraceFile.privateKey)
        }
        let seed = CheckpointSigner().seed
        try writeFileDurably(Array("\(hexText(seed))\n".utf8), to: TraceFile.privateKey, in: path)
      }
      guard chmod(file(TraceFile.privateKey), 0o600) == 0 else { throw FileFailure("chmod", TraceFile.privateKey) }
      let text = try readSmallFile(file(TraceFile.privateKey), limit: 256)
      guard let seed = keyBytes(text), let signer = CheckpointSigner(seed: seed) else {
        throw VPathError(
          .traceWriteFailed, "trace-key is not 64 hexadecimal digits and a line break. Put the right key back.",
          subject: TraceFile.privateKey)
      }
      try exportPublicKey(signer)
      return signer
    } catch let failure as FileFailure {
      throw VPathError(failure)
    } catch let error as VPathError {
      throw error
    } catch {
      throw VPathError(.internalBug, "The signing key could not be read.")
    }
  }

  private func exportPublicKey(_ signer: CheckpointSigner) throws {
    if fileExists(file(TraceFile.publicKey)) {
      guard keyBytes(try readSmallFile(file(TraceFile.publicKey), limit: 256)) == signer.publicKey else {
        throw VPathError(
          .traceTampered,
          "trace-key and trace-key.pub are not a pair: one of them was replaced. Put the right one back.",
          subject: TraceFile.publicKey)
      }
      return
    }
    try writeFileDurably(Array("\(hexText(signer.publicKey))\n".utf8), to: TraceFile.publicKey, in: path, mode: 0o644)
  }
}

/// The 32 bytes in a key file: 64 hexadecimal digits, and white space at most at the end.
func keyBytes(_ text: [UInt8]) -> [UInt8]? {
  let digits = String(decoding: text, as: UTF8.self)
  let end = digits.lastIndex { !$0.isWhitespace }.map { digits.index(after: $0) } ?? digits.startIndex
  guard let bytes = bytesFromHex(digits[..<end]), bytes.count == 32 else { return nil }
  return bytes
}
