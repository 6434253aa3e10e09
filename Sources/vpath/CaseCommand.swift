// `vpath case`: open, list, get and close cases.

import ArgumentParser
import Client
import Domain
import JSON
import Wire

struct CaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "case", abstract: "Open, list, get and close cases.",
    discussion: """
      EXAMPLES
        vpath case open slide.svs --organ skin --stain H&E
        vpath ask --case CASE "How many nuclei per mm² are there?"
        vpath case close CASE
      """,
    subcommands: [Open.self, List.self, Get.self, Close.self])

  struct Open: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Open a case on slide files.",
      discussion: "EXAMPLE\n  vpath case open a.svs b.svs --organ skin --stain H&E")
    @Argument(help: "Slide files.") var slides: [String]
    @Option(help: "The organ, for instance skin.") var organ: String?
    @Option(help: "The stain, for instance H&E.") var stain: String?
    @Option(help: "A scale you state, in µm per pixel.") var mpp: Double?
    @Option(help: "Free text kept with the case.") var notes: String?
    @Option(help: "Makes a retry safe: the same key and slides give the same case.") var key: String?
    @OptionGroup var options: ConnectionOptions

    func run() async throws {
      let params = CaseOpenParams(
        slides: slides.map(AbsolutePath.of), organ: organ, stain: stain, micronsPerPixel: mpp, notes: notes, key: key)
      let result = try await DaemonSession.run(options) { try await $0.connection.call(CaseMethods.open, params) }
      try CaseText.print(result, json: options.json)
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List your cases, the last changed first.", discussion: "EXAMPLE\n  vpath case list --limit 5 --json")
    @Option(help: "How many.") var limit = 20
    @OptionGroup var options: ConnectionOptions

    func run() async throws {
      let params = PageParams(limit: limit)
      let page = try await DaemonSession.run(options) { try await $0.connection.call(CaseMethods.list, params) }
      try Printed.rows(page, json: options.json) {
        $0.cases.map { "\($0.caseID)  \($0.state)  opened \($0.openedAt)  changed \($0.changedAt)" }
      }
    }
  }

  struct Get: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a case with its slides and turns.", discussion: "EXAMPLE\n  vpath case get CASE")
    @Argument(help: "The case.") var caseID: String
    @OptionGroup var options: ConnectionOptions

    func run() async throws {
      let params = CaseParams(caseID: CaseID(caseID))
      let result = try await DaemonSession.run(options) { try await $0.connection.call(CaseMethods.get, params) }
      try CaseText.print(result, json: options.json)
    }
  }

  struct Close: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Close a case; its trace stays.", discussion: "EXAMPLE\n  vpath case close CASE")
    @Argument(help: "The case.") var caseID: String
    @OptionGroup var options: ConnectionOptions

    func run() async throws {
      let params = CaseParams(caseID: CaseID(caseID))
      _ = try await DaemonSession.run(options) { try await $0.connection.call(CaseMethods.close, params) }
      if !options.json { Terminal.print("\(caseID) is closed.") }
    }
  }
}

/// A case in words.
enum CaseText {
  static func print(_ result: CaseResult, json: Bool) throws {
    try Printed.rows(result, json: json) { result in
      var lines = [
        "\(result.caseID)  \(result.state)  organ \(result.description.organ ?? "not stated"), stain "
          + "\(result.description.stain ?? "not stated")"
      ]
      for slide in result.slides {
        var line = "  \(slide.id)  \(Terminal.printable(slide.fileName))  \(slide.sizeBytes) bytes"
        if let properties = slide.properties {
          line += "  \(properties.width)x\(properties.height)  \(properties.vendor)  "
          line +=
            properties.scale.map { "\($0.micronsPerPixel) µm/px (\($0.source.rawValue))" }
            ?? Terminal.printable(properties.scaleProblem ?? "no scale")
        }
        lines.append(line)
      }
      return lines + result.turns.map { "  \($0)" }
    }
  }
}

/// Results as JSON, or as lines for a person.
enum Printed {
  static func rows<R: Encodable>(_ result: R, json: Bool, _ lines: (R) -> [String]) throws {
    if json {
      Terminal.print(try encodeJSON(result).prettyString())
    } else {
      for line in lines(result) { Terminal.print(Terminal.printable(line)) }
    }
  }
}
