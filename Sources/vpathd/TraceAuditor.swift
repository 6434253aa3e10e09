// The runtime's port for audits, over the room Trace.

import Domain
import Trace
import TurnRuntime
import Wire

struct TraceAuditor: TraceAudit {
  let store: TraceStore

  func verify(_ caseID: CaseID?) async throws(VPathError) -> TraceVerifyResult {
    let report = try await store.verify(case: caseID)
    let fault = report.fault.map { fault in
      TraceVerifyResult.Fault(
        caseID: fault.caseID, seq: fault.seq, what: fault.what.rawValue, message: fault.message)
    }
    return TraceVerifyResult(
      ok: report.isOK, cases: report.cases, events: report.events, checkpoints: report.checkpoints, fault: fault,
      notes: report.notes)
  }

  func export(_ caseID: CaseID, cursor: String?) async throws(VPathError) -> (bytes: [UInt8], next: String?) {
    try await store.exportPiece(of: caseID, cursor: cursor)
  }
}
