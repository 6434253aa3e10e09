// Slides in the folders an operator allows: found, granted, hashed, never decoded.
// What must stay true: a granted path lies, with all links resolved, in an allowed folder; a file that is not regular
// is never opened; no path is in an error.

import Dispatch
public import Domain
import Glibc
public import Ports
import Synchronization

/// Finds and hashes slides under some folders.
public final class SlideFolders: SlideFiles {
  private let folders: [String]
  private let hashes = Mutex<[FileStamp: SHA256Hex]>([:])
  private let thread = DispatchQueue(label: "vpath.slides.hash", qos: .utility)
  /// Files that may belong to one slide.
  static let maxFiles = 20_000

  /// Slides under these folders; one that is not there now holds none.
  public init(_ folders: [String]) { self.folders = folders }

  /// Which of the folders are not there.
  public func missing() -> [String] { folders.filter { SlideFolders.resolved($0) == nil } }

  /// The slide a client named.
  public func resolve(_ path: String) async throws(VPathError) -> ResolvedSlide {
    let name = String(path.split(separator: "/").last ?? "")
    guard path.hasPrefix("/"), !path.utf8.contains(0), path.utf8.count < 4096, !name.isEmpty else {
      throw VPathError(
        .slideNotFound, "A slide is named by the absolute path of its file as the daemon sees it.",
        subject: SlideFolders.shown(name))
    }
    guard let real = SlideFolders.resolved(path) else {
      // Only inside the allowed folders is it said whether a file is there.
      let parent = String(path.dropLast(name.utf8.count))
      guard let folder = SlideFolders.resolved(parent), isAllowed(folder + "/x") else { throw notAllowed(name) }
      throw VPathError(
        .slideNotFound, "There is no file \(SlideFolders.shown(name)) in that folder. Check the name.",
        subject: SlideFolders.shown(name))
    }
    guard isAllowed(real) else { throw notAllowed(name) }
    var found = stat()
    guard lstat(real, &found) == 0, found.st_mode & S_IFMT == S_IFREG else {
      throw VPathError(
        .slideUnsupported,
        "\(SlideFolders.shown(name)) is no regular file. Name the slide's main file, such as .svs, .ndpi or .mrxs.",
        subject: SlideFolders.shown(name))
    }
    guard found.st_size > 0 else {
      throw VPathError(
        .slideUnsupported, "\(SlideFolders.shown(name)) is empty. Copy it again from the scanner.",
        subject: SlideFolders.shown(name))
    }
    let companions = try SlideCompanions.files(of: real)
    for file in [real] + companions where access(file, R_OK) != 0 {
      throw VPathError(
        .slideNotAllowed,
        "\(SlideFolders.shown(name)) cannot be read by the daemon's user. Give that user the right to read it.",
        subject: SlideFolders.shown(name))
    }
    let size = companions.reduce(Int(found.st_size)) { $0 + (FileStamp($1)?.size ?? 0) }
    return ResolvedSlide(
      path: real, companions: companions, fileName: String(real.split(separator: "/").last ?? ""), sizeBytes: size)
  }

  /// SHA-256 over the bytes of its files, the main file first, then the others in order of name: for a slide of one
  /// file what `sha256sum` prints.
  public func hash(_ slide: ResolvedSlide) async throws(VPathError) -> SHA256Hex {
    let files = [slide.path] + slide.companions.sorted()
    let stamp = files.compactMap(FileStamp.init).reduce(FileStamp.none) { $0.joined($1) }
    if let known = hashes.withLock({ $0[stamp] }) { return known }
    let result = await withCheckedContinuation { (answer: CheckedContinuation<SHA256Hex?, Never>) in
      thread.async { answer.resume(returning: FileHash.sha256(of: files)) }
    }
    let after = files.compactMap(FileStamp.init).reduce(FileStamp.none) { $0.joined($1) }
    guard let result, after == stamp else {
      throw VPathError(
        .slideDamaged, "\(SlideFolders.shown(slide.fileName)) could not be read whole, or changed while it was read.",
        subject: SlideFolders.shown(slide.fileName), retryable: true)
    }
    hashes.withLock { hashes in
      if hashes.count > 10_000 { hashes = [:] }
      hashes[stamp] = result
    }
    return result
  }

  private func isAllowed(_ real: String) -> Bool {
    folders.contains { folder in
      guard let folder = SlideFolders.resolved(folder) else { return false }
      return real.hasPrefix(folder == "/" ? folder : folder + "/")
    }
  }

  private func notAllowed(_ name: String) -> VPathError {
    VPathError(
      .slideNotAllowed,
      "\(SlideFolders.shown(name)) is not in a folder that slides may be in, or a link leads out of it. "
        + "Ask the operator to add its folder to slideDirectories.", subject: SlideFolders.shown(name))
  }

  /// The path with all links resolved; nil when nothing is there.
  static func resolved(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }

  /// A stranger's file name, short enough to be shown.
  static func shown(_ name: String) -> String {
    let clean = name.unicodeScalars.prefix(100).map {
      $0.value >= 0x20 && $0.value != 0x7F ? Character($0) : "?" as Character
    }
    return String(clean)
  }
}
