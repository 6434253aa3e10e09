// Lines no client should send, to the real daemon with its real trace: each is answered with a typed error, the
// connection serves on, and nothing of it is recorded.

import Client
import Domain
import JSON
import TestSupport
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(5))) struct HostileLinesTests {
  private static let deep = String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000)

  private static func request(_ method: String, _ params: String) -> String {
    #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(params)}"#
  }

  @Test func eachIsAnsweredAndTheConnectionServesOn() async throws {
    let lines: [(what: String, bytes: [UInt8], id: String, says: String)] = [
      ("20 MB", [UInt8](repeating: UInt8(ascii: "x"), count: 20_000_000), "protocol.request", "20000000 bytes"),
      (
        "invalid UTF-8", Array(#"{"jsonrpc":"2.0","id":1,"method":""#.utf8) + [0xC3, 0x28, 0xFF] + Array(#""}"#.utf8),
        "protocol.parse", "UTF-8"
      ),
      ("10,000 arrays", Array(Self.deep.utf8), "protocol.request", "64"),
      ("10,000 arrays in parameters", Array(Self.request("case/get", Self.deep).utf8), "protocol.request", "64"),
      (
        "a duplicate key", Array(Self.request("case/get", #"{"case":"a","case":"b"}"#).utf8), "protocol.parse",
        "duplicate"
      ),
      (
        "1e400 in parameters", Array(Self.request("case/open", #"{"slides":["/x"],"micronsPerPixel":1e400}"#).utf8),
        "protocol.parse", "number"
      ),
    ]
    try await BadInputTests.with { folder, _ in
      let raw = try RawClient(folder.path + "/d.sock")
      for (what, bytes, id, says) in lines {
        #expect(await raw.send(bytes + [0x0A]))
        let error = await raw.next()?["error"]
        #expect(error?["data"]?["id"]?.stringValue == id, "\(what): \(String(describing: error))")
        #expect(error?["message"]?.stringValue?.contains(says) == true, "\(what): \(String(describing: error))")
        #expect(await raw.call("server/health")?["result"]?["state"] == "ok", "after \(what)")
      }
    }
  }

  @Test func aQuestionOfAMegabyteIsRefusedAndNotRecorded() async throws {
    try await BadInputTests.with { folder, connection in
      let path = try folder.write("slides/a.svs", try TestFolder.bytes(at: try DemoSlide.path()))
      let opened = try await connection.call(CaseMethods.open, CaseOpenParams(slides: [path]))
      let question = String(repeating: "nuclei? ", count: 131_072)
      let error = await #expect(throws: VPathError.self) {
        try await connection.call(TurnMethods.start, TurnStartParams(caseID: opened.caseID, question: question))
      }
      #expect(error?.id == .protocolParams && error?.message.contains("1048576 bytes") == true)
      BadInputTests.expectHelpful(error, in: folder, "a question of a megabyte")
      let turns = try await connection.call(TraceMethods.list, TraceListParams(caseID: opened.caseID)).turns
      #expect(turns.isEmpty)
    }
  }
}
