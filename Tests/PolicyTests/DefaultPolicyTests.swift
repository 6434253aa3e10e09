// The shipped policy, asked as the daemon asks it.

import Domain
import Foundation
import JSON
import Policy
import Testing

private let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appending(path: "policies/default.yaml")

private let owner: UInt32 = 1001
private let stranger: UInt32 = 1002
private let daemon: UInt32 = 990

@Suite struct DefaultPolicyTests {
  let policy: Policy
  init() throws { policy = try Policy.load(yaml: String(contentsOf: file, encoding: .utf8)) }

  private func decide(
    _ action: PolicyAction, uid: UInt32 = owner, kind: Principal.Kind = .client, owner caseOwner: UInt32? = owner,
    _ resource: [String: JSONValue] = [:]
  ) -> PolicyDecision {
    policy.decide(
      PolicyCall(action, resource: resource), principal: Principal(uid: uid, gid: uid, pid: 7, kind: kind),
      context: PolicyContext(caseOwnerUID: caseOwner, daemonUID: daemon))
  }

  private func permits(
    _ action: PolicyAction, uid: UInt32 = owner, kind: Principal.Kind = .client, owner caseOwner: UInt32? = owner,
    _ resource: [String: JSONValue] = [:]
  ) -> Bool { decide(action, uid: uid, kind: kind, owner: caseOwner, resource).effect == .permit }

  private func tool(_ name: String, needs: ToolManifest.Needs.Input, network: Bool = false, builtIn: Bool) -> PolicyCall
  {
    let manifest = ToolManifest(
      name: name, title: nil, description: "d", inputSchema: [:],
      vpath: .init(
        version: "1", run: ["./run"], protocol: .once, lifetime: .call, needs: .init(input: needs, network: network),
        accepts: nil, measures: [], limits: .init(seconds: 1, memoryMiB: 1, outputMiB: 1), answers: nil, why: "w"))
    return .tool(manifest, isBuiltIn: builtIn, description: CaseDescription(organ: "skin"), arguments: [:])
  }

  private let ownCase: [PolicyAction] = [
    .caseRead, .caseClose, .turnStart, .turnRead, .turnInterrupt, .evidenceRead, .artefactRead, .reportDraft,
    .reportRead, .traceRead, .traceVerify, .traceReplay, .traceExport,
  ]

  @Test func everyActionOfTheAPIIsDecidedByARuleForTheOwner() {
    for action in ownCase + [.serverRead, .toolList, .policyExplain, .caseOpen] {
      #expect(permits(action), "\(action)")
    }
  }

  @Test func aStrangerMayOpenACaseButTouchNoOtherOnes() {
    #expect(permits(.caseOpen, uid: stranger, owner: nil))
    for action in ownCase {
      let decision = decide(action, uid: stranger)
      #expect(decision.effect == .forbid)
      #expect(decision.rules == ["no-strangers-in-a-case"])
      #expect(decision.why == "Forbidden by no-strangers-in-a-case: the case was opened by another user")
    }
  }

  @Test func aCaseWhoseOwnerIsNotKnownIsNobodys() {
    for action in ownCase { #expect(!permits(action, owner: nil), "\(action)") }
  }

  @Test func theDaemonsOwnUserKeepsRecordsButSeesNoPictures() {
    #expect(permits(.traceVerify, uid: daemon))
    #expect(permits(.traceRead, uid: daemon))
    #expect(permits(.turnStart, uid: daemon, kind: .daemon))
    #expect(!permits(.artefactRead, uid: daemon))
  }

  @Test func toolsAndPlannersDoNotActAsClients() {
    for action in ownCase + [.caseOpen] {
      #expect(!permits(action, kind: .tool), "\(action)")
      #expect(!permits(action, kind: .planner), "\(action)")
    }
  }

  @Test(arguments: [Principal.Kind.planner, .client])
  func toolsGetWhatTheyNeedAndNoMore(kind: Principal.Kind) {
    let principal = Principal(uid: owner, gid: owner, pid: nil, kind: kind)
    let context = PolicyContext(caseOwnerUID: owner)
    func permits(_ call: PolicyCall) -> Bool {
      policy.decide(call, principal: principal, context: context).effect == .permit
    }
    for needs in [ToolManifest.Needs.Input.none, .evidence, .view] {
      #expect(permits(tool("t", needs: needs, builtIn: false)))
      #expect(permits(tool("t", needs: needs, builtIn: true)))
      #expect(!permits(tool("t", needs: needs, network: true, builtIn: true)))
    }
    #expect(permits(tool("t", needs: .slide, builtIn: true)))
    #expect(!permits(tool("t", needs: .slide, builtIn: false)))
    #expect(!permits(tool("t", needs: .slide, network: true, builtIn: true)))
  }

  @Test func aToolNeverCallsATool() {
    #expect(
      policy.decide(
        tool("t", needs: .none, builtIn: true), principal: Principal(uid: owner, gid: owner, pid: nil, kind: .tool),
        context: PolicyContext(caseOwnerUID: owner)
      ).effect == .forbid)
  }

  @Test func onlyBuiltInToolsAreKeptAndNoneRunsWithoutASandbox() {
    #expect(permits(.toolKeep, kind: .daemon, ["builtIn": true]))
    #expect(!permits(.toolKeep, kind: .daemon, ["builtIn": false]))
    #expect(!permits(.toolUnsandboxed, kind: .daemon, ["builtIn": true]))
  }

  @Test func promptsStayOnThisMachine() {
    #expect(permits(.modelRequest, kind: .planner, ["remote": false]))
    #expect(!permits(.modelRequest, kind: .planner, ["remote": true]))
    #expect(decide(.modelRequest, kind: .planner).rules == ["no-remote-model"])
  }

  @Test(arguments: ["label", "macro", "barcode", "anything"])
  func labelImagesStayInside(image: String) {
    #expect(decide(.artefactRead, ["associatedImage": .string(image)]).rules == ["no-label-images"])
    #expect(permits(.artefactRead, ["associatedImage": "thumbnail"]))
  }

  @Test func anActionThatIsNoneIsForbidden() {
    let decision = policy.decide(
      PolicyCall(action: "case.delete", resource: [:], arguments: .null),
      principal: Principal(uid: owner, gid: owner, pid: nil, kind: .client),
      context: PolicyContext(caseOwnerUID: owner))
    #expect(decision.effect == .forbid)
    #expect(decision.why == "No rule permits case.delete for this client.")
  }

  @Test func explainSaysOfEachRuleWhy() {
    let explanation = policy.explain(
      tool("t", needs: .slide, builtIn: false), principal: Principal(uid: owner, gid: owner, pid: nil, kind: .planner),
      context: PolicyContext(caseOwnerUID: owner))
    let reasons = Dictionary(uniqueKeysWithValues: explanation.map { ($0.rule, $0.reason) })
    #expect(explanation.filter(\.holds).isEmpty)
    #expect(reasons["built-in-tools-read-slides"] == "resource.builtIn is false, and it asks for true")
    #expect(
      reasons["tools-without-slide-files"]
        == #"resource.needs is "slide", and it asks for "none" or "evidence" or "view""#)
    #expect(reasons["local-models"] == "it is not about tool.call")
  }

  @Test func theMethodsOfTheAPIHaveActions() {
    #expect(PolicyAction(method: "trace/verify") == .traceVerify)
    #expect(PolicyAction(method: "tools/call") == .toolCall)
    #expect(PolicyAction(method: "case/list") == .caseRead)
    #expect(PolicyAction(method: "report/sign") == nil)
  }
}
