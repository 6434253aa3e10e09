// Why a policy file is refused as a whole.

/// What is wrong with a policy file, and where.
public struct PolicyError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong, the value met, and what to write instead.
  public var message: String
  /// The line, from 1, where it is known.
  public var line: Int?
  /// The column in that line, from 1.
  public var column: Int?
  /// The rule it is about.
  public var rule: String?

  /// An error.
  public init(_ message: String, line: Int? = nil, column: Int? = nil, rule: String? = nil) {
    self.message = message
    self.line = line
    self.column = column
    self.rule = rule
  }

  /// Place, rule and message.
  public var description: String {
    var text = ""
    if let line { text += "line \(line)\(column.map { ", column \($0)" } ?? ""): " }
    if let rule { text += "rule \(rule): " }
    return text + message
  }
}
