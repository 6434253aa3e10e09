// JSON-RPC messages: what is one, what is none, and under which id it is answered.

import Domain
import JSON
import Testing
import Wire

@Suite struct MessageTests {
  @Test(
    arguments: [
      .request(id: .integer(1), method: "case/get", params: ["case": "case-1"]),
      .request(id: .string("a"), method: "server/health", params: [:]),
      .notification(method: "turn/started", params: ["seq": 1]), .result(id: .integer(-5), ["ok": true]),
      .failure(id: nil, RPCError(code: -32700, message: "m", data: ["id": "protocol.parse"])),
      .failure(id: .string(""), RPCError(code: 1, message: "m")),
    ] as [RPCMessage])
  func aMessageComesBackFromItsLine(message: RPCMessage) throws {
    #expect(message.line.last == 0x0A && message.line.dropLast().allSatisfy { $0 != 0x0A })
    #expect(try RPCMessage(JSONValue.parse(message.line.dropLast())) == message)
  }

  @Test(
    arguments: [
      (["jsonrpc": "2.0"], nil),
      (["jsonrpc": "2.0", "id": 9_007_199_254_740_992, "method": "m", "params": []], 9_007_199_254_740_992),
      (["jsonrpc": "2.0", "id": 1, "method": ["m"]], 1), (["jsonrpc": "2.0", "id": true, "method": "m"], nil),
      (["jsonrpc": "2.0", "id": 1, "error": ["code": "x"]], 1), (["jsonrpc": 2, "id": 3, "method": "m"], 3), ([], nil),
    ] as [(JSONValue, Int?)])
  func whatIsNoMessageIsRefusedAndItsIdIsFoundWherePossible(value: JSONValue, id: Int?) {
    #expect(throws: VPathError.self) { try RPCMessage(value) }
    #expect(RPCMessage.requestID(in: value) == id.map(RequestID.integer))
  }

  @Test func missingParametersAreAnEmptyObject() throws {
    #expect(
      try RPCMessage(["jsonrpc": "2.0", "id": 1, "method": "m"]) == .request(id: .integer(1), method: "m", params: [:]))
  }
}
