// Questions about what tiles resemble, by the shipped manifest of tile_classifier.

import Domain
import JSON
import LanguageModels
import Ports
import TestSupport
import Testing

@Suite struct TileQuestionTests {
  private static let manifest: ToolManifest? = {
    let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    guard let bytes = TemporaryFolder.read(root + "/tools/tile_classifier/tool.json"),
      let json = try? JSONValue.parse(bytes)
    else { return nil }
    return try? decodeJSON(ToolManifest.self, from: json)
  }()

  @Test(arguments: [
    "What fraction of tiles resembles carcinoma?", "What fraction of tiles resembles normal mucosa?",
    "How much of the tissue resembles tumour?", "How many tiles look like stroma?", "Classify the tissue",
    "Classify this slide", "Which tiles are most like tumour?", "Run the tile classifier",
  ])
  func goToTheClassifierWithTheWholeSlide(_ question: String) throws {
    let manifest = try #require(Self.manifest)
    // A region that was looked at before does not narrow the question.
    let seen = Evidence(
      id: EvidenceID("r1"), turn: nil, call: nil, tool: nil,
      body: .region(
        Region(
          slide: EvidenceID("s1"), rect: LevelZeroRect(x: 0, y: 0, width: 9, height: 9), label: "candidate", rank: 1)))
    let act = try act(request(question, parts: [question], tools: builtIn + [manifest], evidence: [seen]))
    #expect(act["tool"] == "tile_classifier" && act["args"] == ["slide": "s1"], "\(act)")
  }

  @Test func aRegionThatWasDrawnIsClassifiedAlone() throws {
    let question = "What fraction of tiles resembles tumour here?"
    let drawn = Evidence(
      id: EvidenceID("r3"), turn: TurnID("turn-1"), call: nil, tool: nil,
      body: .region(
        Region(
          slide: EvidenceID("s1"), rect: LevelZeroRect(x: 0, y: 0, width: 9, height: 9), label: "drawn by the client")))
    let act = try act(
      request(
        question, parts: [question], tools: builtIn + [try #require(Self.manifest)], evidence: [drawn],
        drawn: [EvidenceID("r3")]))
    #expect(act["args"]?["region"] == "r3")
  }

  @Test func areAnsweredWithWhatTheyAskForFirst() throws {
    let question = "What fraction of tiles resembles carcinoma?"
    func measured(_ id: String, _ name: String, rank: Int? = nil) -> Evidence {
      Evidence(
        id: EvidenceID(id), turn: TurnID("turn-1"), call: CallID("call-1"), tool: nil,
        body: .measurement(
          Measurement(
            name: name, value: 1, unit: .percent,
            validity: Validity(
              organs: [], stains: [], micronsPerPixel: [], imageCount: 0, within: false, limits: []), rank: rank)))
    }
    let evidence = [
      measured("m1", "classifier score for oral squamous cell carcinoma", rank: 1),
      measured("m2", "fraction of tiles resembling normal oral mucosa"),
      measured("m3", "fraction of tiles resembling oral squamous cell carcinoma"),
    ]
    let act = try act(
      request(
        question, parts: [question], tools: builtIn + [try #require(Self.manifest)], evidence: evidence,
        history: [
          StepOutcome(
            call: CallID("call-1"), tool: "tile_classifier", arguments: ["slide": "s1"], evidence: evidence.map(\.id),
            error: nil, refusals: [])
        ]))
    #expect(act["answer"]?["findings"]?.arrayValue?.first?["evidence"] == ["m3", "m2", "m1"], "\(act)")
  }

  @Test(arguments: ["Is any part of it tumour?", "Is there cancer?", "Is it malignant?"])
  func doNotMakeATumourQuestionAssessable(_ question: String) throws {
    let found = try parts(question, tools: builtIn + [try #require(Self.manifest)])
    #expect(found.count == 1 && found[0].reason?.contains("pathologist") == true)
  }

  @Test(arguments: ["How many nuclei per mm² are there?", "Where is it most cellular?"])
  func leaveOtherQuestionsToOtherTools(_ question: String) throws {
    let act = try act(request(question, parts: [question], tools: builtIn + [try #require(Self.manifest)]))
    #expect(act["tool"] != "tile_classifier")
  }
}
