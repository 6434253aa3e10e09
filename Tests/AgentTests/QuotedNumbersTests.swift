// Numbers found in text, and text cut to a bounded line.

import Testing

@testable import Agent

@Suite struct QuotedNumberFinding {
  @Test func namesAreNotNumbers() {
    #expect(QuotedNumbers.find(in: "r3 p53 mm² Ki-67 x_2 CD3") == [])
  }

  @Test func numbersAreFoundAsWritten() {
    #expect(
      QuotedNumbers.find(in: "3,900 per mm², 0.5 µm/px, 12:30, 50%, ٤٢, ½, 3,900") == [
        "3,900", "0.5", "12:30", "50", "٤٢", "½",
      ])
  }

  @Test func areBounded() {
    let text = (0..<1000).map { "\($0)" }.joined(separator: " ")
    #expect(QuotedNumbers.find(in: text).count == QuotedNumbers.limit)
    #expect(QuotedNumbers.find(in: String(repeating: "9", count: 65_536)).first?.count == 64)
  }
}

@Suite struct Excerpts {
  @Test func areOneBoundedLineWithoutHiddenCharacters() {
    #expect("a\n\tb\u{0000}c\u{202E}d".excerpt(10) == "a bcd")
    #expect(String(repeating: "x", count: 20).excerpt(5) == "xxxxx…")
    #expect("  a  ".excerpt(5) == "a")
    #expect(("e" + String(repeating: "\u{0301}", count: 500)).excerpt(5).unicodeScalars.count == 8)
  }
}
