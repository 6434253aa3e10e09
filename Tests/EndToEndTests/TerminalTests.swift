// `vpath` on a terminal: colour and a line of progress where the terminal has them, plain text where it is told so, and
// nobody's control characters but its own.

import Domain
import Glibc
import Testing

/// Makes a terminal for a program.
private let script = "/usr/bin/script"
private let canMakeTerminals = access(script, X_OK) == 0 && access("/dev/ptmx", R_OK | W_OK) == 0

@Suite(
  .serialized, .timeLimit(.minutes(10)),
  .enabled(if: canMakeTerminals, "needs script (bsdutils) and pseudo-terminals"))
struct TerminalTests {
  /// What a terminal of that kind is sent by `vpath ask` of a short question.
  private static func shown(
    _ question: String, in folder: TestFolder, environment more: [String: String]
  ) async throws -> (status: Int32, text: String) {
    func quoted(_ word: String) -> String { "'\(word)'" }
    // Whoever runs the tests may have switched colour off for themselves.
    let start = more["NO_COLOR"] == nil ? ["env", "-u", "NO_COLOR"] : ["env"]
    let ask = [Programs.path("vpath"), "ask", try DemoSlide.path(), question, "--organ", "skin", "--stain", "H&E"]
    let command = (start + ask).map(quoted).joined(separator: " ")
    let environment = CommandLineTests.home(folder).merging(["TERM": "xterm-256color"]) { $1 }.merging(more) { $1 }
    let done = try await Programs.run(
      script, ["--quiet", "--return", "--command", command, "/dev/null"], environment: environment,
      seconds: 300)
    return (done.status, done.output)
  }

  @Test func showsColourProgressAndTheAnswerWithItsEvidence() async throws {
    try await TestFolder.with { folder in
      let shown = try await Self.shown("How large is the tissue?", in: folder, environment: [:])
      #expect(shown.status == 0, "\(shown.text)")
      #expect(shown.text.contains("\u{1B}[1m"), "something is bold: \(shown.text)")
      #expect(shown.text.contains("\r\u{1B}[K"), "a line of progress is rewritten")
      #expect(shown.text.contains("mm² of tissue"), "\(shown.text)")
      #expect(shown.text.contains("m1"), "the evidence is named: \(shown.text)")
    }
  }

  @Test func staysPlainWhereThatIsAskedForAndPassesNobodysControlCharactersOn() async throws {
    try await TestFolder.with { folder in
      let hostile = "How large is the tissue, \u{1B}[31mred\u{1B}[0m?"
      for plain in [["NO_COLOR": "1"], ["TERM": "dumb"]] {
        let shown = try await Self.shown(hostile, in: folder, environment: plain)
        #expect(shown.status == 0, "\(shown.text)")
        #expect(!shown.text.contains("\u{1B}"), "\(plain): \(shown.text.debugDescription)")
        #expect(shown.text.contains("mm² of tissue"), "\(shown.text)")
      }
    }
  }
}
