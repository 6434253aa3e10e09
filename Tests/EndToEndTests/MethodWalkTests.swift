// Every method of the API, asked of the real daemon on a real slide: what it gives is what it declares.

import Domain
import JSON
import TestSupport
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(5))) struct MethodWalkTests {
  @Test func everyMethodGivesWhatItDeclares() async throws {
    try await TestFolder.with { folder in
      let slide = try DemoSlide.path()
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        let client = try RawClient(daemon.socket)
        var asked: Set<String> = []
        /// The result of a method, by its own schemas.
        func ask(_ name: String, _ params: JSONValue) async throws -> JSONValue {
          asked.insert(name)
          let method = try #require(Methods.all.first { $0.name == name })
          #expect(try JSONSchema(method.params).validate(params) == [], "\(name)")
          let answer = await client.call(name, params)
          let result = try #require(answer?["result"], "\(name): \(String(describing: answer))")
          #expect(try JSONSchema(method.result).validate(result) == [], "\(name)")
          return result
        }
        let known = try await ask("server/discover", [:])
        #expect(known.canonicalString().contains("turn/start"))
        #expect(try await ask("server/health", [:])["state"] == "ok")
        let models = try await ask("model/list", [:])["models"]?.arrayValue ?? []
        #expect(models.contains { $0["name"] == "smollm2-135m-instruct" && $0["used"] == false })
        let plans = try await ask("model/status", [:])
        #expect(plans["state"] == "none" && plans["planning"] == "rules")
        let tools = try await ask("tools/list", [:])["tools"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
        #expect(tools.contains("cell_counter") && tools.contains("slide_overview"))
        #expect(!tools.contains("slide_properties"), "what the daemon keeps to itself is not offered")

        let opened = try await ask("case/open", ["slides": [.string(slide)], "organ": "skin", "stain": "H&E"])
        let caseID = try #require(opened["case"])
        let started = try await ask(
          "turn/start",
          [
            "case": caseID, "question": "How cellular is it here?", "key": "walk",
            "regions": [["rect": ["x": 1540, "y": 2460, "width": 200, "height": 200]]],
          ])
        let turn = try #require(started["turn"])
        _ = try await ask("turn/subscribe", ["turn": turn, "after": 0])
        while let message = await client.next(), message["method"] != "turn/completed" {}
        let result = try await ask("turn/get", ["turn": turn])
        #expect(result["stop"] == "answered")
        #expect(try await ask("turn/interrupt", ["turn": turn])["accepted"] == false, "it has ended")
        let cited = try #require(result["answer"]?["findings"]?.arrayValue?.first?["evidence"])
        let evidence = try await ask("evidence/get", ["case": caseID, "ids": cited])
        #expect(evidence["evidence"]?.objectValue?.count == cited.arrayValue?.count)

        let called = try await ask(
          "tools/call", ["case": caseID, "name": "slide_overview", "arguments": ["slide": "s1"]])
        #expect(called["isError"] == false)
        let report = try await ask("report/draft", ["case": caseID, "template": "skin_excision"])
        let reportTurn = try #require(report["turn"])
        #expect(try await ask("report/get", ["turn": reportTurn])["report"] == report["report"])
        let artefact = try #require(report["artefacts"]?.arrayValue?.first)
        #expect(try await ask("artefact/read", ["case": caseID, "id": artefact, "offset": 0])["data"] != nil)

        let cases = try await ask("case/list", ["limit": 5])["cases"]?.arrayValue ?? []
        #expect(cases.map { $0["case"] } == [caseID])
        #expect(try await ask("case/get", ["case": caseID])["turns"]?.arrayValue?.contains(turn) == true)
        let turns = try await ask("trace/list", ["case": caseID])["turns"]?.arrayValue ?? []
        #expect(turns.contains { $0["turn"] == turn })
        let events = try await ask("trace/get", ["case": caseID, "turn": turn, "limit": 1000])["events"]?.arrayValue
        #expect(events?.last?["kind"] == "turn.completed")
        #expect(try await ask("trace/replay", ["turn": turn])["verdict"] == "identical")
        #expect(try await ask("trace/explain", ["turn": turn])["findings"]?.arrayValue?.isEmpty == false)
        #expect(try await ask("trace/export", ["case": caseID])["data"] != nil)
        _ = try await ask("case/close", ["case": caseID])
        #expect(try await ask("case/get", ["case": caseID])["state"] == "closed")
        #expect(await client.error("turn/start", ["case": caseID, "question": "And now?"]) == "case.not_found")
        #expect(try await ask("trace/verify", [:])["ok"] == true)
        #expect(asked == Set(Methods.all.map(\.name)), "every method is asked")
      }
    }
  }
}
