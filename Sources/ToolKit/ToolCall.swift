// One call as its handler sees it: the input, a way to say how far it is, a way to hear that it is not wanted any more,
// and a place for files.
// What must stay true: files are written into the call's own scratch directory under plain names, never through a
// link, and never over one another.

public import Domain
import Glibc
public import JSON
import Synchronization

/// A call of a tool.
public final class ToolCall: Sendable {
  /// Arguments, slides, evidence, scratch.
  public let input: ToolInput
  private let cancelled = Atomic<Bool>(false)
  private let report: @Sendable (Double?, String) -> Void

  /// A call; `progress` gets a share from 0 to 1 when it is known, and words.
  public init(
    input: ToolInput, progress: @escaping @Sendable (Double?, String) -> Void = { _, _ in }
  ) {
    self.input = input
    self.report = progress
  }

  /// The arguments.
  public var arguments: JSONValue { input.arguments }

  /// Whether the caller has asked to stop.
  public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

  /// Throws `cancelled` when the caller has asked to stop; call it often in long work.
  public func checkCancelled() throws(VPathError) {
    if isCancelled { throw VPathError(.cancelled, "The call was cancelled.") }
  }

  /// Asks the handler to stop.
  public func cancel() { cancelled.store(true, ordering: .relaxed) }

  /// Says how far the work is. May be dropped; never part of the result.
  public func progress(_ fraction: Double?, _ message: String) {
    if !isCancelled { report(fraction, message) }
  }

  /// Writes a file into scratch and gives its name, for an artefact's `file`.
  ///
  /// - Throws: `tool.limit` when scratch is full, `tool.failed` for a bad name, a file that is already there, or a call
  ///   without scratch.
  @discardableResult
  public func write(_ name: String, _ bytes: [UInt8]) throws(VPathError) -> String {
    let letters = name.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x5F
        || $0 == 0x2E || $0 == 0x2D
    }
    guard letters, !name.isEmpty, name.utf8.count <= 128, !name.hasPrefix(".") else {
      throw VPathError(.toolFailed, "\"\(name)\" is no name for a file in scratch: use letters, digits, _ . -")
    }
    guard !input.scratch.isEmpty else {
      throw VPathError(.toolFailed, "The call was given no scratch directory, so \(name) cannot be written.")
    }
    let descriptor = open(
      input.scratch + "/" + name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.writeError(name) }
    defer { close(descriptor) }
    var offset = 0
    while offset < bytes.count {
      let written = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress?.advanced(by: offset), $0.count - offset)
      }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw Self.writeError(name) }
      offset += written
    }
    return name
  }

  private static func writeError(_ name: String) -> VPathError {
    let reason = String(cString: strerror(errno))
    let isFull = errno == ENOSPC || errno == EFBIG || errno == EDQUOT
    return VPathError(
      isFull ? .toolLimit : .toolFailed, "\(name) could not be written to scratch: \(reason).", subject: name)
  }
}
