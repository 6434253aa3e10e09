// vpath-tools: the product's own tools over standard input and output. Wiring only.
//
//   vpath-tools                serves MCP (2026-07-28) until the input ends
//   vpath-tools --once TOOL    one line with a call's input in, one line with its output out
//
// Environment: VPATH_OPENSLIDE, the OpenSlide library; VPATH_MODELS, the models folder; VPATH_TOOLS, the folder of the
// built-in tools' own folders, where the report templates lie.

import BuiltInTools
import Domain
import Glibc
import ToolKit

func say(_ text: String) {
  let line = text + "\n"
  _ = write(2, line, line.utf8.count)
}
func environment(_ key: String) -> String { getenv(key).map { String(cString: $0) } ?? "" }

let server = StdioServer(
  name: "vpath-tools", version: BuiltInTools.version,
  tools: BuiltInTools.all(
    modelsDirectory: environment("VPATH_MODELS"),
    templatesDirectory: environment("VPATH_TOOLS") + "/report_template_filler/templates"))
let words = CommandLine.arguments.dropFirst()
do throws(VPathError) {
  switch words.first {
  case nil: try server.run()
  case "--once" where words.count == 2: try server.runOnce(tool: words.last ?? "")
  case "--version" where words.count == 1: print("vpath-tools \(BuiltInTools.version)")
  default:
    say("usage: vpath-tools [--once TOOL | --version]")
    exit(64)
  }
} catch {
  say("vpath-tools: \(error)")
  exit(1)
}
