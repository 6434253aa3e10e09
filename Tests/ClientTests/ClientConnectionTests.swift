// The client's end of the socket, against a scripted peer on a real socket.

import Client
import Domain
import Glibc
import JSON
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Wire

/// A peer that answers each line by a script: the lines to send back, or nil to close.
enum ScriptedPeer {
  static func with<R: Sendable>(
    _ script: @escaping @Sendable (JSONValue) -> [JSONValue]?,
    _ body: @Sendable (String) async throws -> R
  ) async throws -> R {
    var template = Array("/tmp/vpath-client-XXXXXX".utf8CString)
    let folder = String(cString: try #require(mkdtemp(&template)))
    let socket = folder + "/s"
    defer {
      unlink(socket)
      rmdir(folder)
    }
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(unixDomainSocketPath: socket) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await listener.executeThenClose { connections in
          for try await connection in connections {
            try await connection.executeThenClose { inbound, outbound in
              var splitter = LineSplitter(limitBytes: 1 << 20)
              for try await buffer in inbound {
                for case .line(let line) in splitter.feed(buffer.readableBytesView) {
                  guard let answers = script(try JSONValue.parse(line)) else { return }
                  for answer in answers {
                    try await outbound.write(ByteBuffer(bytes: answer.canonicalBytes() + [0x0A]))
                  }
                }
              }
            }
          }
        }
      }
      let result = try await body(socket)
      group.cancelAll()
      return result
    }
  }
}

/// Something that several tasks change.
final class Box<Value: Sendable>: Sendable {
  private let state: Mutex<Value>
  init(_ value: Value) { state = Mutex(value) }
  var value: Value { state.withLock { $0 } }
  func change(_ body: (inout Value) -> Void) { state.withLock { body(&$0) } }
}

@Suite(.timeLimit(.minutes(1))) struct ClientConnectionTests {
  static let health: JSONValue = [
    "state": "ok", "problems": [], "runningTurns": 0, "queuedTurns": 0, "connections": 1, "sandbox": true,
    "policyDigest": .string(String(repeating: "0", count: 64)),
  ]

  @Test func anAnswerIsMatchedToItsRequestById() async throws {
    let result = try await ScriptedPeer.with({ request in
      [
        ["jsonrpc": "2.0", "id": 999, "result": [:]],
        ["jsonrpc": "2.0", "id": request["id"] ?? nil, "result": Self.health],
      ]
    }) { socket in
      try await ClientConnection.withConnection(socket: socket) {
        try await $0.call(ServerMethods.health, Empty())
      }
    }
    #expect(result.state == "ok")
  }

  @Test func anErrorKeepsItsIdAndWhetherToTryAgain() async throws {
    let error = await #expect(throws: VPathError.self) {
      try await ScriptedPeer.with({ request in
        [
          RPCMessage.failure(
            id: RequestID(json: request["id"] ?? nil), VPathError(.serverOverloaded, "Full.").rpc
          ).json
        ]
      }) { socket in
        try await ClientConnection.withConnection(socket: socket) { try await $0.call(ServerMethods.health, Empty()) }
      }
    }
    #expect(error?.id == .serverOverloaded)
    #expect(error?.retryable == true)
  }

  @Test func aResultThatBreaksTheSchemaIsAnError() async throws {
    let error = await #expect(throws: VPathError.self) {
      try await ScriptedPeer.with({ request in
        [["jsonrpc": "2.0", "id": request["id"] ?? nil, "result": ["state": "splendid"]]]
      }) { socket in
        try await ClientConnection.withConnection(socket: socket) { try await $0.call(ServerMethods.health, Empty()) }
      }
    }
    #expect(error?.id == .protocolParams)
  }

  @Test func notificationsThatNobodyReadsEndTheConnectionAndNotTheMemory() async throws {
    let event: JSONValue = [
      "jsonrpc": "2.0", "method": "turn/started",
      "params": ["turn": "turn-1", "case": "case-1", "seq": 1, "title": "x"],
    ]
    let progress: JSONValue = [
      "jsonrpc": "2.0", "method": "item/progress", "params": ["turn": "turn-1", "item": "call-1", "message": "half"],
    ]
    let (error, kept) = try await ScriptedPeer.with({ request in
      // Progress may be dropped; the fifth event has no place.
      Array(repeating: event, count: 4) + Array(repeating: progress, count: 9) + [event]
        + [["jsonrpc": "2.0", "id": request["id"] ?? nil, "result": Self.health]]
    }) { socket in
      try await ClientConnection.withConnection(socket: socket, maxUnread: 4) { connection in
        let error = await #expect(throws: VPathError.self) {
          try await connection.call(ServerMethods.health, Empty())
        }
        var kept = 0
        for await _ in connection.notifications { kept += 1 }
        return (error, kept)
      }
    }
    #expect(
      error?.id == .serverUnreachable && error?.message.contains("not read") == true, "\(String(describing: error))")
    #expect(kept == 4)
  }

  @Test func aConnectionThatClosesEndsEveryWait() async throws {
    let error = await #expect(throws: VPathError.self) {
      try await ScriptedPeer.with({ _ in nil }) { socket in
        try await ClientConnection.withConnection(socket: socket) { try await $0.call(ServerMethods.health, Empty()) }
      }
    }
    #expect(error?.id == .serverUnreachable)
  }

  @Test func aSilentPeerEndsInATimeOut() async throws {
    let error = await #expect(throws: VPathError.self) {
      try await ScriptedPeer.with({ _ in [] }) { socket in
        try await ClientConnection.withConnection(socket: socket) {
          try await $0.call(ServerMethods.health, Empty(), timeoutSeconds: 0.05)
        }
      }
    }
    #expect(error?.id == .cancelled)
  }

  @Test func notificationsArriveInOrderBetweenAnswers() async throws {
    @Sendable func event(_ seq: Int) -> JSONValue {
      [
        "jsonrpc": "2.0", "method": "item/started",
        "params": ["turn": "turn-1", "case": "case-1", "seq": .number(Double(seq)), "title": "t"],
      ]
    }
    let seqs = try await ScriptedPeer.with({ request in
      [event(1), event(2), ["jsonrpc": "2.0", "id": request["id"] ?? nil, "result": Self.health], event(3)]
    }) { socket in
      try await ClientConnection.withConnection(socket: socket) { connection in
        _ = try await connection.call(ServerMethods.health, Empty())
        var seqs: [Int] = []
        for await notification in connection.notifications {
          if case .event(.itemStarted, let params) = notification { seqs.append(params.seq) }
          if seqs.count == 3 { break }
        }
        return seqs
      }
    }
    #expect(seqs == [1, 2, 3])
  }

  static let called: JSONValue = ["turn": "turn-1", "content": [], "structuredContent": [:], "isError": false]

  @Test func aToolCallHearsItsOwnProgress() async throws {
    let heard = Box<[CallProgressParams]>([])
    try await ScriptedPeer.with({ request in
      func note(_ token: JSONValue, _ progress: JSONValue) -> JSONValue {
        [
          "jsonrpc": "2.0", "method": "notifications/progress",
          "params": ["progressToken": token, "progress": progress, "total": 1, "message": "counting"],
        ]
      }
      let token = request["params"]?["_meta"]?["progressToken"] ?? .null
      return [
        note(token, 0.5), note("another's", 0.75),
        ["jsonrpc": "2.0", "id": request["id"] ?? .null, "result": Self.called],
      ]
    }) { socket in
      try await ClientConnection.withConnection(socket: socket) { connection in
        let params = ToolCallParams(caseID: CaseID("case-1"), name: "x", arguments: [:])
        let result = try await connection.callTool(params) { note in heard.change { $0.append(note) } }
        #expect(result.turn == TurnID("turn-1"))
      }
    }
    #expect(heard.value.map(\.progress) == [0.5])
  }

  @Test func aCancelledToolCallIsCancelledAtTheOtherEndAndItsAnswerAwaited() async throws {
    let asked = Box<[String]>([])
    try await ScriptedPeer.with({ message in
      asked.change { $0.append(message["method"]?.stringValue ?? "") }
      guard message["method"] == "notifications/cancelled" else { return [] }
      let error = VPathError(.cancelled, "It was interrupted here.").rpc
      return [["jsonrpc": "2.0", "id": message["params"]?["requestId"] ?? .null, "error": error.json]]
    }) { socket in
      try await ClientConnection.withConnection(socket: socket) { connection in
        let params = ToolCallParams(caseID: CaseID("case-1"), name: "x", arguments: [:])
        let call = Task { () -> VPathError? in
          do throws(VPathError) {
            _ = try await connection.callTool(params)
            return nil
          } catch {
            return error
          }
        }
        while asked.value.isEmpty { await Task.yield() }
        call.cancel()
        #expect(await call.value?.message == "It was interrupted here.")
      }
    }
    #expect(asked.value == ["tools/call", "notifications/cancelled"])
  }

  @Test func nobodyOnTheSocketIsUnreachable() async throws {
    let error = await #expect(throws: VPathError.self) {
      try await ClientConnection.withConnection(socket: "/tmp/vpath-nobody-here.sock", timeoutSeconds: 1) { _ in }
    }
    #expect(error?.id == .serverUnreachable)
  }
}
