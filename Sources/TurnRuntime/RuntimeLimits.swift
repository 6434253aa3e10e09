// How much the runtime takes on at once. Every queue has a bound here.
// What must stay true: what is over a bound is refused with `server.overloaded`, never dropped in silence.

public import Agent

/// Limits of the runtime.
public struct RuntimeLimits: Sendable, Hashable {
  /// Cases whose turns run at the same time.
  public var parallelCases: Int
  /// Turns of one case that wait or run.
  public var turnsPerCase: Int
  /// Turns of all cases that wait or run.
  public var turns: Int
  /// Cases kept in memory when nothing happens in them.
  public var idleCases: Int
  /// Subscriptions of all clients.
  public var subscriptions: Int
  /// Notifications of a turn kept in memory; older ones are read from the trace.
  public var recentNotes: Int
  /// Notifications handed to a client at a time.
  public var notesAtOnce: Int
  /// Events read from the trace at a time for a client that is behind.
  public var pageEvents: Int
  /// Seconds until a turn whose end could not be recorded is tried again; doubled each time, up to a minute.
  public var retrySeconds: Double
  /// How often events of a turn are sent again to a trace that has too much to write, after these seconds and twice as
  /// many each time; then the turn ends.
  public var appendRetries: Int
  /// The budget of a turn.
  public var budget: TurnBudget

  /// Limits; what is left out has the documented default.
  public init(
    parallelCases: Int = 2, turnsPerCase: Int = 16, turns: Int = 256, idleCases: Int = 64, subscriptions: Int = 4096,
    recentNotes: Int = 128, notesAtOnce: Int = 32, pageEvents: Int = 256, retrySeconds: Double = 2,
    appendRetries: Int = 4, budget: TurnBudget = TurnBudget()
  ) {
    self.parallelCases = max(1, parallelCases)
    self.turnsPerCase = max(1, turnsPerCase)
    self.turns = max(1, turns)
    self.idleCases = max(0, idleCases)
    self.subscriptions = max(1, subscriptions)
    self.recentNotes = max(1, recentNotes)
    self.notesAtOnce = max(1, notesAtOnce)
    self.pageEvents = min(10_000, max(1, pageEvents))
    self.retrySeconds = max(0.001, retrySeconds)
    self.appendRetries = max(0, appendRetries)
    self.budget = budget
  }
}
