// The tile classifier in a whole turn: OpenVINO loaded in the sandbox, resemblance measured, drawn and cited, and no
// diagnosis made of it.

import Client
import Domain
import JSON
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(10))) struct TileClassifierTests {
  /// The demo slide is skin; stated as oral mucosa, squamous epithelium too, it is one that the shipped card accepts.
  private static func open(_ connection: ClientConnection) async throws -> CaseID {
    try await connection.call(
      CaseMethods.open, CaseOpenParams(slides: [try DemoSlide.path()], organ: "oral mucosa", stain: "H&E")
    ).caseID
  }

  @Test func whatTilesResembleIsMeasuredInTheSandboxCitedAndReplayedAndTumourStaysAPathologists() async throws {
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        try await daemon.connected { connection in
          #expect(try await connection.call(ServerMethods.health, Empty()).sandbox)
          let caseID = try await Self.open(connection)
          let asked = try await AskedTurn.ask(
            connection, caseID, "What fraction of tiles resembles carcinoma, and is any part of it tumour?")
          let answer = try #require(asked.answer)
          #expect(answer.stop == .answered)
          let findings = answer.findings.filter { $0.part == 1 }
          let statement = try #require(
            findings.first { $0.statement.contains("% of tiles resemble") }?.statement,
            "\(answer.findings.map(\.statement)) \(answer.notAssessable)")
          #expect(
            statement.prefix(120).contains("% of tiles resemble") && statement.prefix(200).contains("carcinoma"),
            "what was asked for comes first: \(statement)")
          #expect(statement.contains("experimental"), "\(statement)")
          #expect(statement.contains("no diagnosis"), "\(statement)")
          #expect(answer.notAssessable.map(\.part) == [2])
          #expect(!answer.findings.contains { $0.part == 2 })

          // The slide has too few blocks of tissue for an interval, and the answer says so.
          let evidence = asked.result.evidence.values
          let cited = Set(findings.flatMap(\.evidence))
          let measured = evidence.filter { cited.contains($0.id) }.compactMap { item -> Measurement? in
            if case .measurement(let measurement) = item.body { return measurement }
            return nil
          }
          let fraction = try #require(measured.first { $0.name.hasPrefix("fraction of tiles resembling") })
          #expect((0...100).contains(fraction.value) && fraction.unit == .percent)
          #expect(fraction.interval == nil && statement.contains("so no interval"), "\(statement)")
          #expect(fraction.ratio?.denominatorName == "tiles")
          let files = evidence.compactMap { item -> String? in
            if case .artefact(let artefact) = item.body, item.tool?.name == "tile_classifier" {
              return artefact.mediaType
            }
            return nil
          }
          #expect(Set(files) == ["image/png", "application/geo+json"], "\(files)")

          let replay = try await connection.call(
            TraceMethods.replay, TurnParams(turn: answer.turn), timeoutSeconds: 300)
          #expect(replay.verdict == "identical", "\(replay.message ?? "")")
          let verified = try await connection.call(TraceMethods.verify, TraceVerifyParams(), timeoutSeconds: 300)
          #expect(verified.ok, "\(verified.fault?.message ?? "")")
        }
      }
    }
  }

  @Test func anOrganThatTheCardDoesNotAcceptIsRefusedWithTheReason() async throws {
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        try await daemon.connected { connection in
          let caseID = try await DemoQuestionTests.open(connection)
          let asked = try await AskedTurn.ask(connection, caseID, "What fraction of tiles resembles carcinoma?")
          let answer = try #require(asked.answer)
          #expect(answer.findings.isEmpty)
          #expect(answer.notAssessable.first?.reason.contains("stated as skin") == true, "\(answer.notAssessable)")
        }
      }
    }
  }
}
