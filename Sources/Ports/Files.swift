// Slide files as the daemon sees them: it finds, grants and hashes them, and decodes none.
// What must stay true: a granted path is under an allowed directory after all links are resolved.

public import Domain

/// Finds slides and hashes them.
public protocol SlideFiles: Sendable {
  /// Resolves what a client named. Throws slide.not_found, slide.not_allowed, slide.unsupported (a directory
  /// that is no slide, a device).
  func resolve(_ path: String) async throws(VPathError) -> ResolvedSlide

  /// SHA-256 over the slide's files in order of name, read in pieces; cached by (inode, size, time).
  func hash(_ slide: ResolvedSlide) async throws(VPathError) -> SHA256Hex
}

/// A slide that may be granted.
public struct ResolvedSlide: Sendable, Hashable, Codable {
  /// Absolute, links resolved.
  public var path: String
  public var companions: [String]
  public var fileName: String
  public var sizeBytes: Int

  public init(path: String, companions: [String], fileName: String, sizeBytes: Int) {
    self.path = path
    self.companions = companions
    self.fileName = fileName
    self.sizeBytes = sizeBytes
  }
}
