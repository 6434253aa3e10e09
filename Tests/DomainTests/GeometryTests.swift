// Places on a slide.

import Domain
import Testing

@Suite struct Rectangles {
  private let rect = LevelZeroRect(x: 10, y: 20, width: 30, height: 40)

  @Test func anEmptyOneHoldsNothing() {
    for empty in [
      LevelZeroRect(x: 0, y: 0, width: 0, height: 5), LevelZeroRect(x: 0, y: 0, width: 5, height: -1),
    ] {
      #expect(empty.isEmpty)
      #expect(empty.areaPixels == 0)
      #expect(!empty.contains(x: 0, y: 0))
    }
  }

  @Test func rightAndBottomEdgeAreOutside() {
    #expect(rect.contains(x: 10, y: 20))
    #expect(rect.contains(x: 39, y: 59))
    #expect(!rect.contains(x: 40, y: 20))
    #expect(!rect.contains(x: 10, y: 60))
    #expect(!rect.contains(x: 9, y: 20))
  }

  @Test func theIntersectionIsWhatBothHold() {
    #expect(
      rect.intersection(LevelZeroRect(x: 30, y: 0, width: 100, height: 30))
        == LevelZeroRect(x: 30, y: 20, width: 10, height: 10))
    #expect(rect.intersection(LevelZeroRect(x: 500, y: 500, width: 1, height: 1)).isEmpty)
    #expect(rect.contains(LevelZeroRect(x: 10, y: 20, width: 30, height: 40)))
    #expect(!rect.contains(LevelZeroRect(x: 10, y: 20, width: 31, height: 40)))
  }

  @Test func absurdExtentsSaturateInsteadOfOverflowing() {
    let huge = LevelZeroRect(x: .max, y: .min, width: .max, height: .max)
    #expect(huge.areaPixels == .max)
    _ = huge.intersection(rect)
    _ = rect.contains(huge)
    _ = huge.contains(x: .min, y: .max)
  }

  @Test func isWrittenAsFourNumbers() { #expect("\(rect)" == "10,20,30,40") }

  @Test func pixelsBecomeSquareMillimetresByTheScale() {
    let scale = SlideScale(micronsPerPixel: 0.5, source: .slide)
    #expect(scale.areaMm2(pixels: 4_000_000) == 1)
    #expect(scale.areaMm2(pixels: 0) == 0)
  }
}

@Suite struct Identifiers {
  @Test func evidenceIdsSayTheirKind() {
    for kind in EvidenceKind.allCases {
      let id = EvidenceID(kind, 12)
      #expect(id.parts?.kind == kind)
      #expect(id.parts?.number == 12)
    }
    #expect(Set(EvidenceKind.allCases.map(\.letter)).count == EvidenceKind.allCases.count)
  }

  @Test(arguments: ["", "m", "m0", "m01", "m-1", "x5", "m5 ", "M5", "m٥", "m99999999999999999999", "mm5", "5"])
  func otherTextIsNoEvidenceId(_ text: String) { #expect(EvidenceID(text).parts == nil) }

  @Test func namesAreShortPlainText() {
    for good in ["case-1", "a", "A.b_c-9", String(repeating: "x", count: 64)] { #expect(CaseID(good).isWellFormed) }
    for bad in ["", "-a", ".", "a b", "a/b", "é", "a\n", String(repeating: "x", count: 65)] {
      #expect(!CaseID(bad).isWellFormed)
    }
  }

  @Test func aDigestsBytesAreItsDigits() {
    let bytes = (0..<32).map { UInt8($0 * 8 + 7) }
    #expect(
      SHA256Hex(bytes: bytes)
        == SHA256Hex("070f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff"))
    #expect(SHA256Hex(bytes: bytes).isWellFormed)
  }

  @Test func hashesAreSixtyFourHexadecimalDigits() {
    #expect(SHA256Hex(String(repeating: "0f", count: 32)).isWellFormed)
    for bad in [
      "", String(repeating: "0", count: 63), String(repeating: "F", count: 64), String(repeating: "g", count: 64),
    ] {
      #expect(!SHA256Hex(bad).isWellFormed)
    }
  }

  @Test func stableNamesAreUnique() {
    #expect(Set(ErrorID.allCases.map(\.rawValue)).count == ErrorID.allCases.count)
    #expect(Set(EventKind.allCases.map(\.rawValue)).count == EventKind.allCases.count)
    #expect(ErrorID.allCases.allSatisfy { CaseID($0.rawValue).isWellFormed })
  }
}
