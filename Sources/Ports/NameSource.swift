// Where names that nobody can guess come from.
// What must stay true: the pure rooms are given names and make none.

/// Random names. Seeded in tests, from the system otherwise.
public protocol NameSource: Sendable {
  /// 26 characters of Crockford base 32, lower case: 128 random bits.
  func randomName() -> String
}
