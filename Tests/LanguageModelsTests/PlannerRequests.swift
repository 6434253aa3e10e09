// Requests as Agent makes them, for tests of planners alone.

import Domain
import JSON
import LanguageModels
import Ports

/// A tool with an input schema of named text arguments.
func tool(
  _ name: String, required: [String] = [], optional: [String] = [], measures: [ToolManifest.Measure] = [],
  answers: [String]? = nil, input: ToolManifest.Needs.Input = .slide
) -> ToolManifest {
  var properties: [String: JSONValue] = [:]
  for key in required + optional { properties[key] = ["type": key == "windowMicrons" ? "number" : "string"] }
  if optional.contains("rect") { properties["rect"] = ["type": "object"] }
  if required.contains("template") {
    properties["template"] = ["type": "string", "enum": ["skin_excision", "colorectal_resection", "lymph_node"]]
  }
  return ToolManifest(
    name: name, title: nil, description: name,
    inputSchema: [
      "type": "object", "properties": .object(properties), "required": .array(required.map { .string($0) }),
      "additionalProperties": false,
    ],
    vpath: ToolManifest.Block(
      version: "1", run: ["./x"], protocol: .once, lifetime: .call,
      needs: ToolManifest.Needs(input: input, network: false), accepts: nil, measures: measures,
      limits: ToolManifest.Limits(seconds: 1, memoryMiB: 1, outputMiB: 1), answers: answers, why: "tests"))
}

let builtIn: [ToolManifest] = [
  tool(
    "cell_counter", required: ["slide"], optional: ["region", "windowMicrons"],
    measures: [.init(name: "nuclear density", unit: .perSquareMillimetre, phrase: "nuclear profiles per mm²")]),
  tool("region_zoom", optional: ["slide", "region", "rect"]),
  tool("report_template_filler", required: ["template"], input: .evidence),
  tool(
    "slide_overview", required: ["slide"],
    measures: [.init(name: "tissue area", unit: .squareMillimetre, phrase: "mm² of tissue")]),
]

/// A request about a case with one slide that nobody has opened.
func request(
  _ question: String, parts: [String] = [], tools: [ToolManifest] = builtIn, evidence: [Evidence] = [],
  drawn: [EvidenceID] = [], history: [StepOutcome] = [], stain: String? = "H&E", stepsLeft: Int = 10
) -> StepRequest {
  let slide = SlideRecord(id: EvidenceID("s1"), fileName: "a.svs", sizeBytes: 1)
  return StepRequest(
    turn: TurnID("turn-1"), number: parts.isEmpty ? 1 : 2, question: question,
    parts: parts.enumerated().map { QuestionPart(part: $0.offset + 1, asked: $0.element) },
    description: CaseDescription(organ: "skin", stain: stain),
    evidence: [Evidence(id: slide.id, turn: nil, call: nil, tool: nil, body: .slide(slide))] + evidence, tools: tools,
    history: history, drawnRegions: drawn, schema: true, stepsLeft: stepsLeft, corrections: [])
}

/// What the planner does in a step.
func act(_ request: StepRequest) throws -> JSONValue {
  try JSONValue.parse(RulePlanner.plan(request).text)["act"] ?? .null
}

/// The parts a question is split into.
func parts(_ question: String, tools: [ToolManifest] = builtIn) throws -> [(asked: String, reason: String?)] {
  let list = try act(request(question, tools: tools))["parts"]?.arrayValue ?? []
  return list.map { ($0["asked"]?.stringValue ?? "", $0["notAssessable"]?.stringValue) }
}
