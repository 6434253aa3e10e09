// What can be wrong with JSON: as text (with line, column and byte) or as a value of a type (with a pointer).
// What must stay true: a message quotes no more of a stranger's text than a few characters.

/// Why some bytes are no acceptable JSON, or why a value is not what a type needs.
public struct JSONError: Error, Sendable, Equatable {
  /// The stable kinds.
  public enum Code: String, Sendable {
    case syntax, duplicateKey, tooDeep, tooLarge, numberOverflow, invalidUTF8, typeMismatch, missingKey, notFinite
  }

  /// The kind.
  public var code: Code
  /// What is wrong, the value met, and what was expected.
  public var message: String
  /// The line of the place, from 1; only when text was parsed.
  public var line: Int?
  /// The column, in code points from 1: the end of the token that is wrong.
  public var column: Int?
  /// The number of bytes up to that place.
  public var byte: Int?
  /// A JSON pointer (RFC 6901) to the value; only when a value was coded.
  public var path: String?

  /// An error; everything but code and message is optional.
  public init(
    _ code: Code, _ message: String, line: Int? = nil, column: Int? = nil, byte: Int? = nil, path: String? = nil
  ) {
    self.code = code
    self.message = message
    self.line = line
    self.column = column
    self.byte = byte
    self.path = path
  }
}

extension JSONError: CustomStringConvertible {
  /// The message with the place in front.
  public var description: String {
    if let line, let column, let byte {
      return "line \(line), column \(column) (byte \(byte)): \(message)"
    }
    if let path { return "at \(path.isEmpty ? "the top" : path): \(message)" }
    return message
  }
}

/// What a text may cost. Everything is checked in one pass before anything is built.
public struct JSONLimits: Sendable, Hashable {
  /// The most bytes a text may have.
  public var maxBytes: Int
  /// The most arrays and objects inside one another; never more than 512, whatever is asked for.
  public var maxDepth: Int
  /// The most values in all, an empty array or object counted as two. It bounds memory, since `[{},{},…` costs far
  /// more than its bytes: a million take up to about 300 MiB while they are parsed.
  public var maxValues: Int

  /// Limits; what is left out is as in `standard`.
  public init(maxBytes: Int = 8 << 20, maxDepth: Int = 64, maxValues: Int = 1_000_000) {
    self.maxBytes = maxBytes
    self.maxDepth = maxDepth
    self.maxValues = maxValues
  }

  /// 8 MiB, 64 levels, a million values.
  public static let standard = JSONLimits()
}
