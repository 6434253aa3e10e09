// `vpath` as a person and a script use it: answers, files, exit codes, and a trace that shows what was changed.

import Client
import Domain
import Glibc
import JSON
import SystemPackage
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(10))) struct CommandLineTests {
  /// The environment of a user with a home of their own; the socket's folder is short enough for its address. The
  /// cache that set-up filled is another's, so the library in it is named.
  static func home(_ folder: TestFolder) -> [String: String] {
    var values = [
      "HOME": folder.path, "XDG_STATE_HOME": folder.path + "/state", "XDG_RUNTIME_DIR": folder.path + "/run",
      "XDG_CONFIG_HOME": folder.path + "/config",
    ]
    if let library = getenv("VPATH_OPENSLIDE") { values["VPATH_OPEN_SLIDE_LIBRARY"] = String(cString: library) }
    return values
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
      let findings = try #require(answer["findings"]?.arrayValue)
      let gaps = try #require(answer["notAssessable"]?.arrayValue)
      #expect(findings.count == 2 && gaps.count == 1, "two parts are measured, tumour is not assessable")
      for finding in findings {
        for key in ["part", "statement", "kind", "evidence"] { #expect(finding[key] != nil, "\(key)") }
        let cited = finding["evidence"]?.arrayValue?.compactMap(\.stringValue) ?? []
        #expect(!cited.isEmpty)
        for id in cited { #expect(answer["evidence"]?[id]?["id"]?.stringValue == id, "\(id) is cited and there") }
      }
      for gap in gaps {
        for key in ["part", "asked", "reason"] { #expect(gap[key] != nil, "\(key)") }
        #expect(gap["reason"]?.stringValue?.isEmpty == false)
      }
      #expect(answer["usage"]?["toolCalls"]?.integerValue ?? 0 > 0)
      #expect(try folder.bytes("overview.png").starts(with: [0x89, 0x50, 0x4E, 0x47]))
      let regions = try JSONValue.parse(try folder.text("regions.geojson"))
      #expect(regions["features"]?.arrayValue?.isEmpty == false)
      #expect(LifecycleTests.processes(naming: folder.path).isEmpty, "the daemon it started is gone")
    }
  }

  @Test func aCheckOfTheConfigurationNamesEveryKeyThatWouldNotWork() async throws {
    try await TestFolder.with { folder in
      let fine = ["--slides", try DemoSlide.folder()]
      let good = try await Programs.run("vpathd", ["--check"] + fine, environment: Self.home(folder))
      #expect(good.status == 0, "\(good.errors)")
      #expect(try JSONValue.parse(good.output)["limits"]?["connections"] == 256)

      let broken = [
        ("slideDirectories", ":/nowhere/slides"), ("policyFile", "/nowhere/policy.yaml"),
        ("openVINOLibrary", "/nowhere/libopenvino.so"), ("tools.bubblewrap", "/nowhere/bwrap"),
        ("model.use", "nobody"), ("trace.checkpointCopy", "/nowhere/checkpoints.jsonl"),
      ]
      let bad = try await Programs.run(
        "vpathd", ["--check"] + broken.flatMap { ["--set", "\($0.0)=\($0.1)"] }, environment: Self.home(folder))
      #expect(bad.status == 78, "\(bad.status): \(bad.errors)")
      for (key, _) in broken { #expect(bad.errors.contains(key), "\(key) is named: \(bad.errors)") }
    }
  }

  @Test func aFileThatIsReadIsNeverWrittenOver() async throws {
    try await TestFolder.with { folder in
      let bytes = try TestFolder.bytes(at: try DemoSlide.path())
      let slide = try folder.write("slide.svs", bytes)
      let drawn = try folder.write("drawn.geojson", Array("{}".utf8))
      symlink(slide, folder.path + "/link.png")
      for (option, path) in [("--overview", slide), ("--geojson", drawn), ("--overview", folder.path + "/link.png")] {
        let done = try await Programs.run(
          "vpath", ["ask", slide, "How cellular is it?", "--roi", drawn, option, path],
          environment: Self.home(folder))
        #expect(done.status == 64 && done.errors.contains("is read here"), "\(done.status): \(done.errors)")
      }
      let nowhere = try await Programs.run(
        "vpath", ["ask", slide, "How cellular is it?", "--overview", "/nowhere/x.png"], environment: Self.home(folder))
      #expect(nowhere.status == 64 && nowhere.errors.contains("x.png cannot be written"), "\(nowhere.errors)")
      #expect(try TestFolder.bytes(at: slide) == bytes)
    }
  }

  /// Command lines that no daemon answers, with the error they end with.
  static let endings: [([String], ErrorID)] = [
    (["ask", "/nowhere/x.svs"], .cliUsage),
    (["ask", "/nowhere/x.svs", "How many?", "--region", "1,2,3"], .cliUsage),
    (["ask", "/nowhere/x.svs", "How many?", "--roi", "/nowhere/drawn.geojson"], .cliUsage),
    (["ask", "/nowhere/x.svs", "How many?", "--key", "a"], .cliUsage),
    (["ask", "--case", "case-none", "How many?", "--organ", "liver"], .cliUsage),
    (["ask", "/nowhere/x.svs", "How many?"], .slideNotFound),
    (["ask", "--case", "case-none", "How many?"], .serverUnreachable),
    (["case", "get", "case-none"], .serverUnreachable),
    (["health"], .serverUnreachable),
    (["trace", "verify", "--state", "/nowhere"], .cliUsage),
    (["trace", "verify", "--file", "/nowhere/case.jsonl"], .cliUsage),
    (["policy", "check", "/nowhere/p.yaml"], .cliUsage),
    (["policy", "explain", "--action", "case.open", "--resource", "{"], .cliUsage),
    (["tool", "info", "no_such_tool"], .toolNotFound),
    (["tool", "install", "/nowhere"], .toolBadManifest),
    (["nonsense"], .cliUsage),
  ]

  @Test(arguments: endings)
  func anErrorEndsWithItsIdAndTheTablesExitCode(arguments: [String], id: ErrorID) async throws {
    try await TestFolder.with { folder in
      let ended = try await Programs.run("vpath", arguments, environment: Self.home(folder), seconds: 60)
      Self.expect(ended, endsWith: id, arguments)
    }
  }

  static func expect(
    _ ended: (status: Int32, output: String, errors: String), endsWith id: ErrorID, _ arguments: [String]
  ) {
    #expect(ended.status == ErrorTable.row(id).exitCode, "\(arguments): \(ended.errors)")
    #expect(ended.errors.contains("(\(id.rawValue)"), "\(arguments): \(ended.errors)")
    #expect(ended.output.isEmpty, "\(arguments): nothing that looks like a result")
  }

  @Test func theDaemonsErrorsEndACommandInTheSameWay() async throws {
    try await TestFolder.with { folder in
      try folder.write("slides/text.svs", "this is no slide".utf8)
      let good = try TestFolder.bytes(at: try DemoSlide.path())
      let slide = try folder.write("slides/good.svs", good)
      let outside = try folder.write("outside/good.svs", good)
      try folder.write("wrong.geojson", "{".utf8)
      try await RunningDaemon.with(in: folder, slides: [folder.path + "/slides"]) { daemon in
        let endings: [([String], ErrorID)] = [
          (["ask", folder.path + "/slides/text.svs", "How many?"], .slideUnsupported),
          (["ask", folder.path + "/slides/none.svs", "How many?"], .slideNotFound),
          (["ask", outside, "How many?"], .slideNotAllowed),
          (["case", "open", outside], .slideNotAllowed),
          (["ask", slide, "How many?", "--region", "0,0,0,5"], .regionOutOfBounds),
          (["ask", slide, "How many?", "--roi", folder.path + "/wrong.geojson"], .cliUsage),
          (["ask", slide, " "], .protocolParams),
          (["ask", "--case", "case-none", "How many?"], .caseNotFound),
          (["case", "get", "case-none"], .caseNotFound),
          (["report", "draft", "case-none"], .caseNotFound),
          (["report", "get", "turn-none"], .turnNotFound),
          (["trace", "explain", "turn-none"], .turnNotFound),
        ]
        for (arguments, id) in endings {
          let ended = try await Programs.run("vpath", arguments + ["--socket", daemon.socket], seconds: 60)
          Self.expect(ended, endsWith: id, arguments)
          #expect(!ended.errors.contains(folder.path), "\(arguments): \(ended.errors)")
        }
      }
    }
  }

  /// The decoder of an opening case is a tool too: what it ends with ends the command, and not as a success.
  @Test func aDecoderThatCannotWorkEndsTheCommandAsAFailure() async throws {
    try await TestFolder.with { folder in
      let library = try folder.write("libopenslide.so.1", "this is no library".utf8)
      try await RunningDaemon.with(
        in: folder, slides: [try DemoSlide.folder()], flags: ["--set", "openSlideLibrary=" + library]
      ) { daemon in
        for command in [["ask", try DemoSlide.path(), "How many?"], ["case", "open", try DemoSlide.path()]] {
          let ended = try await Programs.run("vpath", command + ["--socket", daemon.socket], seconds: 60)
          Self.expect(ended, endsWith: .toolFailed, command)
          #expect(ended.status != 0)
        }
      }
    }
  }

  @Test func anInterruptEndsTheTurnAndTheCommand() async throws {
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        let script = """
          import signal, subprocess, sys, time
          asking = subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
          for line in asking.stderr:
              if "Step 1" in line:
                  asking.send_signal(signal.SIGINT)
                  break
          asking.stderr.read()
          sys.exit(asking.wait())
          """
        let ended = try await Programs.run(
          "/usr/bin/python3",
          [
            "-c", script, Programs.path("vpath"), "ask", try DemoSlide.path(), DemoQuestionTests.question, "--organ",
            "skin", "--stain", "H&E", "--socket", daemon.socket,
          ])
        #expect(ended.status == ErrorTable.row(.cancelled).exitCode, "\(ended.errors)")
        let turns = try await daemon.connected { try await $0.call(TraceMethods.list, TraceListParams()).turns }
        #expect(turns.map(\.stop) == ["interrupted"])
      }
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
        // What it was shown is a view of about 1 µm/px, of a slide of half that.
        let scale = try #require(answer["lookedAt"]?["micronsPerPixel"]?.numberValue)
        #expect(abs(scale - 1) < 0.01, "the view's scale, not the slide's: \(scale)")
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
