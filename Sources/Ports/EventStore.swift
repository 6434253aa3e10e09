// The trace as the rest of the daemon sees it.
// What must stay true: `append` returns only when its events are durable (or throws and none of them is).

public import Domain

/// Where events and bytes are kept. Errors are VPathError (`trace.write_failed`, `trace.tampered`, `case.not_found`, …).
public protocol EventStore: Sendable {
  /// Records the events in order, all or none, and returns them with seq, time and hash. Durable on return.
  /// Many callers are served by one commit. Throws `trace.write_failed` when the disk is full or fails.
  func append(_ events: [NewEvent]) async throws(VPathError) -> [Event]

  /// Events of a case in order of seq, those after `after`, at most `limit` (1…10,000); fewer where they are large, and
  /// none only at the end.
  func events(of caseID: CaseID, turn: TurnID?, after seq: Int, limit: Int) async throws(VPathError) -> [Event]

  /// Keeps bytes by their hash; keeping the same bytes twice costs nothing. Durable before the next `append` returns.
  func put(_ bytes: [UInt8], mediaType: String) async throws(VPathError) -> SHA256Hex

  /// Part of kept bytes; empty past their end. Throws `evidence.not_found` for an unknown hash.
  func bytes(_ hash: SHA256Hex, offset: Int, count: Int) async throws(VPathError) -> [UInt8]

  /// Size of kept bytes, nil for an unknown hash.
  func size(of hash: SHA256Hex) async throws(VPathError) -> Int?

  /// Signs the case's head into the checkpoint log; called at the end of every turn.
  func checkpoint(_ caseID: CaseID) async throws(VPathError)

  /// The chains there are, newest change first, at most `limit`, after a cursor given back by the call before.
  func cases(limit: Int, cursor: String?) async throws(VPathError) -> (cases: [CaseSummary], next: String?)

  /// Turns, newest first; of one case or of all.
  func turns(of caseID: CaseID?, limit: Int, cursor: String?) async throws(VPathError) -> (
    turns: [TurnSummary], next: String?
  )

  /// Turns without `turn.completed`, oldest first: what a start after a crash has to close.
  func unfinishedTurns() async throws(VPathError) -> [TurnSummary]
}

extension EventStore {
  /// From the list of all turns; a store that can find them faster does so itself.
  public func unfinishedTurns() async throws(VPathError) -> [TurnSummary] {
    var unfinished: [TurnSummary] = []
    var cursor: String?
    repeat {
      let page = try await turns(of: nil, limit: 1000, cursor: cursor)
      unfinished += page.turns.filter { $0.state != "completed" }
      cursor = page.next
    } while cursor != nil
    return unfinished.reversed()
  }
}

/// One chain, at a glance.
public struct CaseSummary: Sendable, Hashable, Codable {
  public var caseID: CaseID
  /// The last seq.
  public var head: Int
  public var openedAt: String
  public var changedAt: String
  /// `open` or `closed`.
  public var state: String

  public init(caseID: CaseID, head: Int, openedAt: String, changedAt: String, state: String) {
    self.caseID = caseID
    self.head = head
    self.openedAt = openedAt
    self.changedAt = changedAt
    self.state = state
  }
}

/// One turn, at a glance. Kept from the events turn.queued, turn.started and turn.completed.
public struct TurnSummary: Sendable, Hashable, Codable {
  public var turn: TurnID
  public var caseID: CaseID
  /// `queued`, `running` or `completed`.
  public var state: String
  /// Set when completed: `payload.stop` of turn.completed.
  public var stop: String?
  public var queuedAt: String
  public var firstSeq: Int
  public var lastSeq: Int

  public init(
    turn: TurnID, caseID: CaseID, state: String, stop: String?, queuedAt: String, firstSeq: Int, lastSeq: Int
  ) {
    self.turn = turn
    self.caseID = caseID
    self.state = state
    self.stop = stop
    self.queuedAt = queuedAt
    self.firstSeq = firstSeq
    self.lastSeq = lastSeq
  }
}
