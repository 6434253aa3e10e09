// The socket's accept loop: who connects, how many, and how it all ends.
// What must stay true: a failing connection harms no other; nothing is accepted while stopping; `run` returns only
// when every connection is closed.

import CPlatform
import Domain
public import Logging
import NIOCore
import NIOPosix
import Policy
public import Ports
import Synchronization
public import TurnRuntime
import Wire

/// Serves a runtime on a listening socket.
public final class Server: Sendable {
  private let runtime: Runtime
  private let router: Router
  private let socket: ListeningSocket
  private let limits: ServerLimits
  private let clock: any Clock
  private let log: Logger
  private let state = Mutex(State())

  private typealias Client = NIOAsyncChannel<InboundPiece, ByteBuffer>

  /// A connection that is open; `connection` is nil while it is being refused.
  private struct Open: Sendable {
    var channel: any Channel
    var connection: Connection?
  }

  private struct State {
    var connections = 0
    var isStopping = false
    var listener: (any Channel)?
    var open: [ObjectIdentifier: Open] = [:]
  }

  /// A server that does not serve yet.
  public init(
    runtime: Runtime, socket: ListeningSocket, limits: ServerLimits = ServerLimits(), clock: any Clock, log: Logger
  ) {
    self.runtime = runtime
    router = Router(runtime, limits: limits)
    self.socket = socket
    self.limits = limits
    self.clock = clock
    self.log = log
  }

  /// Accepts and serves until `stop`. `ready` is called when clients can connect.
  public func run(ready: @Sendable () -> Void = {}) async throws {
    let limits = self.limits
    let listening = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .bind(socket.descriptor) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(LineHandler(limits))
          let client = try Client(
            wrappingChannelSynchronously: channel,
            configuration: .init(
              backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2), isOutboundHalfClosureEnabled: false))
          return (client, Server.credentials(of: channel))
        }
      }
    // NIO listens with a queue of 128 when it takes the descriptor over.
    vp_listen(socket.descriptor, ListeningSocket.backlog)
    let stopsAtOnce = state.withLock { state in
      state.listener = listening.channel
      return state.isStopping
    }
    if stopsAtOnce { listening.channel.close(promise: nil) }
    ready()
    try await listening.executeThenClose { inbound in
      await withDiscardingTaskGroup { group in
        do {
          for try await (client, credentials) in inbound {
            group.addTask { await self.serve(client, credentials) }
          }
        } catch {
          self.log.error("accepting ended", metadata: ["error": "\(error)"])
        }
      }
    }
    socket.release()
  }

  /// Stops: nothing new is accepted, turns are interrupted, what is left is sent, connections are closed. True when
  /// every turn's end was recorded in time.
  public func stop(reason: String) async -> Bool {
    let listener = state.withLock { state in
      state.isStopping = true
      return state.listener
    }
    // Once this is over, whoever connects is refused by the system.
    try? await listener?.close()
    let allEnded = await runtime.drain(timeoutSeconds: limits.drainSeconds, reason: reason)
    await withTaskGroup(of: Void.self) { group in
      for open in state.withLock({ Array($0.open.values) }) { group.addTask { await self.end(open) } }
    }
    return allEnded
  }

  /// How long a connection gets, once all turns have ended, to take what is on its way.
  private static let farewellSeconds = 0.5

  private func end(_ open: Open) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await open.connection?.finish() }
      group.addTask { try? await self.clock.sleep(seconds: Server.farewellSeconds) }
      await group.next()
      open.channel.close(mode: .all, promise: nil)
      await open.connection?.close()
      group.cancelAll()
    }
  }

  /// Who is at the other end; the descriptor is kept from children on the way.
  private static func credentials(of channel: any Channel) -> vp_ucred? {
    let found = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
      descriptor -> vp_ucred? in
      _ = vp_set_cloexec(descriptor)
      var credentials = vp_ucred()
      return vp_peer_cred(descriptor, &credentials) == 0 ? credentials : nil
    }
    return found ?? nil
  }

  private func serve(_ client: Client, _ credentials: vp_ucred?) async {
    let channel = client.channel
    let number = state.withLock { state in
      state.connections += 1
      state.open[ObjectIdentifier(channel)] = Open(channel: channel)
      return state.connections
    }
    defer {
      state.withLock { state in
        state.connections -= 1
        state.open[ObjectIdentifier(channel)] = nil
      }
    }
    do {
      try await client.executeThenClose { inbound, outbound in
        let writer = LineWriter(
          channel: channel, outbound: outbound, clock: clock, timeoutSeconds: limits.writeSeconds)
        if let refusal = refusal(number, credentials) {
          await writer.send(RPCMessage.failure(id: nil, refusal.rpc).line)
          return
        }
        guard let credentials else { return }
        await serve(inbound, writer, channel, credentials)
      }
    } catch {
      log.debug("a connection ended with an error", metadata: ["error": "\(error)"])
    }
  }

  private func refusal(_ number: Int, _ credentials: vp_ucred?) -> VPathError? {
    if number > limits.connections {
      return VPathError(
        .serverOverloaded, "The daemon has \(limits.connections) connections already. Close one, or try again later.",
        retryable: true)
    }
    if credentials == nil {
      return VPathError(.policyDenied, "The socket does not say who connects, so nothing can be permitted.")
    }
    return nil
  }

  private func serve(
    _ inbound: NIOAsyncChannelInboundStream<InboundPiece>, _ writer: LineWriter, _ channel: any Channel,
    _ credentials: vp_ucred
  ) async {
    let connection = Connection(
      router: router, runtime: runtime, writer: writer,
      principal: Principal(uid: credentials.uid, gid: credentials.gid, pid: credentials.pid, kind: .client),
      limits: limits, countConnections: { self.state.withLock { $0.connections } }, log: log)
    let isStopping = state.withLock { state in
      state.open[ObjectIdentifier(channel)]?.connection = connection
      return state.isStopping
    }
    if isStopping { return }
    let watch = Task { await writer.watch() }
    channel.closeFuture.whenComplete { _ in Task { await connection.close() } }
    do {
      for try await piece in inbound {
        guard await connection.take(piece) else { break }
      }
    } catch {
      log.debug("reading ended", metadata: ["error": "\(error)"])
    }
    // The client may have sent all it has to ask and still wait for answers.
    await connection.finish()
    await connection.close()
    watch.cancel()
    if let reason = await writer.reasonOfCut {
      log.warning("a connection was cut", metadata: ["reason": "\(reason)", "uid": "\(credentials.uid)"])
    }
  }
}
