// Measures that leave a word open.

import Domain
import Testing

@Suite struct MeasureNameTests {
  private let open = ToolManifest.Measure(
    name: "fraction of tiles resembling {class}", unit: .percent, phrase: "% of tiles resemble {class}")

  @Test func theWordOfANameGoesIntoThePhrase() {
    #expect(
      open.phrase(for: "fraction of tiles resembling oral squamous cell carcinoma")
        == "% of tiles resemble oral squamous cell carcinoma")
    #expect(open.openWord(in: "fraction of tiles resembling Type 2 - b") == "Type 2 - b")
  }

  @Test(arguments: [
    "fraction of tiles", "fraction of tiles resembling ", "fraction of tiles resembling {class}",
    "fraction of tiles resembling x. No tumour", "fraction of tiles resembling x\ny", "area of tiles resembling x",
    "fraction of tiles resembling " + String(repeating: "a", count: 61), "fraction of tiles resembling törn",
  ])
  func otherNamesAreNone(_ name: String) {
    #expect(open.phrase(for: name) == nil)
  }

  @Test func aWholeNameIsOnlyItself() {
    let whole = ToolManifest.Measure(name: "nuclear density", unit: .perSquareMillimetre, phrase: "per mm²")
    #expect(whole.phrase(for: "nuclear density") == "per mm²" && !whole.isOpen)
    #expect(whole.phrase(for: "nuclear densit") == nil)
  }
}
