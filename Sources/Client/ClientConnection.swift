// The other end of the socket: requests with their answers, and the daemon's notifications in order.
// What must stay true: every request ends with an answer, an error or a time-out; durable notifications are never dropped:
// where a program does not read them, the connection ends with that reason, and what was missed can be subscribed to.

public import Domain
public import JSON
import NIOCore
import NIOPosix
import Synchronization
public import Wire

#if canImport(Glibc)
  import Glibc
#endif

/// A connection to the daemon, good inside `withConnection`.
public final class ClientConnection: Sendable {
  /// Longest line read from the daemon.
  public static let maxLineBytes = 64 << 20

  /// Notifications kept for a program that has not read them yet.
  public static let maxUnreadNotifications = 65_536

  private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  private let pending = Mutex(Pending())
  /// What the daemon sends unasked, in order. One reader.
  public let notifications: AsyncStream<ClientNotification>
  private let notify: AsyncStream<ClientNotification>.Continuation

  private struct Pending {
    var next = 1
    var waiting: [RequestID: Waiting] = [:]
    var ended: VPathError?
  }

  private struct Waiting {
    var continuation: CheckedContinuation<Result<JSONValue, VPathError>, Never>
    var progress: (@Sendable (CallProgressParams) -> Void)?
    /// Writes the request; what follows it waits for that.
    var sending: Task<Void, Never>?
  }

  private init(outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, maxUnread: Int) {
    self.outbound = outbound
    (notifications, notify) = AsyncStream.makeStream(
      of: ClientNotification.self, bufferingPolicy: .bufferingOldest(maxUnread))
  }

  /// Connects, runs the body, and disconnects. Throws `server.unreachable` when nobody answers within
  /// `timeoutSeconds`; a full backlog is tried again until then. With more than `maxUnread` notifications unread the
  /// connection ends.
  public static func withConnection<R: Sendable>(
    socket: String, timeoutSeconds: Double = 5, maxUnread: Int = maxUnreadNotifications,
    _ body: @Sendable (ClientConnection) async throws -> R
  ) async throws -> R {
    let channel = try await connect(socket, timeoutSeconds: timeoutSeconds)
    return try await channel.executeThenClose { inbound, outbound in
      let connection = ClientConnection(outbound: outbound, maxUnread: maxUnread)
      return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await connection.read(inbound) }
        defer { group.cancelAll() }
        return try await body(connection)
      }
    }
  }

  /// Calls a method. Throws the daemon's error, `server.unreachable` when the connection ends first, or `cancelled`
  /// after `timeoutSeconds`.
  public func call<P: WireType, R: WireType>(
    _ method: Method<P, R>, _ params: P, timeoutSeconds: Double = 60
  ) async throws(VPathError) -> R {
    let encoded: JSONValue
    do {
      encoded = try encodeJSON(params)
    } catch {
      throw VPathError(.protocolParams, "The parameters of \(method.name) cannot be written: \(error.message).")
    }
    return try method.decodeResult(try await call(method.name, encoded, timeoutSeconds: timeoutSeconds))
  }

  /// Calls a method by name with plain JSON.
  public func call(
    _ method: String, _ params: JSONValue, timeoutSeconds: Double = 60
  ) async throws(VPathError) -> JSONValue {
    try await exchange(nextID(), method, params, timeoutSeconds: timeoutSeconds)
  }

  /// Calls a tool on a case. When the task is cancelled the call is cancelled in the daemon too, whose answer is waited
  /// for a few seconds. `progress` hears how far it is, a few times a second. Throws as `call` does.
  public func callTool(
    _ params: ToolCallParams, timeoutSeconds: Double = 3600,
    progress: (@Sendable (CallProgressParams) -> Void)? = nil
  ) async throws(VPathError) -> ToolCallResult {
    let id = nextID()
    var params = params
    if progress != nil { params.meta = .object([MCP.progressTokenKey: id.json]) }
    let encoded: JSONValue
    do {
      encoded = try encodeJSON(params)
    } catch {
      throw VPathError(.protocolParams, "The parameters of tools/call cannot be written: \(error.message).")
    }
    let result = try await exchange(
      id, ToolMethods.call.name, encoded, timeoutSeconds: timeoutSeconds, cancelsThere: true, progress: progress)
    return try ToolMethods.call.decodeResult(result)
  }

  private func nextID() -> RequestID {
    pending.withLock { state -> RequestID in
      defer { state.next += 1 }
      return .integer(state.next)
    }
  }

  private static let cancelGraceSeconds = 5.0

  private func exchange(
    _ id: RequestID, _ method: String, _ params: JSONValue, timeoutSeconds: Double, cancelsThere: Bool = false,
    progress: (@Sendable (CallProgressParams) -> Void)? = nil
  ) async throws(VPathError) -> JSONValue {
    let line = RPCMessage.request(id: id, method: method, params: params).line
    let timer = Task { [weak self] in
      try await Task.sleep(for: .seconds(timeoutSeconds))
      let error = VPathError(.cancelled, "\(method) gave no answer within \(timeoutSeconds) s.", retryable: true)
      if cancelsThere { await self?.cancelThere(id) }
      self?.resume(id, .failure(error))
    }
    defer { timer.cancel() }
    let outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let ended = pending.withLock { state -> VPathError? in
          if state.ended == nil { state.waiting[id] = Waiting(continuation: continuation, progress: progress) }
          return state.ended
        }
        if let ended {
          continuation.resume(returning: .failure(ended))
          return
        }
        let sending = Task {
          do {
            try await outbound.write(ByteBuffer(bytes: line))
          } catch {
            resume(id, .failure(Self.gone))
          }
        }
        pending.withLock { $0.waiting[id]?.sending = sending }
        // It may have been cancelled before it waited.
        if Task.isCancelled { giveUp(id, method, cancelsThere: cancelsThere) }
      }
    } onCancel: {
      giveUp(id, method, cancelsThere: cancelsThere)
    }
    return try outcome.get()
  }

  private func giveUp(_ id: RequestID, _ method: String, cancelsThere: Bool) {
    let error = VPathError(.cancelled, "\(method) was cancelled.")
    guard cancelsThere else { return resume(id, .failure(error)) }
    Task {
      await cancelThere(id)
      try? await Task.sleep(for: .seconds(Self.cancelGraceSeconds))
      resume(id, .failure(error))
    }
  }

  /// Tells the daemon that a request is not wanted any more; nothing when it was answered.
  private func cancelThere(_ id: RequestID) async {
    guard let waiting = pending.withLock({ $0.waiting[id] }) else { return }
    await waiting.sending?.value
    let note = RPCMessage.notification(method: CancelledParams.method, params: ["requestId": id.json])
    try? await outbound.write(ByteBuffer(bytes: note.line))
  }

  private static let gone = VPathError(
    .serverUnreachable, "The daemon closed the connection. See its log, and try again.", retryable: true)

  private func resume(_ id: RequestID, _ result: Result<JSONValue, VPathError>) {
    pending.withLock { $0.waiting.removeValue(forKey: id) }?.continuation.resume(returning: result)
  }

  private func read(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>) async {
    var splitter = LineSplitter(limitBytes: Self.maxLineBytes)
    var reason = Self.gone
    do {
      for try await buffer in inbound {
        for piece in splitter.feed(buffer.readableBytesView) {
          guard case .line(let line) = piece else { continue }
          try receive(line)
        }
      }
    } catch let error as VPathError {
      reason = error
    } catch {
      // The connection broke; those who wait are told below.
    }
    let waiting = pending.withLock { state in
      state.ended = reason
      defer { state.waiting = [:] }
      return state.waiting
    }
    for waiting in waiting.values { waiting.continuation.resume(returning: .failure(reason)) }
    notify.finish()
  }

  /// Throws when a notification that must not be lost has no place any more.
  private func receive(_ line: [UInt8]) throws(VPathError) {
    guard let value = try? JSONValue.parse(line, limits: JSONLimits(maxBytes: Self.maxLineBytes, maxDepth: 128)),
      let message = try? RPCMessage(value)
    else { return }
    switch message {
    case .result(let id, let result): resume(id, .success(result))
    case .failure(let id?, let error): resume(id, .failure(error.asVPathError))
    case .failure(nil, let error): try tell(.error(error.asVPathError))
    case .notification(CallProgressParams.method, let params): hear(params)
    case .notification(let method, let params): try tell(ClientNotification(method: method, params: params))
    case .request: break
    }
  }

  private func tell(_ note: ClientNotification) throws(VPathError) {
    guard case .dropped = notify.yield(note) else { return }
    if case .progress = note { return }
    throw VPathError(
      .serverUnreachable,
      "The daemon's notifications were not read, and the connection was given up. Read them, and subscribe again after "
        + "the last one.", retryable: true)
  }

  private func hear(_ params: JSONValue) {
    guard let note = try? decodeJSON(CallProgressParams.self, from: params),
      let id = RequestID(json: note.progressToken)
    else { return }
    pending.withLock { $0.waiting[id] }?.progress?(note)
  }

  private static func connect(
    _ socket: String, timeoutSeconds: Double
  ) async throws(VPathError) -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
    let deadline = ContinuousClock.now.advanced(by: .seconds(timeoutSeconds))
    while true {
      do {
        return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
          .connect(unixDomainSocketPath: socket) { channel in
            channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel(wrappingChannelSynchronously: channel) }
          }
      } catch {
        // A full backlog answers EAGAIN at once; anything else is nobody there.
        let again = (error as? IOError)?.errnoCode == EAGAIN
        guard again, ContinuousClock.now < deadline else {
          throw VPathError(
            .serverUnreachable,
            again ? "The daemon's queue of connections stayed full." : "No daemon answers on its socket.",
            retryable: true)
        }
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
  }
}

/// Something the daemon sent unasked.
public enum ClientNotification: Sendable {
  /// A durable event of a turn.
  case event(TurnNotification, TurnNotificationParams)
  case progress(ProgressParams)
  /// Nothing more comes for a turn, and why.
  case ended(TurnID, VPathError)
  /// An error that answers no request, such as the reason for being cut.
  case error(VPathError)
  case unknown(method: String)

  init(method: String, params: JSONValue) {
    switch TurnNotification(rawValue: method) {
    case .itemProgress?:
      self = (try? decodeJSON(ProgressParams.self, from: params)).map(Self.progress) ?? .unknown(method: method)
    case let kind?:
      self =
        (try? decodeJSON(TurnNotificationParams.self, from: params)).map { .event(kind, $0) }
        ?? .unknown(method: method)
    case nil:
      guard method == SubscriptionEndedParams.method,
        let ended = try? decodeJSON(SubscriptionEndedParams.self, from: params)
      else {
        self = .unknown(method: method)
        return
      }
      let error = RPCError(
        code: ended.error["code"]?.integerValue ?? 0, message: ended.error["message"]?.stringValue ?? "",
        data: ended.error["data"])
      self = .ended(ended.turn, error.asVPathError)
    }
  }
}
