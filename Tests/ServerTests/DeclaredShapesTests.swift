// Every method, called for real: what it takes and gives is what it declares.

import Domain
import JSON
import Policy
import Ports
import RuntimeTestSupport
import Server
import TestSupport
import Testing
import Wire

@testable import TurnRuntime

@Suite(.timeLimit(.minutes(2))) struct DeclaredShapesTests {
  @Test func everyMethodsRealResultFitsItsSchema() async throws {
    let report: JSONValue = ["fields": []]
    let trace = MemoryTrace(clock: ManualClock())
    let hash = try await trace.put(report.canonicalBytes(), mediaType: "application/json")
    let world = try await RuntimeWorld(
      trace: trace,
      tools: ScriptedTools { input, _ in
        guard input.tool == "report_template_filler" else { return nil }
        return ToolResult(evidence: [
          ProposedEvidence(
            key: nil, kind: .artefact,
            body: [
              "name": "report.json", "mediaType": "application/json", "sizeBytes": 13, "sha256": .string(hash.rawValue),
              "caption": "report",
            ])
        ])
      })
    let router = Router(world.runtime)
    let caseID = try await world.openCase()
    let turn = try await world.ask(caseID)
    let result = try await world.finished(turn)
    let drafted = try await world.runtime.draftReport(
      ReportDraftParams(caseID: caseID, template: "skin_excision"), by: RuntimeWorld.alice)
    let cited = result.evidence.keys.sorted().map(JSONValue.string)
    let (id, ofTurn) = (JSONValue.string(caseID.rawValue), JSONValue.string(turn.rawValue))
    let params: [String: JSONValue] = [
      "server/discover": [:], "server/health": [:], "model/list": [:], "model/status": [:],
      "case/open": [
        "slides": ["/slides/a.svs"], "organ": "skin", "stain": "H&E", "micronsPerPixel": 0.5, "notes": "n",
        "key": "shape",
      ],
      "case/get": ["case": id], "case/list": ["limit": 5],
      "turn/start": [
        "case": id, "question": "How many nuclei?", "key": "shape",
        "regions": [["rect": ["x": 1, "y": 1, "width": 50, "height": 50]]],
      ], "turn/get": ["turn": ofTurn], "turn/interrupt": ["turn": ofTurn],
      "turn/subscribe": ["turn": ofTurn, "after": 0], "evidence/get": ["case": id, "ids": .array(cited)],
      "artefact/read": ["case": id, "id": .string(drafted.artefacts[0].rawValue), "offset": 0], "tools/list": [:],
      "tools/call": ["case": id, "name": "slide_overview", "arguments": ["slide": "s1"]],
      "report/draft": ["case": id, "template": "lymph_node"],
      "report/get": ["turn": .string(drafted.turn.rawValue)], "trace/list": ["case": id],
      "trace/get": ["case": id, "limit": 1000], "trace/verify": ["case": id], "trace/replay": ["turn": ofTurn],
      "trace/explain": ["turn": ofTurn], "trace/export": ["case": id], "case/close": ["case": id],
    ]
    #expect(Set(params.keys) == Set(Methods.all.map(\.name)))
    let order = Methods.all.filter { $0.name != "case/close" } + Methods.all.filter { $0.name == "case/close" }
    for method in order {
      let given = try #require(params[method.name])
      #expect(try JSONSchema(method.params).validate(given) == [], "\(method.name)")
      let response = try await router.handle(method.name, given, Router.Context(principal: RuntimeWorld.alice))
      #expect(try JSONSchema(method.result).validate(response.result) == [], "\(method.name)")
      await response.subscription?.cancel()
    }
  }

  @Test func everyNoteOfHowFarACallIsFitsItsSchema() async throws {
    let door = Door()
    let world = try await RuntimeWorld(
      tools: ScriptedTools { input, progress in
        guard input.tool != "slide_properties" else { return nil }
        // Outside its range, and longer than a line: what a tool may send.
        for fraction in [nil, -1, 0.5, 2] {
          progress(ToolProgress(fraction: fraction, message: String(repeating: "x", count: 1000)))
        }
        await door.pass()
        return nil
      })
    let turn = try await world.ask(try await world.openCase())
    let subscription = try await world.runtime.subscribe(
      TurnSubscribeParams(turn: turn, after: 0), by: RuntimeWorld.alice)
    let schema = try JSONSchema(ProgressParams.schema.json)
    var seen = 0
    for await item in subscription.items {
      if case .progress(let params) = item {
        seen += 1
        #expect(schema.validate(try encodeJSON(params)) == [])
        door.open()
      }
      await subscription.ready()
    }
    #expect(seen > 0)
  }

  @Test func everyNoteFitsItsSchema() async throws {
    let world = try await RuntimeWorld()
    let notes = try await world.follow(try await world.ask(try await world.openCase()))
    let schema = try JSONSchema(TurnNotificationParams.schema.json)
    for note in notes { #expect(schema.validate(try encodeJSON(note.params)) == []) }
  }
}
