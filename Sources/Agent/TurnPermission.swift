// What the policy is asked about a call of a tool: one shape for the planner's calls and a client's.
// What must stay true: a call that the planner wants is the planner's, on behalf of the user whose turn it is; every
// approval binds this turn and this call.

import Domain
import JSON
import Policy
import Ports

/// Asks the policy for a turn.
struct TurnPermission: Sendable {
  var brief: TurnBrief
  var policy: Policy

  /// What the policy says of a tool. Rules look at the tool, who asks, and the case; not at arguments.
  func decision(on manifest: ToolManifest) -> PolicyDecision {
    policy.decide(call(manifest, [:]), principal: principal, context: context)
  }

  /// The approval of one call, or the decision that refuses it.
  func approve(
    _ manifest: ToolManifest, _ arguments: JSONValue, call id: CallID
  ) -> Result<ApprovedCall, PolicyDecision> {
    policy.approve(
      call(manifest, arguments), principal: principal, context: context, nonce: "\(brief.nonce)/\(id.rawValue)")
  }

  /// How much of the case the policy lets a model be sent, and the decision that says so. Rules may ask for `model`,
  /// `remote`, `content` (`everything` or `pixels`), and the case's organ and stain.
  func disclosure(to model: ModelDescription) -> (Disclosure, PolicyDecision) {
    let everything = decision(on: model, content: .everything)
    if everything.effect == .permit { return (.everything, everything) }
    let pixels = decision(on: model, content: .pixels)
    return pixels.effect == .permit ? (.pixels, pixels) : (.nothing, everything)
  }

  private func decision(on model: ModelDescription, content: Disclosure) -> PolicyDecision {
    var resource: [String: JSONValue] = [
      "model": .string(model.name), "remote": .bool(model.remote), "content": .string(content.rawValue),
    ]
    resource["organ"] = brief.description.organ.map(JSONValue.string)
    resource["stain"] = brief.description.stain.map(JSONValue.string)
    return policy.decide(PolicyCall(.modelRequest, resource: resource), principal: principal, context: context)
  }

  private func call(_ manifest: ToolManifest, _ arguments: JSONValue) -> PolicyCall {
    .tool(
      manifest, isBuiltIn: brief.builtInTools.contains(manifest.name), description: brief.description,
      arguments: arguments)
  }

  private var principal: Principal {
    var principal = brief.principal
    if case .ask = brief.task { principal.kind = .planner }
    return principal
  }

  private var context: PolicyContext {
    PolicyContext(caseID: brief.caseID, caseOwnerUID: brief.caseOwnerUID, turn: brief.turn)
  }
}

extension PolicyDecision {
  /// The error that a planner or a client is told.
  func denial(of tool: String) -> VPathError {
    let named = rules.isEmpty ? "no rule permits it" : "rule \(rules.joined(separator: ", "))"
    return VPathError(
      .policyDenied, "The policy does not permit \(tool.excerpt(60)): \(why.excerpt(300)) (\(named.excerpt(200))).",
      subject: tool.excerpt(60))
  }
}
