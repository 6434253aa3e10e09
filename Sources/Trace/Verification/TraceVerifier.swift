// Verification of a trace: the entry points.
// What must stay true: nothing is changed; memory grows with the number of turns of one case at most, not with the
// trace; the first fault named is the one that the order of checks in docs/trace-format.md names.

public import Domain
import Glibc

/// Verifies traces.
public enum TraceVerifier {
  /// The key in the text of a `trace-key.pub`, 64 hexadecimal digits; nil for any other text.
  public static func publicKey(_ text: [UInt8]) -> [UInt8]? { keyBytes(text) }

  /// Verifies a state directory, or one of its cases, while a daemon uses it or without one. Blocks the caller.
  ///
  /// `publicKey` is the key the auditor was given; without it the directory's own `trace-key.pub` is believed.
  /// `checkpointFiles` are paths of further files with lines of the checkpoint log, kept where nobody could change them
  /// with the database: what they say must be in the database; they need not go as far. One that is not there ends the
  /// verification with `trace.write_failed`.
  /// `progress` is called now and then and returns whether to go on. Throws `case.not_found` for a case that is
  /// neither in the database nor in the checkpoint log, `cancelled` when `progress` said so, `trace.write_failed`
  /// when files cannot be read; everything that is wrong with the trace itself is in the report.
  public static func verify(
    directory: String, case caseID: CaseID? = nil, publicKey: [UInt8]? = nil, checkpointFiles: [String] = [],
    progress: (VerifyProgress) -> Bool = { _ in true }
  ) throws(VPathError) -> VerifyReport {
    do {
      return try withoutActuallyEscaping(progress) { progress in
        let opened: ReadOnlyDirectory
        do {
          opened = try ReadOnlyDirectory(directory)
        } catch let failure as FileFailure where failure.code == ENOENT {
          var report = VerifyReport()
          report.add(TraceFault(.databaseMissing, "There is no \(TraceFile.database) in this directory."))
          return report
        } catch let failure as SQLiteFailure {
          var report = VerifyReport()
          report.add(.unreadable(failure))
          return report
        }
        let verification = DirectoryVerification(
          opened, case: caseID, publicKey: publicKey, checkpointFiles: checkpointFiles, progress: progress)
        return try verification.run()
      }
    } catch {
      throw VPathError(readFailure: error)
    }
  }
}

extension TraceFault {
  static func unreadable(_ failure: SQLiteFailure, caseID: CaseID? = nil, seq: Int? = nil) -> TraceFault {
    TraceFault(
      .databaseUnreadable, caseID: caseID, seq: seq,
      "SQLite cannot read the database here (\(failure.code): \(failure.message)).")
  }
}
