// A disk that is full under the real daemon: it says so, takes nothing on, and goes on when there is room.

import Client
import Domain
import JSON
import TestSupport
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(5))) struct FullDiskTests {
  /// A daemon whose state lies on a disk of a few megabytes, with a case of the demo slide.
  private static func withCaseOnASmallDisk(
    _ body: @escaping @Sendable (TestFolder, SmallDisk, ClientConnection, CaseID) async throws -> Void
  ) async throws {
    let disk = try #require(SmallDisk(bytes: 24 << 20))
    try await TestFolder.with { folder in
      try await RunningDaemon.with(
        in: folder, slides: [try DemoSlide.folder()], flags: ["--set", "trace.reserveMiB=1"],
        state: disk.path + "/state"
      ) { daemon in
        try await daemon.connected { connection in
          try await body(folder, disk, connection, try await DemoQuestionTests.open(connection))
        }
      }
    }
  }

  @Test(.enabled(if: SmallDisk.isPossible, "needs the right to mount a file system"))
  func nothingIsTakenOnUntilThereIsRoomAndThenTheSameQuestionIsAnswered() async throws {
    try await Self.withCaseOnASmallDisk { folder, disk, connection, caseID in
      let question = TurnStartParams(caseID: caseID, question: "How large is the tissue?")
      disk.fill()
      let error = await #expect(throws: VPathError.self) {
        try await connection.call(TurnMethods.start, question)
      }
      #expect(error?.id == .traceWriteFailed && error?.retryable == true, "\(String(describing: error))")
      BadInputTests.expectHelpful(error, in: folder, "a full disk")
      let full = try await connection.call(ServerMethods.health, Empty())
      #expect(full.state == "degraded")
      #expect(full.problems.contains { $0.contains("full") }, "\(full.problems)")
      // What is there can still be read.
      #expect(try await connection.call(CaseMethods.get, CaseParams(caseID: caseID)).turns.isEmpty)

      #expect(disk.resize(bytes: 128 << 20))
      let asked = try await AskedTurn.ask(connection, caseID, question.question)
      #expect(asked.result.stop == .answered && asked.answer?.findings.isEmpty == false)
      let well = try await connection.call(ServerMethods.health, Empty())
      #expect(well.state == "ok", "\(well.problems)")
      let verified = try await connection.call(TraceMethods.verify, TraceVerifyParams(), timeoutSeconds: 120)
      #expect(verified.ok, "\(verified.fault?.message ?? "")")
    }
  }

  @Test(.enabled(if: SmallDisk.isPossible, "needs the right to mount a file system"))
  func aDiskThatFillsWhileAToolRunsEndsTheTurnInTheRecordAndTheNextIsAnswered() async throws {
    try await Self.withCaseOnASmallDisk { folder, disk, connection, caseID in
      let question = "How many nuclei per mm² are there?"
      let started = try await connection.call(
        TurnMethods.start, TurnStartParams(caseID: caseID, question: question))
      var kinds: [TurnNotification] = []
      for await notification in connection.notifications {
        guard case .event(let kind, _) = notification else { continue }
        kinds.append(kind)
        // The first tool has begun: what it finds can no longer be recorded.
        if kind == .itemStarted, !kinds.dropLast().contains(.itemStarted) { disk.fill() }
        if kind == .turnCompleted { break }
      }
      let ended = try await connection.call(TurnMethods.get, TurnParams(turn: started.turn))
      #expect(ended.stop == .failed && ended.answer == nil, "\(ended)")
      #expect(ended.error?["data"]?["id"] == "trace.write_failed", "\(String(describing: ended.error))")
      #expect(try await connection.call(ServerMethods.health, Empty()).state == "degraded")

      #expect(disk.resize(bytes: 128 << 20))
      let asked = try await AskedTurn.ask(connection, caseID, question)
      #expect(asked.result.stop == .answered && asked.answer?.findings.isEmpty == false)
      #expect(try await connection.call(ServerMethods.health, Empty()).state == "ok")
      let verified = try await connection.call(TraceMethods.verify, TraceVerifyParams(), timeoutSeconds: 120)
      #expect(verified.ok, "\(verified.fault?.message ?? "")")
    }
  }
}
