// Tools that work on views, and what the host asks the product's own tools for. The product's tools stand here as a small
// program that serves the same calls over the same protocol, on slides that are PPM pictures.

import Domain
import Glibc
import JSON
import Ports
import TestSupport
import Testing

@testable import ToolHost

@Suite("A tool that works on views", .enabled(if: Machine.hasBubblewrap, Machine.needs))
struct ViewTests {
  private static let width = 8
  private static let height = 4

  /// A bench with the host-only tools and one slide whose left half is white.
  private func bench() throws -> (HostBench, SlideGrant) {
    let bench = try HostBench()
    let names = ["slide_properties", "render_view"]
    bench.folder.write(
      "vpath-tools",
      Array(ServerProgram.mcp(tools: names, extra: ServerProgram.hostTools).utf8))
    chmod("\(bench.path)/vpath-tools", 0o755)
    for name in names {
      var manifest = HostBench.manifest(name, input: .slide)
      manifest.vpath.run = ["vpath-tools"]
      manifest.vpath.protocol = .mcp
      manifest.vpath.lifetime = .case
      manifest.vpath.hostOnly = true
      manifest.vpath.measures = []
      mkdir("\(bench.path)/built-in/\(name)", 0o700)
      bench.folder.write("built-in/\(name)/tool.json", Array(try encodeJSON(manifest).canonicalBytes()))
    }
    var pixels = Array("P6\n\(ViewTests.width) \(ViewTests.height)\n255\n".utf8)
    for _ in 0..<ViewTests.height {
      for x in 0..<ViewTests.width { pixels += x < ViewTests.width / 2 ? [255, 255, 255] : [180, 60, 120] }
    }
    bench.folder.write("slides/a.ppm", pixels)
    return (bench, SlideGrant(id: EvidenceID("s1"), path: "\(bench.path)/slides/a.ppm"))
  }

  private func region(_ id: String, x: Int, width: Int) -> Evidence {
    Evidence(
      id: EvidenceID(id), turn: nil, call: nil, tool: nil,
      body: .region(
        Region(slide: EvidenceID("s1"), rect: LevelZeroRect(x: x, y: 0, width: width, height: 4), label: "a part")))
  }

  private func viewTool(_ manifest: inout ToolManifest, _ format: ToolManifest.Needs.ViewFormat?) {
    manifest.inputSchema = [
      "type": "object",
      "properties": ["region": ["type": "string"], "regions": ["type": "array", "items": ["type": "string"]]],
      "additionalProperties": false,
    ]
    manifest.vpath.needs = .init(input: .view, network: false, viewMicronsPerPixel: 0.5, viewFormat: format)
  }

  private static let measure = """
    v = call['views'][0]
    head, size, depth, rgb = open(v['path'], 'rb').read().split(b'\\n', 3)
    dark = sum(1 for i in range(0, len(rgb), 3) if rgb[i] < 250)
    give({'kind': 'measurement', 'name': 'stained area', 'value': 100 * dark * 3 / len(rgb), 'unit': '%'})
    """

  @Test("the host has the region rendered, the tool measures, and the measurement carries region and pixel digest")
  func measures() async throws {
    let (bench, slide) = try bench()
    try bench.install("stained", ViewTests.measure) { viewTool(&$0, .ppm) }
    let result = try await bench.call(
      "stained", ["region": "r2"], slides: [slide],
      evidence: [region("r1", x: 0, width: 2), region("r2", x: 2, width: 6)])
    #expect(result.error == nil)
    let body = try #require(result.evidence.first?.body)
    #expect(body["region"] == "r2")
    #expect(abs((body["value"]?.numberValue ?? 0) - 100 * 4 / 6) < 1e-9)
    let row = [UInt8](repeating: 255, count: 6) + [180, 60, 120, 180, 60, 120, 180, 60, 120, 180, 60, 120]
    #expect(body["pixels"]?["sha256"]?.stringValue == sha256(row + row + row + row).rawValue)
    #expect(body["pixels"]?["decoder"] == "test")
    await bench.host.stop()
  }

  @Test("several regions are rendered on one built-in process, as PNG where nothing else is asked for")
  func severalRegions() async throws {
    let (bench, slide) = try bench()
    try bench.install(
      "looker",
      "give({'kind': 'description', 'text': json.dumps([[v['region'], v['path'].rsplit('/', 1)[1], v['rect']['x'], v['width'], open(v['path'], 'rb').read(4)[1:].decode()] for v in call['views']])})"
    ) { viewTool(&$0, nil) }
    let result = try await bench.call(
      "looker", ["regions": ["r2", "r1"]], slides: [slide],
      evidence: [region("r1", x: 0, width: 2), region("r2", x: 2, width: 6)])
    #expect(
      result.evidence.first?.body["text"] == #"[["r2", "r2.png", 2, 6, "PNG"], ["r1", "r1.png", 0, 2, "PNG"]]"#,
      "\(result)")
    #expect(await bench.host.keptProcessCount() == 1)
    await bench.host.stop()
  }

  @Test("a call without a region, with an unknown one, or one outside the slide does not reach the tool")
  func badRegions() async throws {
    let (bench, slide) = try bench()
    try bench.install("stained", ViewTests.measure) { viewTool(&$0, .ppm) }
    #expect(try await bench.call("stained", slides: [slide]).error?.id == .protocolParams)
    #expect(try await bench.call("stained", ["region": "r9"], slides: [slide]).error?.id == .evidenceNotFound)
    let outside = try await bench.call(
      "stained", ["region": "r1"], slides: [slide], evidence: [region("r1", x: 6, width: 6)])
    #expect(outside.error?.id == .regionOutOfBounds)
    await bench.host.stop()
  }

  @Test("a stranger's region is checked against the slide, whose size is asked for once")
  func checksRegions() async throws {
    let (bench, slide) = try bench()
    try bench.install(
      "finder",
      "x = call['arguments']['x']; give({'kind': 'region', 'rect': {'x': x, 'y': 0, 'width': 4, 'height': 4}, 'label': 'found'})"
    ) { $0.vpath.needs.input = .slide }
    #expect(try await bench.call("finder", ["x": 4], slides: [slide]).error == nil)
    let outside = try await bench.call("finder", ["x": 5], slides: [slide]).error
    #expect(outside?.id == .toolBadOutput)
    #expect(outside?.subject == "/evidence/0/rect")
    await bench.host.stop()
  }

  @Test("a plug-in with slides is told size and scale")
  func toldProperties() async throws {
    let (bench, slide) = try bench()
    try bench.install(
      "reader", "give({'kind': 'description', 'text': json.dumps(call['slides'][0]['properties'], sort_keys=True)})"
    ) { $0.vpath.needs.input = .slide }
    let text = try await bench.call("reader", slides: [slide]).evidence.first?.body["text"]?.stringValue
    #expect(text?.contains(#""width": 8"#) == true)
    #expect(text?.contains(#""micronsPerPixel": 0.5"#) == true)
    await bench.host.stop()
  }

  @Test("a slide item is taken from the product's own tools")
  func slideItems() async throws {
    let (bench, slide) = try bench()
    let result = try await bench.call("slide_properties", ["slide": "s1"], slides: [slide])
    #expect(result.error == nil)
    #expect(result.evidence.first?.kind == .slide)
    #expect(result.evidence.first?.body["slide"] == "s1")
    #expect(result.evidence.first?.body["properties"]?["width"] == 8)
    await bench.host.stop()
  }
}
