// YAML as this product reads it: JSON's values, line numbers, and nothing that surprises.

import JSON
import Testing
import YAML

@Suite struct YAMLDocumentTests {
  @Test func plainWordsFollowTheCoreSchema() throws {
    let document = try YAMLDocument(
      """
      no: no
      yes: yes
      on: on
      truth: true
      none: ~
      empty:
      whole: 12
      real: 0.25
      exponent: 1e3
      quoted: "12"
      version: 1.2.3
      date: 2026-11-23
      """)
    #expect(
      document.value == [
        "no": "no", "yes": "yes", "on": "on", "truth": true, "none": nil, "empty": nil, "whole": 12, "real": 0.25,
        "exponent": 1000, "quoted": "12", "version": "1.2.3", "date": "2026-11-23",
      ])
  }

  @Test func everyValueKnowsItsLineAndANewOneTakesItsParents() throws {
    let document = try YAMLDocument("a: 1\nb:\n  - x\n  - y: 2\n")
    #expect(document.line(at: "/a") == 1)
    #expect(document.line(at: "/b/1/y") == 4)
    #expect(document.line(at: "/b/1/missing") == 4)
  }

  @Test func emptyTextIsAnEmptyObject() throws {
    #expect(try YAMLDocument("# nothing\n").value == [:])
  }

  @Test(arguments: [
    ("a: 1\na: 2\n", "twice"),
    ("a: &x 1\nb: *x\n", "Anchors"),
    ("a: [1, 2\n", "no YAML"),
    ("? [1, 2]\n: 3\n", "must be a word"),
    ("a: 1e999\n", "beyond what is exact"),
    ("a: 99999999999999999999\n", "beyond what is exact"),
    ("a: \(String(repeating: "x", count: 5000))\n", "longer than"),
    (String(repeating: "[", count: 200), "nested deeper"),
    (String(repeating: "a", count: 1_100_000), "bytes"),
  ])
  func aTextOutsideTheSubsetIsRefusedWithAReason(text: String, reason: String) {
    let error = #expect(throws: YAMLError.self) { try YAMLDocument(text) }
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
  }

  @Test func aBillionLaughsEndsAtOnce() {
    var text = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for (name, previous) in zip(["b", "c", "d", "e", "f", "g", "h", "i"], ["a", "b", "c", "d", "e", "f", "g", "h"]) {
      text += "\(name): &\(name) [" + Array(repeating: "*\(previous)", count: 9).joined(separator: ",") + "]\n"
    }
    #expect(throws: YAMLError.self) { try YAMLDocument(text) }
  }

  @Test func anyMutationOfAFileIsReadOrRefused() {
    let text = Array("limits:\n  connections: 12\nlist: [a, 'b', \"c\"]\nwhy: |\n  two\n  lines\n".utf8)
    var seed: UInt64 = 7
    for _ in 0..<2000 {
      var mutated = text
      for _ in 0..<3 {
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        mutated[Int(seed >> 33) % mutated.count] = UInt8(truncatingIfNeeded: seed >> 20) & 0x7F
      }
      _ = try? YAMLDocument(String(decoding: mutated, as: UTF8.self))
    }
  }
}
