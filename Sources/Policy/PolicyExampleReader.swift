// Reads the examples of a rule: requests it must hold for, and requests it must not.
// What must stay true: both lists are there and not empty, so that no rule goes untested.

import Domain
import JSON

enum PolicyExampleReader {
  static func read(_ node: PolicyNode) throws(PolicyError) -> PolicyExamples {
    let map = try PolicyMap(node, "examples", known: ["match", "noMatch"])
    return PolicyExamples(
      match: try requests(map.required("match"), "match"), noMatch: try requests(map.required("noMatch"), "noMatch"))
  }

  private static func requests(_ node: PolicyNode, _ name: String) throws(PolicyError) -> [PolicyRequest] {
    var requests: [PolicyRequest] = []
    for element in try PolicyFile.elements(node, name, most: PolicyFile.maxExamples) {
      let map = try PolicyMap(element, "an example", known: ["call", "principal", "context"])
      requests.append(
        PolicyRequest(
          call: try call(map.required("call")), principal: try principal(map.required("principal")),
          context: try map.optional("context").map { (node) throws(PolicyError) in try context(node) }
            ?? PolicyContext()))
    }
    return requests
  }

  private static func call(_ node: PolicyNode) throws(PolicyError) -> PolicyCall {
    let map = try PolicyMap(node, "call", known: ["action", "resource", "arguments"])
    let action = try map.required("action")
    // A name that is no action is a slip of the pen: an example with it would prove nothing.
    guard let known = PolicyAction(rawValue: try PolicyFile.text(action, "action")) else {
      throw action.error("met the action \(action.shape), which no rule can name")
    }
    return PolicyCall(
      known, resource: try object(map.optional("resource"), "resource"),
      arguments: map.optional("arguments")?.json ?? .null)
  }

  private static func principal(_ node: PolicyNode) throws(PolicyError) -> Principal {
    let map = try PolicyMap(node, "principal", known: ["uid", "gid", "kind"])
    let kindNode = try map.required("kind")
    guard let kind = Principal.Kind(rawValue: try PolicyFile.text(kindNode, "kind")) else {
      let known = Principal.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw kindNode.error("met the kind \(kindNode.shape); the kinds are \(known)")
    }
    let uid = try id(map.required("uid"), "uid")
    let gid = try map.optional("gid").map { (node) throws(PolicyError) in try id(node, "gid") }
    return Principal(uid: uid, gid: gid ?? uid, pid: nil, kind: kind)
  }

  private static func context(_ node: PolicyNode) throws(PolicyError) -> PolicyContext {
    let map = try PolicyMap(
      node, "context", known: ["caseID", "caseOwnerUID", "turn", "daemonUID", "attributes"])
    return PolicyContext(
      caseID: try map.optional("caseID").map { (node) throws(PolicyError) in
        CaseID(try PolicyFile.text(node, "caseID"))
      },
      caseOwnerUID: try map.optional("caseOwnerUID").map { (node) throws(PolicyError) in try id(node, "caseOwnerUID") },
      turn: try map.optional("turn").map { (node) throws(PolicyError) in TurnID(try PolicyFile.text(node, "turn")) },
      attributes: try object(map.optional("attributes"), "attributes"),
      daemonUID: try map.optional("daemonUID").map { (node) throws(PolicyError) in try id(node, "daemonUID") })
  }

  private static func object(_ node: PolicyNode?, _ name: String) throws(PolicyError) -> [String: JSONValue] {
    guard let node else { return [:] }
    guard case .object(let members) = node.json else { throw node.error("met \(node.shape); \(name) is a map") }
    return members
  }

  private static func id(_ node: PolicyNode, _ name: String) throws(PolicyError) -> UInt32 {
    guard let id = UInt32(exactly: try PolicyFile.number(node, name)) else {
      throw node.error("met \(node.shape); \(name) is 0 to 4294967295")
    }
    return id
  }
}
