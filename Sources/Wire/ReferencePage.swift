// The reference page docs/rpc.md, written from the declared methods, notifications, limits and errors.
// What must stay true: nothing is said here of a method that its declaration does not say.

import Domain
import JSON

/// The reference page.
enum ReferencePage {
  /// The page in Markdown.
  static func text() -> String {
    var page = introduction
    page += "\n## Limits\n\n| limit | value |\n|---|---|\n"
    for (name, value) in WireLimits.all.sorted(by: { $0.key < $1.key }) { page += "| `\(name)` | \(value) |\n" }
    page += "\nBeside these `server/discover` gives what the configuration sets: `turns` that run or wait, of them "
    page += "`turnsPerCase`, and `parallelCases`.\n"
    page += "\n## Methods\n"
    for method in Methods.all { page += section(method) }
    page += "\n## Notifications\n"
    for notification in Methods.notifications {
      page += "\n### `\(notification.name)`\n\n\(notification.summary)\n\n"
      page += table(notification.params)
    }
    page += "\n## Errors\n\n| id | code | exit code of `vpath` | retry | meaning |\n|---|---|---|---|---|\n"
    for id in ErrorID.allCases {
      let row = ErrorTable.row(id)
      page += "| `\(id.rawValue)` | \(row.code.map(String.init) ?? "–") | \(row.exitCode) "
      page += "| \(row.retryable ? "yes" : "no") | \(row.meaning) |\n"
    }
    return page
  }

  private static let introduction = """
    # The API over the Unix socket

    This page is generated from the declared methods (`Sources/Wire`); do not edit it. API version \(Methods.apiVersion).

    JSON-RPC 2.0 in UTF-8, one object a line, over a Unix stream socket. Parameters are objects; batches are not
    accepted; an id is a string or an integer within ±2^53. A line that is no JSON is answered with line, column and
    byte. Who is at the other end is known from the socket itself and decides what is permitted.

    A turn is recorded before it is shown: every notification with a `seq` is a durable event, `seq` grows without
    gaps within a case (not every event is notified), and `turn/subscribe` gives them again from any `seq` on. The
    connection that starts a turn is subscribed to it.

    A client that does not read is waited for; after `writeSeconds` its connection is closed and its turns go on.
    An error is `{code, message, data: {id, retryable, subject?, traceId?}}`; the `id` is what a program should look at.

    """

  private static func section(_ method: DeclaredMethod) -> String {
    var text = "\n### `\(method.name)`\n\n\(method.summary)\n\n"
    text += "Parameters:\n\n" + table(method.params)
    text += "\nResult:\n\n" + table(method.result)
    if !method.errors.isEmpty {
      text += "\nErrors: " + method.errors.map { "`\($0.rawValue)`" }.joined(separator: ", ") + ".\n"
    }
    text += "\n```json\n"
    text += RPCMessage.request(id: .integer(1), method: method.name, params: method.example).json.canonicalString()
    return text + "\n```\n"
  }

  /// The members of an object's schema; one level, the files in schemas/ have the rest.
  private static func table(_ schema: JSONValue) -> String {
    guard let properties = schema["properties"]?.objectValue, !properties.isEmpty else { return "none\n" }
    let required = Set(schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    var text = "| name | type | | |\n|---|---|---|---|\n"
    let names = properties.keys.sorted { (required.contains($0) ? 0 : 1, $0) < (required.contains($1) ? 0 : 1, $1) }
    for name in names {
      let property = properties[name] ?? [:]
      let note = (property["description"]?.stringValue ?? "") + bounds(property)
      text += "| `\(name)` | \(type(property)) | \(required.contains(name) ? "required" : "optional") | \(note) |\n"
    }
    return text
  }

  private static func type(_ schema: JSONValue) -> String {
    if let words = schema["enum"]?.arrayValue {
      return words.map { "`\($0.stringValue ?? $0.canonicalString())`" }.joined(separator: ", ")
    }
    switch schema["type"]?.stringValue {
    case "array": return "array of \(schema["items"].map(type) ?? "anything")"
    case let name?: return name
    case nil: return "anything"
    }
  }

  private static func bounds(_ schema: JSONValue) -> String {
    let words = [
      ("minimum", "at least"), ("maximum", "at most"), ("minLength", "at least characters:"),
      ("maxLength", "at most characters:"), ("minItems", "at least elements:"), ("maxItems", "at most elements:"),
    ].compactMap { key, word in schema[key].map { "\(word) \($0.canonicalString())" } }
    return words.isEmpty ? "" : " (\(words.joined(separator: ", ")))"
  }
}
