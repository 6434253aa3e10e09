// The schema of the moment: it accepts what the turn accepts and names only what is there.

import Agent
import Domain
import JSON
import LanguageModels
import Ports
import TestSupport
import Testing

@Suite struct StepSchemas {
  @Test func everyStepOfTheRulePlannerIsLegalByItsSchema() throws {
    for question in [
      DemoQuestion.question, "Show me 1,2,3,4", "Fill the skin excision report", "Compare r1 and r2", "tumour?", "",
    ] {
      let turn = try run(brief(question))
      for request in turn.requests {
        let step = try JSONValue.parse(RulePlanner.plan(request).text)
        #expect(try JSONSchema(request.schema).validate(step) == [], "\(question)")
      }
    }
  }

  @Test func namesOnlyRegionsOfTheCase() throws {
    let turn = try run(brief("Where is it most cellular?"))
    let request = try #require(turn.requests.last)
    let schema = try JSONSchema(request.schema)
    func accepts(_ step: String) throws -> Bool { schema.accepts(try JSONValue.parse(step)) }
    #expect(try accepts(#"{"act":{"tool":"region_zoom","args":{"region":"r5"}}}"#))
    #expect(try !accepts(#"{"act":{"tool":"region_zoom","args":{"region":"r99"}}}"#))
    #expect(try !accepts(#"{"act":{"tool":"region_zoom","args":{"region":"s1"}}}"#))
    #expect(try !accepts(#"{"act":{"tool":"rm","args":{}}}"#))
    #expect(try accepts(#"{"act":{"answer":{"findings":[{"part":1,"evidence":["m5"]}],"notAssessable":[]}}}"#))
    #expect(try !accepts(#"{"act":{"answer":{"findings":[{"part":2,"evidence":["m5"]}],"notAssessable":[]}}}"#))
    #expect(try !accepts(#"{"act":{"answer":{"findings":[{"part":1,"evidence":["q1"]}],"notAssessable":[]}}}"#))
  }

  @Test func aToolWhoseOnlyCallWasMadeIsNotOfferedAgain() throws {
    let turn = try run(brief("Where is it most cellular?"))
    #expect(turn.requests[1].tools.map(\.name).contains("slide_overview"))
    let after = turn.requests[2]
    #expect(!after.tools.map(\.name).contains("slide_overview"))
    #expect(after.unavailableTools.map(\.reason) == ["slide_overview was called already in this turn"])
  }

  @Test func aToolThatNeedsARegionWaitsForOne() throws {
    let turn = try run(brief("How many nuclei are there?", tools: SampleTools.builtIn + [SampleTools.brownness]))
    #expect(
      turn.requests[0].unavailableTools.map(\.reason) == ["brown_share needs a region, and this case has none yet"])
    #expect(turn.requests[2].tools.map(\.name).contains("brown_share"))
  }

  @Test func toolsAreSortedOut() throws {
    func reasons(_ change: (inout ToolManifest) -> Void, organ: String? = "skin") throws -> [String] {
      var tool = SampleTools.counter
      change(&tool)
      return try run(brief("How many nuclei are there?", organ: organ, tools: [tool], opened: true))
        .requests[0].unavailableTools.map(\.reason)
    }
    #expect(
      try reasons { $0.vpath.accepts = .init(stain: ["DAB"]) } == [
        "cell_counter is made for the stain DAB; this case is stated as H&E"
      ])
    #expect(
      try reasons { $0.vpath.accepts = .init(organ: ["colon", "breast"]) } == [
        "cell_counter is made for colon, breast; this case is stated as skin"
      ])
    #expect(try reasons({ $0.vpath.accepts = .init(organ: ["colon"]) }, organ: nil) == [])
    #expect(
      try reasons { $0.vpath.accepts = .init(mpp: [0.2, 0.3]) } == [
        "cell_counter needs 0.3 µm/px or finer; the slides of this case are coarser"
      ])
    #expect(
      try reasons { $0.inputSchema = ["type": "nonsense"] } == [
        "cell_counter has an input schema that cannot be checked"
      ])
  }

  @Test func aLongCaseDoesNotMakeStepsLonger() throws {
    let many = (1...2_000).map { number in
      Evidence(
        id: EvidenceID(.region, number), turn: TurnID("turn-0"), call: nil, tool: nil,
        body: .region(
          Region(slide: "s1", rect: LevelZeroRect(x: number, y: 0, width: 9, height: 9), label: "candidate")))
    }
    let turn = try run(brief("How many nuclei are there?", evidence: many))
    #expect(turn.requests[1].evidence.count == 257)
    #expect(turn.requests[1].evidence.first?.id == "s1")
    #expect(turn.requests[1].evidence.last?.id == "r2000")
    #expect(turn.evidence.first?.id == "r2001", "ids go on from all there are")
  }

  @Test func aSchemaWithReferencesIsNotTakenApart() throws {
    var tool = SampleTools.counter
    tool.inputSchema = [
      "type": "object", "properties": ["slide": ["$ref": "#/$defs/id"]], "$defs": ["id": ["type": "string"]],
      "required": ["slide"],
    ]
    let turn = try run(brief("How many nuclei are there?", tools: [tool]))
    #expect(turn.outcome.stop == .answered)
    #expect(turn.ran.count == 1)
  }
}
