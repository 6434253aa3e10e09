// The product's own tools, as `vpath-tools` serves them.
// What must stay true: name, description and input schema of each are those of tools/<name>/tool.json (a test compares
// them); none touches anything but the files a call was given, the models and templates named here, and scratch.

import JSON
public import ToolKit

/// The built-in tools.
public enum BuiltInTools {
  /// The version of the tools as a whole, and of each of them.
  public static let version = "1.0.0"

  /// The tools. `modelsDirectory` holds `cell_counter_classical/card.json` and the tile
  /// classifiers' folders, `templatesDirectory` the report templates;
  /// a tool whose files are missing says so when it is called.
  public static func all(modelsDirectory: String, templatesDirectory: String) -> [Tool] {
    let maps = TissueMaps()
    return [
      SlidePropertiesTool.tool, RenderViewTool.tool, SlideOverviewTool(maps: maps).tool,
      RegionZoomTool(smallSlides: SmallSlides()).tool,
      CellCounterTool(maps: maps, modelsDirectory: modelsDirectory).tool,
      TileClassifierTool(maps: maps, modelsDirectory: modelsDirectory).tool,
      ReportTemplateFiller(templatesDirectory: templatesDirectory).tool,
    ]
  }

  /// MCP's hints for tools that only read.
  static let annotations: JSONValue = ["readOnlyHint": true, "idempotentHint": true, "openWorldHint": false]
}
