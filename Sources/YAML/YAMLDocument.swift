// YAML files of ours (configuration, policy, prompt front matter) read as JSON values with line numbers.
// What must stay true: only what JSON can say gets in (no anchors, no tags, string keys, no duplicates); plain words
// follow YAML 1.2's core schema, so `no` is a word and not a truth value; every bound is checked before the parser
// recurses.

public import JSON
import Yams

/// What is wrong with a YAML text.
public struct YAMLError: Error, Sendable, Hashable, CustomStringConvertible {
  public var message: String
  /// 1 for the first line; nil when the text as a whole is meant.
  public var line: Int?
  public init(_ message: String, line: Int? = nil) {
    self.message = message
    self.line = line
  }
  public var description: String { line.map { "line \($0): \(message)" } ?? message }
}

/// A YAML document as a JSON value, with the line of each member.
public struct YAMLDocument: Sendable {
  /// The document; an empty one is an empty object.
  public let value: JSONValue
  /// The line of each value by its JSON pointer, 1 for the first.
  public let lines: [String: Int]

  /// Largest text in bytes.
  public static let maxBytes = 1 << 20
  /// Longest line in bytes; it bounds the depth of block nesting.
  public static let maxLineBytes = 4096
  /// Deepest nesting of `[` and `{`.
  public static let maxFlowDepth = 128
  /// Deepest nesting of the result.
  public static let maxDepth = 64
  /// Most values.
  public static let maxNodes = 100_000

  /// Reads one document.
  public init(_ text: String) throws(YAMLError) {
    try Self.checkBounds(text)
    let parser: Parser
    let root: Node?
    do {
      parser = try Parser(yaml: text)
      root = try parser.singleRoot()
    } catch let error as YamlError {
      throw YAMLError(Self.reason(error), line: Self.line(error))
    } catch {
      throw YAMLError("It cannot be read: \(error)")
    }
    var reader = NodeReader()
    value = try root.map { (node) throws(YAMLError) in try reader.read(node, pointer: "", depth: 0) } ?? [:]
    lines = reader.lines
    // A node's anchor is a weak reference that the parser keeps alive.
    withExtendedLifetime(parser) {}
  }

  /// The line of the value at a JSON pointer, or of its nearest ancestor.
  public func line(at pointer: String) -> Int? {
    var pointer = pointer
    while true {
      if let line = lines[pointer] { return line }
      guard let slash = pointer.lastIndex(of: "/") else { return nil }
      pointer = String(pointer[..<slash])
    }
  }

  private static func checkBounds(_ text: String) throws(YAMLError) {
    guard text.utf8.count <= maxBytes else {
      throw YAMLError("It has \(text.utf8.count) bytes, and at most \(maxBytes) are read. Split it.")
    }
    var line = 1
    var lineBytes = 0
    var depth = 0
    for byte in text.utf8 {
      lineBytes += 1
      switch byte {
      case 0x0A:
        line += 1
        lineBytes = 0
      case 0x5B, 0x7B: depth += 1
      case 0x5D, 0x7D: depth = max(0, depth - 1)
      default: break
      }
      guard lineBytes <= maxLineBytes else {
        throw YAMLError("The line is longer than \(maxLineBytes) bytes. Break it.", line: line)
      }
      guard depth <= maxFlowDepth else {
        throw YAMLError("Brackets are nested deeper than \(maxFlowDepth).", line: line)
      }
    }
  }

  private static func reason(_ error: YamlError) -> String {
    switch error {
    case .scanner(_, let problem, _, _), .parser(_, let problem, _, _), .composer(_, let problem, _, _):
      "It is no YAML: \(problem)."
    case .duplicatedKeysInMapping(let duplicates, _):
      "The key \(duplicates.map { "\($0)" }.sorted().joined(separator: ", ")) stands twice. Keep one."
    default: "It is no YAML."
    }
  }

  private static func line(_ error: YamlError) -> Int? {
    switch error {
    case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
    case .duplicatedKeysInMapping(_, let context): context.mark.line
    default: nil
    }
  }
}

/// Walks Yams's nodes.
private struct NodeReader {
  var lines: [String: Int] = [:]
  var nodes = 0

  mutating func read(_ node: Node, pointer: String, depth: Int) throws(YAMLError) -> JSONValue {
    let line = node.mark?.line
    nodes += 1
    guard nodes <= YAMLDocument.maxNodes else {
      throw YAMLError("It has more than \(YAMLDocument.maxNodes) values.", line: line)
    }
    guard depth <= YAMLDocument.maxDepth else {
      throw YAMLError("It is nested deeper than \(YAMLDocument.maxDepth).", line: line)
    }
    if let line { lines[pointer] = line }
    guard node.anchor == nil else {
      throw YAMLError("Anchors (&) and aliases (*) are not read here. Write the value out.", line: line)
    }
    switch node {
    case .scalar(let scalar): return try Self.value(of: scalar, line: line)
    case .sequence(let sequence):
      var elements: [JSONValue] = []
      for (index, element) in sequence.enumerated() {
        elements.append(try read(element, pointer: "\(pointer)/\(index)", depth: depth + 1))
      }
      return .array(elements)
    case .mapping(let mapping):
      var members: [String: JSONValue] = [:]
      for (key, element) in mapping {
        guard case .scalar(let scalar) = key else { throw YAMLError("A key must be a word.", line: key.mark?.line) }
        guard members[scalar.string] == nil else {
          throw YAMLError("The key \(scalar.string) stands twice. Keep one.", line: key.mark?.line)
        }
        let escaped = scalar.string.replacing("~", with: "~0").replacing("/", with: "~1")
        members[scalar.string] = try read(element, pointer: "\(pointer)/\(escaped)", depth: depth + 1)
      }
      return .object(members)
    case .alias:
      throw YAMLError("Anchors (&) and aliases (*) are not read here. Write the value out.", line: line)
    }
  }

  /// A plain scalar by YAML 1.2's core schema; a quoted one is always text.
  private static func value(of scalar: Node.Scalar, line: Int?) throws(YAMLError) -> JSONValue {
    let text = scalar.string
    guard scalar.style == .plain || scalar.style == .any else { return .string(text) }
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    default: break
    }
    guard let first = text.utf8.first, first == 0x2D || first == 0x2B || first == 0x2E || (0x30...0x39).contains(first),
      text.utf8.allSatisfy({ (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains($0) }),
      let number = Double(text)
    else { return .string(text) }
    guard number.isFinite, number.rounded() != number || abs(number) <= 9_007_199_254_740_992 else {
      throw YAMLError("The number \(text) is beyond what is exact. Quote it if it is text.", line: line)
    }
    return .number(number)
  }
}
