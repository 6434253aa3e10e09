// Verification without a daemon: a copied state directory, or an exported case.

import Domain
import Trace
import Wire

enum OfflineVerification {
  static func directory(_ path: String, caseID: CaseID?) throws(VPathError) -> TraceVerifyResult {
    result(try TraceVerifier.verify(directory: AbsolutePath.of(path), case: caseID, progress: show))
  }

  static func export(_ path: String) throws(VPathError) -> TraceVerifyResult {
    result(try TraceVerifier.verify(export: AbsolutePath.of(path), progress: show))
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
      })
  }
}
