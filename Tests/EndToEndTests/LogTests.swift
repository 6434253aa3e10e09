// What the daemon logs: enough to run it by, and nothing of a patient, however much is asked for.

import Client
import Domain
import Glibc
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(10))) struct LogTests {
  @Test func holdsNothingOfThePatientAtAnyLevel() async throws {
    let words = ["Mustermann", "HE-4711", "19610203", "melanoma suspected", "Which nurse"]
    try await TestFolder.with { folder in
      // The patient is in the file's and the folder's name, in the notes, in the question, and in what fails.
      let slide = "Mustermann HE-4711.svs"
      folder.makeFolder("slides/19610203")
      try #require(symlinked(try DemoSlide.path(), folder.path + "/slides/19610203/" + slide))
      try folder.write("slides/19610203/HE-4711 broken.svs", Array("no slide".utf8))
      try await RunningDaemon.with(
        in: folder, slides: [folder.path + "/slides", try DemoSlide.folder()], flags: ["--log-level", "debug"]
      ) { daemon in
        try await daemon.connected { connection in
          let opened = try await connection.call(
            CaseMethods.open,
            CaseOpenParams(
              slides: [folder.path + "/slides/19610203/" + slide], organ: "skin", stain: "H&E",
              notes: "Mustermann, melanoma suspected"))
          let asked = try await AskedTurn.ask(
            connection, opened.caseID, "Which nurse of Mustermann counted, and how large is the tissue?")
          #expect(asked.result.stop == .answered)
          for broken in ["HE-4711 broken.svs", "HE-4711 missing.svs"] {
            await #expect(throws: VPathError.self) {
              try await connection.call(
                CaseMethods.open, CaseOpenParams(slides: [folder.path + "/slides/19610203/" + broken]))
            }
          }
          await #expect(throws: VPathError.self) {
            try await connection.call(
              TurnMethods.start, TurnStartParams(caseID: CaseID("case-mustermann"), question: "Which nurse?"))
          }
        }
        #expect(daemon.log.contains("\n"), "it logs")
        for word in words { #expect(!daemon.log.contains(word), "\(word): \(daemon.log)") }
      }
      let log = try folder.text("vpathd.log")
      for word in words { #expect(!log.contains(word), "\(word): \(log)") }
    }
  }

  private func symlinked(_ target: String, _ path: String) -> Bool { symlink(target, path) == 0 }
}
