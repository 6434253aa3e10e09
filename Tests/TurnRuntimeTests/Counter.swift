// A number that tasks change together.

import Synchronization

final class Counter: Sendable {
  private let number = Mutex(0)
  var value: Int { number.withLock { $0 } }
  func add() { number.withLock { $0 += 1 } }
  func subtract() { number.withLock { $0 -= 1 } }
  func raise(to least: Int) { number.withLock { $0 = max($0, least) } }
}
