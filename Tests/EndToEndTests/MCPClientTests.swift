// The official MCP SDK's clients, of both eras, against `vpath mcp` and the real daemon.
// The environments are made by packaging/mcp-environments, which `make test` calls.

import Client
import Domain
import Glibc
import JSON
import SystemPackage
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(10))) struct MCPClientTests {
  static let clients: [(kit: String, mode: [String], version: String)] = [
    ("1.30.0", [], "2025-11-25"), ("2.3.0", [], "2026-07-28"), ("2.3.0", ["legacy"], "2025-11-25"),
  ]

  static func environment(_ kit: String) -> String {
    func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    let cache = value("XDG_CACHE_HOME") ?? "\(value("HOME") ?? "")/.cache"
    return "\(cache)/vpath/mcp-venv-\(kit)"
  }

  @Test(arguments: clients)
  func listsCallsAndAsksThroughPolicySandboxAndTrace(_ client: (kit: String, mode: [String], version: String))
    async throws
  {
    let python = "\(Self.environment(client.kit))/bin/python"
    try #require(access(python, X_OK) == 0, "packaging/mcp-environments makes \(python)")
    let script = FilePath(#filePath).removingLastComponent().removingLastComponent().string + "/Fixtures/mcp/client.py"
    let mode = client.mode
    let version = client.version
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        let ended = try await Programs.run(
          python, [script, Programs.path("vpath"), daemon.socket, try DemoSlide.path()] + mode, seconds: 300)
        #expect(ended.status == 0, "\(ended.errors)")
        let met = try JSONValue.parse(ended.output)
        #expect(met["version"] == .string(version))
        let tools = met["tools"]?.arrayValue?.compactMap(\.stringValue) ?? []
        #expect(tools.prefix(2) == ["open_case", "list_cases"] && tools.contains("cell_counter"), "\(tools)")
        #expect(!tools.contains("render_view"), "host-only tools are not offered")

        let asked = try #require(met["asked"])
        #expect(asked["isError"] != true, "\(asked)")
        let statement = asked["structuredContent"]?["findings"]?.arrayValue?.first?["statement"]?.stringValue ?? ""
        #expect(statement.contains("nuclear profiles per mm²"), "\(asked)")
        #expect(asked["content"]?.arrayValue?.first?["text"]?.stringValue?.contains(statement) == true)
        let notes = met["notes"]?.arrayValue ?? []
        let numbers = notes.compactMap { $0.arrayValue?.first?.numberValue }
        #expect(!numbers.isEmpty && zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 }, "\(notes)")

        let images = met["overview"]?["content"]?.arrayValue?.filter { $0["type"] == "image" } ?? []
        #expect(images.first?["mimeType"] == "image/png", "\(String(describing: met["overview"]))")
        let bytes = images.first?["data"]?.stringValue.flatMap(Base64.decode) ?? []
        #expect(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]))
        #expect(met["overview"]?["structuredContent"]?["evidence"]?.objectValue?.isEmpty == false)

        #expect(met["refused"]?["isError"] == true)
        #expect(met["refused"]?["structuredContent"]?["error"]?["data"]?["id"] == "case.not_found")
        #expect(
          met["unknown"]?["raised"]?.stringValue?.contains("divine") == true, "\(String(describing: met["unknown"]))")
        #expect(met["after"]?["isError"] != true, "the bridge serves on after a cancel")

        let turns = try await daemon.connected { connection in
          try await connection.call(TraceMethods.list, TraceListParams()).turns
        }
        #expect(turns.count == 3, "a question, a call, and a question that was cancelled: \(turns)")
        #expect(turns.filter { $0.stop == "interrupted" }.count == 1, "\(turns)")
        let verified = try await Programs.run("vpath", ["trace", "verify", "--socket", daemon.socket])
        #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
      }
    }
  }

  @Test func aClientWithoutHandshakeIsToldAndADaemonThatIsNotThereIsSaid() async throws {
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        let request = #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#
        let ended = try await Programs.run(
          "/bin/sh",
          ["-c", "printf '%s\\n' '\(request)' | '\(Programs.path("vpath"))' mcp --socket '\(daemon.socket)'"])
        #expect(ended.status == 0, "\(ended.errors)")
        let answer = try JSONValue.parse(ended.output)
        #expect(answer["error"]?["code"] == -32602, "no _meta and no initialize")
      }
      let alone = try await Programs.run("vpath", ["mcp", "--socket", folder.path + "/none.sock"])
      #expect(alone.status == 69)
      #expect(alone.output.isEmpty, "nothing but MCP goes to standard output")
    }
  }
}
