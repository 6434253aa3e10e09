// The main job, on the real slide: a question of three parts, answered from measurements, recorded and replayable.

import Client
import Domain
import JSON
import TestSupport
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(10))) struct DemoQuestionTests {
  static let question =
    "Where is this tissue most cellular, how many nuclei per mm² are there, and is any part of it tumour?"

  static func open(_ connection: ClientConnection, mpp: Double? = nil, stain: String = "H&E") async throws -> CaseID {
    let opened = try await connection.call(
      CaseMethods.open,
      CaseOpenParams(slides: [try DemoSlide.path()], organ: "skin", stain: stain, micronsPerPixel: mpp))
    return opened.caseID
  }

  @Test func aCaseOfSeveralSlidesIsMeasuredOnEachAndABrokenOneIsNamed() async throws {
    try await TestFolder.with { folder in
      let bytes = try TestFolder.bytes(at: try DemoSlide.path())
      let second = try folder.write("slides/second.svs", bytes)
      let broken = try folder.write("slides/broken.svs", bytes.prefix(bytes.count / 3))
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder(), folder.path + "/slides"]) { daemon in
        try await daemon.connected { connection in
          let opened = try await connection.call(
            CaseMethods.open, CaseOpenParams(slides: [try DemoSlide.path(), second], organ: "skin", stain: "H&E"))
          #expect(opened.slides.map(\.id.rawValue) == ["s1", "s2"])
          let asked = try await AskedTurn.ask(connection, opened.caseID, "How large is the tissue?")
          let statement = try #require(asked.answer?.findings.first?.statement)
          #expect(statement.contains("on s1") && statement.contains("on s2"), "\(statement)")
          let error = await #expect(throws: VPathError.self) {
            try await connection.call(CaseMethods.open, CaseOpenParams(slides: [second, broken]))
          }
          #expect(
            error?.id == .slideDamaged && error?.message.contains("broken.svs") == true, "\(String(describing: error))")
          let verified = try await connection.call(TraceMethods.verify, TraceVerifyParams(), timeoutSeconds: 120)
          #expect(verified.ok, "\(verified.fault?.message ?? "")")
        }
      }
    }
  }

  @Test func theDemoQuestionIsAnsweredCitedReplayableAndVerified() async throws {
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        try await daemon.connected { connection in
          let caseID = try await Self.open(connection)
          let asked = try await AskedTurn.ask(connection, caseID, Self.question)
          let answer = try #require(asked.answer)
          #expect(answer.stop == .answered)
          #expect(answer.parts.count == 3)

          // Every part is answered or not assessable, and tumour is the latter.
          let tumour = try #require(answer.parts.first { $0.asked.contains("tumour") })
          #expect(answer.notAssessable.map(\.part) == [tumour.part])
          #expect(Set(answer.findings.map(\.part)) == Set(answer.parts.map(\.part)).subtracting([tumour.part]))

          // Every number comes from evidence that is there.
          for finding in answer.findings {
            #expect(finding.kind == .measured)
            #expect(!finding.evidence.isEmpty)
            for id in finding.evidence { #expect(asked.result.evidence[id.rawValue] != nil, "\(id) is cited") }
          }
          #expect((0.4...0.7).contains(answer.lookedAt.tissueAreaMm2 ?? 0))

          // The first region that the answer names for "most cellular" lies where cells are, by eyes that marked it.
          let first = try #require(answer.findings.first { $0.part == 1 })
          let named = first.evidence.compactMap { id -> Region? in
            guard let item = asked.result.evidence[id.rawValue] else { return nil }
            switch item.body {
            case .region(let region): return region
            case .measurement(let measurement):
              guard case .region(let region)? = measurement.region.flatMap({ asked.result.evidence[$0.rawValue] })?.body
              else { return nil }
              return region
            default: return nil
            }
          }
          let top = try #require(named.first, "\(first)")
          let truth = try DemoSlideTruth()
          #expect(truth.share(.epithelium, of: top.rect) > 0.4, "\(top.rect)")
          #expect(truth.share(.keratin, of: top.rect) < 0.2 && truth.share(.ink, of: top.rect) < 0.15, "\(top.rect)")
          #expect(answer.findings.contains { $0.statement.contains("not validated on skin") })

          // Every started item has its end, and seqs only rise.
          let started = asked.events.filter { $0.0 == .itemStarted }.compactMap(\.1.item)
          let completed = asked.events.filter { $0.0 == .itemCompleted }.compactMap(\.1.item)
          #expect(Set(started) == Set(completed))
          #expect(asked.events.map(\.1.seq) == asked.events.map(\.1.seq).sorted())

          // While it counts it says how far it is; that is not recorded.
          #expect(asked.progress.contains { $0.message.contains("counting nuclei") && $0.fraction != nil })
          #expect(asked.progress.allSatisfy { started.contains($0.item) })

          let replay = try await connection.call(
            TraceMethods.replay, TurnParams(turn: answer.turn), timeoutSeconds: 300)
          #expect(replay.verdict == "identical", "\(replay.message ?? "")")
          let verified = try await connection.call(TraceMethods.verify, TraceVerifyParams(), timeoutSeconds: 300)
          #expect(verified.ok, "\(verified.fault?.message ?? "")")
          let explained = try await connection.call(TraceMethods.explain, TraceExplainParams(turn: answer.turn))
          #expect(explained.findings.count == answer.findings.count)

          // A follow-up is answered from what is there.
          let again = try await AskedTurn.ask(connection, caseID, "How many nuclei per mm² are there?")
          #expect(again.answer?.usage.toolCalls == 0, "\(String(describing: again.answer?.usage))")
          #expect(again.answer?.findings.isEmpty == false)

          // A subscriber who comes late gets every durable event.
          try await daemon.connected { late in
            _ = try await late.call(TurnMethods.subscribe, TurnSubscribeParams(turn: answer.turn, after: 0))
            var seqs: [Int] = []
            for await notification in late.notifications {
              guard case .event(let kind, let params) = notification else { continue }
              seqs.append(params.seq)
              if kind == .turnCompleted { break }
            }
            #expect(seqs == asked.events.map(\.1.seq))
          }
        }
        #expect(!daemon.log.contains("cmu1_small_region"), "no file name in the log")
      }
    }
  }

  @Test func aScaleThatContradictsTheSlideIsNotAssessable() async throws {
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        try await daemon.connected { connection in
          let caseID = try await Self.open(connection, mpp: 0.25)
          let asked = try await AskedTurn.ask(connection, caseID, "How many nuclei per mm² are there?")
          #expect(asked.answer?.findings.isEmpty == true, "\(String(describing: asked.answer?.findings))")
          let reason = asked.answer?.notAssessable.first?.reason ?? ""
          #expect(reason.contains("0.25") && reason.contains("0.499"), "\(reason)")
        }
      }
    }
  }

  @Test func aStainTheCounterIsNotMadeForIsRefused() async throws {
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        try await daemon.connected { connection in
          let caseID = try await Self.open(connection, stain: "Ki-67")
          let asked = try await AskedTurn.ask(connection, caseID, "What percentage of the cells is Ki-67 positive?")
          #expect(asked.answer?.findings.isEmpty == true)
          #expect(asked.answer?.notAssessable.count == 1)
        }
      }
    }
  }

  @Test func aDrawnRegionIsWhatIsMeasured() async throws {
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        try await daemon.connected { connection in
          let caseID = try await Self.open(connection)
          let drawn = DrawnRegion(rect: LevelZeroRect(x: 1540, y: 2460, width: 200, height: 200))
          let asked = try await AskedTurn.ask(
            connection, caseID, "How many nuclei are there in this region?", regions: [drawn])
          let measured = asked.result.evidence.values.compactMap { evidence -> Measurement? in
            if case .measurement(let measurement) = evidence.body { measurement } else { nil }
          }
          let regions = measured.compactMap(\.region).compactMap { asked.result.evidence[$0.rawValue] }
          #expect(!regions.isEmpty)
          for evidence in regions {
            guard case .region(let region) = evidence.body else { continue }
            #expect(region.rect == drawn.rect)
          }
        }
      }
    }
  }
}
