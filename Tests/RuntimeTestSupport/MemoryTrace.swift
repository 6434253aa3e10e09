// A trace in memory for tests: as durable as the test says.
// What must stay true: append is all or none and gives seqs without gaps; what failed is not there.

import Crypto
public import Domain
import JSON
public import Ports
import Synchronization

/// An event store in memory that can be made to fail, and held up.
public final class MemoryTrace: EventStore {
  private struct Gate {
    var isClosed = false
    var waiting: [CheckedContinuation<Void, Never>] = []
    var kinds: Set<EventKind> = []
  }
  fileprivate struct State {
    var chains: [CaseID: [Event]] = [:]
    var order: [CaseID] = []
    var bytes: [SHA256Hex: [UInt8]] = [:]
    var refusedKinds: Set<EventKind> = []
    var error = MemoryTrace.fullDisk
    var refusals = 0
    var checkpoints: [CaseID: Int] = [:]
    var appends = 0
  }
  private let state = Mutex(State())
  private let gate = Mutex(Gate())
  private let clock: any Clock

  /// An empty trace.
  public init(clock: any Clock) { self.clock = clock }

  // MARK: What tests do

  /// What appends fail with unless a test says otherwise.
  public static let fullDisk = VPathError(.traceWriteFailed, "The disk is full.", retryable: true)
  /// Appends with an event of one of these kinds fail.
  public func refuse(_ kinds: Set<EventKind>, with error: VPathError = fullDisk) {
    state.withLock { ($0.refusedKinds, $0.error) = (kinds, error) }
  }
  /// Appends wait until `release`.
  public func hold() { gate.withLock { $0.isClosed = true } }
  /// Appends go on.
  public func release() {
    let waiting = gate.withLock { gate in
      gate.isClosed = false
      gate.kinds = []
      defer { gate.waiting = [] }
      return gate.waiting
    }
    for continuation in waiting { continuation.resume() }
  }
  /// Kinds of events that wait.
  public var heldKinds: Set<EventKind> { gate.withLock { $0.kinds } }
  /// Erases the payload of an event, as a redaction does.
  public func redact(_ caseID: CaseID, seq: Int) {
    state.withLock { state in
      if let index = state.chains[caseID]?.firstIndex(where: { $0.seq == seq }) {
        state.chains[caseID]?[index].payload = .null
      }
    }
  }
  /// Removes kept bytes.
  public func forget(_ hash: SHA256Hex) { state.withLock { _ = $0.bytes.removeValue(forKey: hash) } }
  /// Everything recorded in a case.
  public func all(_ caseID: CaseID) -> [Event] { state.withLock { $0.chains[caseID] ?? [] } }
  /// Everything recorded of a turn.
  public func all(_ turn: TurnID) -> [Event] {
    state.withLock { state in state.order.flatMap { state.chains[$0] ?? [] }.filter { $0.turn == turn } }
  }
  /// Cases that have events, the daemon's own left out.
  public var caseIDs: [CaseID] { state.withLock { $0.order.filter { $0 != .daemon } } }
  /// The head last signed.
  public func signedHead(_ caseID: CaseID) -> Int { state.withLock { $0.checkpoints[caseID] ?? 0 } }
  /// Appends that failed.
  public var refusals: Int { state.withLock { $0.refusals } }
  /// Appends that were made, failed ones included.
  public var appends: Int { state.withLock { $0.appends } }

  // MARK: EventStore

  public func append(_ events: [NewEvent]) async throws(VPathError) -> [Event] {
    await pass(events)
    let time = clock.now()
    let result = state.withLock { state -> Result<[Event], VPathError> in
      state.appends += 1
      if events.contains(where: { state.refusedKinds.contains($0.kind) }) {
        state.refusals += 1
        return .failure(state.error)
      }
      return .success(events.map { state.add($0, time) })
    }
    return try result.get()
  }

  private func pass(_ events: [NewEvent]) async {
    await withCheckedContinuation { continuation in
      let isOpen = gate.withLock { gate in
        if gate.isClosed {
          gate.waiting.append(continuation)
          gate.kinds.formUnion(events.map(\.kind))
        }
        return !gate.isClosed
      }
      if isOpen { continuation.resume() }
    }
  }

  public func events(of caseID: CaseID, turn: TurnID?, after seq: Int, limit: Int) async throws(VPathError) -> [Event] {
    let found = state.withLock { state in
      state.chains[caseID].map { chain in
        Array(chain.filter { $0.seq > seq && (turn == nil || $0.turn == turn) }.prefix(limit))
      }
    }
    guard let found else { throw VPathError(.caseNotFound, "There is no such case.", subject: caseID.rawValue) }
    return found
  }

  public func put(_ bytes: [UInt8], mediaType: String) async throws(VPathError) -> SHA256Hex {
    let hash = MemoryTrace.hash(bytes)
    state.withLock { $0.bytes[hash] = bytes }
    return hash
  }

  public func bytes(_ hash: SHA256Hex, offset: Int, count: Int) async throws(VPathError) -> [UInt8] {
    guard let bytes = state.withLock({ $0.bytes[hash] }) else {
      throw VPathError(.evidenceNotFound, "No bytes are kept under this hash.")
    }
    return Array(bytes.dropFirst(offset).prefix(count))
  }

  public func size(of hash: SHA256Hex) async throws(VPathError) -> Int? {
    state.withLock { $0.bytes[hash]?.count }
  }

  public func checkpoint(_ caseID: CaseID) async throws(VPathError) {
    state.withLock { $0.checkpoints[caseID] = $0.chains[caseID]?.count ?? 0 }
  }

  public func cases(limit: Int, cursor: String?) async throws(VPathError) -> (cases: [CaseSummary], next: String?) {
    let from = cursor.flatMap(Int.init) ?? 0
    let all = state.withLock { state in
      state.order.reversed().map { caseID in
        let chain = state.chains[caseID] ?? []
        return CaseSummary(
          caseID: caseID, head: chain.count, openedAt: chain.first?.time ?? "", changedAt: chain.last?.time ?? "",
          state: chain.contains { $0.kind == .caseClosed } ? "closed" : "open")
      }
    }
    let page = Array(all.dropFirst(from).prefix(limit))
    return (page, from + page.count < all.count ? String(from + page.count) : nil)
  }

  public func turns(of caseID: CaseID?, limit: Int, cursor: String?) async throws(VPathError) -> (
    turns: [TurnSummary], next: String?
  ) {
    let from = cursor.flatMap(Int.init) ?? 0
    let all = state.withLock { $0.summaries(of: caseID) }
    let page = Array(all.dropFirst(from).prefix(limit))
    return (page, from + page.count < all.count ? String(from + page.count) : nil)
  }

  /// SHA-256 of bytes.
  public static func hash(_ bytes: [UInt8]) -> SHA256Hex {
    let digits = SHA256.hash(data: bytes).flatMap { byte in [byte >> 4, byte & 0xF] }
    return SHA256Hex(String(decoding: digits.map { $0 < 10 ? 0x30 + $0 : 0x57 + $0 }, as: UTF8.self))
  }
}

extension MemoryTrace.State {
  fileprivate mutating func add(_ event: NewEvent, _ time: String) -> Event {
    if chains[event.caseID] == nil {
      chains[event.caseID] = []
      order.append(event.caseID)
    }
    let seq = (chains[event.caseID]?.count ?? 0) + 1
    let recorded = Event(
      caseID: event.caseID, seq: seq, turn: event.turn, kind: event.kind, time: time, payload: event.payload,
      hash: MemoryTrace.hash(Array("\(event.caseID) \(seq)".utf8)))
    chains[event.caseID]?.append(recorded)
    return recorded
  }

  /// Newest first.
  fileprivate func summaries(of caseID: CaseID?) -> [TurnSummary] {
    var found: [TurnSummary] = []
    for id in order where caseID == nil || id == caseID {
      for event in chains[id] ?? [] {
        guard let turn = event.turn else { continue }
        let index =
          found.firstIndex { $0.turn == turn }
          ?? {
            found.append(
              TurnSummary(
                turn: turn, caseID: id, state: "queued", stop: nil, queuedAt: event.time, firstSeq: event.seq,
                lastSeq: event.seq))
            return found.count - 1
          }()
        found[index].lastSeq = event.seq
        if event.kind == .turnStarted { found[index].state = "running" }
        if event.kind == .turnCompleted {
          found[index].state = "completed"
          found[index].stop = event.payload["stop"]?.stringValue
        }
      }
    }
    return found.reversed()
  }
}
