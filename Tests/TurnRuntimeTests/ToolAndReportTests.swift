// tools/list, tools/call, report/draft, evidence and artefacts, trace/get and export.

import Domain
import JSON
import Policy
import Ports
import RuntimeTestSupport
import TestSupport
import Testing
import Wire

@testable import TurnRuntime

@Suite struct ToolAndReportTests {
  static let alice = RuntimeWorld.alice

  @Test func aClientsCallIsATurnOfItsOwn() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    let params = ToolCallParams(caseID: caseID, name: "slide_overview", arguments: ["slide": "s1"], key: "k")
    let result = try await world.runtime.callTool(params, by: Self.alice)
    #expect(!result.isError)
    let ids = result.structuredContent["evidence"]?.objectValue?.keys.sorted() ?? []
    #expect(ids.contains("m1") && ids.contains("r1"))
    let kinds = world.trace.all(result.turn).map(\.kind)
    #expect(kinds.contains(.policyDecided) && kinds.contains(.toolCalled) && !kinds.contains(.modelRequested))
    try checkClosed(world.trace.all(result.turn))
    let again = try await world.runtime.callTool(params, by: Self.alice)
    #expect(again.turn == result.turn && again.structuredContent == result.structuredContent)
    let replayed = try await world.runtime.replay(TurnParams(turn: result.turn), by: Self.alice)
    #expect(replayed.verdict == "identical", "\(replayed)")
  }

  @Test func whatAToolFailsWithIsItsResultAndWhatPolicyForbidsIsAnError() async throws {
    let world = try await RuntimeWorld(
      tools: ScriptedTools(
        manifests: SampleTools.builtIn + [ScriptedTools.properties, Self.reader],
        { input, _ in
          input.tool == "slide_overview"
            ? ToolResult(error: VPathError(.slideDamaged, "A tile cannot be decoded.")) : nil
        }))
    let caseID = try await world.openCase()
    let failed = try await world.runtime.callTool(
      ToolCallParams(caseID: caseID, name: "slide_overview", arguments: ["slide": "s1"]), by: Self.alice)
    #expect(failed.isError && failed.structuredContent["error"]?["data"]?["id"] == "slide.damaged")
    for (name, arguments, id) in [
      ("no_such_tool", [:], ErrorID.toolNotFound), ("slide_properties", ["slide": "s1"], .toolNotFound),
      ("slide_overview", ["slide": 7], .protocolParams), ("strange_reader", ["slide": "s1"], .policyDenied),
    ] as [(String, JSONValue, ErrorID)] {
      let error = await #expect(throws: VPathError.self) {
        try await world.runtime.callTool(
          ToolCallParams(caseID: caseID, name: name, arguments: arguments), by: Self.alice)
      }
      #expect(error?.id == id, "\(name): \(String(describing: error))")
    }
    #expect(!world.tools.calls.contains { $0.tool == "strange_reader" })
  }

  /// A stranger's tool that wants the slide's file.
  static let reader = SampleTools.tool(
    "strange_reader", title: "Strange reader", input: .slide,
    schema: ["type": "object", "properties": ["slide": ["type": "string"]], "additionalProperties": false],
    measures: [], answers: nil)

  @Test func aCallWhoseCallerIsGoneGoesOnAndItsKeyFindsIt() async throws {
    let door = Door()
    let started = Counter()
    let world = try await RuntimeWorld(
      tools: ScriptedTools { input, _ in
        if input.tool == "slide_overview" { await door.pass() }
        return nil
      })
    let caseID = try await world.openCase()
    let params = ToolCallParams(caseID: caseID, name: "slide_overview", arguments: ["slide": "s1"], key: "k")
    let call = Task {
      try await world.runtime.callTool(params, by: Self.alice) { _ in started.add() }
    }
    #expect(await settles { door.waiting == 1 && started.value == 1 })
    call.cancel()
    let error = await #expect(throws: VPathError.self) { try await call.value }
    #expect(error?.id == .cancelled)
    door.open()
    #expect(try await world.runtime.callTool(params, by: Self.alice).isError == false)
    #expect(world.tools.calls.filter { $0.tool == "slide_overview" }.count == 1)
  }

  @Test func toolsAreListedAsMCPListsThemWithoutTheHostsOwn() async throws {
    let world = try await RuntimeWorld()
    let tools = try await world.runtime.listTools(by: Self.alice).tools
    #expect(tools.compactMap { $0["name"]?.stringValue } == SampleTools.builtInNames)
    #expect(tools.allSatisfy { $0["inputSchema"]?["type"] == "object" })
  }

  @Test func aReportIsDraftedOnceAndFoundAgain() async throws {
    let report: JSONValue = ["template": "skin_excision", "fields": []]
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
              "name": "report.json", "mediaType": "application/json", "sizeBytes": 10, "sha256": .string(hash.rawValue),
              "caption": "report",
            ])
        ])
      })
    let caseID = try await world.openCase()
    _ = try await world.finished(try await world.ask(caseID))
    let params = ReportDraftParams(caseID: caseID, template: "skin_excision", key: "r")
    let drafted = try await world.runtime.draftReport(params, by: Self.alice)
    #expect(drafted.report == report && drafted.artefacts.count == 1)
    #expect(world.tools.calls.last?.evidence.isEmpty == false, "the template is filled from the case's evidence")
    #expect(try await world.runtime.draftReport(params, by: Self.alice).turn == drafted.turn)
    #expect(trace.all(caseID).filter { $0.kind == .reportDrafted }.count == 1)
    let next = try await RuntimeWorld(trace: trace, caseFiles: world.caseFiles, names: CountingNames("x"))
    #expect(try await next.runtime.getReport(TurnParams(turn: drafted.turn), by: Self.alice).report == report)
    let none = await #expect(throws: VPathError.self) {
      try await next.runtime.getReport(TurnParams(turn: TurnID(caseID, number: 1)), by: Self.alice)
    }
    #expect(none?.id == .evidenceNotFound)
  }

  @Test func anArtefactIsReadInPiecesThatMakeTheWhole() async throws {
    let bytes = (0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    let trace = MemoryTrace(clock: ManualClock())
    let hash = try await trace.put(bytes, mediaType: "application/geo+json")
    let world = try await RuntimeWorld(
      trace: trace,
      tools: ScriptedTools { input, _ in
        guard input.tool == "slide_overview" else { return nil }
        return ToolResult(evidence: [
          ProposedEvidence(
            key: nil, kind: .artefact,
            body: [
              "name": "a", "mediaType": "application/geo+json", "sizeBytes": 2_500_000,
              "sha256": .string(hash.rawValue), "caption": "c",
            ])
        ])
      })
    let caseID = try await world.openCase()
    _ = try await world.runtime.callTool(
      ToolCallParams(caseID: caseID, name: "slide_overview", arguments: ["slide": "s1"]), by: Self.alice)
    var read: [UInt8] = []
    var offset: Int? = 0
    while let from = offset {
      let piece = try await world.runtime.readArtefact(
        ArtefactReadParams(caseID: caseID, id: "a1", offset: from), by: Self.alice)
      #expect(piece.sizeBytes == bytes.count && piece.sha256 == hash)
      read += try #require(Base64.decode(piece.data))
      offset = piece.next
    }
    #expect(read == bytes)
    let past = try await world.runtime.readArtefact(
      ArtefactReadParams(caseID: caseID, id: "a1", offset: 1 << 50), by: Self.alice)
    #expect(past.data.isEmpty && past.next == nil)
    for id in ["s1", "a9"] {
      let error = await #expect(throws: VPathError.self) {
        try await world.runtime.readArtefact(
          ArtefactReadParams(caseID: caseID, id: EvidenceID(id), offset: 0), by: Self.alice)
      }
      #expect(error?.id == .evidenceNotFound)
    }
  }

  @Test func eventsComeInPagesAndTheReadingIsRecorded() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    _ = try await world.finished(try await world.ask(caseID))
    let before = world.trace.all(caseID)
    var read: [Event] = []
    var after: Int? = 0
    while let from = after, read.count < before.count {
      let page = try await world.runtime.getEvents(
        TraceGetParams(caseID: caseID, after: from, limit: 3), by: Self.alice)
      read += page.events
      after = page.next
    }
    #expect(Array(read.prefix(before.count)) == before)
    let reads = world.trace.all(caseID).filter { $0.kind == .traceRead }
    #expect(reads.count == 1 && reads[0].payload["by"]?["uid"] == 1000)
  }

  @Test func anExportIsPassedOnPieceByPiece() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    var bytes: [UInt8] = []
    var cursor: String?
    repeat {
      let piece = try await world.runtime.export(TraceExportParams(caseID: caseID, cursor: cursor), by: Self.alice)
      bytes += try #require(Base64.decode(piece.data))
      cursor = piece.next
    } while cursor != nil
    #expect(String(decoding: bytes, as: UTF8.self) == "export of \(caseID)\n")
    #expect(world.trace.all(caseID).last { $0.kind == .traceRead }?.payload["what"] == "trace.export")
  }

  @Test func aReadThatClaimsToGoOnIsRecordedOnceAsWell() async throws {
    let world = try await RuntimeWorld()
    let caseID = try await world.openCase()
    func reads() -> Int { world.trace.all(caseID).filter { $0.kind == .traceRead }.count }
    func read(after seq: Int) async throws {
      _ = try await world.runtime.getEvents(TraceGetParams(caseID: caseID, after: seq), by: RuntimeWorld.alice)
    }
    try await read(after: 1)
    #expect(reads() == 1)
    try await read(after: 2)
    #expect(reads() == 1)
    try await read(after: 0)
    #expect(reads() == 2)
  }
}
