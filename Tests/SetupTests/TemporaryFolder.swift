// A folder for one test, gone after it.

import Glibc
import SystemPackage

struct TemporaryFolder {
  let path: FilePath

  static func with<R>(_ body: (TemporaryFolder) throws -> R) throws -> R {
    var template = Array("/tmp/vpath-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Errno(rawValue: errno) }
    let folder = TemporaryFolder(path: FilePath(String(cString: made)))
    defer { try? folder.remove(folder.path) }
    return try body(folder)
  }

  func write(_ name: String, _ text: String) throws -> FilePath {
    try write(name, Array(text.utf8))
  }

  func write(_ name: String, _ bytes: [UInt8]) throws -> FilePath {
    let file = path.pushing(FilePath(name))
    makeFolders(file.removingLastComponent())
    let descriptor = try FileDescriptor.open(
      file, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    try descriptor.closeAfter { _ = try descriptor.writeAll(bytes) }
    return file
  }

  func makeFolders(_ folder: FilePath) {
    guard access(folder.string, F_OK) != 0 else { return }
    makeFolders(folder.removingLastComponent())
    mkdir(folder.string, 0o700)
  }

  private func remove(_ path: FilePath) throws {
    guard let folder = opendir(path.string) else {
      unlink(path.string)
      return
    }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { try remove(path.appending(name)) }
    }
    rmdir(path.string)
  }
}
