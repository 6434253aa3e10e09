import Foundation
import JSON
import TestSupport
import Testing

@testable import Policy

private let example = """
  examples:
        match:
          - {call: {action: case.open}, principal: {kind: client, uid: 1}}
        noMatch:
          - {call: {action: case.close}, principal: {kind: client, uid: 1}}
  """

/// A file with one rule for case.open.
private func file(
  id: String = "r", effect: String = "permit", action: String = "case.open", when: String = "", why: String = "because",
  more: String = "", examples: String = example
) -> String {
  """
  version: 1
  rules:
    - id: \(id)
      effect: \(effect)
      action: \(action)
      \(when.isEmpty ? "" : "when: \(when)")
      why: \(why)
      \(more)
      \(examples)
  """
}

private func failure(_ text: String) -> PolicyError? {
  do {
    _ = try Policy.load(yaml: text)
    return nil
  } catch { return error }
}

@Suite struct PolicyFileTests {
  @Test func aCompleteRuleIsRead() throws {
    let when = "{principal: {uid: [owner, self, 7], kind: {not: tool}}, resource: {a: {atLeast: 1, atMost: 2}}}"
    let examples = """
      examples:
            match:
              - call: {action: case.open, resource: {a: 1.5}, arguments: [1]}
                principal: {kind: client, uid: 7, gid: 8}
                context: {caseID: case-1, caseOwnerUID: 1, turn: turn-1, daemonUID: 2, attributes: {x: z}}
            noMatch:
              - {call: {action: case.open, resource: {a: 3}}, principal: {kind: client, uid: 7}}
      """
    let rule = try #require(try Policy.load(yaml: file(when: when, examples: examples)).rules.first)
    #expect(rule.actions == [.caseOpen])
    #expect(
      rule.conditions == [
        PolicyCondition(attribute: .principalUID, tests: [.anyOf([.owner, .daemon, .value(7)])]),
        PolicyCondition(attribute: .principalKind, tests: [.noneOf([.value("tool")])]),
        PolicyCondition(attribute: .resource("a"), tests: [.atLeast(1), .atMost(2)]),
      ])
    #expect(rule.examples.match.first?.principal == Principal(uid: 7, gid: 8, pid: nil, kind: .client))
    #expect(rule.examples.match.first?.context.attributes == ["x": "z"])
    #expect(rule.examples.match.first?.context.daemonUID == 2)
    #expect(rule.examples.noMatch.first?.principal.gid == 7)
  }

  @Test func anUnknownKeyIsNamedWithItsLine() {
    #expect(
      failure(file(more: "reason: x"))
        == PolicyError(
          "the key \"reason\" is not known in a rule; known are id, effect, action, when, why, examples", line: 8,
          column: 13))
    #expect(failure("version: 1\nrule: []")?.description.contains("line 2") == true)
    #expect(failure(file(when: "{principle: {uid: 1}}"))?.message.contains("\"principle\"") == true)
    #expect(failure(file(when: "{principal: {user: 1}}"))?.message.contains("\"user\"") == true)
    #expect(failure(file(when: "{resource: {a: {is: 1}}}"))?.message.contains("\"is\"") == true)
    #expect(failure(file(when: "{principal: {uid: {atMost: 5}}}"))?.message.contains("\"atMost\"") == true)
  }

  @Test(arguments: ["id", "effect", "action", "why", "examples"])
  func aMissingKeyIsNamed(key: String) {
    let lines = file().split(separator: "\n", omittingEmptySubsequences: false)
    let text =
      key == "examples"
      ? lines.prefix { !$0.contains("examples") }.joined(separator: "\n")
      : lines.map { line in
        let trimmed = line.drop { $0 == " " || $0 == "-" }
        guard trimmed.hasPrefix(key + ":") else { return String(line) }
        return key == "id" ? "  -" : ""
      }.joined(separator: "\n")
    #expect(failure(text)?.message == "the key \"\(key)\" is missing in a rule")
  }

  @Test(arguments: [
    (file(effect: "allow"), "met the effect \"allow\"; it is permit or forbid"),
    (file(action: "case.opened"), "met the action \"case.opened\"; known are"),
    (file(action: "[case.open, \"*\"]"), "stands alone"),
    (file(action: "[]"), "action is an empty list"),
    (file(action: "{a: 1}"), "action is a list"),
    (file(why: "\" \""), "why is empty"),
    (file(why: "5"), "why is text"),
    (file(id: "\"a b\""), "met the id \"a b\""),
    (file(id: "[x]"), "id is text"),
    (file(when: "{}"), "when asks for nothing"),
    (file(when: "{resource: {a: {}}}"), "resource.a is asked for nothing"),
    (file(when: "{resource: {a: []}}"), "resource.a is an empty list"),
    (file(when: "{resource: {a: [[1]]}}"), "met a list of 1; resource.a is compared with"),
    (file(when: "{resource: [a]}"), "resource is a map"),
    (file(when: "{resource: {a: {atMost: x}}}"), "met \"x\"; atMost is a number"),
    (file(when: "{resource: {a: {prefix: 1}}}"), "prefix is text"),
    (file(when: "{resource: {a: {present: 1}}}"), "present is true or false"),
    (file(when: "{principal: {uid: root}}"), "a uid is owner, self or a number"),
    (file(when: "{principal: {uid: -1}}"), "an id is 0 to 4294967295"),
    (file(when: "{principal: {gid: owner}}"), "a gid is a number"),
    (file(when: "{principal: {kind: human}}"), "the kinds are client, planner, daemon, tool"),
    ("version: 2\nrules: [x]", "met version 2; this daemon reads version 1"),
    ("version: 1\nrules: []", "rules is an empty list"),
    ("version: 1\nrules: {a: 1}", "rules is a list"),
    ("version: 1", "the key \"rules\" is missing in the file"),
    ("[1]", "the file is a map"),
    ("", "the file is empty"),
    ("a: 1\na: 2", "twice"),
    ("a: [", "no YAML"),
    ("a: 1\n---\nb: 2", "single document"),
    ("\u{1}", "no YAML"),
  ])
  func whatIsWrongIsSaid(text: String, message: String) {
    #expect(failure(text)?.description.contains(message) == true, "\(failure(text)?.description ?? "accepted")")
  }

  @Test func anErrorInARuleNamesTheRuleAndTheLine() {
    let error = failure(file(id: "broken", when: "{principal: {uid: root}}"))
    #expect(error?.rule == "broken")
    #expect(error?.line == 6)
    #expect(error?.description.hasPrefix("line 6, column ") == true)
    #expect(error?.description.contains("rule broken: met \"root\"") == true)
  }

  @Test func twoRulesOfOneIdAreRefused() {
    let rule = file().split(separator: "\n", omittingEmptySubsequences: false).dropFirst(2).joined(separator: "\n")
    #expect(failure(file() + "\n" + rule)?.message == "the id is there twice")
  }

  @Test func aWrongExampleRefusesTheWholeFile() {
    let swapped = example.replacingOccurrences(of: "case.close", with: "case.open")
    #expect(
      failure(file(id: "r1", examples: swapped))
        == PolicyError(
          "example 1 under noMatch is wrong: the rule holds, since it holds for every such call", rule: "r1"))
    let missed = example.replacingOccurrences(of: "case.open", with: "case.read")
    #expect(
      failure(file(id: "r2", examples: missed))
        == PolicyError(
          "example 1 under match is wrong: the rule does not hold, since it is not about case.read", rule: "r2"))
    let when = "{resource: {a: 1}}"
    #expect(
      failure(file(when: when))?.message
        == "example 1 under match is wrong: the rule does not hold, since resource.a is not stated, so that 1 cannot be told"
    )
  }

  @Test func bothListsOfExamplesAreNeeded() {
    #expect(failure(file(examples: "examples: {match: [], noMatch: []}"))?.message == "match is an empty list")
    #expect(
      failure(
        file(examples: "examples:\n        match: [{call: {action: case.open}, principal: {kind: client, uid: 1}}]"))?
        .message == "the key \"noMatch\" is missing in examples")
  }

  @Test(arguments: [
    "yes", "No", "on", "OFF", "TRUE", "0123", "1_000", "+5", "0x1F", "1e999", ".nan", "12:30", "1.", "1.0.2",
  ])
  func aScalarThatIsReadInTwoWaysIsRefused(text: String) {
    #expect(
      failure(file(when: "{resource: {a: \(text)}}"))?.message.contains("read in two ways") ?? (text == ".nan"),
      "\(text)")
  }

  @Test(arguments: [
    ("H&E", "H&E"), ("\"no\"", "no"), ("'0123'", "0123"), ("skin", "skin"), ("2x", "2x"),
    ("-", "-"),
  ])
  func otherWordsAreText(text: String, value: String) throws {
    let node = try PolicyText.parse("[\(text == "-" ? "\"-\"" : text)]")
    #expect(node.json == [.string(value)])
  }

  @Test func numbersAndTruthsAreReadAsJSONHasThem() throws {
    #expect(
      try PolicyText.parse("[1, -2.5, 1e3, true, false, null, ~]").json == [1, -2.5, 1000, true, false, nil, nil])
  }
}

@Suite struct HostilePolicyTextTests {
  @Test(arguments: [
    "a: &x [1]\nb: *x", "&x a: 1", "[*x]", "{a: *x}", "- &a1 b", "a:\n  - *y\n", "? &k x\n: 1", "a: !!str &x y",
    "\u{85}*x", "a: \u{2028}*x", "[&x]", "\"a\":*x",
  ])
  func anchorsAndAliasesAreRefused(text: String) { #expect(failure(text) != nil) }

  @Test func aBillionLaughsIsRefusedBeforeItGrows() {
    var text = "a0: &a0 [x, x]\n"
    for level in 1..<40 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    #expect(failure(text)?.message.contains("an anchor") == true)
    #expect(failure(text)?.line == 1)
  }

  @Test(arguments: ["!!binary aGk=", "!x 1", "!!int 5", "!!map {}", "!<tag:example.org,2000:x> y"])
  func tagsAreRefusedOrMeanNothing(text: String) {
    if let node = try? PolicyText.parse("a: \(text)") {
      #expect(text.hasPrefix("!!map"), "\(node.json)")
    }
  }

  @Test(arguments: ["[", "{a: ", "- ", "? ", "{? ", "[? "])
  func deepNestingIsRefused(opening: String) {
    for depth in [40, 900, 20_000] { #expect(failure(String(repeating: opening, count: depth)) != nil) }
    let closed = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
    #expect(failure(closed)?.message == "more than 32 maps and lists inside one another")
  }

  @Test func sizeIsBounded() {
    #expect(failure(String(repeating: " ", count: (1 << 20) + 1))?.message.contains("at most 1048576") == true)
    #expect(failure("[" + String(repeating: "x,", count: 300_000) + "]")?.message == "more than 200000 values")
    let many = (0..<1_001).map { "- {id: r\($0)}" }.joined(separator: "\n")
    #expect(failure("version: 1\nrules:\n" + many)?.message == "rules has 1001 elements; at most 1000")
  }

  @Test(arguments: [
    "? [a]\n: 1", "{{a: 1}: 2}", "[a]: 1", "{[a] : 1}", "{? [a] : 1}", "[?a]", "- ? a\n  : b", "{\"a\": [1]\t: 2}",
  ])
  func keysThatAreNoTextAreRefused(text: String) {
    #expect(failure(text)?.message == "a key that is a map or a list, or text that looks like one; keys are text")
  }

  @Test func aQuestionMarkInASentenceIsText() throws {
    #expect(try PolicyText.parse("[is it so?, \"?\"]").json == ["is it so?", "?"])
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func mutatedFilesAreReadOrRefused(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let original = Array(file(when: "{resource: {a: [1, x], b: {not: [y]}}}").utf8)
    for _ in 0..<200 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...5, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(Array("[]{},:&*!?-#'\"|>%@` \n".utf8).randomElement(using: &generator) ?? 0, at: place)
        default: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
        }
      }
      if let error = failure(String(decoding: bytes, as: UTF8.self)) { #expect(!error.message.isEmpty) }
    }
  }
}
