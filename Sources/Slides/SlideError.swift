// What can go wrong with a slide file, as errors of the one table.
// What must stay true: a message says what happened, the value met and what to do; it names the file's last part
// only, never its folder, and nothing that the file says of a patient.

public import Domain

/// Why a slide, or a part of one, cannot be used.
public struct SlideError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong.
  public enum Code: Sendable, Hashable, CaseIterable {
    /// No file there.
    case notFound
    /// The file is there, but this process may not read it.
    case notAllowed
    /// The decoder does not know the file.
    case unsupported
    /// The decoder knows the file, but some of it cannot be decoded.
    case damaged
    /// No usable µm per pixel where one is needed.
    case noScale
    /// An empty rectangle, or one that is not on the slide.
    case outOfBounds
    /// More pixels asked for than the limit.
    case tooLarge
    /// The caller asked to stop.
    case cancelled
    /// The decoder's library is missing or not usable.
    case noDecoder
  }

  /// What went wrong.
  public var code: Code
  /// What happened, the value met, and what to do.
  public var message: String
  /// The file's last name, or the rectangle.
  public var subject: String?

  /// An error.
  public init(_ code: Code, _ message: String, subject: String? = nil) {
    self.code = code
    self.message = message
    self.subject = subject
  }

  /// The same error as every surface shows it.
  public var asVPathError: VPathError { VPathError(errorID, message, subject: subject) }

  /// The id in the one table.
  public var errorID: ErrorID {
    switch code {
    case .notFound: .slideNotFound
    case .notAllowed: .slideNotAllowed
    case .unsupported: .slideUnsupported
    case .damaged: .slideDamaged
    case .noScale: .slideNoScale
    case .outOfBounds: .regionOutOfBounds
    case .tooLarge: .regionTooLarge
    case .cancelled: .cancelled
    case .noDecoder: .toolFailed
    }
  }

  /// The id and the message.
  public var description: String { "\(errorID.rawValue): \(message)" }
}
