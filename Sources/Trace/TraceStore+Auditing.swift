// Verification and export of the live trace.
// What must stay true: both run beside the daemon's work, off its threads, on connections that only read.

import Dispatch
public import Domain
import Glibc
import Ports
import Synchronization

extension TraceStore {
  /// Verifies the trace, or one case of it, as it stands on disk. Cancelling the task stops it.
  public func verify(
    case caseID: CaseID? = nil, publicKey: [UInt8]? = nil,
    progress: @escaping @Sendable (VerifyProgress) -> Void = { _ in }
  ) async throws(VPathError) -> VerifyReport {
    try await flush()
    let isCancelled = Flag()
    let path = directory.path
    let checkpointFiles = options.checkpointCopy.map { [$0] } ?? []
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { (answer: CheckedContinuation<Result<VerifyReport, VPathError>, Never>) in
        checkThread.async {
          do throws(VPathError) {
            let report = try TraceVerifier.verify(
              directory: path, case: caseID, publicKey: publicKey, checkpointFiles: checkpointFiles
            ) {
              progress($0)
              return !isCancelled.isSet
            }
            answer.resume(returning: .success(report))
          } catch {
            answer.resume(returning: .failure(error))
          }
        }
      }
    } onCancel: {
      isCancelled.set()
    }
    return try result.get()
  }

  /// A piece of a case's export, whole lines of at most 1 MiB, and the cursor of the next; nil after the last.
  /// Without a cursor the export begins: the chain's head is signed, and it fixes what is exported.
  /// Throws `case.not_found`, `trace.tampered` when something of the case is gone or changed.
  public func exportPiece(
    of caseID: CaseID, cursor: String? = nil
  ) async throws(VPathError) -> (bytes: [UInt8], next: String?) {
    var position: ExportPosition?
    if let cursor {
      position = ExportPosition(cursor: cursor)
      guard position != nil else {
        throw VPathError.strangeExportCursor
      }
    } else {
      do throws(VPathError) {
        try await checkpoint(caseID)
      } catch {
        // A full disk keeps nobody from taking the evidence away; the export then ends in unsigned events.
        if error.id != .traceWriteFailed { throw error }
      }
    }
    let publicKey = signer.publicKey
    let time = clock.now()
    return try await read { [position] queries in
      let writer = ExportWriter(queries: queries, caseID: caseID, publicKey: publicKey)
      let (bytes, next) = try writer.piece(from: position ?? writer.start(), time: time)
      return (bytes, next?.cursor)
    }
  }

  /// Exports a case into a new file with mode 0600. Throws `trace.write_failed` when there is one already.
  public func export(_ caseID: CaseID, to path: String) async throws(VPathError) {
    var cursor: String?
    let first = try await exportPiece(of: caseID)
    do {
      let file = try OpenFile(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
      try file.write(first.bytes)
      cursor = first.next
      while let next = cursor {
        let piece = try await exportPiece(of: caseID, cursor: next)
        try file.write(piece.bytes)
        cursor = piece.next
      }
      try file.sync()
    } catch {
      throw VPathError(anyTraceFailure: error)
    }
  }

  /// The key that signs this trace, 64 hexadecimal digits: give it to auditors beforehand.
  public var publicKey: String { hexText(signer.publicKey) }
}

/// A flag that is set once.
private final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}
