// What a server may not ask of this host, and the error a call gets when it does.
// What must stay true: nothing a server asks for is given; the message names what was asked.

import Domain
import JSON
import Wire

extension MCPSession {
  /// Why a request of a server's ends its process.
  static func refusal(ofRequest method: String) -> String {
    switch method {
    case "sampling/createMessage":
      "it asks the host's language model to write (sampling/createMessage); no tool is given the model"
    case "elicitation/create": "it asks the user something (elicitation/create); a call is answered without questions"
    case "roots/list": "it asks for the user's folders (roots/list); a tool has its own, its input and its scratch"
    default: "it sent the request \"\(PlainText.clean(method, limit: 60))\"; servers send none"
    }
  }

  /// A result as it may be used, or the error for one that is something else.
  static func checked(_ result: JSONValue, _ line: [UInt8]) -> Result<Reply, VPathError> {
    func refused(_ words: String) -> Result<Reply, VPathError> {
      .failure(VPathError(.toolBadOutput, "The tool's result is not its output: \(words)."))
    }
    guard case .object = result else { return refused("it is no object") }
    switch result["resultType"] {
    case nil, "complete":
      // The tasks of 2025-11-25, which come without a resultType.
      if result["task"]?["taskId"] != nil, result["content"] == nil {
        return refused("it made a task of the call, and this host waits for calls itself; answer the call")
      }
      return .success(Reply(raw: line, result: result))
    case "input_required":
      let asked = Set(result["inputRequests"]?.objectValue?.values.compactMap { $0["method"]?.stringValue } ?? [])
      let named = asked.isEmpty ? "" : " (\(PlainText.clean(asked.sorted().joined(separator: ", "), limit: 100)))"
      return refused("it asks for input in the middle of a call\(named), and this host gives none")
    case "task": return refused("it made a task of the call, and this host waits for calls itself; answer the call")
    default: return refused("this host does not know its resultType")
    }
  }

  /// The error of a call that the server refused.
  static func refused(_ error: RPCError) -> VPathError {
    let words = PlainText.clean(error.message, limit: 500)
    switch error.code {
    case MCP.missingClientCapability:
      let needed = error.data?["requiredCapabilities"]?.objectValue?.keys.sorted().joined(separator: ", ") ?? ""
      return VPathError(
        .toolBadOutput,
        "The tool asks for what this host gives no tool (\(PlainText.clean(needed, limit: 100))): \(words)")
    case MCP.urlElicitationRequired:
      return VPathError(
        .toolBadOutput, "The tool wants the user to open a page; this host asks users nothing for tools.")
    default: return VPathError(.toolFailed, "The tool refused the call (\(error.code)): \(words)")
    }
  }
}
