// What was made of a slide, kept from call to call: a process serves one case, whose calls look at the same slides.
// What must stay true: a value is used only for what it was made for; few are kept, and the one made longest ago goes
// first.

import Domain
import Synchronization

/// Keeps the last few values.
final class KeptFromSlides<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private let kept = Mutex<[(key: Key, value: Value)]>([])
  private let most: Int

  init(most: Int) { self.most = most }

  /// The value of a key, made where it is not there; without a key it is made each time.
  func value(of key: Key?, make: () throws(VPathError) -> Value) throws(VPathError) -> Value {
    if let key, let found = kept.withLock({ kept in kept.first { $0.key == key }?.value }) { return found }
    let made = try make()
    if let key {
      kept.withLock { kept in
        kept.removeAll { $0.key == key }
        kept.append((key, made))
        if kept.count > most { kept.removeFirst() }
      }
    }
    return made
  }
}
