// A tool as its server lists it, kept only to be compared: with tool.json, and with what the same process said before.
// What must stay true: nothing of it reaches a planner or a person; tool.json, pinned when the tool was installed, does.

import Domain
import JSON

/// An entry of `tools/list`.
struct MCPListedTool: Sendable, Equatable {
  /// Digest of the whole entry.
  var digest: SHA256Hex
  /// The arguments it names; nil when its schema names none.
  var properties: Set<String>?
  var required: Set<String>

  init(_ entry: JSONValue) {
    digest = sha256(entry.canonicalBytes())
    let schema = entry["inputSchema"]
    properties = schema?["properties"]?.objectValue.map { Set($0.keys) }
    if schema?["additionalProperties"] == true { properties = nil }
    required = Set(schema?["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
  }

  /// Why a call that fits tool.json would not fit the server; nil when it would.
  func difference(from inputSchema: JSONValue) -> String? {
    let declared = Set((inputSchema["properties"]?.objectValue ?? [:]).keys)
    if let properties, let unknown = declared.subtracting(properties).min() {
      return "tool.json has the argument \"\(PlainText.clean(unknown, limit: 64))\", which the server does not take"
    }
    if let missing = required.subtracting(declared).min() {
      return "the server requires the argument \"\(PlainText.clean(missing, limit: 64))\", which tool.json lacks"
    }
    return nil
  }
}
