// Wrong slides, regions and names: each a typed error a person can act on, with the daemon still serving and its
// trace whole.

import Client
import Domain
import Glibc
import JSON
import SystemPackage
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(10))) struct BadInputTests {
  /// Runs the body against one daemon, then sees that it is well and that its trace is whole.
  ///
  /// - Parameter prepare: what is done before the daemon starts.
  static func with(
    prepare: @escaping @Sendable (TestFolder) async throws -> Void = { _ in },
    _ body: @escaping @Sendable (TestFolder, ClientConnection) async throws -> Void
  ) async throws {
    try await TestFolder.with { folder in
      folder.makeFolder("slides")
      try await prepare(folder)
      let slides = folder.path + "/slides"
      try await RunningDaemon.with(in: folder, slides: [slides]) { daemon in
        try await daemon.connected { connection in
          try await body(folder, connection)
          let health = try await connection.call(ServerMethods.health, Empty())
          #expect(health.state == "ok", "\(health.problems)")
          let verified = try await connection.call(TraceMethods.verify, TraceVerifyParams(), timeoutSeconds: 120)
          #expect(verified.ok, "\(verified.fault?.message ?? "")")
        }
      }
    }
  }

  /// Words that ask the reader to do something: every message must have some.
  private static let requests = [
    "check", "choose", "open", "give", "ask", "use", "state", "free", "name", "list", "copy", "send", "write", "draw",
    "try", "scan", "export", "install", "move", "convert", "names",
  ]

  /// The error's message tells a person what to do, and names no folder.
  static func expectHelpful(_ error: VPathError?, in folder: TestFolder, _ place: String) {
    let words = Set((error?.message ?? "").lowercased().split { !$0.isLetter }.map(String.init))
    #expect(!words.isDisjoint(with: requests), "\(place) says what to do: \(error?.message ?? "no error")")
    #expect(error?.message.contains(folder.path) == false, "\(place) shows no full path: \(error?.message ?? "")")
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
      let expected: [(String, ErrorID)] = [
        ("slides/none.svs", .slideNotFound), ("slides/text.svs", .slideUnsupported),
        ("slides/truncated.svs", .slideDamaged), ("slides/empty.svs", .slideUnsupported),
        ("slides/folder.svs", .slideUnsupported), ("slides/pipe.svs", .slideUnsupported),
        ("outside/good.svs", .slideNotAllowed), ("slides/link.svs", .slideNotAllowed),
        ("slides/../outside/good.svs", .slideNotAllowed),
      ]
      for (name, id) in expected {
        let error = await Self.open(connection, "\(folder.path)/\(name)")
        #expect(error?.id == id, "\(name): \(String(describing: error))")
        Self.expectHelpful(error, in: folder, name)
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
      let expected: [(LevelZeroRect, ErrorID)] = [
        (LevelZeroRect(x: 50_000, y: 0, width: 10, height: 10), .regionOutOfBounds),
        (LevelZeroRect(x: 0, y: 0, width: 0, height: 10), .regionOutOfBounds),
        (LevelZeroRect(x: 0, y: 0, width: -5, height: 10), .regionOutOfBounds),
        (LevelZeroRect(x: 0, y: 0, width: 1 << 50, height: 1 << 50), .regionTooLarge),
      ]
      for (rect, id) in expected {
        let error = await #expect(throws: VPathError.self) {
          try await connection.call(
            TurnMethods.start,
            TurnStartParams(caseID: opened.caseID, question: "How many?", regions: [DrawnRegion(rect: rect)]))
        }
        #expect(error?.id == id, "\(rect): \(String(describing: error))")
        Self.expectHelpful(error, in: folder, "\(rect)")
      }
      let turns = try await connection.call(TraceMethods.list, TraceListParams(caseID: opened.caseID)).turns
      #expect(turns.isEmpty)
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
      let noRegion = await #expect(throws: VPathError.self) {
        try await connection.call(
          ToolMethods.call,
          ToolCallParams(caseID: opened.caseID, name: "region_zoom", arguments: ["slide": "s1", "region": "r99"]))
      }
      #expect(noRegion?.id == .protocolParams && noRegion?.message.contains("r99") == true)
      let noEvidence = await #expect(throws: VPathError.self) {
        try await connection.call(
          EvidenceMethods.get, EvidenceGetParams(caseID: opened.caseID, ids: [EvidenceID("m77")]))
      }
      #expect(noEvidence?.id == .evidenceNotFound)
      let noMethod = await #expect(throws: VPathError.self) { try await connection.call("case/delete", [:]) }
      #expect(noMethod?.id == .protocolMethod)
      for error in [noCase, noTurn, noTool, noRegion, noEvidence, noMethod] {
        Self.expectHelpful(error, in: folder, error?.id.rawValue ?? "none")
      }
    }
  }

  @Test func withoutAScaleNothingIsCountedAndStatingOneIsTheRemedy() async throws {
    try await Self.with { folder, connection in
      let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent().string
      let path = try folder.write(
        "slides/small.tiff", try TestFolder.bytes(at: root + "/tools/cell_counter/examples/small.tiff"))
      func reason(micronsPerPixel: Double?) async throws -> String {
        let opened = try await connection.call(
          CaseMethods.open,
          CaseOpenParams(slides: [path], organ: "skin", stain: "H&E", micronsPerPixel: micronsPerPixel))
        let asked = try await AskedTurn.ask(connection, opened.caseID, "How many nuclei per mm² are there?")
        #expect(asked.answer?.findings.isEmpty == true, "a flat colour has no nucleus")
        return try #require(asked.answer?.notAssessable.first?.reason)
      }
      let without = try await reason(micronsPerPixel: nil)
      #expect(without.contains("µm") && without.lowercased().contains("state"), "\(without)")
      let with = try await reason(micronsPerPixel: 0.5)
      #expect(!with.lowercased().contains("state") && !with.contains("scale"), "\(with)")
    }
  }

  @Test func aQuestionInAnyLanguageEndsProperly() async throws {
    try await Self.with { folder, connection in
      let path = try folder.write("slides/a.svs", try TestFolder.bytes(at: try DemoSlide.path()))
      let opened = try await connection.call(CaseMethods.open, CaseOpenParams(slides: [path], stain: "H&E"))
      for question in ["Wie viele Zellkerne gibt es hier?", "这里有肿瘤吗？", "???"] {
        let asked = try await AskedTurn.ask(connection, opened.caseID, question)
        let answer = try #require(asked.answer)
        #expect(!answer.findings.isEmpty || !answer.notAssessable.isEmpty, "\(question)")
      }
      let empty = await #expect(throws: VPathError.self) {
        try await AskedTurn.ask(connection, opened.caseID, " \n\t ")
      }
      #expect(empty?.id == .protocolParams)
      Self.expectHelpful(empty, in: folder, "an empty question")
    }
  }
}
