// A folder for one test, gone after it.

import Glibc
import SystemPackage

struct TestFolder: Sendable {
  let path: String

  static func with<R: Sendable>(_ body: (TestFolder) async throws -> R) async throws -> R {
    var template = Array("/tmp/vpath-e2e-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Errno(rawValue: errno) }
    let folder = TestFolder(path: String(cString: made))
    defer { folder.remove(folder.path) }
    return try await body(folder)
  }

  /// Writes a file, its folders made as needed, and gives its path.
  @discardableResult
  func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    let file = "\(path)/\(name)"
    makeFolders(FilePath(file).removingLastComponent())
    let descriptor = try FileDescriptor.open(
      FilePath(file), .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    try descriptor.closeAfter { _ = try descriptor.writeAll(bytes) }
    return file
  }

  func bytes(_ name: String) throws -> [UInt8] { try Self.bytes(at: "\(path)/\(name)") }

  func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

  static func bytes(at path: String) throws -> [UInt8] {
    let descriptor = try FileDescriptor.open(FilePath(path), .readOnly)
    return try descriptor.closeAfter {
      let size = Int(try descriptor.seek(offset: 0, from: .end))
      _ = try descriptor.seek(offset: 0, from: .start)
      return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        while count < size {
          let read = try descriptor.read(
            into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...]))
          if read == 0 { break }
          count += read
        }
      }
    }
  }

  func makeFolder(_ name: String) { makeFolders(FilePath("\(path)/\(name)")) }

  private func makeFolders(_ folder: FilePath) {
    guard access(folder.string, F_OK) != 0 else { return }
    makeFolders(folder.removingLastComponent())
    mkdir(folder.string, 0o700)
  }

  private func remove(_ path: String) {
    guard let folder = opendir(path) else {
      unlink(path)
      return
    }
    defer {
      closedir(folder)
      rmdir(path)
    }
    while let entry = readdir(folder) {
      let (name, type) = withUnsafePointer(to: entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { (String(cString: $0), Int32(entry.pointee.d_type)) }
      }
      guard name != ".", name != ".." else { continue }
      if type == Int32(DT_DIR) { remove("\(path)/\(name)") } else { unlink("\(path)/\(name)") }
    }
  }
}
