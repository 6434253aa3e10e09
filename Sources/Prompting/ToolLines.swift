// The installed tools as a prompt lists them: name, what it does, its arguments.
// What must stay true: the list is the same through a whole turn; a tool's words about itself are a stranger's.

import Domain
import JSON
import Ports

/// Writes tools for models.
enum ToolLines {
  /// All installed tools of a request, by name, those that may not be called now with them.
  static func all(_ request: StepRequest) -> String {
    let tools = request.tools + request.unavailableTools.map(\.tool)
    return tools.sorted { $0.name < $1.name }.prefix(64).map(line).joined(separator: "\n")
  }

  static func line(_ tool: ToolManifest) -> String {
    let properties = tool.inputSchema["properties"]?.objectValue ?? [:]
    let required = Set(tool.inputSchema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    let arguments = properties.keys.sorted().prefix(16).map { name in
      StrangersText.line(name, maxCharacters: 40) + (required.contains(name) ? "" : "?")
    }
    let name = StrangersText.line(tool.name, maxCharacters: 80)
    return "- \(name)(\(arguments.joined(separator: ", "))): "
      + StrangersText.line(tool.description, maxCharacters: 300)
  }
}
