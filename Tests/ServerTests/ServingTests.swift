// Clients of every kind on one socket: many, slow, gone, impatient; and the end of the daemon.

import Domain
import Glibc
import JSON
import Policy
import Ports
import RuntimeTestSupport
import Server
import SystemPorts
import TestSupport
import Testing
import Wire

@testable import TurnRuntime

@Suite(.timeLimit(.minutes(5))) struct ServingTests {
  /// Tools that wait at a door.
  static func waiting(at door: Door) -> ScriptedTools {
    ScriptedTools { input, _ in
      if input.tool != "slide_properties" { await door.pass() }
      return nil
    }
  }

  @Test func exactlyTheDeclaredMethodsAreRouted() async throws {
    let router = Router(try await RuntimeWorld().runtime)
    #expect(router.methods == Set(Methods.all.map(\.name)))
  }

  @Test func aTurnsAnswerComesFirstAndThenItsNotesToTheEnd() async throws {
    try await ServedWorld.with { served in
      let client = try served.client()
      let caseID = try await served.openCase()
      var early = 0
      let started = await client.call("turn/start", ServedWorld.ask(caseID), other: { _ in early += 1 })
      #expect(early == 0)
      #expect(started?["result"]?["position"] == 0)
      var methods: [String] = []
      while let message = await client.next(), let method = message["method"]?.stringValue {
        methods.append(method)
        if method == "turn/completed" {
          #expect(message["params"]?["detail"]?["answer"]?["findings"]?.arrayValue?.isEmpty == false)
          break
        }
      }
      #expect(methods.first == "turn/started" && methods.contains("item/completed"))
      #expect(await client.call("server/health", other: { methods.append("\($0)") })?["result"] != nil)
      #expect(methods.last == "turn/completed", "nothing comes after it")
    }
  }

  @Test func theConnectionsUserOwnsTheCase() async throws {
    try await ServedWorld.with { served in
      let opened = await (try served.client()).call("case/open", ["slides": ["/slides/a.svs"], "organ": "skin"])
      let caseID = CaseID(try #require(opened?["result"]?["case"]?.stringValue))
      #expect(served.world.trace.all(caseID)[0].payload["owner"]?.integerValue == Int(getuid()))
    }
  }

  @Test func twoHundredConnectAtOnceAndAllAreServed() async throws {
    try await ServedWorld.with { served in
      let answered = try await withThrowingTaskGroup(of: Bool.self) { group in
        for _ in 0..<200 {
          group.addTask { await (try served.client()).call("server/health")?["result"]?["state"] == "ok" }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(answered == 200)
    }
  }

  @Test func oneConnectionTooManyIsToldSoAndTheOthersAreServedOn() async throws {
    try await ServedWorld.with(limits: ServerLimits(connections: 3)) { served in
      var clients: [RawClient] = []
      for _ in 0..<3 {
        clients.append(try served.client())
        #expect(await clients[clients.count - 1].call("server/health")?["result"] != nil)
      }
      let refused = try served.client()
      let reason = await refused.next()
      #expect(reason?["error"]?["data"]?["id"] == "server.overloaded" && reason?["id"] == .null)
      #expect(await refused.next() == nil)
      #expect(await clients[0].call("server/health")?["result"]?["connections"]?.integerValue ?? 0 >= 3)
      clients.removeLast().disconnect()
      let later = await settles {
        guard let client = try? served.client() else { return false }
        return await client.call("server/health")?["result"] != nil
      }
      #expect(later, "a place is free again")
    }
  }

  @Test func oneRequestTooManyIsRefusedAndTheOthersAreAnswered() async throws {
    let door = Door()
    try await ServedWorld.with(
      tools: Self.waiting(at: door), limits: ServerLimits(requestsInFlight: 4),
      runtimeLimits: RuntimeLimits(parallelCases: 8)
    ) { served in
      let client = try served.client()
      var caseIDs: [CaseID] = []
      for _ in 0..<4 { caseIDs.append(try await served.openCase()) }
      for (index, caseID) in caseIDs.enumerated() {
        await client.send(Self.call(.integer(index), caseID).line)
      }
      #expect(await settles { door.waiting == 4 })
      await client.send(Self.call(.integer(4), caseIDs[0]).line)
      let refused = await client.next()
      #expect(refused?["id"] == 4 && refused?["error"]?["data"]?["id"] == "server.overloaded")
      await client.send(Self.call(.integer(0), caseIDs[0]).line)
      #expect(await client.next()?["error"]?["data"]?["subject"] == "id", "an id in use is refused")
      door.open()
      var answered: Set<Int> = []
      for _ in 0..<4 { if let id = await client.next()?["id"]?.integerValue { answered.insert(id) } }
      #expect(answered == [0, 1, 2, 3])
    }
  }

  static func call(_ id: RequestID, _ caseID: CaseID) -> RPCMessage {
    .request(
      id: id, method: "tools/call",
      params: ["case": .string(caseID.rawValue), "name": "slide_overview", "arguments": ["slide": "s1"]])
  }

  @Test func aCancelledCallIsInterruptedAndAnsweredSo() async throws {
    let door = Door()
    let tools = Self.waiting(at: door)
    try await ServedWorld.with(tools: tools) { served in
      let client = try served.client()
      let caseID = try await served.openCase()
      await client.send(Self.call(.string("c"), caseID).line)
      #expect(await settles { door.waiting == 1 })
      await client.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c"}}"#)
      let answer = await client.next()
      #expect(answer?["id"] == "c" && answer?["error"]?["data"]?["id"] == "cancelled", "\(String(describing: answer))")
      #expect(await settles { tools.cancelled == 1 })
      let turn = try #require(served.world.trace.all(caseID).last { $0.kind == .turnCompleted })
      #expect(turn.payload["stop"] == "interrupted")
    }
  }

  @Test func twoClientsInterruptOneTurnAndBothAreAnswered() async throws {
    let door = Door()
    try await ServedWorld.with(tools: Self.waiting(at: door)) { served in
      let first = try served.client()
      let second = try served.client()
      let caseID = try await served.openCase()
      let started = await first.call("turn/start", ServedWorld.ask(caseID))
      let turn = try #require(started?["result"]?["turn"])
      #expect(await settles { door.waiting == 1 })
      async let one = first.call("turn/interrupt", ["turn": turn])
      async let two = second.call("turn/interrupt", ["turn": turn])
      let accepted = await [one, two].map { $0?["result"]?["accepted"] }
      #expect(accepted.filter { $0 == true }.count == 1 && accepted.filter { $0 == false }.count == 1)
    }
  }

  @Test func aClientThatIsGoneLeavesItsTurnRunningAndMayComeBackForIt() async throws {
    let door = Door()
    try await ServedWorld.with(tools: Self.waiting(at: door)) { served in
      let caseID = try await served.openCase()
      let first = try served.client()
      let started = await first.call("turn/start", ServedWorld.ask(caseID))
      let turn = try #require(started?["result"]?["turn"])
      #expect(await settles { door.waiting == 1 })
      first.disconnect()
      let second = try served.client()
      #expect(
        await settles { await second.call("server/health")?["result"]?["connections"] == 1 },
        "the daemon notices that it is gone")
      var methods: [String] = []
      #expect(
        await second.call("turn/subscribe", ["turn": turn, "after": 0], other: { methods.append("\($0)") })?["result"]
          == [:])
      door.open()
      while let method = await second.next()?["method"]?.stringValue {
        methods.append(method)
        if method == "turn/completed" { break }
      }
      #expect(methods.first == "turn/started" && methods.last == "turn/completed")
    }
  }

  @Test func aClientThatHasSaidAllStillGetsItsAnswers() async throws {
    try await ServedWorld.with { served in
      let caseID = try await served.openCase()
      let client = try served.client()
      await client.send(RPCMessage.request(id: .integer(1), method: "turn/start", params: ServedWorld.ask(caseID)).line)
      client.endSending()
      var last: JSONValue?
      while let message = await client.next() { last = message }
      #expect(last?["method"] == "turn/completed", "everything asked for came, then the connection was closed")
    }
  }

  @Test func aClientThatDoesNotReadIsCutAndItsTurnGoesOn() async throws {
    try await ServedWorld.with(limits: ServerLimits(writeSeconds: 0.2)) { served in
      let caseID = try await served.openCase()
      let deaf = try served.client(reads: false)
      await deaf.send(RPCMessage.request(id: .integer(1), method: "turn/start", params: ServedWorld.ask(caseID)).line)
      // Answers pile up until the connection is cut; then sending fails.
      let request = RPCMessage.request(id: .string("x"), method: "server/discover", params: [:]).line
      var sent = 0
      while await deaf.send(request), sent < 1_000_000 { sent += 1 }
      #expect(sent < 1_000_000, "it was cut")
      #expect(await settles { served.world.trace.all(caseID).last?.kind == .turnCompleted })
      #expect(await (try served.client()).call("server/health")?["result"] != nil)
    }
  }

  @Test func aStopEndsTurnsTellsClientsAndClosesConnections() async throws {
    let door = Door()
    try await ServedWorld.with(tools: Self.waiting(at: door)) { served in
      let caseID = try await served.openCase()
      let client = try served.client()
      _ = await client.call("turn/start", ServedWorld.ask(caseID))
      let idle = try served.client()
      #expect(await idle.call("server/health")?["result"] != nil)
      #expect(await settles { door.waiting == 1 })
      #expect(await served.server.stop(reason: "The test stops it."))
      var last: JSONValue?
      while let message = await client.next() { last = message }
      #expect(last?["method"] == "turn/completed" && last?["params"]?["detail"]?["stop"] == "interrupted")
      #expect(await idle.next() == nil)
      #expect(throws: VPathError.self) { try served.client() }
    }
  }

  @Test func whileTurnsAreEndedNewWorkIsRefusedAndTheReasonIsSaid() async throws {
    let door = Door()
    try await ServedWorld.with(tools: Self.waiting(at: door)) { served in
      let caseID = try await served.openCase()
      let client = try served.client()
      let other = try served.client()
      _ = await client.call("turn/start", ServedWorld.ask(caseID))
      #expect(await settles { door.waiting == 1 })
      // The turn cannot end while the trace takes its time.
      served.world.trace.hold()
      let stopping = Task { await served.server.stop(reason: "The test stops it.") }
      #expect(await settles { await other.call("server/health")?["result"]?["state"] == "draining" })
      #expect(await other.error("case/open", ["slides": ["/slides/a.svs"]]) == "server.draining")
      #expect(await other.error("turn/start", ServedWorld.ask(caseID)) == "server.draining")
      served.world.trace.release()
      #expect(await stopping.value)
    }
  }

  @Test func howFarACallIsComesOverTheSocketAndIsNotRecorded() async throws {
    let door = Door()
    let tools = ScriptedTools { input, progress in
      guard input.tool != "slide_properties" else { return nil }
      progress(ToolProgress(fraction: 0.25, message: "counting"))
      await door.pass()
      return nil
    }
    try await ServedWorld.with(tools: tools) { served in
      let caseID = try await served.openCase()
      let client = try served.client()
      _ = await client.call("turn/start", ServedWorld.ask(caseID))
      var progress: JSONValue?
      while progress == nil, let message = await client.next() {
        #expect(message["method"] != "turn/completed")
        if message["method"] == "item/progress" { progress = message["params"] }
      }
      let params = try #require(progress)
      #expect(try JSONSchema(ProgressParams.schema.json).validate(params) == [])
      #expect(params["fraction"] == 0.25 && params["message"] == "counting" && params["seq"] == nil)
      door.open()
      while let message = await client.next(), message["method"] != "turn/completed" {}
      #expect(!served.world.trace.all(caseID).contains { $0.payload.canonicalString().contains("counting") })
    }
  }

  @Test func aToolCallTellsHowFarItIsUnderItsTokenAndNothingAfterItsAnswer() async throws {
    let door = Door()
    let tools = ScriptedTools { input, progress in
      guard input.tool != "slide_properties" else { return nil }
      let telling = Task {
        while !Task.isCancelled {
          progress(ToolProgress(fraction: 0.25, message: "counting"))
          await Task.yield()
        }
      }
      await door.pass()
      telling.cancel()
      return nil
    }
    try await ServedWorld.with(tools: tools) { served in
      let caseID = try await served.openCase()
      let client = try served.client()
      var notes: [JSONValue] = []
      let params: JSONValue = [
        "case": .string(caseID.rawValue), "name": "slide_overview", "arguments": ["slide": "s1"],
        "_meta": ["progressToken": "t1"],
      ]
      let answer = await client.call("tools/call", params) { message in
        notes.append(message)
        if notes.count == 3 { door.open() }
      }
      #expect(answer?["result"]?["isError"] == false, "\(String(describing: answer))")
      #expect(notes.count >= 3)
      let numbers = notes.compactMap { $0["params"]?["progress"]?.numberValue }
      #expect(numbers.first == 0.25 && zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
      for note in notes {
        #expect(note["method"] == "notifications/progress" && note["params"]?["progressToken"] == "t1")
        #expect(try JSONSchema(CallProgressParams.schema.json).validate(note["params"] ?? .null) == [])
      }
      var late = 0
      #expect(await client.call("server/health", other: { _ in late += 1 })?["result"] != nil)
      #expect(late == 0)
    }
  }

  @Test func acceptedSocketsAreKeptFromChildren() async throws {
    try await ServedWorld.with { served in
      let client = try served.client()
      #expect(await client.call("server/health")?["result"] != nil)
      var kept = 0
      for descriptor in CInt(3)..<1024 {
        var address = sockaddr_un()
        var size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let found = withUnsafeMutablePointer(to: &address) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        guard found == 0, address.sun_family == sa_family_t(AF_UNIX) else { continue }
        let path = withUnsafeBytes(of: &address.sun_path) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        guard path == served.path else { continue }
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        kept += 1
      }
      #expect(kept >= 2, "the listening socket and the accepted one")
    }
  }
}
