// One prompt: a file `prompts/<name>.md` with front matter that declares its name, version and inputs, and a text with
// `{{input}}` where each goes.
// What must stay true: every input that is declared is used, every place has a declared input, and filling never looks
// for places inside what was filled in.

public import Domain
import JSON
import YAML

/// A prompt's text and what it takes.
public struct PromptFile: Sendable, Hashable {
  public let name: String
  public let version: String
  /// The inputs in the order of their declaration.
  public let inputs: [String]
  private let pieces: [Piece]

  private enum Piece: Sendable, Hashable {
    case text(String)
    case input(String)
  }

  /// Reads a prompt. Throws `internal.bug` with the line where the file breaks the rules above: prompts come with the
  /// product, so a broken one is ours.
  public init(_ text: String, name expected: String) throws(VPathError) {
    func fail(_ problem: String) -> VPathError {
      VPathError(.internalBug, "The prompt \(expected).md cannot be used: \(problem).", subject: expected)
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") else {
      throw fail("it begins without front matter between two lines of ---")
    }
    let front: JSONValue
    do {
      front = try YAMLDocument(lines[1..<end].joined(separator: "\n")).value
    } catch {
      throw fail("its front matter: \(error)")
    }
    let members = front.objectValue ?? [:]
    guard Set(members.keys) == ["name", "version", "inputs"], let name = members["name"]?.stringValue,
      let version = members["version"]?.stringValue, let listed = members["inputs"]?.arrayValue
    else { throw fail("its front matter has other keys than name, version (text) and inputs") }
    guard name == expected else { throw fail("it calls itself \(name)") }
    let inputs = listed.compactMap(\.stringValue)
    guard inputs.count == listed.count, Set(inputs).count == inputs.count else {
      throw fail("its inputs are not distinct names")
    }
    let body = lines[(end + 1)...].joined(separator: "\n").trimmingNewlines
    var pieces: [Piece] = []
    var used: Set<String> = []
    var rest = body[...]
    while let open = rest.firstRange(of: "{{") {
      guard let close = rest[open.upperBound...].firstRange(of: "}}") else { throw fail("a {{ is not closed") }
      let input = String(rest[open.upperBound..<close.lowerBound])
      guard inputs.contains(input) else { throw fail("it uses {{\(input)}}, which it does not declare") }
      pieces.append(.text(String(rest[..<open.lowerBound])))
      pieces.append(.input(input))
      used.insert(input)
      rest = rest[close.upperBound...]
    }
    pieces.append(.text(String(rest)))
    if let unused = inputs.first(where: { !used.contains($0) }) {
      throw fail("it declares \(unused) and never uses it")
    }
    self.name = name
    self.version = version
    self.inputs = inputs
    self.pieces = pieces
  }

  /// Name and version, as the trace keeps them.
  public var reference: String { "\(name)@\(version)" }

  /// The text with its inputs; one that is missing leaves its place empty, and lines that are empty then are left out.
  public func filled(_ values: [String: String]) -> String {
    var result = ""
    for piece in pieces {
      switch piece {
      case .text(let text): result += text
      case .input(let name): result += values[name] ?? ""
      }
    }
    var lines: [Substring] = []
    for line in result.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.isEmpty, lines.last?.isEmpty ?? true { continue }
      lines.append(line)
    }
    return lines.joined(separator: "\n").trimmingNewlines
  }
}

extension StringProtocol {
  fileprivate func firstRange(of piece: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(piece) { return start..<index(start, offsetBy: piece.count) }
      start = index(after: start)
    }
    return nil
  }

  fileprivate var trimmingNewlines: String {
    var slice = self[...]
    while slice.first?.isNewline == true { slice = slice.dropFirst() }
    while slice.last?.isNewline == true { slice = slice.dropLast() }
    return String(slice)
  }
}
