// Report templates on disk: one JSON file each, in one folder.
// What must stay true: only regular files of a bounded size are read; a name from a call never becomes a path before
// it was found in the folder's own listing.

import Domain
import Glibc

/// A folder of report templates.
struct ReportTemplateFolder: Sendable {
  let path: String

  private static let maxTemplates = 64
  private static let maxBytes = 256 << 10

  /// Names of the templates there are, sorted; nil when the folder cannot be read.
  func names() -> [String]? {
    guard let folder = opendir(path) else { return nil }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name.hasSuffix(".json") else { continue }
      let stem = String(name.dropLast(5))
      guard (1...64).contains(stem.utf8.count), stem.utf8.allSatisfy(Self.isNameByte) else { continue }
      names.append(stem)
    }
    return Array(names.sorted().prefix(Self.maxTemplates))
  }

  /// The template of that name.
  ///
  /// - Throws: `tool.failed` that names the templates there are, or what is wrong with the file.
  func template(_ name: String) throws(VPathError) -> ReportTemplate {
    guard let names = names() else {
      throw VPathError(.toolFailed, "The folder of report templates cannot be read. Check the installation.")
    }
    guard names.contains(name) else {
      let asked = ReportText.line(name, limit: 64)
      let there = names.isEmpty ? "none" : names.joined(separator: ", ")
      throw VPathError(
        .toolFailed, "There is no report template \"\(asked)\". The templates are: \(there).", subject: asked)
    }
    let fileName = name + ".json"
    return try ReportTemplate.read(try bytes(fileName), fileName: fileName)
  }

  private func bytes(_ fileName: String) throws(VPathError) -> [UInt8] {
    func unreadable(_ why: String) -> VPathError {
      VPathError(.toolFailed, "The report template \(fileName) cannot be read: \(why).", subject: fileName)
    }
    let descriptor = open(path + "/" + fileName, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw unreadable(String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw unreadable("it is no regular file")
    }
    guard status.st_size <= Self.maxBytes else {
      throw unreadable("it has \(status.st_size) bytes, at most \(Self.maxBytes) are read")
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while bytes.count <= Self.maxBytes {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw unreadable(String(cString: strerror(errno))) }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
    throw unreadable("it grew past \(Self.maxBytes) bytes while it was read")
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5F
  }
}
