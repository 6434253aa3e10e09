// Every command of `vpath`: its help has examples, and it does what it says against a real daemon.

import Client
import Domain
import Glibc
import JSON
import SystemPackage
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(10))) struct CommandWalkTests {
  /// A command as the program lists it.
  private struct Listed {
    var words: [String]
    var discussion: String
  }

  /// Every command, groups and hidden ones included, as the program itself lists them.
  private static func commands() async throws -> [Listed] {
    let dumped = try await Programs.run("vpath", ["--experimental-dump-help"])
    #expect(dumped.status == 0, "\(dumped.errors)")
    func walk(_ command: JSONValue, _ words: [String]) -> [Listed] {
      let own = Listed(words: words, discussion: command["discussion"]?.stringValue ?? "")
      return (command["subcommands"]?.arrayValue ?? []).reduce(into: [own]) { all, below in
        guard let name = below["commandName"]?.stringValue, name != "help" else { return }
        all += walk(below, words + [name])
      }
    }
    return walk(try #require(try JSONValue.parse(dumped.output)["command"]), ["vpath"])
  }

  /// The lines under EXAMPLE or EXAMPLES.
  private static func examples(_ text: String) -> [Substring] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return Array(lines.drop { !$0.hasPrefix("EXAMPLE") }.dropFirst().prefix { !$0.isEmpty })
  }

  @Test func everyCommandAndGroupExplainsItselfWithExamples() async throws {
    let commands = try await Self.commands()
    #expect(commands.count > 30 && commands.contains { $0.words == ["vpath", "trace", "replay"] })
    for command in commands {
      let name = command.words.joined(separator: " ")
      let examples = Self.examples(command.discussion)
      // An example of a command is of that command; an example of a group is of one of its commands.
      #expect(examples.contains { $0.contains(name) }, "`\(name) --help` has no example: \(examples)")
    }
    // What is listed is what is shown, also where everything else is passed on.
    for words in [[], ["serve"], ["trace", "explain"]] {
      let help = try await Programs.run("vpath", words + ["--help"])
      #expect(help.status == 0 && !Self.examples(help.output).isEmpty, "\(words): \(help.output)\(help.errors)")
    }
  }

  @Test func theVersionIsTheDaemons() async throws {
    #expect(try await Programs.run("vpath", ["--version"]).output == Product.version + "\n")
    #expect(try await Programs.run("vpathd", ["--version"]).output == Product.version + "\n")
  }

  @Test func everyCommandThatAsksTheDaemonDoesWhatItSays() async throws {
    try await TestFolder.with { folder in
      let slide = try DemoSlide.path()
      let drawn: JSONValue = [
        "type": "Feature", "properties": ["objectType": "annotation"],
        "geometry": [
          "type": "Polygon",
          "coordinates": [[[1540, 2460], [1740, 2460], [1740, 2660], [1540, 2660], [1540, 2460]]],
        ],
      ]
      let roi = try folder.write("drawn.geojson", drawn.prettyString().utf8)
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        /// What a command prints; it must end well.
        func vpath(_ arguments: [String]) async throws -> String {
          let ended = try await Programs.run("vpath", arguments + ["--socket", daemon.socket], seconds: 120)
          #expect(ended.status == 0, "\(arguments): \(ended.errors)")
          return ended.output
        }
        func json(_ arguments: [String]) async throws -> JSONValue {
          try JSONValue.parse(try await vpath(arguments + ["--json"]))
        }
        #expect(try await vpath(["health"]).hasPrefix("ok: "))
        #expect(try await json(["health"])["sandbox"] == true)

        let opened = try await json(["case", "open", slide, "--organ", "skin", "--stain", "H&E", "--notes", "n"])
        let caseID = try #require(opened["case"]?.stringValue)
        #expect(opened["description"]?["notes"] == "n")
        #expect(try await vpath(["case", "get", caseID]).contains("s1  cmu1_small_region.svs"))
        #expect(try await vpath(["case", "list"]).contains("\(caseID)  open"))
        #expect(try await json(["case", "list", "--limit", "1"])["cases"]?.arrayValue?.count == 1)

        let question = "How many nuclei are there in this region?"
        let asked = try await json(["ask", "--case", caseID, question, "--roi", roi, "--key", "k"])
        let turn = try #require(asked["turn"]?.stringValue)
        #expect(asked["stop"] == "answered" && asked["findings"]?.arrayValue?.isEmpty == false)
        let again = try await json(["ask", "--case", caseID, question, "--roi", roi, "--key", "k"])
        #expect(again["turn"]?.stringValue == turn, "the same key gives the same turn")
        let scaled = try await json(["ask", slide, "How many nuclei per mm² are there?", "--mpp", "0.25"])
        let reason = scaled["notAssessable"]?.arrayValue?.first?["reason"]?.stringValue ?? ""
        #expect(reason.contains("0.25"), "\(scaled["notAssessable"] ?? .null)")

        #expect(try await vpath(["trace", "list", "--case", caseID]).contains(turn))
        let events = try await vpath(["trace", "get", caseID, "--turn", turn, "--json"]).split(separator: "\n")
        #expect(try JSONValue.parse(Array(try #require(events.last).utf8))["kind"] == "turn.completed")
        #expect(try await vpath(["trace", "get", caseID]).contains("case.opened"))
        #expect(try await vpath(["trace", "replay", turn]).hasPrefix("identical: "))
        #expect(try await vpath(["trace", "explain", turn, "--finding", "0"]).contains("cell_counter"))
        #expect(try await vpath(["trace", "verify"]).hasPrefix("The trace is whole: "))

        #expect(try await vpath(["case", "close", caseID]) == "\(caseID) is closed.\n")
        #expect(try await json(["case", "get", caseID])["state"] == "closed")
      }
    }
  }

  @Test func theCommandsThatNeedNoDaemonDoWhatTheySay() async throws {
    try await TestFolder.with { folder in
      let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent().string
      let tool = root + "/tools/examples/eosin_fraction"
      func vpath(_ arguments: [String]) async throws -> String {
        var environment = CommandLineTests.home(folder)
        environment["VPATH_MODEL_SERVER"] = getenv("VPATH_LLAMA_SERVER").map { String(cString: $0) }
        let ended = try await Programs.run("vpath", arguments, environment: environment)
        #expect(ended.status == 0, "\(arguments): \(ended.errors)")
        return ended.output
      }
      #expect(try await vpath(["tool", "list"]).contains("cell_counter"))
      #expect(try await vpath(["tool", "info", "cell_counter"]).contains("measures nuclear density (/mm2)"))
      let ran = try await vpath(["tool", "run", tool, "--example", "pink"])
      #expect(try JSONValue.parse(ran)["evidence"]?.arrayValue?.first?["kind"] == "measurement", "\(ran)")
      _ = try await vpath(["tool", "install", tool])
      #expect(try await vpath(["tool", "list"]).contains("eosin_fraction  1.0.0  installed"))
      #expect(try await vpath(["tool", "remove", "eosin_fraction"]) == "eosin_fraction is removed.\n")
      #expect(try await !vpath(["tool", "list"]).contains("eosin_fraction"))

      // A model is put in, checked and chosen before any daemon was started.
      let weights = try #require(getenv("VPATH_MODEL").map { String(cString: $0) })
      #expect(
        try await vpath(["model", "add", "again", "--gguf", weights, "--licence", "Apache-2.0"]).contains("again"))
      #expect(try await vpath(["model", "verify", "again"]) == "again  whole\n")
      #expect(try await vpath(["model", "use", "again"]).contains("again plans from the daemon's next start"))
      let models = try JSONValue.parse(try await vpath(["model", "list", "--json"]))["models"]?.arrayValue ?? []
      #expect(models.contains { $0["name"] == "again" && $0["builtIn"] == false && $0["problem"] == nil })
      #expect(models.contains { $0["name"] == "smollm2-135m-instruct" && $0["builtIn"] == true })

      // How well it chooses tools is measured, and written where it is asked for.
      let measured = try JSONValue.parse(
        try await vpath(["model", "bench", "again", "--cases", "4", "--only", "rules,narrowed", "--json"]))
      let rows = measured.arrayValue ?? []
      #expect(rows.compactMap { $0["planner"]?.stringValue } == ["rules", "rules", "narrowed", "narrowed"])
      #expect(rows.allSatisfy { $0["cases"] == 4 && ($0["accuracy"]?.numberValue ?? 0) >= 0.5 }, "\(measured)")
      _ = try await vpath(["model", "bench", "again", "--cases", "1", "--only", "free", "--write"])
      let shown = try JSONValue.parse(try folder.text("state/vpath/models/again/model.json"))
      #expect(shown["toolChoice"]?["cases"] == 2 && shown["toolChoice"]?["accuracy"] != nil, "\(shown)")

      let checked = try await vpath(["policy", "check", root + "/policies/default.yaml"])
      #expect(checked.contains("every example as it says") && checked.contains("permit  open-a-case: "))
      let explained = try await vpath([
        "policy", "explain", "--action", "tool.call", "--kind", "planner", "--json", "--resource",
        #"{"tool":"x","needs":"slide","network":true,"builtIn":false}"#,
      ])
      #expect(try JSONValue.parse(explained)["decision"]?["effect"] == "forbid", "\(explained)")
    }
  }

  @Test func serveBecomesTheDaemon() async throws {
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder, through: [Programs.path("vpath"), "serve"]) { daemon in
        let health = try await daemon.connected { try await $0.call(ServerMethods.health, Empty()) }
        #expect(health.state == "ok")
        #expect(
          try readLink("/proc/\(daemon.processID)/exe").hasSuffix("/vpathd"),
          "signals and exit codes are the daemon's own")
      }
    }
  }

  private func readLink(_ path: String) throws -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &buffer, buffer.count)
    try #require(count > 0)
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
