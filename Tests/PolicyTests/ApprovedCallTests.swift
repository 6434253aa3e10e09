import Domain
import JSON
import Policy
import Testing

private let yaml = """
  version: 1
  rules:
    - id: calls
      effect: permit
      action: tool.call
      when: {resource: {tool: [a, b]}}
      why: both tools are harmless
      examples:
        match: [{call: {action: tool.call, resource: {tool: a}}, principal: {kind: planner, uid: 1}}]
        noMatch: [{call: {action: tool.call, resource: {tool: c}}, principal: {kind: planner, uid: 1}}]
  """

private let principal = Principal(uid: 1, gid: 1, pid: nil, kind: .planner)
private let context = PolicyContext(caseID: CaseID("case-1"), caseOwnerUID: 1, turn: TurnID("turn-1"))
private func call(_ tool: String, _ arguments: JSONValue = [:]) -> PolicyCall {
  PolicyCall(.toolCall, resource: ["tool": .string(tool)], arguments: arguments)
}

@Suite struct ApprovedCallTests {
  let policy: Policy
  init() throws { policy = try Policy.load(yaml: yaml) }

  private func approve(_ call: PolicyCall, nonce: String = "call-1", in context: PolicyContext = context) throws
    -> ApprovedCall
  { try policy.approve(call, principal: principal, context: context, nonce: nonce).get() }

  @Test func aRefusedCallGetsNoApprovalButTheDecision() {
    #expect { try approve(call("c")) } throws: { error in
      let decision = error as? PolicyDecision
      return decision?.effect == .forbid && decision?.rules == []
        && decision?.why == "No rule permits tool.call for this planner."
        && decision?.denial?.id == .policyDenied && decision?.policyDigest == policy.digest
    }
  }

  @Test func anApprovalSaysWhatWasPermittedAndWhy() throws {
    let approval = try approve(call("a", ["x": 1]))
    #expect(approval.call == call("a", ["x": 1]))
    #expect(approval.principal == principal)
    #expect(approval.context == context)
    #expect(approval.decision.rules == ["calls"])
    #expect(approval.decision.why == "Permitted by calls: both tools are harmless")
    #expect(approval.decision.denial == nil)
    #expect(approval.digest.isWellFormed)
  }

  @Test func anApprovalPassesOnce() throws {
    var ledger = ApprovedCallLedger()
    let approval = try approve(call("a"))
    try ledger.redeem(approval, for: call("a"), principal: principal)
    #expect(throws: ApprovalError.alreadyUsed) { try ledger.redeem(approval, for: call("a"), principal: principal) }
    let copy = approval
    #expect(throws: ApprovalError.alreadyUsed) { try ledger.redeem(copy, for: call("a"), principal: principal) }
    try ledger.redeem(approve(call("a"), nonce: "call-2"), for: call("a"), principal: principal)
  }

  @Test func anApprovalPassesForNothingElse() throws {
    var ledger = ApprovedCallLedger()
    let approval = try approve(call("a", ["x": 1]))
    let other = Principal(uid: 2, gid: 1, pid: nil, kind: .planner)
    #expect(throws: ApprovalError.notForThis) {
      try ledger.redeem(approval, for: call("b", ["x": 1]), principal: principal)
    }
    #expect(throws: ApprovalError.notForThis) {
      try ledger.redeem(approval, for: call("a", ["x": 2]), principal: principal)
    }
    #expect(throws: ApprovalError.notForThis) {
      try ledger.redeem(approval, for: call("a", ["x": 1]), principal: other)
    }
    #expect(throws: ApprovalError.notForThis) {
      try ledger.redeem(
        approval, for: call("a", ["x": 1]), principal: principal, policy: SHA256Hex(String(repeating: "0", count: 64)))
    }
    try ledger.redeem(approval, for: call("a", ["x": 1]), principal: principal, policy: policy.digest)
  }

  @Test func anApprovalDoesNotOutliveItsTurn() throws {
    var ledger = ApprovedCallLedger()
    let used = try approve(call("a"))
    try ledger.redeem(used, for: call("a"), principal: principal)
    ledger.end(TurnID("turn-1"))
    #expect(throws: ApprovalError.turnEnded(TurnID("turn-1"))) {
      try ledger.redeem(used, for: call("a"), principal: principal)
    }
    #expect(throws: ApprovalError.turnEnded(TurnID("turn-1"))) {
      try ledger.redeem(approve(call("b")), for: call("b"), principal: principal)
    }
    var elsewhere = context
    elsewhere.turn = TurnID("turn-2")
    try ledger.redeem(approve(call("a"), in: elsewhere), for: call("a"), principal: principal)
  }

  @Test func everyPartOfARequestIsInTheDigest() throws {
    var digests: Set<SHA256Hex> = [try approve(call("a")).digest]
    var changes = 0
    func add(_ approval: ApprovedCall) {
      digests.insert(approval.digest)
      changes += 1
    }
    add(try approve(call("b")))
    add(try approve(call("a", ["x": 1])))
    add(try approve(call("a"), nonce: "call-2"))
    for keyPath in [
      { (context: inout PolicyContext) in context.caseID = CaseID("case-2") }, { $0.caseOwnerUID = 9 },
      { $0.turn = nil }, { $0.daemonUID = 5 }, { $0.attributes = ["k": 1] },
    ] as [(inout PolicyContext) -> Void] {
      var changed = context
      keyPath(&changed)
      add(try approve(call("a"), in: changed))
    }
    let other = Principal(uid: 1, gid: 2, pid: nil, kind: .planner)
    add(try policy.approve(call("a"), principal: other, context: context, nonce: "call-1").get())
    let stricter = try Policy.load(yaml: yaml.replacing("harmless", with: "fine"))
    add(try stricter.approve(call("a"), principal: principal, context: context, nonce: "call-1").get())
    #expect(digests.count == changes + 1)
  }
}
