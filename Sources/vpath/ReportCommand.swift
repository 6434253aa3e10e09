// `vpath report`: draft a report from a case's evidence, and read one again.

import ArgumentParser
import Client
import Domain
import JSON
import Wire

struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Fill a report template from a case's evidence.",
    discussion: """
      EXAMPLES
        vpath report draft CASE --template skin_excision
        vpath report get TURN --format html --output report.html
      """,
    subcommands: [Draft.self, Get.self])

  struct Draft: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Draft a report.",
      discussion: "EXAMPLE\n  vpath report draft CASE --template skin_excision --format html --output report.html")
    @Argument(help: "The case.") var caseID: String
    @Option(help: "skin_excision, colorectal_resection or lymph_node.") var template = "skin_excision"
    @OptionGroup var output: ReportOutput
    @OptionGroup var options: ConnectionOptions

    func run() async throws {
      let params = ReportDraftParams(caseID: CaseID(caseID), template: template)
      let output = output
      let json = options.json
      try await DaemonSession.run(options) { session in
        let report = try await session.connection.call(ReportMethods.draft, params, timeoutSeconds: 300)
        try await output.print(report, caseID: params.caseID, session.connection, json: json)
      }
    }
  }

  struct Get: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read a report drafted earlier.",
      discussion: "EXAMPLE\n  vpath report get TURN --format html --output report.html")
    @Argument(help: "The turn that drafted it.") var turn: String
    @OptionGroup var output: ReportOutput
    @OptionGroup var options: ConnectionOptions

    func run() async throws {
      let params = TurnParams(turn: TurnID(turn))
      let output = output
      let json = options.json
      try await DaemonSession.run(options) { session in
        let report = try await session.connection.call(ReportMethods.get, params)
        let turn = try await session.connection.call(TurnMethods.get, params)
        try await output.print(report, caseID: turn.caseID, session.connection, json: json)
      }
    }
  }
}

/// How a report is printed or saved.
struct ReportOutput: ParsableArguments {
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case markdown, html, json
    var ending: String { self == .markdown ? ".md" : self == .html ? ".html" : ".json" }
  }

  @Option(help: "markdown, html or json.") var format = Format.markdown
  @Option(help: "Save it to this file instead of printing it.") var output: String?

  func print(
    _ report: ReportResult, caseID: CaseID, _ connection: ClientConnection, json: Bool
  ) async throws {
    if json {
      Terminal.print(try encodeJSON(report).prettyString())
      return
    }
    let known = try await connection.call(
      EvidenceMethods.get, EvidenceGetParams(caseID: caseID, ids: report.artefacts))
    let wanted = report.artefacts.first { id in
      if case .artefact(let artefact)? = known.evidence[id.rawValue]?.body {
        artefact.name.hasSuffix(format.ending)
      } else {
        false
      }
    }
    guard let wanted else {
      throw VPathError(.evidenceNotFound, "The report has no \(format.rawValue) form.", subject: report.turn.rawValue)
    }
    let bytes = try await PictureFile.bytes(connection, caseID: caseID, id: wanted)
    if let output {
      try OutputFile.write(bytes, to: output)
      Terminal.note("report: \(output)")
    } else {
      Terminal.print(Terminal.printable(String(decoding: bytes, as: UTF8.self)))
    }
  }
}
