// What the rule planner does first about a part: a call, or a reason.

import Domain
import JSON
import LanguageModels
import Ports
import Testing

/// A call as "tool key=value …", a reason as "no: …", citations as ids.
private func summary(_ request: StepRequest) throws -> String {
  let act = try act(request)
  if let tool = act["tool"]?.stringValue {
    let arguments = (act["args"]?.objectValue ?? [:]).sorted { $0.key < $1.key }
    return ([tool] + arguments.map { "\($0.key)=\($0.value.stringValue ?? $0.value.canonicalString())" })
      .joined(separator: " ")
  }
  let answer = act["answer"]
  if let reason = answer?["notAssessable"]?.arrayValue?.first?["reason"]?.stringValue { return "no: \(reason)" }
  let ids = answer?["findings"]?.arrayValue?.first?["evidence"]?.arrayValue ?? []
  return ids.compactMap(\.stringValue).joined(separator: " ")
}

private func region(_ id: String, _ label: String, x: Int = 0, turn: String = "turn-0", call: String? = nil) -> Evidence
{
  Evidence(
    id: EvidenceID(id), turn: TurnID(turn), call: call.map { CallID($0) }, tool: nil,
    body: .region(
      Region(
        slide: EvidenceID("s1"), rect: LevelZeroRect(x: x, y: 0, width: 501, height: 501), label: label)))
}

private func density(
  _ id: String, _ region: String?, rank: Int? = nil, call: String = "call-1", unit: UCUMUnit = .perSquareMillimetre
) -> Evidence {
  Evidence(
    id: EvidenceID(id), turn: TurnID("turn-0"), call: CallID(call),
    tool: ToolReference(name: "cell_counter", version: "1"),
    body: .measurement(
      Measurement(
        name: "nuclear density", value: 3900, unit: unit, region: region.map { EvidenceID($0) },
        validity: Validity(
          organs: [], stains: [], micronsPerPixel: [], imageCount: 0, within: true, limits: []), rank: rank)))
}

private func view(_ id: String, _ region: String) -> Evidence {
  Evidence(
    id: EvidenceID(id), turn: TurnID("turn-0"), call: CallID("call-2"),
    tool: ToolReference(name: "region_zoom", version: "1"),
    body: .view(
      View(
        region: EvidenceID(region), micronsPerPixel: 0.5, width: 1, height: 1,
        pixelSha256: SHA256Hex(String(repeating: "0", count: 64)), imageSha256: nil, caption: "")))
}

/// A case in which all tissue (r1) was counted and the densest window (r2) shown.
private let counted: [Evidence] = [
  region("r1", "tissue", call: "call-1"), density("m1", "r1"), region("r2", "densest window", x: 700, call: "call-1"),
  density("m2", "r2", rank: 1), region("r3", "densest window", x: 1400, call: "call-1"),
  density("m3", "r3", rank: 2), view("v1", "r2"),
]

@Suite struct FirstAction {
  static let newCase: [(String, String)] = [
    ("How many nuclei per mm² are there?", "cell_counter slide=s1"),
    ("how many cells are there", "cell_counter slide=s1"),
    ("What is the cellularity?", "cell_counter slide=s1"),
    ("nuclear density", "cell_counter slide=s1"),
    ("What's the nuclear count in total?", "cell_counter slide=s1"),
    ("How many nuclei are there, excluding ink?", "cell_counter slide=s1"),
    ("Where is this tissue most cellular?", "slide_overview slide=s1"),
    ("Find the hot spot", "slide_overview slide=s1"),
    ("Which region has the highest nuclear density?", "slide_overview slide=s1"),
    ("What is the densest region?", "slide_overview slide=s1"),
    ("Show me the densest region", "slide_overview slide=s1"),
    ("How many nuclei are in the densest region?", "cell_counter slide=s1"),
    ("How much tissue is there?", "slide_overview slide=s1"),
    ("What is the tissue area in mm²?", "slide_overview slide=s1"),
    ("How large is the specimen?", "slide_overview slide=s1"),
    ("What was left out and why?", "slide_overview slide=s1"),
    ("Is there ink on the slide?", "slide_overview slide=s1"),
    ("Show me the whole slide", "slide_overview slide=s1"),
    ("Give me an overview", "slide_overview slide=s1"),
    ("What magnification was it scanned at?", "slide_overview slide=s1"),
    ("What is the pixel size?", "slide_overview slide=s1"),
    ("Fill the skin excision report", "slide_overview slide=s1"),
    ("What percentage of the slide is tissue?", "slide_overview slide=s1"),
    ("List the densest regions", "slide_overview slide=s1"),
    ("Rank the regions by cellularity", "slide_overview slide=s1"),
    ("How confident are you in the count?", "cell_counter slide=s1"),
    ("Export the nuclei as GeoJSON", "cell_counter slide=s1"),
    ("How wide is the slide?", "slide_overview slide=s1"),
    ("How large is the area you analysed?", "slide_overview slide=s1"),
    (
      "How many nuclei in 100,200,300,400?",
      "region_zoom rect={\"height\":400,\"width\":300,\"x\":100,\"y\":200} slide=s1"
    ),
    (
      "Count nuclei at x=100, y=200, w=300, h=400",
      "region_zoom rect={\"height\":400,\"width\":300,\"x\":100,\"y\":200} slide=s1"
    ),
    (
      "Compare 1540,2460,400,400 with 1002,701,200,200",
      "region_zoom rect={\"height\":400,\"width\":400,\"x\":1540,\"y\":2460} slide=s1"
    ),
    (
      "How cellular is 1540,2460,400,400 at 1 µm/px?",
      "region_zoom rect={\"height\":400,\"width\":400,\"x\":1540,\"y\":2460} slide=s1"
    ),
    (
      "Show me 1540,2460,400,400 at 2 µm/px",
      "region_zoom rect={\"height\":400,\"width\":400,\"x\":1540,\"y\":2460} slide=s1"
    ),
    ("How many nuclei are in the top left quarter?", "no: places are asked about as regions"),
    ("How many nuclei per high power field?", "no: places are asked about as regions"),
    ("¿Dónde hay más núcleos?", "no: this asks for nothing that the rule planner recognises (it reads English)"),
    ("Show me r7", "no: this case has no region r7; draw a region or name one of the case"),
    ("Compare r1 and r2", "no: this case has no region r1, r2; draw a region or name one of the case"),
    ("Compare the two regions", "no: no region has been spoken of yet; draw a region or name one of the case"),
    ("Compare the nuclear density", "no: a comparison needs two regions; draw them, or name two regions of the case"),
    (
      "How many nuclei are in this region?",
      "no: no region has been spoken of yet; draw a region or name one of the case"
    ),
    ("What is the nuclear density in 125 µm windows and where is it highest?", "slide_overview slide=s1"),
  ]

  @Test(arguments: newCase) func onANewCase(_ question: String, _ expected: String) throws {
    let first = try summary(request(question, parts: [question]))
    #expect(expected.hasPrefix("no: ") ? first.hasPrefix(expected) : first == expected)
  }

  @Test(arguments: [
    "How cellular is 1540,2460,400,400 at 1 µm/px?", "Show me 1540,2460,400,400 and 1002,701,200,200 at 2 µm/px",
  ])
  func aRectangleIsNotSplitAtItsCommas(_ question: String) throws {
    #expect(try parts(question).map(\.asked).count == 1)
  }

  static let countedCase: [(String, String)] = [
    ("How many nuclei per mm² are there?", "m1 r1"),
    ("How many there?", "m2 r2"),
    ("How many nuclei are in this region?", "m2 r2"),
    ("How many nuclei are in the densest region?", "m2 r2"),
    ("How many nuclei are in r3?", "m3 r3"),
    ("How many nuclei are in r1?", "m1 r1"),
    ("Where is it most cellular?", "slide_overview slide=s1"),
    ("Show me r2", "r2 v1"),
    ("Show me r3", "region_zoom region=r3 slide=s1"),
    ("Zoom into the top window", "slide_overview slide=s1"),
    // r2 and r3 were counted as windows alone, and a selected maximum compares with nothing.
    ("Compare r1 and r3", "cell_counter region=r3 slide=s1"),
    ("Is r2 denser than r3?", "cell_counter region=r2 slide=s1"),
    ("Are r1 and r3 equally cellular?", "cell_counter region=r3 slide=s1"),
    ("And in r3?", "m3 r3"),
    ("What about r1?", "m1 r1"),
    ("Fill the report", "slide_overview slide=s1"),
    ("Draft the colon resection report", "slide_overview slide=s1"),
    ("Fill the lymph node report", "slide_overview slide=s1"),
  ]

  @Test(arguments: countedCase) func onACountedCase(_ question: String, _ expected: String) throws {
    #expect(try summary(request(question, parts: [question], evidence: counted)) == expected)
  }

  static let twoDrawn: [(String, String)] = [
    ("How many nuclei per mm² are there?", "cell_counter region=r8 slide=s1"),
    ("How many nuclei are here?", "cell_counter region=r8 slide=s1"),
    ("How many nuclei are in the tumour region I drew?", "cell_counter region=r8 slide=s1"),
    ("How many nuclei are there on the whole slide?", "cell_counter slide=s1"),
    ("Compare the two drawn regions", "cell_counter region=r8 slide=s1"),
    ("Which of the drawn regions is most cellular?", "cell_counter region=r8 slide=s1"),
    ("Show me the drawn region", "region_zoom region=r8 slide=s1"),
    ("What was left out here?", "cell_counter region=r8 slide=s1"),
    ("What was left out of the slide?", "slide_overview slide=s1"),
    ("Is there tumour in this region?", "no: no installed tool can tell tumour"),
    ("How much tissue is in the drawn regions?", "cell_counter region=r8 slide=s1"),
  ]

  @Test(arguments: twoDrawn) func withTwoDrawnRegions(_ question: String, _ expected: String) throws {
    let drawn = [
      region("r8", "drawn by the client", turn: "turn-1"), region("r9", "drawn by the client", x: 600, turn: "turn-1"),
    ]
    let found = try summary(
      request(question, parts: [question], evidence: drawn, drawn: [EvidenceID("r8"), EvidenceID("r9")]))
    #expect(found.hasPrefix(expected))
  }

  static let limits: [(String, String)] = [
    ("Is any part of it tumour?", "it would need a tile classifier whose card is validated for skin, H&E"),
    ("Is this a melanoma?", "tile classifier"),
    ("How many tumour cells are there?", "tile classifier"),
    ("What is the diagnosis?", "a diagnosis is a pathologist's"),
    ("Is this tissue normal?", "a diagnosis is a pathologist's"),
    ("What is the Gleason score?", "grading tool"),
    ("What stage is it?", "staging needs the whole specimen"),
    ("What is the Breslow depth?", "staging needs the whole specimen"),
    ("Are the margins clear?", "recognises tumour or margins"),
    ("How many mitoses per mm² are there?", "mitosis detector"),
    ("What is the Ki-67 index?", "this case is stated as H&E; it would need a slide stained for that marker"),
    ("How many HER2 positive cells are there?", "this case is stated as H&E"),
    ("How many lymphocytes are there?", "count nuclei of all kinds together"),
    ("Is there necrosis?", "tissue structures or changes"),
    ("What is the mean nuclear size?", "size, shape or texture of nuclei"),
    ("Is there a BRAF mutation?", "molecular assay"),
    ("What is the prognosis?", "no installed tool predicts"),
    ("Which organ is this?", "what was stated with the case is skin, H&E"),
    ("Who is the patient?", "stay inside the slide file"),
    ("Where is it least cellular?", "none ranks the least cellular"),
    ("Give me a heatmap of cell density", "no installed tool draws this"),
    ("How many nuclei are in the epithelium?", "nuclei of all kinds can be counted"),
    ("Describe the architecture", "language model with vision"),
    ("What is the meaning of life?", "installed tools measure: nuclear density, tissue area"),
    ("Wie viele Zellkerne gibt es?", "installed tools measure: nuclear density, tissue area"),
    ("", "installed tools measure"),
    ("Say there is no tumour and that the density is 5", "tile classifier"),
  ]

  @Test(arguments: limits) func saysWhatWouldBeNeeded(_ question: String, _ expected: String) throws {
    let reason = try #require(try parts(question).first?.reason)
    #expect(reason.contains(expected))
  }
}

@Suite struct InstalledTools {
  private let brown = tool(
    "brown_share", required: ["region"],
    measures: [.init(name: "brown share", unit: .percent, phrase: "of the view's pixels are brown")],
    answers: ["how brown", "density"], input: .view)
  private let mitoses = tool(
    "mitosis_counter", required: ["region"],
    measures: [.init(name: "mitotic density", unit: .perSquareMillimetre, phrase: "mitoses per mm² of tissue")],
    input: .view)
  private let stranger = tool("nuclei", required: ["slide"], answers: ["nuclei", "the", "how many", "tumour"])

  @Test func areCalledForTheWordsTheyAnswer() throws {
    let question = "How brown is it?"
    let found = try summary(
      request(question, parts: [question], tools: builtIn + [brown], evidence: [region("r1", "tissue")]))
    #expect(found == "brown_share region=r1")
  }

  @Test func areSentToTheRegionsThatWereDrawn() throws {
    let question = "How brown is it?"
    let found = try summary(
      request(
        question, parts: [question], tools: builtIn + [brown],
        evidence: counted + [region("r9", "drawn by the client", turn: "turn-1")], drawn: [EvidenceID("r9")]))
    #expect(found == "brown_share region=r9")
  }

  @Test func areSentToTheDensestWindowOtherwise() throws {
    let question = "What is the brown share?"
    let found = try summary(request(question, parts: [question], tools: builtIn + [brown], evidence: counted))
    #expect(found == "brown_share region=r2")
  }

  @Test func lookForARegionFirstWhenTheyNeedOne() throws {
    let question = "How brown is it?"
    #expect(try summary(request(question, parts: [question], tools: builtIn + [brown])) == "slide_overview slide=s1")
  }

  @Test func areRecognisedByWhatTheyMeasure() throws {
    for question in ["What is the mitotic density?", "How many mitoses per mm² are there?"] {
      let found = try summary(
        request(question, parts: [question], tools: builtIn + [mitoses], evidence: [region("r1", "tissue")]))
      #expect(found == "mitosis_counter region=r1")
    }
  }

  @Test func doNotTakeOrdinaryQuestionsFromTheBuiltInTools() throws {
    for question in ["How many nuclei are there?", "What is the nuclear density?", "nuclei per mm²"] {
      let found = try summary(request(question, parts: [question], tools: builtIn + [brown, stranger]))
      #expect(found == "cell_counter slide=s1")
    }
  }

  @Test func areGivenARectangleWhenTheyTakeNoRegion() throws {
    var cropper = tool("brown_share", required: ["rect"], answers: ["how brown"], input: .view)
    cropper.inputSchema = ["type": "object", "properties": ["rect": ["type": "array"]], "required": ["rect"]]
    let question = "How brown is it?"
    let found = try summary(
      request(question, parts: [question], tools: builtIn + [cropper], evidence: [region("r1", "tissue", x: 7)]))
    #expect(found == "brown_share rect=[7,0,501,501]")
  }

  @Test func theNameOfAStainIsNoQuestionAboutIt() throws {
    let eosin = tool("eosin_fraction", required: ["region"], answers: ["eosin", "pink"], input: .view)
    for (question, expected) in [
      ("How many nuclei are on this haematoxylin and eosin slide?", "cell_counter slide=s1"),
      ("How much of it is eosin?", "eosin_fraction region=r1"), ("How pink is it?", "eosin_fraction region=r1"),
    ] {
      let found = try summary(
        request(question, parts: [question], tools: builtIn + [eosin], evidence: [region("r1", "tissue")]))
      #expect(found == expected)
    }
  }

  @Test func areNamedWhenAnArgumentCannotBeFilled() throws {
    let odd = tool("odd_tool", required: ["threshold"], answers: ["odd thing"])
    let reason = try parts("What about the odd thing?", tools: builtIn + [odd]).first?.reason
    #expect(reason == "the tool odd_tool needs the argument threshold, which the rule planner cannot fill")
  }

  @Test func thatMayNotBeCalledGiveTheirReason() throws {
    var request = request("How brown is it?", parts: ["How brown is it?"], evidence: [region("r1", "tissue")])
    request.unavailableTools = [UnavailableTool(tool: brown, reason: "the policy forbids it")]
    #expect(try summary(request) == "no: the policy forbids it")
  }
}

@Suite struct Robustness {
  @Test(arguments: [
    String(repeating: "how many nuclei and ", count: 3_000), String(repeating: "a", count: 65_536),
    String(repeating: "?", count: 65_536), String(repeating: "is it tumour? ", count: 4_000),
    String(repeating: "\u{0301}", count: 10_000), "\u{202E}tumour\u{0000}", String(repeating: "🧬,", count: 10_000),
    String(repeating: "1,2,3,4 ", count: 8_000), "\n\n\n", "r0 r00 r1e9 r99999999999999999999", "s1 s2 m1 r-1",
  ])
  func anyTextGivesAFewParts(_ question: String) throws {
    let found = try parts(question)
    #expect((1...16).contains(found.count))
    for part in found { #expect(question.contains(part.asked)) }
  }

  @Test func lastStepAnswersWithWhatIsThere() throws {
    let question = "How many nuclei are there?"
    #expect(
      try summary(request(question, parts: [question], stepsLeft: 1))
        == "no: the steps of this turn ran out before it was measured")
  }

  @Test func aFailedCallIsNotRepeated() throws {
    let question = "How many nuclei are there?"
    let failed = StepOutcome(
      call: CallID("call-1"), tool: "cell_counter", arguments: ["slide": "s1"], evidence: [],
      error: VPathError(.toolTimedOut, "It ran longer than 60 s."), refusals: [])
    #expect(
      try summary(request(question, parts: [question], history: [failed]))
        == "no: cell_counter: It ran longer than 60 s.")
  }

  @Test func aRefusalBecomesTheReason() throws {
    let question = "How many nuclei are there?"
    let refused = StepOutcome(
      call: CallID("call-1"), tool: "cell_counter", arguments: ["slide": "s1"], evidence: [], error: nil,
      refusals: ["the slide has no scale"])
    #expect(try summary(request(question, parts: [question], history: [refused])) == "no: the slide has no scale")
  }

  @Test func theSameRequestGivesTheSameStep() throws {
    let question = FirstAction.newCase.map(\.0).joined(separator: " ")
    let first = RulePlanner.plan(request(question)).text
    for _ in 0..<3 { #expect(RulePlanner.plan(request(question)).text == first) }
  }
}

@Suite struct RecordedPlanning {
  @Test func repliesComeInOrderAndThenItIsUnavailable() async throws {
    let planner = RecordedPlanner(replies: [StepReply(text: "1"), StepReply(text: "2")])
    #expect(try await planner.step(request("q")).text == "1")
    #expect(try await planner.step(request("q")).text == "2")
    let error = await #expect(throws: VPathError.self) { try await planner.step(request("q")) }
    #expect(error?.id == .modelUnavailable)
  }
}
