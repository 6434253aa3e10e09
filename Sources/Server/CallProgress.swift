// The progress notes of one `tools/call`, as MCP wants them: the number grows with every note.
// What must stay true: a tool that tells of a smaller fraction than before moves nothing back.

import JSON
import Wire

/// Numbers the notes of a call.
struct CallProgress: Sendable {
  let token: JSONValue
  private var last = 0.0

  init(token: JSONValue) { self.token = token }

  /// The token a request gives for its progress; nil when it asks for none.
  static func token(of method: String, _ params: JSONValue) -> JSONValue? {
    guard method == ToolMethods.call.name, let token = params["_meta"]?[MCP.progressTokenKey],
      token.stringValue != nil || token.integerValue != nil
    else { return nil }
    return token
  }

  /// The next note; `fraction` is of the whole call.
  mutating func next(fraction: Double?, message: String) -> CallProgressParams {
    last = max(fraction ?? 0, last.nextUp)
    return CallProgressParams(progressToken: token, progress: last, total: 1, message: message)
  }
}
