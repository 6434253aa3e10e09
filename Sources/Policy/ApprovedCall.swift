// The proof that a policy permitted one call, to be used once.
// What must stay true: only `Policy.approve` makes one; it binds call, principal, context and policy by hash; it is
// not Codable, so it cannot be stored and used again; a ledger lets each pass once.

public import Domain
import JSON

/// A permitted call. Whoever runs things takes this, not a plain call.
public struct ApprovedCall: Sendable, Hashable {
  /// What was permitted.
  public let call: PolicyCall
  /// To whom.
  public let principal: Principal
  /// Where.
  public let context: PolicyContext
  /// Why.
  public let decision: PolicyDecision
  /// SHA-256 over call, principal, context, policy and nonce: this approval's own name.
  public let digest: SHA256Hex

  fileprivate init(_ request: PolicyRequest, _ decision: PolicyDecision, nonce: String) {
    call = request.call
    principal = request.principal
    context = request.context
    self.decision = decision
    digest = ApprovedCall.digest(request, decision.policyDigest, nonce)
    self.nonce = nonce
  }

  fileprivate let nonce: String

  fileprivate static func digest(_ request: PolicyRequest, _ policy: SHA256Hex, _ nonce: String) -> SHA256Hex {
    sha256(["request": request.json, "policy": .string(policy.rawValue), "nonce": .string(nonce)])
  }
}

extension Policy {
  /// An approval of the call, or the decision that refuses it.
  ///
  /// - Parameter nonce: text that no other approval of the same call has, for instance the call's id.
  public func approve(_ call: PolicyCall, principal: Principal, context: PolicyContext, nonce: String)
    -> Result<ApprovedCall, PolicyDecision>
  {
    let request = PolicyRequest(call: call, principal: principal, context: context)
    let decision = decide(request)
    guard decision.effect == .permit else { return .failure(decision) }
    return .success(ApprovedCall(request, decision, nonce: nonce))
  }
}

/// Why an approval is not accepted.
public enum ApprovalError: Error, Sendable, Hashable, CustomStringConvertible {
  /// It was used before.
  case alreadyUsed
  /// It was given for another call, principal, context or policy.
  case notForThis
  /// Its turn has ended.
  case turnEnded(TurnID)

  /// What happened.
  public var description: String {
    switch self {
    case .alreadyUsed: "the approval was used before; ask the policy again"
    case .notForThis: "the approval was given for another call, principal, context or policy"
    case .turnEnded(let turn): "the approval belongs to \(turn), which has ended"
    }
  }
}

/// Lets each approval pass once. A value: the one who runs calls keeps it, and forgets a turn's approvals at its end.
public struct ApprovedCallLedger: Sendable, Hashable {
  private var used: [TurnID?: Set<SHA256Hex>] = [:]
  private var ended: Set<TurnID> = []
  /// Those that ended before; approvals are values of this process, and none lives through so many turns.
  private var endedBefore: Set<TurnID> = []
  private static let endedKept = 10_000

  /// A ledger in which nothing was used yet.
  public init() {}

  /// Accepts an approval for exactly this call by this principal, once.
  ///
  /// - Parameter policy: the policy now in force, when an approval by an older one must not pass.
  public mutating func redeem(
    _ approval: ApprovedCall, for call: PolicyCall, principal: Principal, policy: SHA256Hex? = nil
  ) throws(ApprovalError) {
    let request = PolicyRequest(call: call, principal: principal, context: approval.context)
    let expected = ApprovedCall.digest(request, policy ?? approval.decision.policyDigest, approval.nonce)
    guard expected == approval.digest else { throw .notForThis }
    let turn = approval.context.turn
    if let turn, ended.contains(turn) || endedBefore.contains(turn) { throw .turnEnded(turn) }
    guard used[turn, default: []].insert(approval.digest).inserted else { throw .alreadyUsed }
  }

  /// Forgets a turn's approvals; none of them passes afterwards.
  public mutating func end(_ turn: TurnID) {
    used[turn] = nil
    if ended.count >= Self.endedKept {
      endedBefore = ended
      ended = []
    }
    ended.insert(turn)
  }
}
