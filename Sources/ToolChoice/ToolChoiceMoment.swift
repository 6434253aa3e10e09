// The moment of a turn in which a case's question is asked: made by the turn's own reducer, so that the legal actions
// and their schema are the daemon's.
// What must stay true: figures of the evidence are of the right size and nobody's measurement; nothing runs.

import Agent
import Domain
import JSON
import Policy
import Ports

/// Makes moments.
enum ToolChoiceMoment {
  /// The request of the second step: the question is one part, and the next act is asked for.
  static func request(
    _ item: ToolChoiceCase, tools: [ToolManifest], policy: Policy, model: ModelDescription?
  ) throws(VPathError) -> StepRequest {
    let isOpened = item.state == .counted || item.state == .drawn
    let slide = SlideRecord(
      id: EvidenceID(.slide, 1), fileName: "slide.svs", sizeBytes: 1_000_000, properties: isOpened ? properties : nil)
    let brief = TurnBrief(
      caseID: CaseID("case-tool-choice"), turn: TurnID("turn-\(item.id)"), task: .ask(question: item.question),
      description: CaseDescription(organ: item.state == .oral ? "oral mucosa" : "skin", stain: "H&E"), slides: [slide],
      drawnRegions: item.state == .drawn
        ? [region(400, 400, "drawn by the client"), region(1400, 1400, "drawn by the client")] : [],
      evidence: item.state == .counted ? counted : [], earlierCalls: [], tools: tools.sorted { $0.name < $1.name },
      builtInTools: tools.map(\.name), principal: Principal(uid: 0, gid: 0, pid: nil, kind: .client), caseOwnerUID: 0,
      budget: TurnBudget(), planner: "tool choice", nonce: item.id, model: model)
    var turn = Turn(brief: brief, policy: policy)
    _ = turn.reduce(TurnInput(elapsedSeconds: 0, .start))
    let parts: JSONValue = ["act": ["parts": [["asked": .string(item.question)]]]]
    let split = StepReply(text: parts.canonicalString())
    for effect in turn.reduce(TurnInput(elapsedSeconds: 0, .stepReplied(number: 1, .success(split)))) {
      if case .requestStep(let request) = effect { return request }
    }
    throw VPathError(
      .internalBug, "The question of the tool-choice case \(item.id) leads to no step; write it otherwise.",
      subject: item.id)
  }

  private static let properties = SlideProperties(
    width: 2220, height: 2967, levelCount: 1, vendor: "aperio",
    scale: SlideScale(micronsPerPixel: 0.499, source: .slide), objectivePower: 20, decoder: "none")

  /// What overview, counter and zoom leave behind.
  private static let counted: [Evidence] = [
    item("r1", "slide_overview", .region(region(100, 100, "tissue", side: 1800))),
    item("m1", "slide_overview", .measurement(measured("tissue area", 0.58, .squareMillimetre, "r1"))),
    item("r4", "cell_counter", .region(region(100, 100, "tissue", side: 1800))),
    item("m2", "cell_counter", .measurement(measured("nuclear density", 4900, .perSquareMillimetre, "r1"))),
    item("m3", "cell_counter", .measurement(measured("nuclear profile count", 2514, .one, "r1"))),
    item("r2", "cell_counter", .region(region(1000, 700, "densest window"))),
    item("m4", "cell_counter", .measurement(measured("nuclear density", 7300, .perSquareMillimetre, "r2", rank: 1))),
    item("r3", "cell_counter", .region(region(800, 1700, "densest window"))),
    item("m5", "cell_counter", .measurement(measured("nuclear density", 6200, .perSquareMillimetre, "r3", rank: 2))),
    item(
      "v1", "region_zoom",
      .view(
        View(
          region: EvidenceID("r2"), micronsPerPixel: 0.499, width: 501, height: 501,
          pixelSha256: SHA256Hex(String(repeating: "0", count: 64)), imageSha256: nil, caption: ""))),
  ]

  private static func item(_ id: String, _ tool: String, _ body: EvidenceBody) -> Evidence {
    Evidence(
      id: EvidenceID(id), turn: TurnID("turn-before"), call: CallID("call-\(tool)"),
      tool: ToolReference(name: tool, version: "1.0.0"), body: body)
  }

  private static func region(_ x: Int, _ y: Int, _ label: String, side: Int = 501) -> Region {
    Region(slide: EvidenceID(.slide, 1), rect: LevelZeroRect(x: x, y: y, width: side, height: side), label: label)
  }

  private static func measured(
    _ name: String, _ value: Double, _ unit: UCUMUnit, _ region: String, rank: Int? = nil
  ) -> Measurement {
    Measurement(
      name: name, value: value, unit: unit, region: EvidenceID(region),
      validity: Validity(
        organs: ["breast"], stains: ["H&E"], micronsPerPixel: [0.25, 0.5], imageCount: 18, within: false,
        limits: ["not validated on skin"]),
      flags: rank == nil ? [] : ["selected as a maximum"], rank: rank)
  }
}
