// A value that tasks hand over.

import JSON
import Synchronization

final class Box: Sendable {
  private let stored = Mutex<JSONValue?>(nil)
  var value: JSONValue? { stored.withLock { $0 } }
  func set(_ value: JSONValue?) { stored.withLock { $0 = value } }
}
