// Idempotency keys of case/open: a retry gives the case that the first attempt opened.
// What must stay true: user and key decide the case's id, so that a key holds after a restart and needs no table;
// nothing of the key is recorded; the same key for something else is refused.

import Domain
import Policy
import Ports
import Wire

extension Runtime {
  /// The id a new case gets: its key's own, or a random one.
  func newCaseID(key: String?, of principal: Principal) -> CaseID {
    guard let key else { return CaseID("case-\(environment.names.randomName())") }
    return CaseID("case-\(sha256(Array("\(principal.uid) \(key)".utf8)).rawValue.prefix(32))")
  }

  /// The case that was opened under this key before; nil when none was.
  ///
  /// Throws `protocol.params` when it was opened on other slides or described differently.
  func openedBefore(
    _ caseID: CaseID, _ params: CaseOpenParams, _ description: CaseDescription
  ) async throws(VPathError) -> CaseState? {
    let found: CaseState
    do throws(VPathError) {
      found = try await loaded(caseID)
    } catch {
      if error.id == .caseNotFound { return nil }
      throw error
    }
    var isSame = found.description == description && found.slides.count == params.slides.count
    // The paths of a closed case are forgotten; the names of its slides are not.
    let known = found.isOpen ? try await slideGrants(of: caseID).map(\.path) : []
    for (index, path) in params.slides.enumerated() where isSame {
      let resolved = try await environment.slides.resolve(path)
      isSame =
        found.slides[index].fileName == resolved.fileName
        && (!known.indices.contains(index) || known[index] == resolved.path)
    }
    guard isSame else {
      throw VPathError(
        .protocolParams, "The key opened another case already. Use a new key for a new case.", subject: "key")
    }
    return found
  }
}
