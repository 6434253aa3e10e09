// What callers ask of the writer, and the bounded queue in which requests wait for the next commit.
// What must stay true: a request that was taken gets exactly one answer; the queue never holds more than its bounds.

import Domain

/// A request and where its answer goes.
enum WriteRequest: Sendable {
  typealias Answer<Success: Sendable> = CheckedContinuation<Result<Success, VPathError>, Never>

  case append([PreparedEvent], Answer<[Event]>)
  case checkpoint([CaseID], Answer<Void>)
  case redact(Redaction, Answer<Event>)
  /// Makes the bytes put so far durable.
  case flush(Answer<Void>)

  var eventCount: Int {
    switch self {
    case .append(let events, _): events.count
    case .checkpoint, .redact, .flush: 1
    }
  }

  var byteCount: Int {
    switch self {
    case .append(let events, _): events.reduce(0) { $0 + $1.payload.count }
    case .checkpoint, .redact, .flush: 0
    }
  }

  /// Whether it may use the disk space held back: it closes something that is open, or frees space.
  var isClosing: Bool {
    switch self {
    case .append(let events, _): WriteRequest.isClosing(events)
    case .checkpoint, .redact, .flush: true
    }
  }

  /// Whether the events end a turn, a case or the daemon's run; what is ended with it comes in the same request.
  static func isClosing(_ events: [PreparedEvent]) -> Bool {
    events.contains { [.turnCompleted, .caseClosed, .daemonStopped].contains($0.event.kind) }
  }

  func fail(_ error: VPathError) {
    switch self {
    case .append(_, let answer): answer.resume(returning: .failure(error))
    case .checkpoint(_, let answer): answer.resume(returning: .failure(error))
    case .redact(_, let answer): answer.resume(returning: .failure(error))
    case .flush(let answer): answer.resume(returning: .failure(error))
    }
  }
}

/// Bytes that were put and are not durable yet.
struct PendingBytes: Sendable {
  var mediaType: String
  var size: Int
  /// Nil when they are in a file already.
  var bytes: [UInt8]?
}

/// The queue.
struct WaitingRequests {
  private var requests: [WriteRequest] = []
  private(set) var pending: [SHA256Bytes: PendingBytes] = [:]
  private var events = 0
  private var bytes = 0
  private(set) var pendingByteCount = 0
  /// Whether a thread is at work on the queue.
  var isDraining = false
  var isClosed = false
  private let maxEvents: Int
  private let maxBytes: Int

  init(maxEvents: Int, maxBytes: Int) {
    self.maxEvents = maxEvents
    self.maxBytes = maxBytes
  }

  /// Takes a request, or says why not.
  mutating func add(_ request: WriteRequest) -> VPathError? {
    if isClosed { return .closedTrace }
    // An empty queue takes any request, so that one large request is never refused for ever.
    guard requests.isEmpty || (events + request.eventCount <= maxEvents && bytes + request.byteCount <= maxBytes)
    else { return .overloaded(waiting: events) }
    requests.append(request)
    events += request.eventCount
    bytes += request.byteCount
    return nil
  }

  /// Takes bytes, or says why not.
  mutating func add(_ bytes: PendingBytes, hash: SHA256Bytes) -> VPathError? {
    if isClosed { return .closedTrace }
    guard pending[hash] == nil else { return nil }
    let count = bytes.bytes?.count ?? 0
    guard pending.isEmpty || pendingByteCount + count <= maxBytes else { return .overloaded(waiting: pending.count) }
    pending[hash] = bytes
    pendingByteCount += count
    return nil
  }

  /// The requests of the next commit, oldest first: all that wait, up to `limit` events.
  mutating func take(limit: Int) -> [WriteRequest] {
    var count = 0
    var end = 0
    while end < requests.count, end == 0 || count + requests[end].eventCount <= limit {
      count += requests[end].eventCount
      bytes -= requests[end].byteCount
      end += 1
    }
    events -= count
    defer { requests.removeFirst(end) }
    return Array(requests[..<end])
  }

  /// These bytes are durable.
  mutating func remove(_ hashes: some Sequence<SHA256Bytes>) {
    for hash in hashes {
      if let bytes = pending.removeValue(forKey: hash) { pendingByteCount -= bytes.bytes?.count ?? 0 }
    }
  }
}

extension VPathError {
  static let closedTrace = VPathError(
    .traceWriteFailed, "The trace is closed; nothing was recorded. The daemon is stopping.", subject: "closed")

  static func overloaded(waiting: Int) -> VPathError {
    VPathError(
      .serverOverloaded, "The trace has \(waiting) events waiting for the disk; nothing was recorded. Try again later.",
      retryable: true)
  }

  static let spaceLow = VPathError(
    .traceWriteFailed,
    "The disk is full; nothing was recorded. Free space on the state directory's disk; the daemon goes on by itself then.",
    subject: "disk", retryable: true)
}
