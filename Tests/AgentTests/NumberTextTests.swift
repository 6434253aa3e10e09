// Numbers as they are shown.

import Testing

@testable import Agent

@Suite struct Numbers {
  static let two: [(Double, String)] = [
    (3913.2, "3,900"), (5504, "5,500"), (0.6284, "0.63"), (0.6, "0.60"), (4, "4.0"), (99.6, "100"), (9.96, "10"),
    (100, "100"), (0, "0"), (1_234_567, "1,200,000"), (0.0625, "0.063"), (0.00001234, "0.000012"), (12, "12"),
    (-3913, "−3,900"), (1e20, "1.0 × 10^20"), (1e-12, "1.0 × 10^-12"), (.infinity, "no finite number"),
    (.leastNonzeroMagnitude, "4.9 × 10^-324"), (2.5, "2.5"), (2445, "2,400"),
  ]

  @Test(arguments: two) func haveTwoSignificantFigures(_ value: Double, _ text: String) {
    #expect(NumberText.twoFigures(value) == text)
  }

  @Test func factorsLoseTheirZeros() {
    #expect([0.8, 1.6, 2, 1.04, 13, 100].map(NumberText.trimmed) == ["0.8", "1.6", "2", "1", "13", "100"])
  }

  @Test func countsAreExactAndGrouped() {
    #expect(
      [0, 7, 999, 1000, 2445, 1_234_567].map(NumberText.grouped) == [
        "0", "7", "999", "1,000", "2,445", "1,234,567",
      ])
    #expect(NumberText.grouped(.min) == "−9,223,372,036,854,775,808")
    #expect(NumberText.exactCount(2445) == "2,445")
    #expect(NumberText.exactCount(2445.5) == "2,400")
    #expect(NumberText.roundedCount(37) == "37")
    #expect(NumberText.roundedCount(137) == "140")
  }

  @Test func scalesAreShownAsKnown() {
    #expect([0.499, 0.5, 0.25, 0.2277, 1, 4].map(NumberText.scale) == ["0.499", "0.5", "0.25", "0.2277", "1", "4"])
  }
}

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
