// Time as the rest of the daemon sees it.
// What must stay true: nothing but a driver behind this port reads a clock.

/// A clock: wall time for records, elapsed time for limits.
public protocol Clock: Sendable {
  /// RFC 3339 in UTC with milliseconds.
  func now() -> String
  /// Seconds since some fixed moment, never going back.
  func monotonicSeconds() -> Double
  /// Returns after that many seconds, or at once with CancellationError when the task is cancelled.
  func sleep(seconds: Double) async throws
}
