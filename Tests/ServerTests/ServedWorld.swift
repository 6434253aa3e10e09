// A server on a real socket over a runtime with fake tools.

import Domain
import Glibc
import JSON
import Logging
import Policy
import Ports
import RuntimeTestSupport
import Server
import SystemPorts
import TestSupport
import Testing
import TurnRuntime
import Wire

struct ServedWorld: Sendable {
  let world: RuntimeWorld
  let server: Server
  let path: String
  /// The user all connections come from.
  static let user = Principal(uid: getuid(), gid: getgid(), pid: nil, kind: .client)

  /// Serves while the body runs, then stops the server and waits for its end.
  static func with(
    tools: ScriptedTools = ScriptedTools(), limits: ServerLimits = ServerLimits(),
    runtimeLimits: RuntimeLimits = RuntimeLimits(),
    _ body: @escaping @Sendable (ServedWorld) async throws -> Void
  ) async throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/d.sock"
    let world = try await RuntimeWorld(tools: tools, clock: SystemClock(), limits: runtimeLimits)
    let server = Server(
      runtime: world.runtime, socket: try ListeningSocket.open(at: path), limits: limits, clock: SystemClock(),
      log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    let served = ServedWorld(world: world, server: server, path: path)
    try await withThrowingTaskGroup(of: Void.self) { group in
      let (ready, sink) = AsyncStream.makeStream(of: Void.self)
      group.addTask { try await server.run { sink.yield() } }
      for await _ in ready { break }
      do {
        try await body(served)
      } catch {
        _ = await server.stop(reason: "The test ended.")
        throw error
      }
      _ = await server.stop(reason: "The test ended.")
      try await group.waitForAll()
    }
    #expect(access(path, F_OK) != 0, "the socket is gone")
    withExtendedLifetime(folder) {}
  }

  func client(reads: Bool = true) throws -> RawClient { try RawClient(path, reads: reads) }

  /// A case of the connections' own user.
  func openCase() async throws -> CaseID { try await world.openCase(by: Self.user) }

  static func ask(_ caseID: CaseID, _ question: String = "How many nuclei per mm² are there?") -> JSONValue {
    ["case": .string(caseID.rawValue), "question": .string(question)]
  }
}
