// A planner that says what it was given, in order: for tests, and to run a recorded turn's steps again.
// What must stay true: it invents nothing; past its end it is unavailable.

public import Domain
public import Ports
import Synchronization

/// Replays replies.
public final class RecordedPlanner: LanguageModel {
  public let name: String
  private let remaining: Mutex<[StepReply]>

  /// A planner that gives these replies one after the other.
  public init(name: String = "recorded planner", replies: [StepReply]) {
    self.name = name
    self.remaining = Mutex(replies.reversed())
  }

  public func step(_ request: StepRequest) async throws(VPathError) -> StepReply {
    guard let reply = remaining.withLock({ $0.popLast() }) else {
      throw VPathError(
        .modelUnavailable, "The recording has no step \(request.number); record more steps or ask less.")
    }
    return reply
  }
}
