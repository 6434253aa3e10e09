// The suite of tool-choice cases: questions, the state of the case they are asked in, and the first act that answers
// them (models/tool_choice/*.json).
// What must stay true: unknown keys and states are errors that name the case; what is expected was written down before
// any planner was asked.

public import Domain
import JSON

/// A question and what its first act should be.
public struct ToolChoiceCase: Sendable, Hashable {
  /// Where the case stands.
  public enum State: String, Sendable, Hashable, CaseIterable {
    /// A slide that nobody has opened.
    case new
    /// Overview and count were made: tissue r1, windows r2 and r3 with measurements, and a view of r2.
    case counted
    /// Two regions, r1 and r2, were drawn for the question.
    case drawn
    /// A slide of oral mucosa, which the shipped tile classifier accepts, that nobody has opened.
    case oral
  }

  /// What should be done.
  public enum Expected: Sendable, Hashable {
    /// One of these tools is called.
    case call(tools: Set<String>)
    /// The part is answered from evidence, some of it of one of these kinds.
    case answer(kinds: Set<EvidenceKind>)
    /// The part is not assessable.
    case notAssessable
  }

  public let id: String
  public let question: String
  public let state: State
  public let expected: Expected
}

/// Cases of one file.
public struct ToolChoiceSuite: Sendable, Hashable {
  public let cases: [ToolChoiceCase]

  /// The most cases of one file.
  static let maxCases = 10_000

  /// Reads a file. Throws `protocol.params` naming what is wrong.
  public init(_ text: String) throws(VPathError) {
    let root: JSONValue
    do {
      root = try JSONValue.parse(text)
    } catch {
      throw Self.wrong("it is no JSON: \(error)", "file")
    }
    guard let listed = root["cases"]?.arrayValue, (1...Self.maxCases).contains(listed.count),
      Set(root.objectValue?.keys.map { $0 } ?? []) == ["what", "cases"]
    else { throw Self.wrong("it needs \"what\" and \"cases\", 1 to \(Self.maxCases) of them", "file") }
    var cases: [ToolChoiceCase] = []
    var ids: Set<String> = []
    for value in listed {
      let item = try Self.read(value)
      guard ids.insert(item.id).inserted else { throw Self.wrong("the id is there twice", item.id) }
      cases.append(item)
    }
    self.cases = cases
  }

  private static func read(_ value: JSONValue) throws(VPathError) -> ToolChoiceCase {
    let id = value["id"]?.stringValue ?? "?"
    guard Set(value.objectValue?.keys.map { $0 } ?? []) == ["id", "question", "state", "expect"],
      let question = value["question"]?.stringValue, !question.isEmpty
    else { throw wrong("a case has id, question, state and expect", id) }
    guard let state = value["state"]?.stringValue.flatMap(ToolChoiceCase.State.init) else {
      throw wrong("its state is none of new, counted, drawn, oral", id)
    }
    let expect = value["expect"]
    func words(_ key: String) throws(VPathError) -> Set<String> {
      let list = expect?[key]?.arrayValue?.compactMap(\.stringValue) ?? []
      guard !list.isEmpty else { throw wrong("what is expected has no \(key)", id) }
      return Set(list)
    }
    let expected: ToolChoiceCase.Expected
    switch expect?["act"]?.stringValue {
    case "call": expected = .call(tools: try words("tools"))
    case "answer":
      let named = try words("kinds")
      let kinds = Set(named.compactMap(EvidenceKind.init))
      guard kinds.count == named.count else { throw wrong("it names a kind of evidence that is none", id) }
      expected = .answer(kinds: kinds)
    case "notAssessable": expected = .notAssessable
    default: throw wrong("the act expected is none of call, answer, notAssessable", id)
    }
    return ToolChoiceCase(id: id, question: question, state: state, expected: expected)
  }

  private static func wrong(_ problem: String, _ id: String) -> VPathError {
    VPathError(.protocolParams, "The tool-choice case \(id.prefix(40)) cannot be used: \(problem).", subject: id)
  }
}
