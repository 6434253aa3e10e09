// Files through the system's own calls: whole reads and writes, syncs, and errors that name the file's last name only.
// What must stay true: a descriptor is closed on every path and never passes to a child; no message holds a full path.

import Domain
import GRDB
import Glibc

/// What went wrong with a file.
struct FileFailure: Error {
  var code: Int32
  var operation: String
  /// The file's last name.
  var name: String

  init(_ operation: String, _ path: String, code: Int32 = errno) {
    self.code = code
    self.operation = operation
    name = String(path.split(separator: "/").last ?? "/")
  }

  var message: String { "\(operation) \(name): \(String(cString: strerror(code)))" }
}

/// An open file.
struct OpenFile: ~Copyable {
  let descriptor: Int32
  private let path: String

  /// Opens a file, close-on-exec.
  init(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(FileFailure) {
    // A pipe in the place of a file must not make the caller wait for a writer.
    let waits = flags & O_ACCMODE == O_RDONLY ? O_NONBLOCK : 0
    descriptor = open(path, flags | waits | O_CLOEXEC, mode)
    self.path = path
    guard descriptor >= 0 else { throw FileFailure("open", path) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Size in bytes.
  func size() throws(FileFailure) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure("stat", path) }
    return Int(status.st_size)
  }

  /// Whether it is a regular file.
  func isRegular() -> Bool {
    var status = stat()
    return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Writes all bytes at the current place.
  func write(_ bytes: [UInt8]) throws(FileFailure) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress?.advanced(by: done), bytes.count - done)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileFailure("write", path)
      }
      done += count
    }
  }

  /// Up to `count` bytes from `offset`; fewer only at the file's end.
  func read(at offset: Int, count: Int) throws(FileFailure) -> [UInt8] {
    guard count > 0 else { return [] }
    var failure: FileFailure?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
      while done < count {
        let got = pread(descriptor, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset + done))
        if got < 0 {
          if errno == EINTR { continue }
          failure = FileFailure("read", path)
          return
        }
        if got == 0 { return }
        done += got
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Makes content and size durable.
  func sync() throws(FileFailure) {
    guard fsync(descriptor) == 0 else { throw FileFailure("fsync", path) }
  }

  /// Cuts or extends the file.
  func truncate(to size: Int) throws(FileFailure) {
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw FileFailure("truncate", path) }
  }
}

/// Makes a directory's entries durable.
func syncDirectory(_ path: String) throws(FileFailure) {
  try OpenFile(path, O_RDONLY | O_DIRECTORY).sync()
}

/// Whether something has this name.
func fileExists(_ path: String) -> Bool {
  var status = stat()
  return lstat(path, &status) == 0
}

/// Whether a regular file has this name, directly or through a link.
func isRegularFile(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
}

/// Names in a directory, without `.` and `..`, in no order; nil when it cannot be read.
func namesIn(_ directory: String) -> [String]? {
  guard let stream = opendir(directory) else { return nil }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    if name != "." && name != ".." { names.append(name) }
  }
  return names
}

/// How the names of temporary files begin.
let temporaryPrefix = "trace-tmp-"

/// Writes a new file durably under its name, or not at all: a temporary file, fsync, rename, fsync of the directory.
func writeFileDurably(_ bytes: [UInt8], to name: String, in directory: String, mode: mode_t = 0o600) throws(FileFailure)
{
  let temporary = "\(directory)/\(temporaryPrefix)\(UInt64.random(in: 0 ... .max))"
  do {
    let file = try OpenFile(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    try file.write(bytes)
    try file.sync()
  } catch {
    unlink(temporary)
    throw error
  }
  guard rename(temporary, "\(directory)/\(name)") == 0 else {
    let failure = FileFailure("rename", name)
    unlink(temporary)
    throw failure
  }
  try syncDirectory(directory)
}

/// The whole of a small file; throws EFBIG when it is larger than `limit`.
func readSmallFile(_ path: String, limit: Int) throws(FileFailure) -> [UInt8] {
  let file = try OpenFile(path, O_RDONLY)
  guard file.isRegular(), try file.size() <= limit else { throw FileFailure("read", path, code: EFBIG) }
  return try file.read(at: 0, count: limit)
}

/// Removes a file; one that is not there is as good.
func unlinkFile(_ path: String) { unlink(path) }

/// Bytes that may still be written on the file system of a path.
func freeBytes(_ path: String) -> Int? {
  var status = statvfs()
  guard statvfs(path, &status) == 0 else { return nil }
  return Int(status.f_bavail) * Int(status.f_frsize)
}

extension VPathError {
  /// The error for whatever a write ended with.
  init(anyTraceFailure error: any Error) {
    switch error {
    case let error as VPathError: self = error
    case let failure as FileFailure: self.init(failure)
    case let failure as SQLiteFailure: self.init(failure)
    case let error as DatabaseError: self.init(SQLiteFailure(error))
    default: self.init(.internalBug, "The trace failed in an unforeseen way; nothing was recorded.")
    }
  }

  /// `trace.write_failed` for something the trace could not do with a file.
  init(_ failure: FileFailure) {
    self.init(
      .traceWriteFailed,
      "The trace could not be written (\(failure.message)); nothing was recorded. Check the state directory's disk and rights.",
      retryable: true)
  }

  /// `trace.write_failed` for something SQLite could not do.
  init(_ failure: SQLiteFailure) {
    self.init(
      .traceWriteFailed,
      "The trace could not be written (SQLite \(failure.code): \(failure.message)); nothing was recorded. Check the state directory's disk and rights.",
      retryable: true)
  }
}
