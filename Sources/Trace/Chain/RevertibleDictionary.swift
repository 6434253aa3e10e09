// A dictionary whose changes can be taken back to the last commit, at a cost that depends on the changes alone.
// What must stay true: after `rollBack` every key has the value it had at the last `commit`.

/// A dictionary with one level of undo.
struct RevertibleDictionary<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private var values: [Key: Value] = [:]
  /// Values as they were at the last commit, of the keys that changed since.
  private var before: [Key: Value?] = [:]

  var count: Int { values.count }

  subscript(key: Key) -> Value? {
    get { values[key] }
    set {
      if before[key] == nil { before[key] = .some(values[key]) }
      values[key] = newValue
    }
  }

  /// The keys that changed since the last commit.
  var changed: some Collection<Key> { before.keys }

  mutating func commit() { before.removeAll(keepingCapacity: true) }

  mutating func rollBack() {
    for (key, value) in before { values[key] = value }
    before.removeAll(keepingCapacity: true)
  }

  /// Forgets everything; only what was committed may be forgotten.
  mutating func removeAll() {
    precondition(before.isEmpty, "changes are committed or taken back before they are forgotten")
    values.removeAll()
  }
}
