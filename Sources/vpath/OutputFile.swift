// Writing a file that the user asked for, and bringing an artefact's bytes.
// What must stay true: the file appears whole or not at all; bytes of an artefact are checked against their hash.

import Client
import Crypto
import Domain
import FoundationEssentials
import JSON
import Setup
import SystemPackage
import Wire

#if canImport(Glibc)
  import Glibc
#endif

enum OutputFile {
  /// Throws `cli.usage` when the path is one of the inputs, or nothing can be written there: said before the work, not
  /// after it.
  static func check(_ path: String, isNone inputs: [String]) throws(VPathError) {
    let name = FilePath(path).lastComponent?.string ?? path
    var target = stat()
    if stat(path, &target) == 0 {
      for input in inputs {
        var other = stat()
        guard stat(input, &other) == 0, other.st_dev == target.st_dev, other.st_ino == target.st_ino else { continue }
        throw VPathError(.cliUsage, "\(name) is a file that is read here; write to another.", subject: name)
      }
      guard target.st_mode & S_IFMT == S_IFREG else {
        throw VPathError(.cliUsage, "\(name) cannot be written: it is no regular file.", subject: name)
      }
    }
    let folder = FilePath(path).removingLastComponent().string
    guard access(folder.isEmpty ? "." : folder, W_OK) == 0 else { throw failure(path) }
  }

  /// Writes beside the target, then renames.
  static func write(_ bytes: [UInt8], to path: String) throws(VPathError) {
    let new = "\(path).new-\(getpid())"
    let descriptor = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(path) }
    var rest = bytes[...]
    var good = true
    while good && !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      good = count > 0
      rest = rest.dropFirst(max(0, count))
    }
    good = close(descriptor) == 0 && good
    guard good, rename(new, path) == 0 else {
      unlink(new)
      throw failure(path)
    }
  }

  private static func failure(_ path: String) -> VPathError {
    VPathError(
      .cliUsage,
      "\(FilePath(path).lastComponent?.string ?? path) cannot be written: \(String(cString: strerror(errno))).",
      subject: FilePath(path).lastComponent?.string)
  }
}

enum PictureFile {
  /// The bytes of an artefact, all pieces together. Throws `trace.tampered` when they do not have their hash.
  static func bytes(
    _ connection: ClientConnection, caseID: CaseID, id: EvidenceID
  ) async throws(VPathError) -> [UInt8] {
    var result: [UInt8] = []
    var next: Int? = 0
    var hash: SHA256Hex?
    while let offset = next {
      let piece = try await connection.call(
        EvidenceMethods.read, ArtefactReadParams(caseID: caseID, id: id, offset: offset))
      guard let bytes = Base64.decode(piece.data) else {
        throw VPathError(.internalBug, "A piece of \(id) is no base 64.", subject: id.rawValue)
      }
      result += bytes
      next = piece.next
      hash = piece.sha256
    }
    guard SHA256Hex(bytes: SHA256.hash(data: result)) == hash else {
      throw VPathError(.traceTampered, "The bytes of \(id) do not have their recorded hash.", subject: id.rawValue)
    }
    return result
  }

  /// Has the overview drawn with the regions the answer cites, and saves it.
  static func saveOverview(
    _ connection: ClientConnection, _ turn: TurnResult, caseID: CaseID, to path: String
  ) async throws(VPathError) {
    let cited = turn.answer?.findings.flatMap(\.evidence) ?? []
    var regions: [EvidenceID] = []
    for id in cited {
      switch turn.evidence[id.rawValue]?.body {
      case .region?: regions.append(id)
      case .measurement(let measurement)?: if let region = measurement.region { regions.append(region) }
      default: break
      }
    }
    var seen: Set<EvidenceID> = []
    regions = regions.filter { seen.insert($0).inserted }
    let slide = regions.lazy.compactMap { id -> EvidenceID? in
      if case .region(let region)? = turn.evidence[id.rawValue]?.body { region.slide } else { nil }
    }.first
    let drawn = try await connection.call(
      ToolMethods.call,
      ToolCallParams(
        caseID: caseID, name: "slide_overview",
        arguments: [
          "slide": .string((slide ?? EvidenceID(.slide, 1)).rawValue),
          "regions": .array(regions.map { .string($0.rawValue) }),
        ]), timeoutSeconds: 300)
    let artefact = drawn.structuredContent["evidence"]?.objectValue?.values.first {
      $0["kind"] == "artefact" && $0["mediaType"] == "image/png"
    }
    guard !drawn.isError, let id = artefact?["id"]?.stringValue else {
      throw VPathError(.toolFailed, "The overview could not be drawn. `vpath trace explain \(drawn.turn)` tells more.")
    }
    try OutputFile.write(try await bytes(connection, caseID: caseID, id: EvidenceID(id)), to: path)
  }
}
