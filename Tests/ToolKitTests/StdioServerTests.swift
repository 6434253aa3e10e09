// The server over real pipes, as a host speaks to it.

import Domain
import Glibc
import JSON
import Synchronization
import TestSupport
import Testing
import Wire

@testable import ToolKit

/// A server that runs on a thread of its own, with a pipe to write to and one to read from.
private final class Served: @unchecked Sendable {
  private let toServer: Int32
  private let fromServer: Int32
  private var splitter = LineSplitter(limitBytes: 32 << 20)
  private var lines: [JSONValue] = []

  init(_ tools: [Tool], limits: StdioServer.Limits = .init()) {
    var input: [Int32] = [0, 0]
    var output: [Int32] = [0, 0]
    precondition(pipe(&input) == 0 && pipe(&output) == 0)
    toServer = input[1]
    fromServer = output[0]
    let (serverInput, serverOutput) = (input[0], output[1])
    let server = StdioServer(name: "test-tools", version: "1.2.3", tools: tools, limits: limits)
    let work = Box {
      try? server.run(input: serverInput, output: serverOutput)
      close(serverOutput)
      close(serverInput)
    }
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { raw in
        if let raw { Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().run() }
        return nil
      }, Unmanaged.passRetained(work).toOpaque())
    pthread_detach(thread)
  }

  private final class Box {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }

  deinit { close(fromServer) }

  func write(_ bytes: [UInt8]) {
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(toServer, $0.baseAddress?.advanced(by: offset), $0.count - offset)
      }
      if count <= 0 { return }
      offset += count
    }
  }

  func write(_ json: JSONValue) { write(json.canonicalBytes() + [0x0A]) }
  func closeInput() { close(toServer) }

  /// The next line, or nil at the end of output.
  func next() -> JSONValue? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while lines.isEmpty {
      let count = read(fromServer, &buffer, buffer.count)
      guard count > 0 else { return nil }
      for case .line(let line) in splitter.feed(buffer[..<count]) {
        if let value = try? JSONValue.parse(line, limits: JSONLimits(maxBytes: 32 << 20)) { lines.append(value) }
      }
    }
    return lines.removeFirst()
  }

  /// The lines up to the answer to a request.
  func until(id: Int) -> (notes: [JSONValue], answer: JSONValue?) {
    var notes: [JSONValue] = []
    while let line = next() {
      if line["id"] == .number(Double(id)) { return (notes, line) }
      notes.append(line)
    }
    return (notes, nil)
  }
}

private func request(
  _ id: Int, _ method: String, _ params: [String: JSONValue] = [:], meta: [String: JSONValue] = [:]
) -> JSONValue {
  var params = params
  params["_meta"] = MCP.requestMeta(client: "test", version: "0", meta)
  return ["jsonrpc": "2.0", "id": .number(Double(id)), "method": .string(method), "params": .object(params)]
}

private let echo = Tool(
  name: "echo", title: "Echo", description: "Says what it was given.",
  inputSchema: .object([.required("text", .string(maxLength: 20)), .optional("times", .integer(min: 1, max: 5))])
) { call in
  call.progress(0.5, "half way")
  return ToolOutput(evidence: [
    [
      "kind": "description", "text": call.arguments["text"] ?? .null,
      "call": .string(call.input.call.rawValue), "organ": .string(call.input.case.organ ?? "none"),
    ]
  ])
}

@Suite struct StdioServerTests {
  @Test func discoverNamesTheVersionAndTheServer() throws {
    let served = Served([echo])
    served.write(request(1, "server/discover"))
    let answer = try #require(served.next())
    #expect(answer["result"]?["supportedVersions"] == ["2026-07-28"])
    #expect(answer["result"]?["resultType"] == "complete")
    #expect(answer["result"]?["_meta"]?[MCP.serverInfoKey] == ["name": "test-tools", "version": "1.2.3"])
    served.closeInput()
    #expect(served.next() == nil)
  }

  @Test func toolsAreListedByNameWithTheirSchemas() throws {
    let other = Tool(name: "another", description: "Nothing.", inputSchema: .object([])) { _ in
      ToolOutput(evidence: [])
    }
    let served = Served([echo, other])
    served.write(request(1, "tools/list"))
    let tools = try #require(served.next()?["result"]?["tools"]?.arrayValue)
    #expect(tools.map { $0["name"] } == ["another", "echo"])
    #expect(tools[1]["inputSchema"] == echo.inputSchema.json)
    served.closeInput()
  }

  @Test func aCallGivesStructuredContentAndTheSameAsText() throws {
    let served = Served([echo])
    served.write(
      request(
        7, "tools/call", ["name": "echo", "arguments": ["text": "grüezi"]],
        meta: [
          ToolInput.metaKey: [
            "call": "call-9", "arguments": [:], "case": ["organ": "skin"], "slides": [], "views": [], "evidence": [:],
            "scratch": "/nowhere",
          ]
        ]))
    let result = try #require(served.until(id: 7).answer?["result"])
    let item = try #require(result["structuredContent"]?["evidence"]?.arrayValue?.first)
    #expect(item == ["kind": "description", "text": "grüezi", "call": "call-9", "organ": "skin"])
    #expect(result["isError"] == false)
    let text = try #require(result["content"]?.arrayValue?.first?["text"]?.stringValue)
    #expect(try JSONValue.parse(text) == result["structuredContent"])
    served.closeInput()
  }

  @Test func aClientWithoutOurMetaCanCallToo() throws {
    let served = Served([echo])
    served.write(request(1, "tools/call", ["name": "echo", "arguments": ["text": "x"]]))
    #expect(served.next()?["result"]?["structuredContent"]?["evidence"]?.arrayValue?.first?["organ"] == "none")
    served.closeInput()
  }

  @Test func progressIsSentOnlyForAToken() throws {
    let served = Served([echo])
    served.write(request(1, "tools/call", ["name": "echo", "arguments": ["text": "x"]], meta: ["progressToken": "p"]))
    let (notes, answer) = served.until(id: 1)
    #expect(answer != nil)
    #expect(notes.count == 1)
    #expect(notes.first?["method"] == "notifications/progress")
    #expect(notes.first?["params"]?["progressToken"] == "p")
    #expect(notes.first?["params"]?["progress"] == 0.5)
    served.closeInput()
  }

  /// Parameters that do not fit, with a word of what is wrong.
  private static let misfits: [(JSONValue, String)] = [
    (["name": "nothing", "arguments": [:]], "nothing"),
    (["name": "echo", "arguments": [:]], "text"),
    (["name": "echo", "arguments": ["text": "x", "colour": 1]], "colour"),
    (["name": "echo", "arguments": ["text": "x", "times": 9]], "times"),
    (["name": "echo", "arguments": 4], "object"),
  ]

  @Test(arguments: misfits)
  func aCallThatDoesNotFitIsRefusedWithTheNameOfWhatIsWrong(_ params: JSONValue, _ word: String) throws {
    let served = Served([echo])
    served.write(request(1, "tools/call", params.objectValue!))
    let error = try #require(served.next()?["error"])
    #expect(error["code"] == -32602)
    #expect(error["message"]?.stringValue?.contains(word) == true)
    served.closeInput()
  }

  @Test func requestsWithoutTheirVersionAreRefused() throws {
    let served = Served([echo])
    served.write(["jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": [:]])
    #expect(served.next()?["error"]?["code"] == -32602)
    served.write([
      "jsonrpc": "2.0", "id": 2, "method": "tools/list",
      "params": ["_meta": ["io.modelcontextprotocol/protocolVersion": "2020-01-01"]],
    ])
    let error = try #require(served.next()?["error"])
    #expect(error["code"] == -32022)
    #expect(error["data"] == ["supported": ["2026-07-28"], "requested": "2020-01-01"])
    served.write([
      "jsonrpc": "2.0", "id": 3, "method": "initialize", "params": ["protocolVersion": "2025-11-25"],
    ])
    #expect(served.next()?["error"]?["data"] == ["supported": ["2026-07-28"], "requested": "2025-11-25"])
    served.write(request(4, "resources/list"))
    #expect(served.next()?["error"]?["code"] == -32601)
    served.closeInput()
  }

  @Test func linesThatAreNoMessagesAreAnsweredAndServingGoesOn() throws {
    let served = Served([echo], limits: .init(lineBytes: 2000))
    served.write(Array("{\"a\": }\n".utf8))
    #expect(served.next()?["error"]?["code"] == -32700)
    served.write(Array("[1]\n".utf8))
    #expect(served.next()?["error"]?["code"] == -32600)
    served.write(Array(repeating: UInt8(ascii: "x"), count: 5000) + [0x0A])
    #expect(served.next()?["error"]?["message"]?.stringValue?.contains("5000") == true)
    served.write(["jsonrpc": "2.0", "method": "notifications/unknown"])
    served.write(request(5, "server/discover"))
    #expect(served.next()?["id"] == 5)
    served.closeInput()
  }

  @Test func whatAHandlerThrowsIsAResultWithItsErrorId() throws {
    let failing = Tool(name: "failing", description: "Fails.", inputSchema: .object([])) { _ in
      throw VPathError(.slideNoScale, "no scale")
    }
    let crashing = Tool(name: "other", description: "Fails.", inputSchema: .object([])) { _ in
      throw JSONError(.syntax, "odd")
    }
    let served = Served([failing, crashing])
    served.write(request(1, "tools/call", ["name": "failing"]))
    let result = try #require(served.next()?["result"])
    #expect(result["isError"] == true)
    #expect(result["structuredContent"]?["errorId"] == "slide.no_scale")
    served.write(request(2, "tools/call", ["name": "other"]))
    #expect(served.next()?["result"]?["structuredContent"]?["errorId"] == "tool.failed")
    served.closeInput()
  }

  @Test func aCancelledCallIsNeverAnswered() throws {
    let started = Gate()
    let ended = Gate()
    let waiting = Tool(name: "waiting", description: "Waits for a cancel.", inputSchema: .object([])) { call in
      started.open()
      while !call.isCancelled { sched_yield() }
      defer { ended.open() }
      try call.checkCancelled()
      return ToolOutput(evidence: [])
    }
    let served = Served([waiting, echo], limits: .init(callsInFlight: 1))
    served.write(request(1, "tools/call", ["name": "waiting"]))
    started.wait()
    served.write(request(2, "tools/call", ["name": "echo", "arguments": ["text": "behind"]]))
    served.write(["jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": 1]])
    ended.wait()
    let (notes, answer) = served.until(id: 2)
    #expect(answer?["result"] != nil)
    #expect(notes.isEmpty)
    served.closeInput()
    #expect(served.next() == nil)
  }

  @Test func moreCallsThanMayWaitAreRefusedAsOverloaded() throws {
    let started = Gate()
    let release = Gate()
    let waiting = Tool(name: "waiting", description: "Waits.", inputSchema: .object([])) { _ in
      started.open()
      release.wait()
      return ToolOutput(evidence: [])
    }
    let served = Served([waiting], limits: .init(callsInFlight: 1, callsWaiting: 1))
    served.write(request(1, "tools/call", ["name": "waiting"]))
    started.wait()
    served.write(request(2, "tools/call", ["name": "waiting"]))
    served.write(request(2, "tools/call", ["name": "waiting"]))
    #expect(served.next()?["error"]?["code"] == -32600)
    served.write(request(3, "tools/call", ["name": "waiting"]))
    let refused = try #require(served.next())
    #expect(refused["id"] == 3)
    #expect(refused["error"]?["code"] == 1001)
    release.open()
    #expect(Set([served.next()?["id"], served.next()?["id"]]) == [1, 2])
    served.closeInput()
  }

  @Test func whatWasAskedBeforeTheInputEndedIsAnswered() throws {
    let served = Served([echo])
    for id in 1...5 { served.write(request(id, "tools/call", ["name": "echo", "arguments": ["text": "x"]])) }
    served.closeInput()
    var ids: Set<Int> = []
    while let line = served.next() { ids.insert(line["id"]?.integerValue ?? -1) }
    #expect(ids == [1, 2, 3, 4, 5])
  }

  @Test func aResultOverTheLimitIsAnError() throws {
    let flooding = Tool(name: "flooding", description: "Floods.", inputSchema: .object([])) { _ in
      ToolOutput(evidence: [["kind": "description", "text": .string(String(repeating: "x", count: 10_000))]])
    }
    let served = Served([flooding], limits: .init(lineBytes: 5000))
    served.write(request(1, "tools/call", ["name": "flooding"]))
    #expect(served.next()?["result"]?["structuredContent"]?["errorId"] == "tool.limit")
    served.closeInput()
  }

  @Test func twoToolsOfOneNameAreRefusedAtTheStart() {
    #expect(throws: VPathError.self) { try ServerRules(name: "x", version: "1", tools: [echo, echo]) }
  }
}

@Suite struct ToolCallTests {
  private func call(scratch: String) -> ToolCall {
    ToolCall(
      input: ToolInput(
        call: CallID("call-1"), arguments: [:], case: CaseDescription(), slides: [], views: [], evidence: [:],
        scratch: scratch))
  }

  @Test func filesGoIntoScratchUnderPlainNamesAndNeverOverOneAnother() throws {
    var template = Array("/tmp/vpath-toolkit-XXXXXX".utf8CString)
    let scratch = String(cString: mkdtemp(&template)!)
    defer {
      unlink(scratch + "/a.txt")
      unlink(scratch + "/link")
      rmdir(scratch)
    }
    let call = call(scratch: scratch)
    #expect(try call.write("a.txt", [1, 2, 3]) == "a.txt")
    #expect(throws: VPathError.self) { try call.write("a.txt", [4]) }
    symlink("/etc/hostname", scratch + "/link")
    #expect(throws: VPathError.self) { try call.write("link", [4]) }
    for name in ["", "../x", "a/b", ".hidden", "nul\u{0}", "a b", String(repeating: "x", count: 129)] {
      #expect(throws: VPathError.self) { try call.write(name, [1]) }
    }
    #expect(throws: VPathError.self) { try self.call(scratch: "").write("a.txt", [1]) }
  }

  @Test(.enabled(if: SmallDisk.isPossible, "needs the right to mount a file system"))
  func aFileThatDoesNotFitIsOverALimitAndSaysWhich() throws {
    let disk = try #require(SmallDisk(bytes: 65_536))
    let error = #expect(throws: VPathError.self) {
      try call(scratch: disk.path).write("map.bin", [UInt8](repeating: 7, count: 1 << 20))
    }
    #expect(error?.id == .toolLimit && error?.subject == "map.bin")
    #expect(error?.message.contains("map.bin could not be written") == true)
  }

  @Test func aFileLongerThanFilesMayBeIsOverALimit() async {
    await #expect(processExitsWith: .success) {
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let scratch = TemporaryFolder()
      let call = ToolCall(
        input: ToolInput(
          call: CallID("call-1"), arguments: [:], case: CaseDescription(), slides: [], views: [], evidence: [:],
          scratch: scratch.path))
      let error = #expect(throws: VPathError.self) {
        try call.write("map.bin", [UInt8](repeating: 7, count: 10_000))
      }
      #expect(error?.id == .toolLimit)
    }
  }

  @Test func onceModeReadsALineAndWritesALine() throws {
    var input: [Int32] = [0, 0]
    var output: [Int32] = [0, 0]
    #expect(pipe(&input) == 0 && pipe(&output) == 0)
    let line =
      #"{"call":"call-1","arguments":{"text":"hi"},"case":{"organ":"skin"},"slides":[],"views":[],"evidence":{},"scratch":"/x"}"#
      + "\n"
    _ = write(input[1], line, line.utf8.count)
    close(input[1])
    try StdioServer(name: "x", version: "1", tools: [echo]).runOnce(tool: "echo", input: input[0], output: output[1])
    close(output[1])
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(output[0], &buffer, buffer.count)
    let result = try JSONValue.parse(buffer[..<(count - 1)])
    #expect(result["evidence"]?.arrayValue?.first?["organ"] == "skin")
    #expect(throws: VPathError.self) { try StdioServer(name: "x", version: "1", tools: [echo]).runOnce(tool: "no") }
    close(input[0])
    close(output[0])
  }
}

/// Opens once; waiting ends when it has.
private final class Gate: Sendable {
  private let isOpen = Atomic<Bool>(false)
  func open() { isOpen.store(true, ordering: .releasing) }
  func wait() { while !isOpen.load(ordering: .acquiring) { sched_yield() } }
}
