// The examples beside the slide tools give what they say.

import Domain
import Glibc
import JSON
import TestSupport
import Testing
import ToolKit

@testable import BuiltInTools

@Suite struct ExampleTests {
  @Test(arguments: [
    "slide_overview/no_scale", "region_zoom/rectangle", "region_zoom/outside", "cell_counter/no_scale",
    "cell_counter/other_stain", "slide_properties/plain_tiff", "render_view/rectangle", "tile_classifier/not_accepted",
  ])
  func anExampleGivesWhatItSays(_ name: String) throws {
    let parts = name.split(separator: "/").map(String.init)
    let folder = "\(projectFolder)/tools/\(parts[0])/examples/"
    let example = try JSONValue.parse(try #require(TemporaryFolder.read(folder + parts[1] + ".json")))
    let file = try #require(example["slides"]?.arrayValue?.first?["file"]?.stringValue)
    var bench = try ToolBench(path: folder + file)
    bench.description = try example["case"].map { try decodeJSON(CaseDescription.self, from: $0) } ?? CaseDescription()
    let expected = try #require(example["expect"])
    let arguments = try #require(example["arguments"])
    if let id = expected["error"]?.stringValue {
      #expect(try bench.error(parts[0], arguments)?.id.rawValue == id)
      return
    }
    let output = try bench.call(parts[0], arguments).output
    if let count = expected["notAssessable"]?.integerValue { #expect(output.reasons.count == count) }
    for (kind, count) in expected["kinds"]?.objectValue ?? [:] {
      #expect(output.items(kind).count == count.integerValue, "\(kind)")
    }
    for measured in expected["measurements"]?.arrayValue ?? [] {
      let found = try #require(try output.measured(measured["name"]?.stringValue ?? "").first)
      let tolerance = measured["tolerance"]?.numberValue ?? 0
      #expect(abs(found.value - (measured["value"]?.numberValue ?? .nan)) <= tolerance)
    }
  }
}
