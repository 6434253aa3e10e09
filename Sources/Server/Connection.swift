// One client: its requests, its subscriptions, and what it is sent.
// What must stay true: every request is answered once; at most so many are worked on and followed at a time; when the
// client is gone its requests are given up and its subscriptions end, while its turns go on.

import Domain
import JSON
import Logging
import Policy
import TurnRuntime
import Wire

/// Serves one client.
actor Connection {
  private let router: Router
  private let runtime: Runtime
  private let writer: LineWriter
  private let principal: Principal
  private let limits: ServerLimits
  private let countConnections: @Sendable () -> Int
  private let log: Logger
  private var requests: [RequestID: Work] = [:]
  /// Answers on their way to the client.
  private var answering = 0
  private var following: [Int: Task<Void, Never>] = [:]
  private var nextFollowing = 0
  private var isClosed = false

  private struct Work {
    var task: Task<Void, Never>?
    /// The turn it runs, once that is known.
    var turn: TurnID?
    var isCancelled = false
    /// What its progress notes carry back, where it asked for them, and who sends them.
    var progressToken: JSONValue?
    var telling: Task<Void, Never>?
  }

  init(
    router: Router, runtime: Runtime, writer: LineWriter, principal: Principal, limits: ServerLimits,
    countConnections: @escaping @Sendable () -> Int, log: Logger
  ) {
    self.router = router
    self.runtime = runtime
    self.writer = writer
    self.principal = principal
    self.limits = limits
    self.countConnections = countConnections
    self.log = log
  }

  /// Takes in a line; false when the connection is to be cut.
  func take(_ piece: InboundPiece) async -> Bool {
    switch piece {
    case .line(let bytes): await take(bytes)
    case .tooLong(let count):
      let error = VPathError(
        .protocolRequest,
        "A line of \(count) bytes was skipped; at most \(limits.lineBytes) are accepted. Send large things in pieces.",
        subject: "line")
      await send(.failure(id: nil, error.rpc))
    case .endless:
      let error = VPathError(
        .protocolRequest,
        "A line did not end within \(limits.skippedBytes) bytes; the connection is closed. One message a line.",
        subject: "line")
      await send(.failure(id: nil, error.rpc))
      return false
    }
    return true
  }

  /// Waits until everything asked for has been answered and every turn followed has ended.
  func finish() async {
    while !isClosed {
      if let work = requests.values.first?.task {
        await work.value
      } else if let followed = following.values.first {
        await followed.value
      } else {
        return
      }
    }
  }

  /// The client is gone.
  func close() {
    isClosed = true
    for work in requests.values { work.task?.cancel() }
    for task in following.values { task.cancel() }
  }

  // MARK: Lines

  private func take(_ bytes: [UInt8]) async {
    let value: JSONValue
    do {
      value = try JSONValue.parse(
        bytes, limits: JSONLimits(maxBytes: limits.lineBytes, maxDepth: WireLimits.depth))
    } catch {
      await send(.failure(id: nil, error.rpc))
      return
    }
    do {
      switch try RPCMessage(value) {
      case .request(let id, let method, let params): await take(id, method, params)
      case .notification(CancelledParams.method, let params): await cancel(params)
      case .notification, .result, .failure: break  // the daemon asks nothing of clients
      }
    } catch {
      await send(.failure(id: RPCMessage.requestID(in: value), error.rpc))
    }
  }

  private func take(_ id: RequestID, _ method: String, _ params: JSONValue) async {
    guard requests[id] == nil else {
      let error = VPathError(
        .protocolRequest, "A request with this id is still being worked on. Give each request its own id.",
        subject: "id")
      await send(.failure(id: id, error.rpc))
      return
    }
    guard requests.count + answering < limits.requestsInFlight else {
      let error = VPathError(
        .serverOverloaded,
        "This connection has \(limits.requestsInFlight) requests unanswered. Wait for one before sending another.",
        retryable: true)
      await send(.failure(id: id, error.rpc))
      return
    }
    guard !isClosed else { return }
    requests[id] = Work(progressToken: CallProgress.token(of: method, params))
    requests[id]?.task = Task { await work(id, method, params) }
  }

  private func work(_ id: RequestID, _ method: String, _ params: JSONValue) async {
    let context = Router.Context(
      principal: principal, connections: countConnections(),
      started: { turn in Task { await self.runs(turn, for: id) } })
    let answer: RPCMessage
    var subscription: TurnSubscription?
    do throws(VPathError) {
      let response = try await router.handle(method, params, context)
      answer = .result(id: id, response.result)
      subscription = response.subscription
    } catch {
      answer = .failure(id: id, error.rpc)
      if error.id == .internalBug { log.error("a request failed", metadata: ["method": "\(method.prefix(64))"]) }
    }
    if let telling = requests[id]?.telling {
      // No note comes after the answer.
      telling.cancel()
      await telling.value
    }
    // The id is free as soon as its answer is on the way; the answer itself still counts against the limit.
    requests[id] = nil
    answering += 1
    await send(answer)
    answering -= 1
    if let subscription { follow(subscription) }
  }

  // MARK: Cancelling

  private func runs(_ turn: TurnID, for id: RequestID) async {
    guard requests[id] != nil else { return }
    requests[id]?.turn = turn
    if let token = requests[id]?.progressToken {
      requests[id]?.telling = Task { await tell(turn, CallProgress(token: token)) }
    }
    if requests[id]?.isCancelled == true { await interrupt(turn) }
  }

  /// Sends a call's progress until it is cancelled or the turn ends.
  private func tell(_ turn: TurnID, _ progress: CallProgress) async {
    var progress = progress
    guard
      let subscription = try? await runtime.subscribe(TurnSubscribeParams(turn: turn, after: 0), by: principal)
    else { return }
    for await item in subscription.items {
      if Task.isCancelled { break }
      if case .progress(let params) = item {
        let note = progress.next(fraction: params.fraction, message: params.message)
        guard await send(.notification(method: CallProgressParams.method, params: json(note))) else { break }
      }
      await subscription.ready()
    }
    await subscription.cancel()
  }

  private func cancel(_ params: JSONValue) async {
    guard let id = params["requestId"].flatMap(RequestID.init(json:)), requests[id] != nil else { return }
    requests[id]?.isCancelled = true
    if let turn = requests[id]?.turn {
      await interrupt(turn)
    } else {
      requests[id]?.task?.cancel()
    }
  }

  private func interrupt(_ turn: TurnID) async {
    _ = try? await runtime.interruptTurn(TurnParams(turn: turn), by: principal)
  }

  // MARK: Following

  private func follow(_ subscription: TurnSubscription) {
    guard !isClosed, following.count < limits.subscriptions else {
      Task {
        await subscription.cancel()
        if !isClosed { await sayTooMany() }
      }
      return
    }
    nextFollowing += 1
    let number = nextFollowing
    following[number] = Task {
      await pass(subscription)
      following[number] = nil
    }
  }

  private func sayTooMany() async {
    let error = VPathError(
      .serverOverloaded, "This connection follows \(limits.subscriptions) turns already. Subscribe when one has ended.",
      retryable: true)
    await send(.failure(id: nil, error.rpc))
  }

  /// Passes a turn's items on, each when the one before is with the client.
  private func pass(_ subscription: TurnSubscription) async {
    for await item in subscription.items {
      let arrived: Bool
      switch item {
      case .notes(let notes): arrived = await writer.send(notes.flatMap { message($0).line })
      case .progress(let params):
        arrived = await send(.notification(method: TurnNotification.itemProgress.rawValue, params: json(params)))
      case .ended(let params):
        arrived = await send(.notification(method: SubscriptionEndedParams.method, params: json(params)))
      }
      guard arrived, !Task.isCancelled else { break }
      await subscription.ready()
    }
    await subscription.cancel()
  }

  private func message(_ note: TurnNote) -> RPCMessage {
    .notification(method: note.notification.rawValue, params: json(note.params))
  }

  private func json(_ value: some Encodable) -> JSONValue { (try? encodeJSON(value)) ?? [:] }

  @discardableResult
  private func send(_ message: RPCMessage) async -> Bool { await writer.send(message.line) }
}

extension JSONError {
  /// As a JSON-RPC error, with line, column and byte beside the usual members.
  var rpc: RPCError {
    let isTooMuch = code == .tooDeep || code == .tooLarge
    var error = VPathError(
      isTooMuch ? .protocolRequest : .protocolParse,
      isTooMuch
        ? "The message is more than is accepted: \(description)."
        : "The line is no acceptable JSON: \(description). Send one JSON object in UTF-8 per line."
    ).rpc
    guard case .object(var data)? = error.data else { return error }
    data["line"] = line.map { .number(Double($0)) }
    data["column"] = column.map { .number(Double($0)) }
    data["byte"] = byte.map { .number(Double($0)) }
    error.data = .object(data)
    return error
  }
}
