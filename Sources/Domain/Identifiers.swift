// The names of things, each a type of its own so that one is never passed for another.
// What must stay true: an identifier is short printable ASCII, safe in a file name, a log line and a URL.

/// A name made of a string, coded as that string.
public protocol Identifier: RawRepresentable, Hashable, Sendable, Codable, Comparable, CustomStringConvertible
where RawValue == String {
  init(_ rawValue: String)
}

extension Identifier {
  public init(rawValue: String) { self.init(rawValue) }
  public init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(String.self)) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  public var description: String { rawValue }

  /// Whether the text is 1 to 64 characters of `A-Z a-z 0-9 _ . -` and starts with a letter or digit.
  public var isWellFormed: Bool {
    let bytes = rawValue.utf8
    guard (1...64).contains(bytes.count), let first = bytes.first, first.isLetterOrDigit else { return false }
    return bytes.allSatisfy { $0.isLetterOrDigit || $0 == 0x5F || $0 == 0x2E || $0 == 0x2D }
  }
}

extension UInt8 {
  fileprivate var isLetterOrDigit: Bool {
    (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
  }
}

/// A patient's case as the daemon knows it: `case-` and a random part.
public struct CaseID: Identifier {
  public let rawValue: String
  public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// One question and the work on it: `turn-` and a random part.
public struct TurnID: Identifier {
  public let rawValue: String
  public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// One call of a tool, unique in its turn: `call-1`, `call-2`, …
public struct CallID: Identifier {
  public let rawValue: String
  public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// A piece of evidence, unique in its case: a letter for its kind and a number, `m5`.
public struct EvidenceID: Identifier {
  public let rawValue: String
  public init(_ rawValue: String) { self.rawValue = rawValue }
  public init(_ kind: EvidenceKind, _ number: Int) { self.rawValue = "\(kind.letter)\(number)" }

  /// The kind the letter stands for and the number, when the text has that form.
  public var parts: (kind: EvidenceKind, number: Int)? {
    guard let letter = rawValue.first, let kind = EvidenceKind.allCases.first(where: { $0.letter == letter }),
      let number = Int(rawValue.dropFirst()), number > 0, String(number) == rawValue.dropFirst()
    else { return nil }
    return (kind, number)
  }
}

/// SHA-256 of some bytes, as 64 lower-case hexadecimal digits.
public struct SHA256Hex: Identifier {
  public let rawValue: String
  public init(_ rawValue: String) { self.rawValue = rawValue }

  /// The digest's bytes, 32 of them, as their digits.
  public init(bytes: some Sequence<UInt8>) {
    func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x57 + nibble }
    rawValue = String(decoding: bytes.flatMap { [digit($0 >> 4), digit($0 & 15)] }, as: UTF8.self)
  }

  public var isWellFormed: Bool {
    rawValue.utf8.count == 64
      && rawValue.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }
}
