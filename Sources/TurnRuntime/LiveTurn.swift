// A turn that waits or runs in this process: its effects held back, its work in flight, its recent notes.
// What must stay true: `held` is carried out strictly in order; nothing in it begins while `pending` is set.

import OrderedCollections
import Agent
import Domain
import Ports
import Wire

/// A turn in this process.
struct LiveTurn: Sendable {
  /// Where it is; see RuntimeState.
  enum Phase: Sendable, Hashable { case recording, queued, running, closing, unrecorded }

  /// What waits for the record before it.
  enum Held: Sendable {
    case effect(TurnEffect)
    case reply(Ticket, Reply)
    /// The turn's end is durable.
    case finish
  }

  /// What is in flight, by the name its events have.
  enum WorkItem: Sendable, Hashable {
    case step(Int)
    case call(CallID)

    /// As notes name it.
    var name: String {
      switch self {
      case .step(let number): "step-\(number)"
      case .call(let call): call.rawValue
      }
    }
  }

  let request: TurnRequest
  let id: TurnID
  var phase: Phase = .recording
  /// Whether `turn.queued` is durable; before that the turn does not exist for anybody.
  var exists = false
  /// The turn itself, while it runs.
  var turn: Turn?
  var startedAt: Double = 0
  var held: [Held] = []
  var pending: AppendID?
  /// The events that are on their way or wait to be sent again, and how often they were.
  var batch: [NewEvent] = []
  var appendRetries = 0
  var work: WorkID?
  var workItem: WorkItem?
  var budgetTimer: TimerID?
  /// Until events, or the turn's end, are sent to the trace again.
  var retryTimer: TimerID?
  var retries = 0
  /// From durable events alone.
  var progress = TurnProgress()
  /// Those who wait for `turn/start`'s answer.
  var startTickets: [Ticket] = []
  /// Those who wait for its end.
  var endTickets: [Ticket] = []
  /// How it is to be closed, while it is being closed or could not be.
  var closing: (stop: StopReason, reason: String) = (.failed, "")
  /// Why it could not go on, when it was not the turn itself that ended.
  var failure: VPathError?
  /// The last notes; all with a seq above `notesFrom` are here.
  var notes: [TurnNote] = []
  var notesFrom = 0
  /// How far the work in flight last said it is; nil when it has said nothing or is over.
  var latestProgress: ProgressParams?
  /// How often the turn's work has said how far it is.
  var progressCount = 0

  init(id: TurnID, request: TurnRequest) {
    self.id = id
    self.request = request
  }

  /// Takes in durable events.
  mutating func take(_ events: [Event], keeping limit: Int) {
    for event in events {
      progress.apply(event)
      if let note = TurnNote(event) { notes.append(note) }
    }
    if notes.count > limit {
      notesFrom = notes[notes.count - limit - 1].seq
      notes.removeFirst(notes.count - limit)
    }
  }

  /// Whether work that has not begun would be stopped at once.
  var stopsBeforeWork: Bool {
    held.contains {
      switch $0 {
      case .effect(.cancelWork), .effect(.complete), .finish: true
      default: false
      }
    }
  }
}
