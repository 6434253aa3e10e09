// Cases: opened on slides alone, seen by their owner alone, closed for good; and the lists of them.

import Domain
import JSON
import Policy
import Ports
import RuntimeTestSupport
import TestSupport
import Testing
import Wire

@testable import TurnRuntime

@Suite struct CaseAccessTests {
  @Test func aFileThatIsNoSlideFailsAtOpenWithItsNameAndNothingIsRecorded() async throws {
    let world = try await RuntimeWorld()
    for (path, id) in [
      ("/slides/text.svs", ErrorID.slideUnsupported), ("/slides/missing.svs", .slideNotFound),
      ("/etc/passwd", .slideNotAllowed),
    ] {
      let error = await #expect(throws: VPathError.self) { try await world.openCase(slides: ["/slides/a.svs", path]) }
      #expect(error?.id == id && error?.subject?.hasPrefix("/") == false, "\(String(describing: error))")
    }
    #expect(world.trace.caseIDs.isEmpty)
    #expect(await world.caseFiles.kept().isEmpty)
  }

  @Test func anOpenedCaseRecordsSlidesOwnerAndTheCallThatReadThemButNoPath() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase(slides: ["/slides/secret/a.svs"])
    let events = world.trace.all(caseID)
    #expect(events.prefix(4).map(\.kind) == [.caseOpened, .policyDecided, .toolCalled, .toolReturned])
    #expect(events[0].payload["owner"] == 1000 && events[0].payload["decision"]?["effect"] == "permit")
    #expect(events.allSatisfy { !$0.payload.canonicalString().contains("secret") })
    #expect(try await world.caseFiles.load(caseID).map(\.path) == ["/slides/secret/a.svs"])
    let found = try await world.runtime.getCase(CaseParams(caseID: caseID), by: RuntimeWorld.alice)
    #expect(found.slides[0].properties == SampleResults.properties)
  }

  @Test func theSameKeyOpensTheSameCaseAlsoAfterARestartAndForNobodyElse() async throws {
    let world = try await RuntimeWorld()
    let params = CaseOpenParams(slides: ["/slides/a.svs"], organ: "skin", stain: "H&E", key: "k")
    let caseID = try await world.runtime.openCase(params, by: RuntimeWorld.alice).caseID
    // The slide's hash comes when it comes.
    #expect(await settles { world.trace.all(caseID).contains { $0.kind == .slideHashed } })
    let events = world.trace.all(caseID).count
    #expect(try await world.runtime.openCase(params, by: RuntimeWorld.alice).caseID == caseID)
    #expect(world.trace.all(caseID).count == events, "a retry records nothing")
    #expect(world.trace.all(caseID).allSatisfy { !$0.payload.canonicalString().contains("\"k\"") })
    let next = try await RuntimeWorld(trace: world.trace, caseFiles: world.caseFiles, names: CountingNames("next"))
    #expect(try await next.runtime.openCase(params, by: RuntimeWorld.alice).caseID == caseID)
    #expect(try await next.runtime.openCase(params, by: RuntimeWorld.bob).caseID != caseID)
    for other in [
      CaseOpenParams(slides: ["/slides/b.svs"], organ: "skin", stain: "H&E", key: "k"),
      CaseOpenParams(slides: ["/slides/x/a.svs"], organ: "skin", stain: "H&E", key: "k"),
      CaseOpenParams(slides: ["/slides/a.svs", "/slides/a.svs"], organ: "skin", stain: "H&E", key: "k"),
      CaseOpenParams(slides: ["/slides/a.svs"], organ: "colon", stain: "H&E", key: "k"),
    ] {
      let error = await #expect(throws: VPathError.self) {
        try await next.runtime.openCase(other, by: RuntimeWorld.alice)
      }
      #expect(error?.id == .protocolParams && error?.subject == "key")
    }
    _ = try await next.runtime.closeCase(CaseParams(caseID: caseID), by: RuntimeWorld.alice)
    #expect(try await next.runtime.openCase(params, by: RuntimeWorld.alice).state == "closed")
  }

  @Test func anOpenThatNobodyWaitsForAnyMoreLeavesAWholeCase() async throws {
    let world = try await RuntimeWorld()
    let params = CaseOpenParams(slides: ["/slides/a.svs"], organ: "skin", stain: "H&E", key: "k")
    world.trace.hold()
    let opening = Task { try await world.runtime.openCase(params, by: RuntimeWorld.alice) }
    #expect(await settles { await !world.caseFiles.kept().isEmpty })
    opening.cancel()
    world.trace.release()
    _ = try? await opening.value
    let caseID = try await world.runtime.openCase(params, by: RuntimeWorld.alice).caseID
    #expect(try await world.finished(try await world.ask(caseID)).stop == .answered)
  }

  @Test func twoOpensUnderOneKeyAtOnceMakeOneCase() async throws {
    let door = Door()
    let world = try await RuntimeWorld(
      tools: ScriptedTools { _, _ in
        await door.pass()
        return nil
      })
    let params = CaseOpenParams(slides: ["/slides/a.svs"], key: "k")
    let first = Task { try await world.runtime.openCase(params, by: RuntimeWorld.alice) }
    #expect(await settles { door.waiting == 1 })
    let error = await #expect(throws: VPathError.self) {
      try await world.runtime.openCase(params, by: RuntimeWorld.alice)
    }
    #expect(error?.id == .serverOverloaded && error?.retryable == true)
    door.open()
    let caseID = try await first.value.caseID
    #expect(try await world.runtime.openCase(params, by: RuntimeWorld.alice).caseID == caseID)
    #expect(world.trace.caseIDs == [caseID])
  }

  @Test func aFailedOpenLeavesItsKeyFree() async throws {
    let world = try await RuntimeWorld()
    let failed = await #expect(throws: VPathError.self) {
      try await world.runtime.openCase(
        CaseOpenParams(slides: ["/slides/text.svs"], key: "k"), by: RuntimeWorld.alice)
    }
    #expect(failed?.id == .slideUnsupported)
    let opened = try await world.runtime.openCase(
      CaseOpenParams(slides: ["/slides/a.svs"], key: "k"), by: RuntimeWorld.alice)
    #expect(opened.state == "open")
  }

  @Test func anothersCaseIsAsIfItWereNotThere() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    let turn = try await world.ask(caseID)
    _ = try await world.finished(turn)
    let bob = RuntimeWorld.bob
    let runtime = world.runtime
    let attempts: [(ErrorID, @Sendable () async throws -> Void)] = [
      (.caseNotFound, { _ = try await runtime.getCase(CaseParams(caseID: caseID), by: bob) }),
      (.caseNotFound, { _ = try await runtime.closeCase(CaseParams(caseID: caseID), by: bob) }),
      (.caseNotFound, { _ = try await world.ask(caseID, by: bob) }),
      (.turnNotFound, { _ = try await runtime.getTurn(TurnParams(turn: turn), by: bob) }),
      (.turnNotFound, { _ = try await runtime.interruptTurn(TurnParams(turn: turn), by: bob) }),
      (.turnNotFound, { _ = try await runtime.subscribe(TurnSubscribeParams(turn: turn, after: 0), by: bob) }),
      (.caseNotFound, { _ = try await runtime.getEvidence(EvidenceGetParams(caseID: caseID, ids: ["s1"]), by: bob) }),
      (
        .caseNotFound,
        { _ = try await runtime.readArtefact(ArtefactReadParams(caseID: caseID, id: "a1", offset: 0), by: bob) }
      ),
      (
        .caseNotFound,
        { _ = try await runtime.callTool(ToolCallParams(caseID: caseID, name: "x", arguments: [:]), by: bob) }
      ),
      (.caseNotFound, { _ = try await runtime.draftReport(ReportDraftParams(caseID: caseID, template: "x"), by: bob) }),
      (.turnNotFound, { _ = try await runtime.getReport(TurnParams(turn: turn), by: bob) }),
      (.caseNotFound, { _ = try await runtime.getEvents(TraceGetParams(caseID: caseID), by: bob) }),
      (.caseNotFound, { _ = try await runtime.listTurns(TraceListParams(caseID: caseID), by: bob) }),
      (.turnNotFound, { _ = try await runtime.replay(TurnParams(turn: turn), by: bob) }),
      (.turnNotFound, { _ = try await runtime.explain(TraceExplainParams(turn: turn), by: bob) }),
      (.caseNotFound, { _ = try await runtime.export(TraceExportParams(caseID: caseID), by: bob) }),
      (.caseNotFound, { _ = try await runtime.verify(TraceVerifyParams(caseID: caseID), by: bob) }),
      (.policyDenied, { _ = try await runtime.verify(TraceVerifyParams(), by: bob) }),
    ]
    for (index, (id, attempt)) in attempts.enumerated() {
      let error = await #expect(throws: VPathError.self) { try await attempt() }
      #expect(error?.id == id, "attempt \(index): \(String(describing: error))")
    }
    #expect(try await runtime.listCases(PageParams(), by: bob).cases.isEmpty)
    #expect(try await runtime.listTurns(TraceListParams(), by: bob).turns.isEmpty)
  }

  @Test func namesThatAreNoneAreNotFound() async throws {
    let world = try await RuntimeWorld()
    for name in ["case-none", "daemon", "", "case-", "../case-1", "case-\u{1F600}", String(repeating: "c", count: 70)] {
      let error = await #expect(throws: VPathError.self) {
        try await world.runtime.getCase(CaseParams(caseID: CaseID(name)), by: RuntimeWorld.alice)
      }
      #expect(error?.id == .caseNotFound, "\(name)")
    }
    let caseID = try await world.openCase()
    for name in ["turn-none", "turn-", "turn--1", "\(TurnID(caseID, number: 7))", "turn-n1-0", "turn-n1-01", "x"] {
      let error = await #expect(throws: VPathError.self) {
        try await world.runtime.getTurn(TurnParams(turn: TurnID(name)), by: RuntimeWorld.alice)
      }
      #expect(error?.id == .turnNotFound, "\(name)")
    }
  }

  @Test func aTurnsIdTellsItsCase() {
    #expect(TurnID(CaseID("case-abc"), number: 3).rawValue == "turn-abc-3")
    #expect(TurnID("turn-abc-3").parts?.caseID == CaseID("case-abc"))
    #expect(TurnID("turn-a-b-12").parts?.number == 12)
    #expect(TurnID("turn-3").parts == nil)
  }

  @Test func closingACaseEndsItsTurnsAndProcessesAndTakesNoMore() async throws {
    let door = Door()
    let world = try await RuntimeWorld(
      tools: ScriptedTools { input, _ in
        if input.tool != "slide_properties" { await door.pass() }
        return nil
      })
    let caseID = try await world.openCase()
    let turns = [try await world.ask(caseID), try await world.ask(caseID)]
    _ = try await world.runtime.closeCase(CaseParams(caseID: caseID), by: RuntimeWorld.alice)
    for turn in turns { try checkClosed(world.trace.all(turn)) }
    #expect(world.trace.all(caseID).last { $0.kind != .slideHashed }?.kind == .caseClosed)
    #expect(await settles { world.tools.released == [caseID] })
    #expect(await settles { await world.caseFiles.kept().isEmpty }, "where its slides lie is forgotten")
    let refused = await #expect(throws: VPathError.self) { try await world.ask(caseID) }
    #expect(refused?.id == .caseNotFound)
    let twice = await #expect(throws: VPathError.self) {
      try await world.runtime.closeCase(CaseParams(caseID: caseID), by: RuntimeWorld.alice)
    }
    #expect(twice?.id == .caseNotFound)
    let found = try await world.runtime.getCase(CaseParams(caseID: caseID), by: RuntimeWorld.alice)
    #expect(found.state == "closed" && found.turns == turns)
  }

  @Test func listsComeInPagesThatLeaveNothingOut() async throws {
    let world = try await RuntimeWorld()
    var cases: [CaseID] = []
    for index in 0..<7 {
      cases.append(try await world.openCase(by: index % 3 == 0 ? RuntimeWorld.bob : RuntimeWorld.alice))
    }
    var found: [CaseID] = []
    var cursor: String?
    repeat {
      let page = try await world.runtime.listCases(PageParams(limit: 2, cursor: cursor), by: RuntimeWorld.alice)
      #expect(page.cases.count <= 2)
      found += page.cases.map(\.caseID)
      cursor = page.next
    } while cursor != nil
    #expect(found == cases.enumerated().filter { $0.offset % 3 != 0 }.map(\.element).reversed())
  }

  @Test func manyCasesStayUsableInLittleMemory() async throws {
    let world = try await RuntimeWorld(limits: RuntimeLimits(idleCases: 2))
    var cases: [CaseID] = []
    for _ in 0..<6 { cases.append(try await world.openCase()) }
    for _ in 0..<2 {
      for caseID in cases { #expect(try await world.finished(try await world.ask(caseID)).stop == .answered) }
    }
    let counted = world.tools.calls.filter { $0.tool == "cell_counter" }
    #expect(counted.count == 6, "a case read again from the trace knows what was measured in it")
  }
}
