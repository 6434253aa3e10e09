// Servers of the older era: found by probing, spoken to in their own way, refused in the same words.

import Domain
import JSON
import Testing

@testable import ToolHost

@Suite("A tool whose server begins with initialize", .enabled(if: Machine.hasBubblewrap, Machine.needs))
struct MCPEraTests {
  private func install(
    _ bench: HostBench, _ name: String = "x", lifetime: ToolManifest.Lifetime = .call, program: String
  ) throws {
    var manifest = HostBench.manifest(name)
    manifest.vpath.protocol = .mcp
    manifest.vpath.lifetime = lifetime
    manifest.vpath.limits.seconds = 120
    let folder = try bench.write(manifest, program: program)
    try bench.registry.install(from: folder, by: 0, at: "2026-01-01T00:00:00.000Z")
  }

  @Test(
    "every error at the probe leads to the handshake",
    arguments: [
      "fail(m['id'], -32601, 'no such method')", "fail(m['id'], -32602, 'bad params')", "fail(m['id'], 0, 'what?')",
      "fail(m['id'], -32000, 'initialize first')", "send({'id': m['id'], 'result': {}})",
      "send({'id': m['id'], 'error': {'code': -32022, 'message': 'old', 'data': {'supported': ['2025-06-18']}}})",
      "send({'id': m['id'], 'result': {'supportedVersions': ['2025-11-25'], 'capabilities': {}}})",
    ])
  func errors(_ atProbe: String) async throws {
    let bench = try HostBench()
    try install(bench, program: ServerProgram.older(tools: ["x"], atProbe: atProbe))
    let result = try await bench.call("x")
    #expect(result.error == nil)
    #expect(result.evidence.first?.body["text"] == "as ever")
  }

  @Test("a server that is silent at the probe is given the handshake, and is not probed again")
  func silence() async throws {
    let bench = try HostBench { $0.probeSeconds = 0.2 }
    try install(bench, program: ServerProgram.older(tools: ["x"], atProbe: "pass"))
    #expect(try await bench.call("x").error == nil)
    // Were it probed again, this server would never come to the handshake.
    try install(bench, program: ServerProgram.older(tools: ["x"], atProbe: "time.sleep(3600)"))
    #expect(try await bench.call("x").error == nil)
  }

  @Test("a server of the newer era that starts too slowly for the probe is not taken for an older one")
  func slowStart() async throws {
    let bench = try HostBench { $0.probeSeconds = 0.1 }
    // It reads nothing until both the probe and the handshake are there.
    let program = """
      #!/usr/bin/python3
      import json, sys
      def send(id, **members): print(json.dumps({'jsonrpc': '2.0', 'id': id, **members}), flush=True)
      lines = [json.loads(sys.stdin.readline()) for _ in range(2)]
      assert [m['method'] for m in lines] == ['server/discover', 'initialize']
      send(lines[0]['id'], result={'supportedVersions': ['2026-07-28'], 'resultType': 'complete', 'capabilities': {}})
      send(lines[1]['id'], error={'code': -32601, 'message': 'no such method'})
      for line in sys.stdin:
          m = json.loads(line)
          assert '_meta' in m['params']
          tools = [{'name': 'x', 'inputSchema': {'type': 'object'}}]
          given = {'content': [{'type': 'text', 'text': 'late'}]}
          if 'id' in m: send(m['id'], result={'tools': tools} if m['method'] == 'tools/list' else given)
      """
    try install(bench, program: program)
    let result = try await bench.call("x")
    #expect(result.error == nil)
    #expect(result.evidence.first?.body["text"] == "late")
  }

  @Test("a server that ends at the probe is started again with the handshake")
  func ends() async throws {
    let bench = try HostBench()
    try install(bench, lifetime: .case, program: ServerProgram.older(tools: ["x"], atProbe: "os._exit(3)"))
    #expect(try await bench.call("x").error == nil)
    #expect(await bench.host.keptProcessCount() == 1)
    await bench.host.stop()
  }

  @Test("each of the older revisions is spoken", arguments: ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"])
  func versions(_ version: String) async throws {
    let bench = try HostBench()
    try install(bench, program: ServerProgram.older(tools: ["x"], version: version))
    #expect(try await bench.call("x").error == nil)
  }

  @Test("a revision nobody knows is tool.bad_output that names it")
  func unknownVersion() async throws {
    let bench = try HostBench()
    try install(bench, program: ServerProgram.older(tools: ["x"], version: "2031-01-01"))
    let found = try await bench.call("x").error
    #expect(found?.id == .toolBadOutput)
    #expect(found?.message.contains("2031-01-01") == true, "\(String(describing: found))")
  }

  @Test("a ping is answered, another request is not")
  func requests() async throws {
    let bench = try HostBench()
    try install(bench, "ping", program: ServerProgram.older(tools: ["ping"]))
    #expect(try await bench.call("ping").error == nil)
    try install(bench, "sampling", program: ServerProgram.older(tools: ["sampling"]))
    let found = try await bench.call("sampling").error
    #expect(found?.id == .toolBadOutput)
    #expect(found?.message.contains("sampling/createMessage") == true, "\(String(describing: found))")
  }

  @Test("a server that refuses the handshake too is tool.bad_output")
  func refusesBoth() async throws {
    let program = """
      #!/usr/bin/python3
      import json, sys
      for line in sys.stdin:
          m = json.loads(line)
          if 'id' in m:
              print(json.dumps({'jsonrpc': '2.0', 'id': m['id'], 'error': {'code': -32000, 'message': 'no'}}), flush=True)
      """
    let bench = try HostBench()
    try install(bench, program: program)
    let found = try await bench.call("x").error
    #expect(found?.id == .toolBadOutput)
    #expect(found?.message.contains("neither server/discover nor initialize") == true, "\(String(describing: found))")
  }

  @Test("before structured content there was text: it is read as such only where tool.json says what it measures")
  func textAsStructured() async throws {
    for (from, kinds) in [("/count", [EvidenceKind.measurement, .artefact]), (nil, [.description])] {
      let bench = try HostBench()
      var manifest = HostBench.manifest("x")
      manifest.vpath.protocol = .mcp
      manifest.vpath.measures = [.init(name: "cells", unit: .one, phrase: "cells", from: from)]
      let folder = try bench.write(
        manifest,
        program: ServerProgram.older(
          tools: ["x"], version: "2024-11-05", gives: #"{'content': [{'type': 'text', 'text': '{"count": 7}'}]}"#))
      try bench.registry.install(from: folder, by: 0, at: "2026-01-01T00:00:00.000Z")
      let result = try await bench.call("x")
      #expect(result.error == nil)
      #expect(result.evidence.map(\.kind) == kinds, "\(result)")
    }
  }
}
