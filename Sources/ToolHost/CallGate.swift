// How many calls run at once; the others wait in order.
// What must stay true: never more than `limit` inside, never more than `maxWaiting` waiting; a cancelled waiter leaves
// at once.

import Domain

/// Lets calls in, first come first served.
actor CallGate {
  private let limit: Int
  private let maxWaiting: Int
  private var inside = 0
  private var waiting: [(number: Int, continuation: CheckedContinuation<Bool, Never>)] = []
  private var nextNumber = 0

  init(limit: Int, maxWaiting: Int) {
    self.limit = max(1, limit)
    self.maxWaiting = max(0, maxWaiting)
  }

  /// Waits to be let in. Throws `cancelled`, or `server.overloaded` when too many wait.
  func enter() async throws(VPathError) {
    if Task.isCancelled { throw EndReason.cancelled.error }
    if inside < limit {
      inside += 1
      return
    }
    guard waiting.count < maxWaiting else {
      throw VPathError(
        .serverOverloaded, "\(waiting.count) tool calls wait already. Try again later.", retryable: true)
    }
    nextNumber += 1
    let number = nextNumber
    let isIn = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if Task.isCancelled {
          continuation.resume(returning: false)
        } else {
          waiting.append((number, continuation))
        }
      }
    } onCancel: {
      Task { await self.leaveQueue(number) }
    }
    guard isIn else { throw EndReason.cancelled.error }
  }

  /// How many wait now.
  var waitingCount: Int { waiting.count }

  /// Makes room for the next.
  func leave() {
    if waiting.isEmpty {
      inside -= 1
    } else {
      waiting.removeFirst().continuation.resume(returning: true)
    }
  }

  private func leaveQueue(_ number: Int) {
    guard let place = waiting.firstIndex(where: { $0.number == number }) else { return }
    waiting.remove(at: place).continuation.resume(returning: false)
  }
}
