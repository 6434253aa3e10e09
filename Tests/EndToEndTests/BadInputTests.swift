// Wrong slides, regions and names: each a typed error a person can act on, with the daemon still serving and its
// trace whole.

import Client
import Domain
import Glibc
import JSON
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(10))) struct BadInputTests {
  /// Runs the body against one daemon, then sees that it still serves and that its trace is whole.
  static func with(
    _ body: @escaping @Sendable (TestFolder, ClientConnection) async throws -> Void
  ) async throws {
    try await TestFolder.with { folder in
      folder.makeFolder("slides")
      let slides = folder.path + "/slides"
      try await RunningDaemon.with(in: folder, slides: [slides]) { daemon in
        try await daemon.connected { connection in
          try await body(folder, connection)
          let health = try await connection.call(ServerMethods.health, Empty())
          #expect(health.state != "draining")
          let verified = try await connection.call(TraceMethods.verify, TraceVerifyParams(), timeoutSeconds: 120)
          #expect(verified.ok, "\(verified.fault?.message ?? "")")
        }
      }
    }
  }

  static func open(_ connection: ClientConnection, _ path: String) async -> VPathError? {
    do throws(VPathError) {
      _ = try await connection.call(CaseMethods.open, CaseOpenParams(slides: [path]))
      return nil
    } catch {
      return error
    }
  }

  @Test func aSlideThatIsNoneIsNamedByItsErrorAndNothingIsLost() async throws {
    try await Self.with { folder, connection in
      let good = try TestFolder.bytes(at: try DemoSlide.path())
      try folder.write("slides/text.svs", "this is no slide".utf8)
      try folder.write("slides/truncated.svs", good.prefix(good.count / 3))
      try folder.write("slides/empty.svs", [])
      try folder.write("outside/good.svs", good)
      folder.makeFolder("slides/folder.svs")
      symlink("\(folder.path)/outside/good.svs", "\(folder.path)/slides/link.svs")
      mkfifo("\(folder.path)/slides/pipe.svs", 0o600)
      let expected: [(String, Set<ErrorID>)] = [
        ("slides/none.svs", [.slideNotFound]),
        ("slides/text.svs", [.slideUnsupported]),
        ("slides/truncated.svs", [.slideUnsupported, .slideDamaged]),
        ("slides/empty.svs", [.slideUnsupported]),
        ("slides/folder.svs", [.slideUnsupported]),
        ("slides/pipe.svs", [.slideUnsupported]),
        ("outside/good.svs", [.slideNotAllowed]),
        ("slides/link.svs", [.slideNotAllowed]),
        ("slides/../outside/good.svs", [.slideNotAllowed]),
      ]
      for (name, ids) in expected {
        let error = await Self.open(connection, "\(folder.path)/\(name)")
        #expect(error.map { ids.contains($0.id) } == true, "\(name): \(String(describing: error))")
        #expect(error?.message.contains(folder.path) == false, "no full path: \(error?.message ?? "")")
      }
    }
  }

  @Test func aCorruptTileIsAnErrorAndNeverEmptyGlass() async throws {
    try await Self.with { folder, connection in
      var bytes = try TestFolder.bytes(at: try DemoSlide.path())
      // Compressed tiles fill the middle of the file; the directories lie at its end.
      for index in (bytes.count / 4)..<(bytes.count / 4 + 30_000) { bytes[index] = UInt8(truncatingIfNeeded: index) }
      let path = try folder.write("slides/corrupt.svs", bytes)
      let opened = try await connection.call(
        CaseMethods.open, CaseOpenParams(slides: [path], organ: "skin", stain: "H&E"))
      let asked = try await AskedTurn.ask(connection, opened.caseID, "How many nuclei per mm² are there?")
      #expect(asked.answer?.findings.isEmpty == true, "\(String(describing: asked.answer?.findings))")
      #expect(
        asked.answer?.notAssessable.first?.reason.contains("decode") == true, "\(String(describing: asked.answer))")
    }
  }

  @Test func aRegionThatIsNotOnTheSlideIsRefusedBeforeAnythingRuns() async throws {
    try await Self.with { folder, connection in
      let path = try folder.write("slides/a.svs", try TestFolder.bytes(at: try DemoSlide.path()))
      let opened = try await connection.call(CaseMethods.open, CaseOpenParams(slides: [path]))
      for rect in [
        LevelZeroRect(x: 50_000, y: 0, width: 10, height: 10), LevelZeroRect(x: 0, y: 0, width: 0, height: 10),
        LevelZeroRect(x: 0, y: 0, width: -5, height: 10),
        LevelZeroRect(x: 0, y: 0, width: 1 << 50, height: 1 << 50),
      ] {
        let error = await #expect(throws: VPathError.self) {
          try await connection.call(
            TurnMethods.start,
            TurnStartParams(caseID: opened.caseID, question: "How many?", regions: [DrawnRegion(rect: rect)]))
        }
        #expect(
          error?.id == .regionOutOfBounds || error?.id == .regionTooLarge, "\(rect): \(String(describing: error))")
      }
    }
  }

  @Test func unknownNamesAreNotFound() async throws {
    try await Self.with { folder, connection in
      let path = try folder.write("slides/a.svs", try TestFolder.bytes(at: try DemoSlide.path()))
      let opened = try await connection.call(CaseMethods.open, CaseOpenParams(slides: [path]))
      let noCase = await #expect(throws: VPathError.self) {
        try await connection.call(CaseMethods.get, CaseParams(caseID: CaseID("case-none")))
      }
      #expect(noCase?.id == .caseNotFound)
      let noTurn = await #expect(throws: VPathError.self) {
        try await connection.call(TurnMethods.get, TurnParams(turn: TurnID("turn-none")))
      }
      #expect(noTurn?.id == .turnNotFound)
      let noTool = await #expect(throws: VPathError.self) {
        try await connection.call(
          ToolMethods.call, ToolCallParams(caseID: opened.caseID, name: "no_such_tool", arguments: [:]))
      }
      #expect(noTool?.id == .toolNotFound)
      let noEvidence = await #expect(throws: VPathError.self) {
        try await connection.call(
          EvidenceMethods.get, EvidenceGetParams(caseID: opened.caseID, ids: [EvidenceID("m77")]))
      }
      #expect(noEvidence?.id == .evidenceNotFound)
      let noMethod = await #expect(throws: VPathError.self) { try await connection.call("case/delete", [:]) }
      #expect(noMethod?.id == .protocolMethod)
    }
  }

  @Test(arguments: ["Wie viele Zellkerne gibt es hier?", "这里有肿瘤吗？", "???", " \n\t "])
  func aQuestionInAnyLanguageEndsProperly(question: String) async throws {
    try await Self.with { folder, connection in
      let path = try folder.write("slides/a.svs", try TestFolder.bytes(at: try DemoSlide.path()))
      let opened = try await connection.call(CaseMethods.open, CaseOpenParams(slides: [path], stain: "H&E"))
      do {
        let asked = try await AskedTurn.ask(connection, opened.caseID, question)
        #expect(asked.answer.map { !$0.findings.isEmpty || !$0.notAssessable.isEmpty } == true)
      } catch let error as VPathError {
        #expect(error.id == .protocolParams)
      }
    }
  }
}
