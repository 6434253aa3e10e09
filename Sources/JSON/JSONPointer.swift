// JSON pointers (RFC 6901), as errors name the place of a value and as `$ref` names a schema.

/// A JSON pointer: the way from a document's top to one of its values.
public struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
  /// The unescaped steps: member names, and indices in decimal.
  public var tokens: [String]

  /// The pointer of these steps.
  public init(_ tokens: [String] = []) { self.tokens = tokens }

  /// The pointer a text spells, or nil when it is not empty and does not start with `/`, or has a stray `~`.
  public init?(parsing text: String) {
    if text.isEmpty {
      tokens = []
      return
    }
    guard text.utf8.first == 0x2F else { return nil }
    var tokens: [String] = []
    for part in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
      var token = ""
      var escaped = false
      for scalar in part.unicodeScalars {
        switch (escaped, scalar) {
        case (true, "0"): token.unicodeScalars.append("~")
        case (true, "1"): token.unicodeScalars.append("/")
        case (true, _): return nil
        case (false, "~"):
          escaped = true
          continue
        case (false, _): token.unicodeScalars.append(scalar)
        }
        escaped = false
      }
      if escaped { return nil }
      tokens.append(token)
    }
    self.tokens = tokens
  }

  /// The pointer as text: empty for the top.
  public var description: String { tokens.reduce(into: "") { $0 += "/" + JSONPointer.escape($1) } }

  /// One step as it is written in a pointer.
  static func escape(_ token: String) -> String {
    guard token.utf8.contains(where: { $0 == 0x7E || $0 == 0x2F }) else { return token }
    var text = ""
    for scalar in token.unicodeScalars {
      switch scalar {
      case "~": text += "~0"
      case "/": text += "~1"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

extension JSONValue {
  /// The value the pointer leads to, or nil where the way ends.
  public subscript(pointer: JSONPointer) -> JSONValue? {
    var value = self
    for token in pointer.tokens {
      switch value {
      case .object(let members):
        guard let member = members[token] else { return nil }
        value = member
      case .array(let elements):
        guard let index = Int(token), String(index) == token, elements.indices.contains(index) else { return nil }
        value = elements[index]
      default: return nil
      }
    }
    return value
  }
}

extension JSONValue {
  /// The value for an error message: compact, at most 60 characters.
  func shortened(to limit: Int = 60) -> String {
    let text: String
    switch self {
    case .array(let elements): text = "an array of \(elements.count)"
    case .object(let members): text = "an object with \(members.count) member\(members.count == 1 ? "" : "s")"
    case .string(let string) where string.utf8.count > limit * 4:
      text = JSONValue.string(String(string.prefix(limit))).canonicalString()
    default: text = canonicalString()
    }
    return text.count > limit ? String(text.prefix(limit)) + "…" : text
  }
}
