// What strangers send: each bad line is answered with a typed error, and the connection serves on.

import Domain
import JSON
import RuntimeTestSupport
import Server
import TestSupport
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct HostileInputTests {
  /// Sends bytes, gives the error they are answered with, and sees that the connection serves on.
  static func answer(to bytes: [UInt8], limits: ServerLimits = ServerLimits()) async throws -> JSONValue {
    let found = Box()
    try await ServedWorld.with(limits: limits) { served in
      let client = try served.client()
      await client.send(bytes + [0x0A])
      found.set(await client.next())
      #expect(await client.call("server/health")?["result"]?["state"] == "ok", "the connection serves on")
    }
    return try #require(found.value)
  }

  static func answer(to text: String) async throws -> JSONValue { try await answer(to: Array(text.utf8)) }

  @Test func aLineOfTwentyMegabytesIsSkippedAndNamed() async throws {
    let answer = try await Self.answer(to: [UInt8](repeating: UInt8(ascii: "x"), count: 20_000_000))
    #expect(answer["error"]?["data"]?["id"] == "protocol.request" && answer["id"] == .null)
    #expect(answer["error"]?["message"]?.stringValue?.contains("20000000 bytes") == true)
  }

  @Test func aLineWithoutEndEndsTheConnectionWithTheReason() async throws {
    try await ServedWorld.with(limits: ServerLimits(lineBytes: 1000, skippedBytes: 5000)) { served in
      let client = try served.client()
      await client.send([UInt8](repeating: UInt8(ascii: "x"), count: 6000))
      let reason = await client.next()
      #expect(reason?["error"]?["data"]?["id"] == "protocol.request" && reason?["id"] == .null)
      #expect(await client.next() == nil)
      #expect(await (try served.client()).call("server/health")?["result"] != nil, "others are served on")
    }
  }

  @Test func tenThousandNestedArraysAreTooDeep() async throws {
    let deep = String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000)
    let answer = try await Self.answer(to: deep)
    #expect(answer["error"]?["data"]?["id"] == "protocol.request")
    #expect(answer["error"]?["data"]?["byte"] == 65)
    let inside = #"{"jsonrpc":"2.0","id":1,"method":"server/health","params":{"a":\#(deep)}}"#
    #expect(try await Self.answer(to: inside)["error"]?["data"]?["id"] == "protocol.request")
  }

  @Test(arguments: [
    (#"{"jsonrpc":"2.0","id":1,"id":2,"method":"server/health"}"#, 1, 28),
    (#"{"jsonrpc":"2.0","id":1e400,"method":"server/health"}"#, 1, 27), (#"{"jsonrpc":"2.0","id":1"#, 1, 23),
    ("not JSON at all", 1, 3), ("\u{FEFF}{}", 1, 1), (#"{"a":1,}"#, 1, 8), (#"{"a":NaN}"#, 1, 8),
  ])
  func aLineThatIsNoJSONIsAnsweredWithItsPlace(line: String, row: Int, column: Int) async throws {
    let answer = try await Self.answer(to: line)
    let data = answer["error"]?["data"]
    #expect(answer["error"]?["code"] == -32700 && data?["id"] == "protocol.parse" && answer["id"] == .null)
    #expect(data?["line"]?.integerValue == row, "\(answer)")
    #expect(data?["byte"]?.integerValue != nil)
    #expect(data?["column"]?.integerValue == column, "\(answer)")
  }

  @Test func invalidUTF8IsNamedWithItsPlace() async throws {
    let bytes = Array(#"{"jsonrpc":"2.0","id":1,"method":""#.utf8) + [0xC3, 0x28, 0xFF] + Array(#""}"#.utf8)
    let answer = try await Self.answer(to: bytes)
    #expect(answer["error"]?["data"]?["id"] == "protocol.parse", "\(answer)")
    #expect(answer["error"]?["data"]?["byte"] != nil)
  }

  @Test(arguments: [
    ("[]", JSONValue.null, -32600), ("7", .null, -32600),
    (#"[{"jsonrpc":"2.0","id":1,"method":"server/health"}]"#, .null, -32600),
    (#"{"id":1,"method":"server/health"}"#, 1, -32600),
    (#"{"jsonrpc":"1.0","id":"a","method":"server/health"}"#, "a", -32600),
    (#"{"jsonrpc":"2.0","id":1.5,"method":"server/health"}"#, .null, -32600),
    (#"{"jsonrpc":"2.0","id":null,"method":"server/health"}"#, .null, -32600),
    (#"{"jsonrpc":"2.0","id":{},"method":"server/health"}"#, .null, -32600),
    (#"{"jsonrpc":"2.0","id":1,"method":7}"#, 1, -32600), (#"{"jsonrpc":"2.0","id":1}"#, 1, -32600),
    (#"{"jsonrpc":"2.0","id":1,"method":"server/health","params":[]}"#, 1, -32602),
    (#"{"jsonrpc":"2.0","id":1,"method":"server/health","params":{"a":1}}"#, 1, -32602),
    (#"{"jsonrpc":"2.0","id":1,"method":"case/get","params":{"case":7}}"#, 1, -32602),
    (#"{"jsonrpc":"2.0","id":1,"method":"case/open","params":{"slides":[]}}"#, 1, -32602),
    (#"{"jsonrpc":"2.0","id":1,"method":"no/such"}"#, 1, -32601),
    (#"{"jsonrpc":"2.0","id":1,"method":""}"#, 1, -32601),
  ])
  func aMessageThatIsNoRequestIsAnsweredUnderItsIdWhereItHasOne(line: String, id: JSONValue, code: Int) async throws {
    let answer = try await Self.answer(to: line)
    #expect(answer["id"] == id, "\(answer)")
    #expect(answer["error"]?["code"]?.integerValue == code, "\(answer)")
    #expect(answer["error"]?["message"]?.stringValue?.isEmpty == false)
  }

  @Test func aQuestionOfAMegabyteOrOfNothingIsRefused() async throws {
    try await ServedWorld.with { served in
      let client = try served.client()
      let caseID = try await served.openCase()
      let large = String(repeating: "nuclei? ", count: 131_072)
      for question in [large, "", "  \n "] {
        #expect(await client.error("turn/start", ServedWorld.ask(caseID, question)) == "protocol.params")
      }
      #expect(served.world.trace.all(caseID).allSatisfy { $0.turn == nil })
    }
  }

  @Test func notificationsAndAnswersOfAClientAreNotAnswered() async throws {
    try await ServedWorld.with { served in
      let client = try served.client()
      await client.send(#"{"jsonrpc":"2.0","method":"server/health"}"#)
      await client.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}"#)
      await client.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":[]}}"#)
      await client.send(#"{"jsonrpc":"2.0","id":5,"result":{}}"#)
      await client.send("\r")
      var others = 0
      #expect(await client.call("server/health", other: { _ in others += 1 })?["result"] != nil)
      #expect(others == 1, "only the carriage return, which is no JSON, is answered")
    }
  }

  @Test func linesMayEndInCarriageReturnAndComeInAnyPieces() async throws {
    try await ServedWorld.with { served in
      let client = try served.client()
      for byte in Array("{\"jsonrpc\":\"2.0\",\"id\":1,\r \"method\":\"server/health\"}\r\n".utf8) {
        await client.send([byte])
      }
      #expect(await client.next()?["result"]?["state"] == "ok")
      let three = (2...4).map { #"{"jsonrpc":"2.0","id":\#($0),"method":"server/health"}"# }.joined(separator: "\n")
      await client.send(three)
      var ids: Set<Int> = []
      for _ in 0..<3 { if let id = await client.next()?["id"]?.integerValue { ids.insert(id) } }
      #expect(ids == [2, 3, 4])
    }
  }
}
