// tool.json and code say the same.

import Domain
import JSON
import Slides
import TestSupport
import Testing
import ToolKit

@testable import BuiltInTools

@Suite struct ManifestTests {
  private static let tools = BuiltInTools.all(
    modelsDirectory: "", templatesDirectory: projectFolder + "/tools/report_template_filler/templates")

  private func manifest(_ name: String) throws -> (manifest: ToolManifest, json: JSONValue) {
    let bytes = try #require(TemporaryFolder.read("\(projectFolder)/tools/\(name)/tool.json"))
    let json = try JSONValue.parse(bytes)
    return (try decodeJSON(ToolManifest.self, from: json), json)
  }

  @Test func thereAreSevenToolsAndEachHasAManifest() throws {
    #expect(
      Self.tools.map(\.name).sorted() == [
        "cell_counter", "region_zoom", "render_view", "report_template_filler", "slide_overview", "slide_properties",
        "tile_classifier",
      ])
    for tool in Self.tools { #expect(try manifest(tool.name).manifest.name == tool.name) }
  }

  @Test(arguments: tools.map(\.name))
  func whatTheCodeServesIsWhatTheManifestSays(_ name: String) throws {
    let tool = try #require(Self.tools.first { $0.name == name })
    let (manifest, json) = try manifest(name)
    #expect(manifest.description == tool.description)
    #expect(manifest.inputSchema == tool.inputSchema.json)
    #expect(manifest.vpath.version == BuiltInTools.version)
    #expect(manifest.vpath.run == ["vpath-tools"])
    #expect(manifest.vpath.protocol == .mcp && manifest.vpath.lifetime == .case)
    if name != "report_template_filler" {
      #expect(manifest.title == tool.title)
      #expect(json["annotations"] == tool.annotations)
      #expect(manifest.vpath.needs.input == .slide)
    }
  }

  @Test func onlyPropertiesAndViewsAreForTheHostAlone() throws {
    for tool in Self.tools {
      let isHostOnly = try manifest(tool.name).manifest.vpath.hostOnly ?? false
      #expect(isHostOnly == ["slide_properties", "render_view"].contains(tool.name))
    }
  }

  @Test func everyToolHasAReadme() throws {
    for tool in Self.tools {
      let text = try #require(TemporaryFolder.read("\(projectFolder)/tools/\(tool.name)/README.md"))
      #expect(text.count > 400)
    }
  }

  @Test func whatIsLeftOutHasAMeasureInOverviewAndCounter() throws {
    for name in ["slide_overview", "cell_counter", "tile_classifier"] {
      let measures = try manifest(name).manifest.vpath.measures.map(\.name)
      for exclusion in Exclusion.allCases { #expect(measures.contains(LeftOut.name(exclusion))) }
    }
  }
}
