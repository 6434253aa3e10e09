// Which slide files a case has, one small JSON file a case, for the daemon's eyes alone.
// What must stay true: a file is there whole or not at all, with mode 0600; names come from case ids alone.

public import Domain
import Glibc
import JSON
public import Ports
public import TurnRuntime

/// Keeps the slide files of cases in a folder.
public struct CaseFileFolder: CaseFiles {
  private let folder: String
  private static let maxBytes = 16 << 20

  /// A folder, made with mode 0700 where there is none.
  public init(_ folder: String) throws(VPathError) {
    self.folder = folder
    guard mkdir(folder, 0o700) == 0 || errno == EEXIST, chmod(folder, 0o700) == 0 else {
      throw CaseFileFolder.failure()
    }
  }

  /// Keeps them, durable when it returns.
  public func save(_ slides: [SlideGrant], of caseID: CaseID) async throws(VPathError) {
    guard caseID.isWellFormed, let value = try? encodeJSON(slides) else { throw CaseFileFolder.failure() }
    let bytes = value.canonicalBytes()
    let temporary = "\(path(caseID)).new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw CaseFileFolder.failure() }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      rest = rest.dropFirst(count)
    }
    let isWritten = rest.isEmpty && fsync(descriptor) == 0
    close(descriptor)
    guard isWritten, rename(temporary, path(caseID)) == 0 else {
      let error = CaseFileFolder.failure()
      unlink(temporary)
      throw error
    }
    let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if directory >= 0 {
      fsync(directory)
      close(directory)
    }
  }

  /// The files of a case; none when none are kept.
  public func load(_ caseID: CaseID) async throws(VPathError) -> [SlideGrant] {
    guard caseID.isWellFormed else { return [] }
    let descriptor = open(path(caseID), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= CaseFileFolder.maxBytes {
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    guard let value = try? JSONValue.parse(bytes, limits: JSONLimits(maxBytes: CaseFileFolder.maxBytes)),
      let slides = try? decodeJSON([SlideGrant].self, from: value)
    else {
      throw VPathError(
        .slideNotFound, "Which files the case has cannot be read any more. Open its slides as a new case.",
        subject: caseID.rawValue)
    }
    return slides
  }

  /// Forgets them.
  public func remove(_ caseID: CaseID) async {
    if caseID.isWellFormed { unlink(path(caseID)) }
  }

  /// The cases of which files are kept; files half written are removed on the way.
  public func kept() async -> [CaseID] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var found: [CaseID] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".json.new") { unlink("\(folder)/\(name)") }
      if name.hasSuffix(".json") { found.append(CaseID(String(name.dropLast(".json".count)))) }
    }
    return found.sorted()
  }

  private func path(_ caseID: CaseID) -> String { "\(folder)/\(caseID.rawValue).json" }

  private static func failure() -> VPathError {
    VPathError(
      .traceWriteFailed,
      "The daemon cannot write into its state directory (\(String(cString: strerror(errno)))). Free some disk space.",
      retryable: true)
  }
}
