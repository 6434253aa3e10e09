// YAML as a policy file may use it: maps, lists and scalars with their places, nothing else.
// What must stay true: any text gives a tree or an error, in time that grows linearly with it. Anchors, aliases, tags and keys that are not text are
// refused; depth and size are bounded; a scalar that people read in two ways (`no`, `0123`) is refused, not guessed.

import JSON
import Yams

/// A value of the file and where it stands.
struct PolicyNode {
  enum Content {
    case scalar(JSONValue)
    case list([PolicyNode])
    case map([(key: String, node: PolicyNode)])
  }
  let content: Content
  let line: Int?
  let column: Int?

  func error(_ message: String, rule: String? = nil) -> PolicyError {
    PolicyError(message, line: line, column: column, rule: rule)
  }

  /// In a word, for messages.
  var shape: String {
    switch content {
    case .scalar(let value):
      let text = value.canonicalString()
      return text.count > 60 ? String(text.prefix(60)) + "…" : text
    case .list(let elements): return "a list of \(elements.count)"
    case .map(let members): return "a map of \(members.count)"
    }
  }

  /// The same without places.
  var json: JSONValue {
    switch content {
    case .scalar(let value): value
    case .list(let elements): .array(elements.map(\.json))
    case .map(let members): .object(Dictionary(members.map { ($0.key, $0.node.json) }) { _, last in last })
    }
  }
}

enum PolicyText {
  static let maxBytes = 1 << 20
  static let maxDepth = 32
  static let maxNodes = 200_000

  /// The tree of a text.
  static func parse(_ text: String) throws(PolicyError) -> PolicyNode {
    guard text.utf8.count <= maxBytes else {
      throw PolicyError("\(text.utf8.count) bytes; a policy file has at most \(maxBytes)")
    }
    try refuseCostlyForms(text)
    let root: Node?
    do {
      // With the basic resolver no scalar gets a type from its looks; that is done below.
      root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
    } catch let error as YamlError {
      throw PolicyError(error)
    } catch {
      throw PolicyError("the file is no YAML")
    }
    guard let root else { throw PolicyError("the file is empty", line: 1, column: 1) }
    var count = 0
    return try convert(root, depth: 0, count: &count)
  }

  /// Aliases can stand for trees that stand for trees, and keys that are trees are compared with one another: both
  /// can cost far more than their bytes, and neither is needed here. They are looked for in the text itself, since
  /// Yams expands and compares before anybody can count; text or a comment that looks like one is refused as well.
  private static func refuseCostlyForms(_ text: String) throws(PolicyError) {
    var line = 1
    var previous: UInt8 = 0x20
    var mark: (byte: UInt8, previous: UInt8)?
    var closed = false
    for byte in text.utf8 {
      if let found = mark, isNameByte(byte), !isWordByte(found.previous) {
        let what = found.byte == UInt8(ascii: "&") ? "an anchor (&…)" : "an alias (*…)"
        throw PolicyError(
          "\(what), or text that looks like one; write it out, or put a quotation mark right before it", line: line)
      }
      mark = byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*") ? (byte, previous) : nil
      // A key that is a map or a list is written `? …`, or ends on its own line with a bracket and a colon.
      let isExplicit = byte == UInt8(ascii: "?") && (" \t\r\n[{,-".utf8.contains(previous) || previous >= 0x80)
      if isExplicit || (closed && byte == UInt8(ascii: ":")) {
        throw PolicyError("a key that is a map or a list, or text that looks like one; keys are text", line: line)
      }
      if byte != 0x20, byte != 0x09 { closed = byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") }
      if byte == 0x0A { line += 1 }
      previous = byte
    }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    byte >= 0x80 || isWordByte(byte) || byte == UInt8(ascii: "-")
  }

  /// A byte after which no node can begin: letters, digits and what ends a quoted scalar.
  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "\""), UInt8(ascii: "'"): true
    default: false
    }
  }

  private static func convert(_ node: Node, depth: Int, count: inout Int) throws(PolicyError) -> PolicyNode {
    let mark = node.mark
    func failure(_ message: String) -> PolicyError { PolicyError(message, line: mark?.line, column: mark?.column) }
    func made(_ content: PolicyNode.Content) -> PolicyNode {
      PolicyNode(content: content, line: mark?.line, column: mark?.column)
    }
    count += 1
    guard count <= maxNodes else { throw failure("more than \(maxNodes) values") }
    guard depth <= maxDepth else { throw failure("more than \(maxDepth) maps and lists inside one another") }
    switch node {
    case .scalar(let scalar):
      try refuseTag(scalar.tag, mark)
      guard scalar.style == .plain else { return made(.scalar(.string(scalar.string))) }
      guard let value = plain(scalar.string) else {
        throw failure(
          "met \(JSONValue.string(scalar.string).canonicalString()), which is read in two ways; "
            + "write true, false, null or a plain decimal number, or put it in quotation marks")
      }
      return made(.scalar(value))
    case .sequence(let sequence):
      try refuseTag(sequence.tag, mark)
      var elements: [PolicyNode] = []
      for element in sequence { elements.append(try convert(element, depth: depth + 1, count: &count)) }
      return made(.list(elements))
    case .mapping(let mapping):
      try refuseTag(mapping.tag, mark)
      var members: [(key: String, node: PolicyNode)] = []
      for (key, value) in mapping {
        guard case .scalar(let name) = key else { throw failure("a key that is a map or a list; keys are text") }
        members.append((name.string, try convert(value, depth: depth + 1, count: &count)))
      }
      guard Set(members.map(\.key)).count == members.count else { throw failure("a key is there twice") }
      return made(.map(members))
    case .alias: throw failure("an alias; write it out")
    }
  }

  private static func refuseTag(_ tag: Tag, _ mark: Mark?) throws(PolicyError) {
    let known = ["", "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"]
    if known.contains(tag.description) { return }
    throw PolicyError("a tag (!…); values have no tags here", line: mark?.line, column: mark?.column)
  }

  /// The value of a scalar without quotation marks; nil when it is read in two ways.
  private static func plain(_ text: String) -> JSONValue? {
    switch text {
    case "true": return true
    case "false": return false
    case "null", "~", "": return .null
    default: break
    }
    switch text.lowercased() {
    case "true", "false", "yes", "no", "on", "off", "y", "n", "null", ".inf", "-.inf", "+.inf", ".nan": return nil
    default: break
    }
    guard let first = text.utf8.first, (0x30...0x39).contains(first) || first == 0x2D || first == 0x2B else {
      return .string(text)
    }
    if let number = try? JSONValue.parse(text), case .number = number { return number }
    let looksLikeNumber =
      ["0x", "0X", "0o", "0b"].contains { text.hasPrefix($0) }
      || text.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-_.:eE".utf8.contains($0) }
        && text.utf8.contains { (0x30...0x39).contains($0) }
    return looksLikeNumber ? nil : .string(text)
  }
}

extension PolicyError {
  /// What Yams says, without the text around the place.
  fileprivate init(_ error: YamlError) {
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let before = context.map { $0.text + ": " } ?? ""
      self.init("no YAML: \(before)\(problem)", line: mark.line, column: mark.column)
    case .duplicatedKeysInMapping(let duplicates, let context):
      let keys = duplicates.map { $0.count > 60 ? String($0.prefix(60)) + "…" : $0 }.joined(separator: ", ")
      self.init("the key \(keys) is there twice", line: context.mark.line, column: context.mark.column)
    case .reader(let problem, _, _, _): self.init("no YAML: \(problem)")
    default: self.init("the file is no YAML")
    }
  }
}
