// Ids as literals in tests.

public import Domain

extension EvidenceID: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { self.init(value) }
}

extension CaseID: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { self.init(value) }
}
