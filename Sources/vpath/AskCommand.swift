// `vpath ask`: open the case, ask, follow the steps, print the answer with its evidence.
// What must stay true: an interrupt ends the turn in the daemon too; files asked for are written only after the
// answer, each whole or not at all.

import ArgumentParser
import Client
import Domain
import JSON
import Setup
import SystemPackage
import Wire

#if canImport(Glibc)
  import Glibc
#endif

struct AskCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ask",
    abstract: "Ask a question about a slide, or about a case that is open.",
    discussion: """
      EXAMPLES
        vpath ask slide.svs "How many nuclei per mm² are there?" --organ skin --stain H&E
        vpath ask slide.svs "How cellular is this region?" --region 800,1200,400,400 --json
        vpath ask slide.svs "How cellular is it here?" --roi drawn-in-qupath.geojson
        vpath ask --case CASE "And in r5?"
        vpath ask --case CASE "And in r5?" --key retry-1     asked again, the same turn answers
      """)

  @Argument(help: "A slide file (left out with --case), then the question.")
  var words: [String]

  @Option(name: .customLong("case"), help: "Ask about a case that is open.")
  var caseID: String?
  @Option(help: "With --case: makes a retry safe; the same key and question give the same turn.")
  var key: String?
  @Option(help: "The organ, for instance skin.")
  var organ: String?
  @Option(help: "The stain, for instance H&E.")
  var stain: String?
  @Option(help: "A scale you state, in µm per pixel; for slides that have none.")
  var mpp: Double?
  @Option(
    parsing: .unconditionalSingleValue, help: "A region to ask about, as x,y,w,h in level-0 pixels. May be repeated.")
  var region: [String] = []
  @Option(help: "Regions drawn in QuPath, as GeoJSON.")
  var roi: String?
  @Option(help: "Save the overview picture with the cited regions.")
  var overview: String?
  @Option(help: "Save the cited regions with their measurements as QuPath GeoJSON.")
  var geojson: String?
  @OptionGroup var options: ConnectionOptions

  func validate() throws {
    let expected = caseID == nil ? 2 : 1
    guard words.count == expected else {
      throw ValidationError(
        caseID == nil ? "Give a slide and a question in quotes." : "With --case, give the question alone, in quotes.")
    }
    if caseID != nil {
      for (option, isGiven) in [("--organ", organ != nil), ("--stain", stain != nil), ("--mpp", mpp != nil)]
      where isGiven {
        throw ValidationError("\(option) is stated when a case is opened; with --case, leave it out.")
      }
    }
    guard key == nil || caseID != nil else { throw ValidationError("--key goes with --case: a key is a case's own.") }
  }

  func run() async throws {
    let drawn = try DrawnRegionFiles.regions(rectangles: region, roi: roi)
    let slide = caseID == nil ? words[0] : nil
    for output in [overview, geojson].compactMap({ $0 }) {
      try OutputFile.check(output, isNone: [slide, roi].compactMap { $0 })
    }
    let question = words[words.count - 1]
    let this = self
    let completed = try await DaemonSession.run(options, startingFor: slide.map { [$0] }) { session in
      try await this.ask(session, slide: slide, question: question, drawn: drawn)
    }
    if let error = completed.failure { throw error }
    switch completed.stop {
    case .interrupted?: throw ExitCode(ErrorTable.row(.cancelled).exitCode)
    case .modelUnavailable?: throw ExitCode(ErrorTable.row(.modelUnavailable).exitCode)
    case .failed?, nil: throw ExitCode(ErrorTable.row(.internalBug).exitCode)
    case .answered?, .composed?, .budgetExhausted?: break
    }
  }

  private func ask(
    _ session: DaemonSession, slide: String?, question: String, drawn: [DrawnRegion]
  ) async throws -> TurnResult {
    let connection = session.connection
    let caseID: CaseID
    if let given = self.caseID {
      caseID = CaseID(given)
    } else {
      let opened = try await connection.call(
        CaseMethods.open,
        CaseOpenParams(
          slides: [AbsolutePath.of(slide ?? "")], organ: organ, stain: stain, micronsPerPixel: mpp))
      caseID = opened.caseID
    }
    let started = try await connection.call(
      TurnMethods.start,
      TurnStartParams(
        caseID: caseID, question: question, regions: drawn.isEmpty ? nil : drawn, key: key))
    let completed = try await TurnFollower(connection: connection, turn: started.turn, quiet: options.json).follow()
    if options.json {
      Terminal.print(try AnswerDocument.json(completed, trace: session.trace).prettyString())
    } else {
      Terminal.print(AnswerText.text(completed))
      Terminal.print(Terminal.styled("\(started.turn) of \(caseID), in \(session.trace)", .dim))
    }
    if let overview {
      try await PictureFile.saveOverview(connection, completed, caseID: caseID, to: overview)
      Terminal.note("overview: \(overview)")
    }
    if let geojson {
      try OutputFile.write(Array(RegionGeoJSON.document(completed).prettyString().utf8), to: geojson)
      Terminal.note("regions: \(geojson)")
    }
    return completed
  }
}

/// Makes a path absolute without resolving links: the daemon resolves and judges them.
enum AbsolutePath {
  static func of(_ path: String) -> String {
    let given = FilePath(path)
    guard given.isRelative, let current = getcwd(nil, 0) else { return path }
    defer { free(current) }
    return FilePath(String(cString: current)).pushing(given).lexicallyNormalized().string
  }
}

extension TurnResult {
  /// What ended the turn, where the daemon knows; nil otherwise.
  fileprivate var failure: VPathError? {
    guard let error, let message = error["message"]?.stringValue else { return nil }
    return RPCError(code: error["code"]?.integerValue ?? 0, message: message, data: error["data"]).asVPathError
  }
}
