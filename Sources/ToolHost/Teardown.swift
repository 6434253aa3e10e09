// How a child is ended: ordered steps as data, always ending in a kill of its whole tree.
// What must stay true: after the last step nothing of the tree is left; no step waits without a limit.

import Glibc

/// What is done to end a child, in order, until it has ended.
struct Teardown: Sendable, Equatable {
  enum Step: Sendable, Equatable {
    /// Its standard input ends; a tool of good manners ends too.
    case closeInput(waitSeconds: Double)
    /// A signal to its group. Inside the sandbox this reaches bubblewrap, which takes everything with it.
    case signal(Int32, waitSeconds: Double)
    /// SIGKILL to its group; with bubblewrap the namespace's first process dies and the kernel ends all others.
    case kill
  }
  var steps: [Step]

  /// For a process nobody waits for any more.
  static let graceful = Teardown(
    steps: [.closeInput(waitSeconds: 0.5), .signal(SIGTERM, waitSeconds: 0.2), .kill])
  /// For a cancelled or misbehaving one.
  static let immediate = Teardown(steps: [.kill])
}

/// Why the host ended a child. The first reason counts.
enum EndReason: Sendable, Hashable {
  case cancelled
  case timedOut(seconds: Double)
  case memory(limitMiB: Int)
  case processes(limit: Int)
  case output(limitMiB: Int)
  /// Its files in scratch.
  case files(limitMiB: Int)
  /// It broke the protocol; in words.
  case brokeProtocol(String)
  /// Nobody needs it any more.
  case released
}
