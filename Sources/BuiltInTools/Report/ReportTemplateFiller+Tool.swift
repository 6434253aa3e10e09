// The template filler as ToolKit serves it.
// What must stay true: name, description and input schema are those of tool.json.

public import ToolKit

extension ReportTemplateFiller {
  /// The tool to serve.
  public var tool: Tool {
    Tool(name: name, description: description, inputSchema: inputSchema) { call in
      try fill(call.input) { try call.checkCancelled() }
    }
  }
}
