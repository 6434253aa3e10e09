// What the policy says of how one call runs: whether its process is kept for the case, and whether it may run where no
// sandbox can be had.
// What must stay true: a manifest's wish and an operator's configuration are not enough, the policy is asked as well;
// every answer it gave becomes part of the call's result, and so of the record.

import Domain
import Glibc
import JSON
import Policy
import Synchronization

/// Asks the policy for one call and keeps what it said.
final class RunPermission: Sendable {
  private let policy: Policy
  private let context: PolicyContext
  private let description: CaseDescription
  private let said = Mutex<[RunDecision]>([])

  /// - Parameter context: the approved call's; empty for a tool that its author tries out.
  init(_ policy: Policy, context: PolicyContext, description: CaseDescription) {
    self.policy = policy
    var context = context
    context.daemonUID = context.daemonUID ?? geteuid()
    self.context = context
    self.description = description
  }

  /// Whether the tool's process may serve further calls of the case.
  func mayKeep(_ tool: RegisteredTool) -> Bool { ask(.toolKeep, tool) == .permit }

  /// Whether the tool may run without a sandbox where there is none.
  func mayRunUnsandboxed(_ tool: RegisteredTool) -> Bool { ask(.toolUnsandboxed, tool) == .permit }

  /// What was asked and said, each once; nil when nothing was.
  var decisions: [RunDecision]? { said.withLock { $0.isEmpty ? nil : $0 } }

  /// How processes are run is the daemon's business, so it is the one who asks.
  private func ask(_ action: PolicyAction, _ tool: RegisteredTool) -> PolicyDecision.Effect {
    let call = PolicyCall.tool(
      tool.manifest, action: action, isBuiltIn: tool.file.isBuiltIn, description: description, arguments: .null)
    let decision = policy.decide(
      call, principal: Principal(uid: geteuid(), gid: getegid(), pid: nil, kind: .daemon), context: context)
    let record = RunDecision(
      action: action.rawValue, tool: tool.manifest.name, effect: decision.effect.rawValue, rules: decision.rules,
      policyDigest: decision.policyDigest)
    said.withLock { if !$0.contains(record) { $0.append(record) } }
    return decision.effect
  }
}
