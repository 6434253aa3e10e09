// An MCP client's calls, through a real server and runtime.

import Domain
import JSON
import Ports
import RuntimeTestSupport
import Synchronization
import TestSupport
import Testing
import Wire

@testable import MCPBridge

@Suite("The bridge for MCP clients", .timeLimit(.minutes(5))) struct BridgeTests {
  @Test("it lists its own tools and the daemon's, host-only ones left out")
  func list() async throws {
    try await BridgedWorld.with { bridged in
      let result = await bridged.client.request("tools/list", [:])["result"]
      let names = result?["tools"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
      #expect(names == BridgeTool.allCases.map(\.rawValue) + SampleTools.builtInNames)
      #expect(result?["ttlMs"] != nil && result?["cacheScope"] == "private")
    }
  }

  @Test("a question is a turn: answered with its evidence, structured by the schema that was shown")
  func ask() async throws {
    try await BridgedWorld.with { bridged in
      let caseID = try await bridged.openCase()
      let arguments: JSONValue = ["case": .string(caseID), "question": "How many nuclei per mm² are there?"]
      let answer = await bridged.client.call("ask_case", arguments, meta: ["progressToken": 99])
      let result = try #require(answer["result"], "\(answer)")
      #expect(result["isError"] == false)
      let structured = try #require(result["structuredContent"])
      #expect(try JSONSchema(AnswerDocument.schema.json).validate(structured) == [])
      let statement = try #require(structured["findings"]?.arrayValue?.first?["statement"]?.stringValue)
      #expect(result["content"]?.arrayValue?.first?["text"]?.stringValue?.contains(statement) == true)
      let notes = bridged.client.lines.filter { $0["method"] == "notifications/progress" }
      #expect(!notes.isEmpty && notes.allSatisfy { $0["params"]?["progressToken"] == 99 })
      let numbers = notes.compactMap { $0["params"]?["progress"]?.numberValue }
      #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
      #expect(bridged.client.lines.last?["id"] == answer["id"], "no note comes after the answer")
    }
  }

  @Test("a tool's call is a turn of its own, with its evidence")
  func call() async throws {
    try await BridgedWorld.with { bridged in
      let caseID = try await bridged.openCase()
      let called = await bridged.client.call("slide_overview", ["case": .string(caseID), "slide": "s1"])
      let structured = try #require(called["result"]?["structuredContent"], "\(called)")
      #expect(structured["evidence"]?.objectValue?.isEmpty == false)
      let turn = try #require(structured["turn"]?.stringValue)
      #expect(bridged.world.trace.all(CaseID(caseID)).contains { $0.turn == TurnID(turn) })
      let ids = Array(try #require(structured["evidence"]?.objectValue).keys.sorted().prefix(2))
      let got = await bridged.client.call(
        "get_evidence", ["case": .string(caseID), "ids": .array(ids.map { .string($0) })])
      #expect(got["result"]?["structuredContent"]?["evidence"]?.objectValue?.keys.sorted() == ids, "\(got)")
      let listed = await bridged.client.call("list_cases", [:])
      #expect(listed["result"]?["structuredContent"]?["cases"]?.arrayValue?.first?["case"] == .string(caseID))
      #expect(await bridged.client.call("close_case", ["case": .string(caseID)])["result"]?["isError"] == false)
    }
  }

  @Test("a cancelled question is interrupted in the daemon, and not answered")
  func cancelQuestion() async throws {
    try await cancelled(name: "ask_case") { ["case": .string($0), "question": "How many nuclei per mm² are there?"] }
  }

  @Test("a cancelled tool call is cancelled in the daemon, and not answered")
  func cancelCall() async throws {
    try await cancelled(name: "slide_overview") { ["case": .string($0), "slide": "s1"] }
  }

  private func cancelled(name: String, arguments: @escaping @Sendable (String) -> JSONValue) async throws {
    let door = Door()
    let tools = ScriptedTools { input, _ in
      if input.tool != "slide_properties" { await door.pass() }
      return nil
    }
    try await BridgedWorld.with(tools: tools) { bridged in
      let caseID = try await bridged.openCase()
      let id = bridged.client.nextID()
      await bridged.client.send(
        "tools/call", ["name": .string(name), "arguments": arguments(caseID)], id: id)
      #expect(await settles { door.waiting == 1 })
      await bridged.client.send("notifications/cancelled", ["requestId": .number(Double(id))], id: nil)
      #expect(await settles { bridged.world.tools.cancelled == 1 })
      await bridged.bridge.finish()
      #expect(!bridged.client.lines.contains { $0["id"] == .number(Double(id)) })
      let stop = bridged.world.trace.all(CaseID(caseID)).last { $0.kind == .turnCompleted }?.payload
      #expect(stop?.canonicalString().contains("interrupted") == true, "\(String(describing: stop))")
    }
  }

  @Test("when the client goes, its questions end")
  func finish() async throws {
    let door = Door()
    let tools = ScriptedTools { input, _ in
      if input.tool != "slide_properties" { await door.pass() }
      return nil
    }
    try await BridgedWorld.with(tools: tools) { bridged in
      let caseID = try await bridged.openCase()
      await bridged.client.send(
        "tools/call",
        ["name": "ask_case", "arguments": ["case": .string(caseID), "question": "How many nuclei per mm²?"]],
        id: bridged.client.nextID())
      #expect(await settles { door.waiting == 1 })
      await bridged.bridge.finish()
      #expect(bridged.world.tools.cancelled == 1)
    }
  }

  @Test("wrong calls are told what to change: unknown tools as an error, the rest as results")
  func wrong() async throws {
    try await BridgedWorld.with { bridged in
      let caseID = try await bridged.openCase()
      let unknown = await bridged.client.call("divine", ["case": .string(caseID)])
      #expect(unknown["error"]?["code"] == -32602)
      func errorID(_ name: String, _ arguments: JSONValue) async -> String? {
        let result = await bridged.client.call(name, arguments)["result"]
        #expect(result?["isError"] == true)
        return result?["structuredContent"]?["error"]?["data"]?["id"]?.stringValue
      }
      #expect(await errorID("ask_case", ["case": .string(caseID)]) == "protocol.params")
      #expect(await errorID("ask_case", ["case": "case-none", "question": "How many?"]) == "case.not_found")
      #expect(await errorID("open_case", ["slides": ["/slides/a.svs"], "organs": "skin"]) == "protocol.params")
      #expect(await errorID("slide_overview", ["slide": "s1"]) == "protocol.params")
      #expect(await errorID("slide_overview", ["case": "case-none", "slide": "s1"]) == "case.not_found")
      #expect(await errorID("get_evidence", ["case": .string(caseID), "ids": ["m99"]]) == "evidence.not_found")
      #expect(await errorID("read_artefact", ["case": .string(caseID), "id": "a99"]) == "evidence.not_found")
    }
  }

  @Test("too many requests at once are refused, and the line that is too long is skipped")
  func bounds() async throws {
    let door = Door()
    let tools = ScriptedTools { input, _ in
      if input.tool != "slide_properties" { await door.pass() }
      return nil
    }
    try await BridgedWorld.with(tools: tools) { bridged in
      let caseID = try await bridged.openCase()
      for _ in 0..<Bridge.maxCalls {
        await bridged.client.send(
          "tools/call", ["name": "slide_overview", "arguments": ["case": .string(caseID), "slide": "s1"]],
          id: bridged.client.nextID())
      }
      #expect(await bridged.client.request("tools/list", [:])["error"]?["code"] == 1001)
      #expect(await bridged.bridge.take(.skipped(byteCount: 10)))
      #expect(bridged.client.lines.last?["error"]?["data"]?["id"] == "protocol.request")
      #expect(await !bridged.bridge.take(.endless))
      door.open()
    }
  }

  @Test("without a daemon every call says so and may be tried again")
  func unreachable() async throws {
    let client = BridgeClient()
    let bridge = Bridge(socket: "/nowhere/d.sock") { client.received($0) }
    client.bridge.withLock { $0 = bridge }
    let answer = await client.call("list_cases", [:])
    #expect(answer["error"]?["data"]?["id"] == "server.unreachable")
    #expect(answer["error"]?["data"]?["retryable"] == true)
  }
}
