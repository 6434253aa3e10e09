// The shipped card is read, checked against its own ratios, and refused when it contradicts itself.

import Analysis
import Glibc
import Testing

@Suite struct CounterCardTests {
  /// The shipped card, found from this file's place in the project.
  private static func bytes() throws -> [UInt8] {
    let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    let file = try #require(fopen(root + "/models/cell_counter_classical/card.json", "rb"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
    return bytes
  }

  @Test func theShippedCardIsOfThisDetectorAndItsIntervalFollowsFromItsRatios() throws {
    let card = try CounterCard(json: Self.bytes())
    #expect(card.name == "cell_counter_classical")
    #expect(NucleusDetector.version == "classical-\(card.version.prefix { $0 != "." })")
    let parameters = NucleusDetectorParameters.v1
    #expect(
      card.accepts.mpp == [
        parameters.acceptedMicronsPerPixel.lowerBound, parameters.acceptedMicronsPerPixel.upperBound,
      ])
    #expect(card.parameters["scoreOffset"] == Double(parameters.scoreOffset))
    #expect(card.parameters["floorShare"] == parameters.floorShare)
    #expect(card.parameters["maxExtentUm"] == parameters.maxExtentUm)
    #expect(card.parameters["minAreaUm2"] == parameters.minAreaUm2)
    #expect(card.parameters["maxAreaUm2"] == parameters.maxAreaUm2)
    #expect(card.accepts.stain == ["H&E"])
    #expect(card.validatedOn.images == card.validatedOn.perImage.count)
    #expect(card.interval.ratio.coverage == 0.9 && card.interval.ratio.low < 1 && card.interval.ratio.high > 1)
    #expect(card.interval.method == CountRatioInterval.method)
  }

  @Test func limitsNameWhatLiesOutside() throws {
    let card = try CounterCard(json: Self.bytes())
    #expect(card.limits(organ: "breast", micronsPerPixel: 0.499).isEmpty)
    #expect(card.limits(organ: "Breast", micronsPerPixel: 0.25).isEmpty)
    #expect(card.limits(organ: "skin", micronsPerPixel: 0.5) == ["not validated on skin"])
    #expect(card.limits(organ: nil, micronsPerPixel: 0.64).count == 2)
  }

  @Test func anOrganIsClaimedOnlyWithEnoughFieldsAndWhatSpeaksAgainstItIsSaid() throws {
    let card = try CounterCard(json: Self.bytes())
    #expect(card.validatedOn.organs == ["breast", "kidney", "prostate"])
    #expect(
      card.limits(organ: "Colon", micronsPerPixel: 0.5) == [
        "not validated on Colon", "on 8 colon fields of another data set it counted 1.8 times what people had marked",
      ])
    let text = String(decoding: try Self.bytes(), as: UTF8.self)
    #expect(throws: AnalysisError.self) {
      try CounterCard(json: Array(text.replacing("      \"breast\",\n", with: "      \"breast\", \"colon\",\n").utf8))
    }
  }

  @Test func aCardThatContradictsItselfIsRefused() throws {
    var card = try CounterCard(json: Self.bytes())
    let text = String(decoding: try Self.bytes(), as: UTF8.self)
    #expect(throws: AnalysisError.self) {
      try CounterCard(json: Array(text.replacing("\"imageCount\": 18", with: "\"imageCount\": 17").utf8))
    }
    #expect(throws: AnalysisError.self) {
      try CounterCard(json: Array(text.replacing("\"coverage\": 0.9", with: "\"coverage\": 0.5").utf8))
    }
    #expect(throws: AnalysisError.self) {
      try CounterCard(json: Array(text.replacing("\"mpp\": [0.2, 0.65]", with: "\"mpp\": [0.2]").utf8))
    }
    #expect(throws: AnalysisError.self) { try CounterCard(json: Array("{}".utf8)) }
    #expect(throws: AnalysisError.self) { try CounterCard(json: Array("not json".utf8)) }
    card.notes.append("changed")
    #expect(card.notes.last == "changed")
  }
}
