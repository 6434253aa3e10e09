// What the lists of cases and turns say, made from the events alone: by the writer as it writes, by a verifier as
// it reads.
// What must stay true: both make the same from the same events, so that a list that was changed is noticed.

import Domain

/// A case's row.
struct CaseListing: Sendable, Hashable {
  /// `open` or `closed`.
  var state = "open"
  var openedAt: String
  var changedAt: String
  /// The last seq.
  var head: Int

  init(first time: String) {
    openedAt = time
    changedAt = time
    head = 0
  }

  mutating func note(kind: String, seq: Int, time: String) {
    head = seq
    changedAt = time
    if kind == EventKind.caseClosed.rawValue { state = "closed" }
    if kind == EventKind.caseOpened.rawValue { state = "open" }
  }
}

/// A turn's row.
struct TurnListing: Sendable, Hashable {
  /// `queued`, `running` or `completed`.
  var state: String
  /// `payload.stop` of turn.completed.
  var stop: String?
  /// Time of the turn's first event.
  var queuedAt: String
  var firstSeq: Int
  /// The last event's seq once the turn is completed; before, that of the last event that changed its state.
  var lastSeq: Int

  init(firstSeq: Int, time: String) {
    state = "running"
    queuedAt = time
    self.firstSeq = firstSeq
    lastSeq = firstSeq
  }

  mutating func note(kind: String, seq: Int, stop: String?) {
    let wasCompleted = state == "completed"
    switch kind {
    case EventKind.turnQueued.rawValue where !wasCompleted: state = "queued"
    case EventKind.turnStarted.rawValue where !wasCompleted: state = "running"
    case EventKind.turnCompleted.rawValue:
      state = "completed"
      self.stop = stop
    default: if !wasCompleted { return }
    }
    lastSeq = seq
  }
}
