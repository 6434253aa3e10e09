// Verification without a daemon: a copied state directory, or an exported case.
// What must stay true: nothing is changed; a file the user named that cannot be read gives an error and no verdict.

import Domain
import Setup
import SystemPackage
import Trace
import Wire

enum OfflineVerification {
  /// Verifies a copied state directory, against checkpoint files and a key that were kept elsewhere.
  static func directory(
    _ path: String, caseID: CaseID?, key: String?, checkpoints: [String]
  ) throws(VPathError) -> TraceVerifyResult {
    result(
      try TraceVerifier.verify(
        directory: AbsolutePath.of(path), case: caseID, publicKey: try bytes(ofKey: key),
        checkpointFiles: checkpoints.map { AbsolutePath.of($0) }, progress: show))
  }

  /// Verifies an exported case.
  static func export(_ path: String, key: String?) throws(VPathError) -> TraceVerifyResult {
    result(
      try TraceVerifier.verify(export: AbsolutePath.of(path), publicKey: try bytes(ofKey: key), progress: show))
  }

  /// The 32 bytes of a key that is given in hexadecimal digits or as a file of them.
  private static func bytes(ofKey key: String?) throws(VPathError) -> [UInt8]? {
    guard let key else { return nil }
    if let bytes = TraceVerifier.publicKey(Array(key.utf8)) { return bytes }
    let text: [UInt8]
    do throws(BoundedFileError) {
      text = try BoundedFile.bytes(FilePath(key), maxBytes: 256)
    } catch {
      throw VPathError(
        .cliUsage, "The key file could not be read: \(error.reason). Name a file of 64 hexadecimal digits.")
    }
    guard let bytes = TraceVerifier.publicKey(text) else {
      throw VPathError(.cliUsage, "The key is not 64 hexadecimal digits. Give trace-key.pub as you received it.")
    }
    return bytes
  }

  private static func show(_ progress: VerifyProgress) -> Bool {
    Terminal.progress("  \(progress.events) events in \(progress.cases) chains")
    return true
  }

  private static func result(_ report: VerifyReport) -> TraceVerifyResult {
    TraceVerifyResult(
      ok: report.isOK, cases: report.cases, events: report.events, checkpoints: report.checkpoints,
      fault: report.fault.map {
        TraceVerifyResult.Fault(caseID: $0.caseID, seq: $0.seq, what: $0.what.rawValue, message: $0.message)
      }, notes: report.notes)
  }
}
