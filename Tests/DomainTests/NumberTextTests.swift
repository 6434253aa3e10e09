// Numbers as they are shown.

import Domain
import Testing

@Suite struct NumberTextTests {
  static let two: [(Double, String)] = [
    (3913.2, "3,900"), (5504, "5,500"), (0.6284, "0.63"), (0.6, "0.60"), (4, "4.0"), (99.6, "100"), (9.96, "10"),
    (100, "100"), (10, "10"), (0, "0"), (-0.0, "0"), (1_234_567, "1,200,000"), (0.0625, "0.063"), (0.0996, "0.10"),
    (0.00001234, "0.000012"), (12, "12"), (-3913, "−3,900"), (-12.4, "−12"), (2.5, "2.5"), (2445, "2,400"),
    (0.095, "0.095"), (0.145, "0.15"), (123_456_789_012_345, "120,000,000,000,000"),
  ]

  @Test(arguments: two) func haveTwoSignificantFigures(_ value: Double, _ text: String) {
    #expect(NumberText.twoFigures(value) == text)
  }

  /// The doubles of these lie below the half; what a reader sees does not.
  static let halves: [(Double, String)] = [
    (0.235, "0.24"), (0.285, "0.29"), (0.295, "0.30"), (0.415, "0.42"), (0.565, "0.57"), (0.595, "0.60"),
    (0.815, "0.82"), (0.955, "0.96"),
  ]

  @Test(arguments: halves) func areRoundedAsTheyAreWritten(_ value: Double, _ text: String) {
    #expect(NumberText.twoFigures(value) == text)
    #expect(NumberText.fixed(value, decimals: 2) == text)
  }

  static let extremes: [(Double, String)] = [
    (1e15, "1.0 × 10^15"), (9.995e14, "1.0 × 10^15"), (1e20, "1.0 × 10^20"), (3.26e20, "3.3 × 10^20"),
    (1.7976931348623157e308, "1.8 × 10^308"), (0.000000996, "0.0000010"), (0.00000099, "9.9 × 10^-7"),
    (1e-12, "1.0 × 10^-12"), (.leastNonzeroMagnitude, "5.0 × 10^-324"), (.infinity, "no finite number"),
    (-.infinity, "no finite number"), (.nan, "no finite number"),
  ]

  @Test(arguments: extremes) func haveATextWhateverTheyAre(_ value: Double, _ text: String) {
    #expect(NumberText.twoFigures(value) == text)
  }

  static let figures: [(Double, Int, String)] = [
    (0.499, 3, "0.499"), (0.25, 3, "0.250"), (2, 3, "2.00"), (28.97, 3, "29.0"), (999.96, 4, "1,000"), (0.5, 1, "0.5"),
    (1e-9, 1, "1 × 10^-9"), (0, 3, "0"), (1234.5, 0, "1,000"), (1.5, 99, "1.50000000000"),
  ]

  @Test(arguments: figures) func haveAsManyFiguresAsAreAskedFor(_ value: Double, _ count: Int, _ text: String) {
    #expect(NumberText.figures(value, count) == text)
  }

  @Test func factorsLoseTheirZeros() {
    #expect(
      [0.8, 1.6, 2, 1.04, 13, 100, 0.9, 90].map(NumberText.trimmed) == [
        "0.8", "1.6", "2", "1", "13", "100", "0.9", "90",
      ])
  }

  @Test func countsAreExactAndGrouped() {
    #expect(
      [0, 7, 999, 1000, 2445, 1_234_567, -999, -1_000_000].map(NumberText.grouped) == [
        "0", "7", "999", "1,000", "2,445", "1,234,567", "−999", "−1,000,000",
      ])
    #expect(NumberText.grouped(.min) == "−9,223,372,036,854,775,808")
    #expect(NumberText.exactCount(2445) == "2,445")
    #expect(NumberText.exactCount(2445.5) == "2,400")
    #expect(NumberText.roundedCount(37) == "37")
    #expect(NumberText.roundedCount(137) == "140")
  }

  @Test func scalesAreShownAsKnown() {
    #expect(
      [0.499, 0.5, 0.25, 0.2277, 1, 4, 0.49912345, 1000, 0.99996, 0].map(NumberText.plain) == [
        "0.499", "0.5", "0.25", "0.2277", "1", "4", "0.4991", "1,000", "1", "0",
      ])
    #expect(NumberText.plain(0.00001) == "0.000010")
    #expect(NumberText.plain(-0.5) == "−0.5")
    #expect(NumberText.plain(1e12) == "1,000,000,000,000")
  }

  static let decimals: [(Double, Int, String)] = [
    (2.25, 1, "2.3"), (4.2, 1, "4.2"), (0.0149, 3, "0.015"), (0.04, 1, "0.0"), (-0.04, 1, "0.0"), (-0.06, 1, "−0.1"),
    (1234.56, 1, "1,234.6"), (9.96, 1, "10.0"), (3, 0, "3"), (2.5, 0, "3"), (0, 2, "0.00"),
  ]

  @Test(arguments: decimals) func haveAsManyDecimalsAsAreAskedFor(_ value: Double, _ count: Int, _ text: String) {
    #expect(NumberText.fixed(value, decimals: count) == text)
  }

  @Test func aWindowCutToWholePixelsIsAsWideAsItWasMeant() {
    #expect(NumberText.micrometres(501, micronsPerPixel: 0.499) == "250")
    #expect(NumberText.micrometres(2, micronsPerPixel: 0.499) == "1.0")
    #expect(NumberText.micrometres(12_000, micronsPerPixel: 0.25) == "3,000")
  }
}
