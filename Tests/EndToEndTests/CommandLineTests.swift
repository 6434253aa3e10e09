// `vpath` as a person and a script use it: answers, files, exit codes, and a trace that shows what was changed.

import Domain
import Glibc
import JSON
import SystemPackage
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(10))) struct CommandLineTests {
  /// The environment of a user with a home of their own; the socket's folder is short enough for its address.
  static func home(_ folder: TestFolder) -> [String: String] {
    [
      "HOME": folder.path, "XDG_STATE_HOME": folder.path + "/state", "XDG_RUNTIME_DIR": folder.path + "/run",
      "XDG_CONFIG_HOME": folder.path + "/config",
    ]
  }

  @Test func askWithoutADaemonStartsOneAnswersAndStopsIt() async throws {
    try await TestFolder.with { folder in
      let asked = try await Programs.run(
        "vpath",
        [
          "ask", try DemoSlide.path(), DemoQuestionTests.question, "--organ", "skin", "--stain", "H&E", "--json",
          "--overview", folder.path + "/overview.png", "--geojson", folder.path + "/regions.geojson",
        ], environment: Self.home(folder), seconds: 300)
      #expect(asked.status == 0, "\(asked.errors)")
      let answer = try JSONValue.parse(asked.output)
      for key in ["turn", "stop", "findings", "notAssessable", "evidence", "lookedAt", "usage"] {
        #expect(answer[key] != nil, "\(key)")
      }
      #expect(answer["trace"]?.stringValue?.contains(folder.path + "/state/vpath") == true)
      for finding in answer["findings"]?.arrayValue ?? [] {
        for key in ["part", "statement", "kind", "evidence"] { #expect(finding[key] != nil, "\(key)") }
      }
      for gap in answer["notAssessable"]?.arrayValue ?? [] {
        for key in ["part", "asked", "reason"] { #expect(gap[key] != nil, "\(key)") }
      }
      #expect(try folder.bytes("overview.png").starts(with: [0x89, 0x50, 0x4E, 0x47]))
      let regions = try JSONValue.parse(try folder.text("regions.geojson"))
      #expect(regions["features"]?.arrayValue?.isEmpty == false)
      #expect(LifecycleTests.processes(naming: folder.path).isEmpty, "the daemon it started is gone")
    }
  }

  static let endings: [([String], Int32)] = [
    (["ask", "/nowhere/x.svs"], 64),
    (["ask", "/nowhere/x.svs", "How many?", "--region", "1,2,3"], 64),
    (["ask", "/nowhere/x.svs", "How many?"], 66),
    (["case", "get", "case-none"], 69),
    (["trace", "verify", "--state", "/nowhere"], 65),
    (["policy", "check", "/nowhere/p.yaml"], 64),
    (["tool", "check", "/nowhere"], 78),
    (["nonsense"], 64),
    (["--help"], 0),
  ]

  @Test(arguments: endings)
  func exitCodesAreTheTables(arguments: [String], status: Int32) async throws {
    try await TestFolder.with { folder in
      let ended = try await Programs.run("vpath", arguments, environment: Self.home(folder), seconds: 60)
      #expect(ended.status == status, "\(arguments): \(ended.errors)")
    }
  }

  @Test func aFlippedByteIsNamedByBothVerifiersAndAnExportVerifiesAlone() async throws {
    try await TestFolder.with { folder in
      let caseID = try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        let asked = try await Programs.run(
          "vpath",
          [
            "ask", try DemoSlide.path(), "How large is the tissue?", "--organ", "skin", "--stain", "H&E", "--json",
            "--socket", daemon.socket,
          ])
        #expect(asked.status == 0, "\(asked.errors)")
        let caseID = try #require(try JSONValue.parse(asked.output)["case"]?.stringValue)
        let exported = try await Programs.run(
          "vpath", ["trace", "export", caseID, "--output", folder.path + "/case.jsonl", "--socket", daemon.socket])
        #expect(exported.status == 0, "\(exported.errors)")
        return caseID
      }
      let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent().string
      let verifier = root + "/tools/verify-trace/verify.py"
      for (program, arguments) in [
        ("vpath", ["trace", "verify", "--state", folder.path + "/state"]),
        ("vpath", ["trace", "verify", "--file", folder.path + "/case.jsonl"]),
        ("/usr/bin/env", ["python3", verifier, folder.path + "/state"]),
        ("/usr/bin/env", ["python3", verifier, folder.path + "/case.jsonl"]),
      ] {
        let ended = try await Programs.run(program, arguments)
        #expect(ended.status == 0, "\(arguments): \(ended.output)\(ended.errors)")
      }
      let flipped = try await Programs.run(
        "/usr/bin/env", ["python3", root + "/packaging/flip-byte", folder.path + "/state"])
      #expect(flipped.status == 0, "\(flipped.errors)")
      let event = try #require(flipped.output.split(separator: " ").drop(while: { $0 != "event" }).dropFirst().first)
      let ours = try await Programs.run("vpath", ["trace", "verify", "--state", folder.path + "/state"])
      #expect(ours.status == 65)
      #expect(ours.output.contains(caseID) && ours.output.contains("event \(event)"), "\(ours.output)")
      let theirs = try await Programs.run("/usr/bin/env", ["python3", verifier, folder.path + "/state"])
      #expect(theirs.status != 0)
      #expect(theirs.output.contains(caseID) && theirs.output.contains(String(event)), "\(theirs.output)")
    }
  }

  @Test func aToolAuthorsExampleIsCheckedInstalledAndCitedInAnAnswer() async throws {
    try await TestFolder.with { folder in
      let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent().string
      let state = folder.path + "/state"
      let tool = root + "/tools/examples/eosin_fraction"
      let checked = try await Programs.run("vpath", ["tool", "check", tool, "--state", state])
      #expect(checked.status == 0, "\(checked.output)\(checked.errors)")
      let installed = try await Programs.run("vpath", ["tool", "install", tool, "--state", state])
      #expect(installed.status == 0, "\(installed.output)\(installed.errors)")
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        let asked = try await Programs.run(
          "vpath",
          [
            "ask", try DemoSlide.path(), "What is the eosin fraction in this region?", "--region", "1100,690,400,400",
            "--organ", "skin", "--stain", "H&E", "--json", "--socket", daemon.socket,
          ])
        let answer = try JSONValue.parse(asked.output)
        let cited = answer["findings"]?.arrayValue?.flatMap { $0["evidence"]?.arrayValue ?? [] } ?? []
        let tools = cited.compactMap { answer["evidence"]?[$0.stringValue ?? ""]?["tool"]?["name"]?.stringValue }
        #expect(tools.contains("eosin_fraction"), "\(asked.output)\(asked.errors)")
      }
    }
  }

  @Test func aReportIsDraftedFromTheEvidenceAndReadAgain() async throws {
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        let asked = try await Programs.run(
          "vpath",
          [
            "ask", try DemoSlide.path(), "How many nuclei per mm² are there?", "--organ", "skin", "--stain", "H&E",
            "--json", "--socket", daemon.socket,
          ])
        let caseID = try #require(try JSONValue.parse(asked.output)["case"]?.stringValue)
        let drafted = try await Programs.run(
          "vpath", ["report", "draft", caseID, "--template", "skin_excision", "--json", "--socket", daemon.socket])
        #expect(drafted.status == 0, "\(drafted.errors)")
        let report = try JSONValue.parse(drafted.output)
        #expect(report["artefacts"]?.arrayValue?.count == 3)
        let turn = try #require(report["turn"]?.stringValue)
        let read = try await Programs.run("vpath", ["report", "get", turn, "--socket", daemon.socket])
        #expect(read.status == 0, "\(read.errors)")
        #expect(read.output.contains("not assessable") && read.output.contains("not provided"))
        #expect(read.output.contains("/mm²"), "\(read.output.prefix(3000))")
      }
    }
  }
}
