// Framing: the same lines however the bytes are cut, and bounded memory whatever is sent.

import Testing
import Wire

@Suite struct LineSplitterTests {
  static func pieces(_ bytes: [UInt8], cuts: [Int], limit: Int = 10, skip: Int = 40) -> [LineSplitter.Piece] {
    var splitter = LineSplitter(limitBytes: limit, skipLimitBytes: skip)
    var pieces: [LineSplitter.Piece] = []
    var start = 0
    for cut in cuts + [bytes.count] {
      pieces += splitter.feed(bytes[start..<cut])
      start = cut
    }
    return pieces + (splitter.finish().map { [$0] } ?? [])
  }

  @Test(arguments: 0..<200) func linesAreTheSameHoweverTheBytesAreCut(seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var bytes: [UInt8] = []
    for _ in 0..<next(12) {
      bytes += (0..<next(25)).map { _ in UInt8(0x61 + next(26)) }
      if next(5) > 0 { bytes.append(0x0A) }
    }
    let cuts = (0..<next(10)).map { _ in next(bytes.count + 1) }.sorted()
    let whole = Self.pieces(bytes, cuts: [], skip: 1_000_000)
    #expect(Self.pieces(bytes, cuts: cuts, skip: 1_000_000) == whole)
    let lines = bytes.split(separator: 0x0A)
    let expected = lines.map { $0.count > 10 ? LineSplitter.Piece.skipped(byteCount: $0.count) : .line(Array($0)) }
    #expect(whole == expected)
  }

  @Test func otherBreaksAreNoBreaks() {
    let bytes = Array("a\rb\u{0B}c\u{0C}\u{2028}".utf8)
    #expect(Self.pieces(bytes, cuts: [1, 3], limit: 20) == [.line(bytes)])
  }

  @Test func aLineThatDoesNotEndIsGivenUp() {
    var splitter = LineSplitter(limitBytes: 10, skipLimitBytes: 40)
    var given = false
    for _ in 0..<50 where !given { given = splitter.feed([0x61]).contains(.endless) }
    #expect(given)
  }
}
