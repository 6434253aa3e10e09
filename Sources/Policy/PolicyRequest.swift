// What a policy decides about: a call, who makes it, and where it stands; and what it decides.
// What must stay true: nothing here holds a path of a slide or a patient's words beyond the call's own arguments.

public import Domain
public import JSON

/// Something that is to be done.
public struct PolicyCall: Sendable, Hashable, Codable {
  /// `tool.call`, `case.open`, `turn.start`, `trace.read`, …: one of `PolicyAction`, or a name no rule can permit.
  public var action: String
  /// What it is done with: `tool`, `needs`, `network`, `builtIn`, …
  public var resource: [String: JSONValue]
  /// What the call passes on; bound by an approval, not looked at by rules.
  public var arguments: JSONValue

  /// A call by the action's name.
  public init(action: String, resource: [String: JSONValue], arguments: JSONValue) {
    self.action = action
    self.resource = resource
    self.arguments = arguments
  }

  /// A call.
  public init(_ action: PolicyAction, resource: [String: JSONValue] = [:], arguments: JSONValue = .null) {
    self.init(action: action.rawValue, resource: resource, arguments: arguments)
  }

  /// A call of a tool, with everything about it that rules may ask for.
  ///
  /// - Parameters:
  ///   - action: `tool.call`, or how the call is to run: `tool.keep`, `tool.unsandboxed`.
  ///   - isBuiltIn: whether the tool came with the product; a manifest cannot say so of itself.
  public static func tool(
    _ manifest: ToolManifest, action: PolicyAction = .toolCall, isBuiltIn: Bool, description: CaseDescription,
    arguments: JSONValue
  ) -> PolicyCall {
    var resource: [String: JSONValue] = [
      "tool": .string(manifest.name), "version": .string(manifest.vpath.version),
      "needs": .string(manifest.vpath.needs.input.rawValue), "network": .bool(manifest.vpath.needs.network),
      "builtIn": .bool(isBuiltIn), "lifetime": .string(manifest.vpath.lifetime.rawValue),
      "hostOnly": .bool(manifest.vpath.hostOnly ?? false),
    ]
    // Bound by the approval: a tool installed anew meanwhile is another one.
    resource["sha256"] = manifest.vpath.sha256.map { .string($0.rawValue) }
    resource["organ"] = description.organ.map(JSONValue.string)
    resource["stain"] = description.stain.map(JSONValue.string)
    return PolicyCall(action, resource: resource, arguments: arguments)
  }
}

/// Who asks. For a client the peer credentials of its connection.
public struct Principal: Sendable, Hashable, Codable {
  /// What sort of party it is.
  public enum Kind: String, Sendable, Codable, Hashable, CaseIterable { case client, planner, daemon, tool }
  /// The user; for a planner the user whose turn it plans.
  public var uid: UInt32
  /// The user's group.
  public var gid: UInt32
  /// The process, where there is one; no rule asks for it, and an approval does not bind it.
  public var pid: Int32?
  /// What sort of party it is.
  public var kind: Kind

  /// A party.
  public init(uid: UInt32, gid: UInt32, pid: Int32?, kind: Kind) {
    self.uid = uid
    self.gid = gid
    self.pid = pid
    self.kind = kind
  }
}

/// Where the call stands.
public struct PolicyContext: Sendable, Hashable, Codable {
  /// The case it concerns, if it concerns one.
  public var caseID: CaseID?
  /// The user who opened that case: `owner` in rules.
  public var caseOwnerUID: UInt32?
  /// The turn it belongs to.
  public var turn: TurnID?
  /// Further facts that rules may ask for.
  public var attributes: [String: JSONValue]
  /// The user the daemon runs as: `self` in rules.
  public var daemonUID: UInt32?

  /// A context; what is not known stays out.
  public init(
    caseID: CaseID? = nil, caseOwnerUID: UInt32? = nil, turn: TurnID? = nil, attributes: [String: JSONValue] = [:],
    daemonUID: UInt32? = nil
  ) {
    self.caseID = caseID
    self.caseOwnerUID = caseOwnerUID
    self.turn = turn
    self.attributes = attributes
    self.daemonUID = daemonUID
  }
}

/// What a policy says.
public struct PolicyDecision: Error, Sendable, Hashable, Codable {
  /// Permit or forbid.
  public enum Effect: String, Sendable, Codable, Hashable { case permit, forbid }
  /// What it says.
  public var effect: Effect
  /// The rules that decided, sorted; empty when nothing permitted it.
  public var rules: [String]
  /// The rules' own reasons.
  public var why: String
  /// SHA-256 of the policy.
  public var policyDigest: SHA256Hex

  /// A decision.
  public init(effect: Effect, rules: [String], why: String, policyDigest: SHA256Hex) {
    self.effect = effect
    self.rules = rules
    self.why = why
    self.policyDigest = policyDigest
  }

  /// The error to show for a refusal; nil for a permit.
  public var denial: VPathError? {
    if effect == .permit { return nil }
    return VPathError(.policyDenied, why, subject: rules.first)
  }
}
