// `vpath trace`: list, get, verify, replay, explain, export.
// What must stay true: `verify --state` and `verify --file` need no daemon and change nothing; a broken trace ends
// with the exit code of trace.tampered.

import ArgumentParser
import Client
import Domain
import FoundationEssentials
import JSON
import Wire

struct TraceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace", abstract: "What was done, provably: list, get, verify, replay, explain, export.",
    discussion: """
      EXAMPLES
        vpath trace list
        vpath trace explain TURN
        vpath trace verify
      """,
    subcommands: [List.self, Get.self, Verify.self, Replay.self, Explain.self, Export.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List turns, newest first.", discussion: "EXAMPLE\n  vpath trace list --case CASE --limit 5")
    @Option(name: .customLong("case"), help: "Turns of one case.") var caseID: String?
    @Option(help: "How many.") var limit = 20
    @OptionGroup var options: ConnectionOptions

    func run() async throws {
      let params = TraceListParams(caseID: caseID.map { CaseID($0) }, limit: limit)
      let page = try await DaemonSession.run(options) { try await $0.connection.call(TraceMethods.list, params) }
      try Printed.rows(page, json: options.json) {
        $0.turns.map {
          "\($0.turn)  \($0.caseID)  \($0.stop ?? $0.state)  \($0.queuedAt)  seq \($0.firstSeq)–\($0.lastSeq)"
        }
      }
    }
  }

  struct Get: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show the events of a case, or of one of its turns.",
      discussion: "EXAMPLE\n  vpath trace get CASE --turn TURN")
    @Argument(help: "The case.") var caseID: String
    @Option(help: "Events of one turn.") var turn: String?
    @OptionGroup var options: ConnectionOptions

    func run() async throws {
      let caseID = CaseID(caseID)
      let turn = turn.map { TurnID($0) }
      let json = options.json
      try await DaemonSession.run(options) { session in
        var after: Int? = 0
        while let from = after {
          let page = try await session.connection.call(
            TraceMethods.get, TraceGetParams(caseID: caseID, turn: turn, after: from, limit: 500))
          for event in page.events {
            if json {
              Terminal.print(try encodeJSON(event).canonicalString())
            } else {
              let payload = Terminal.printable(String(event.payload.canonicalString().prefix(160)))
              Terminal.print("\(event.seq)  \(event.time)  \(event.kind.rawValue)  \(payload)")
            }
          }
          after = page.next
        }
      }
    }
  }

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check every hash and signature, and name the first bad event.",
      discussion: """
        EXAMPLES
          vpath trace verify                      through the daemon
          vpath trace verify --state COPY         offline, on a copied state directory
          vpath trace verify --file case.jsonl    an exported case
          vpath trace verify --state COPY --checkpoints KEPT.jsonl --key trace-key.pub
                                                  against what was kept elsewhere
        """)
    @Option(name: .customLong("case"), help: "One case.") var caseID: String?
    @Option(help: "A copied state directory; no daemon is asked.") var state: String?
    @Option(help: "An exported case; no daemon is asked.") var file: String?
    @Option(
      help: ArgumentHelp(
        "With --state: a checkpoint file kept elsewhere, an older copy or single lines of one.", valueName: "file"))
    var checkpoints: [String] = []
    @Option(help: "With --state or --file: the public key you were given, 64 hexadecimal digits or a file of them.")
    var key: String?
    @OptionGroup var options: ConnectionOptions

    func validate() throws {
      if state != nil && file != nil { throw ValidationError("Give --state or --file, not both.") }
      if state == nil && !checkpoints.isEmpty { throw ValidationError("--checkpoints goes with --state.") }
      if state == nil && file == nil && key != nil { throw ValidationError("--key goes with --state or --file.") }
      if file != nil && caseID != nil { throw ValidationError("An exported file holds one case; leave --case away.") }
    }

    func run() async throws {
      let caseID = caseID.map { CaseID($0) }
      let result: TraceVerifyResult
      if let state {
        try NamedPath.requireFolder(state, "Name a daemon's state directory, or a copy of one.")
        result = try OfflineVerification.directory(state, caseID: caseID, key: key, checkpoints: checkpoints)
      } else if let file {
        try NamedPath.require(file, "`vpath trace export` writes one.")
        result = try OfflineVerification.export(file, key: key)
      } else {
        result = try await DaemonSession.run(options) {
          try await $0.connection.call(TraceMethods.verify, TraceVerifyParams(caseID: caseID), timeoutSeconds: 3600)
        }
      }
      try Printed.rows(result, json: options.json) { result in
        let counts = "\(result.events) events in \(result.cases) chains, \(result.checkpoints) signatures"
        let notes = result.notes.map { "Note: \($0)" }
        guard let fault = result.fault else { return ["The trace is whole: \(counts)."] + notes }
        guard result.events > 0 || fault.caseID != nil || fault.seq != nil || file == nil else {
          return ["This is no export of a case: \(fault.message)"] + notes
        }
        let place = [fault.caseID.map { "case \($0)" }, fault.seq.map { "event \($0)" }].compactMap { $0 }
        return [
          "The trace was changed: \(place.joined(separator: ", ")): \(fault.what): \(fault.message)", "Read \(counts).",
        ] + notes
      }
      guard result.ok else { throw ExitCode(ErrorTable.row(.traceTampered).exitCode) }
    }
  }

  struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run a turn again from its record alone, and compare every byte.",
      discussion: "EXAMPLE\n  vpath trace replay TURN")
    @Argument(help: "The turn.") var turn: String
    @OptionGroup var options: ConnectionOptions

    func run() async throws {
      let params = TurnParams(turn: TurnID(turn))
      let result = try await DaemonSession.run(options) {
        try await $0.connection.call(TraceMethods.replay, params, timeoutSeconds: 600)
      }
      try Printed.rows(result, json: options.json) { result in
        let place = result.seq.map { " at event \($0)" } ?? ""
        return ["\(result.verdict)\(place): \(result.events) events compared. \(result.message ?? "")"]
      }
      guard result.verdict != "diverged" else { throw ExitCode(ErrorTable.row(.traceTampered).exitCode) }
    }
  }

  struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "From a statement to measurement, tool, region, pixels and policy decision.",
      discussion: "EXAMPLE\n  vpath trace explain TURN --finding 0")
    @Argument(help: "The turn.") var turn: String
    @Option(help: "One finding, 0 for the first.") var finding: Int?
    @OptionGroup var options: ConnectionOptions

    func run() async throws {
      let params = TraceExplainParams(turn: TurnID(turn), finding: finding)
      let result = try await DaemonSession.run(options) {
        try await $0.connection.call(TraceMethods.explain, params)
      }
      try Printed.rows(result, json: options.json) { result in
        let reasons = result.notAssessable.flatMap { ExplanationText.lines($0, indent: "  ") }
        return result.findings.flatMap { ExplanationText.lines($0, indent: "") }
          + (reasons.isEmpty ? [] : ["not assessable:"] + reasons)
      }
    }
  }

  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write one case to a file that verifies on its own.",
      discussion: "EXAMPLE\n  vpath trace export CASE --output case.jsonl && vpath trace verify --file case.jsonl")
    @Argument(help: "The case.") var caseID: String
    @Option(help: "The file to write.") var output: String
    @OptionGroup var options: ConnectionOptions

    func run() async throws {
      let caseID = CaseID(caseID)
      let bytes = try await DaemonSession.run(options) { session in
        var bytes: [UInt8] = []
        var cursor: String?
        repeat {
          let piece = try await session.connection.call(
            TraceMethods.export, TraceExportParams(caseID: caseID, cursor: cursor), timeoutSeconds: 600)
          guard let data = Base64.decode(piece.data) else {
            throw VPathError(.internalBug, "A piece of the export is no base 64.", subject: caseID.rawValue)
          }
          bytes += data
          cursor = piece.next
        } while cursor != nil
        return bytes
      }
      try OutputFile.write(bytes, to: output)
      if !options.json { Terminal.print("\(bytes.count) bytes in \(output)") }
    }
  }
}

/// An explanation as indented lines.
enum ExplanationText {
  static func lines(_ value: JSONValue, indent: String) -> [String] {
    switch value {
    case .object(let members):
      members.sorted { rank($0.key) < rank($1.key) }.flatMap { key, member -> [String] in
        switch member {
        case .object, .array: ["\(indent)\(key):"] + lines(member, indent: indent + "  ")
        default: ["\(indent)\(key): \(scalar(member))"]
        }
      }
    case .array(let elements):
      elements.flatMap { element -> [String] in
        if case .object = element { return lines(element, indent: indent + "  ") + [""] }
        return ["\(indent)- \(scalar(element))"]
      }
    default: ["\(indent)\(scalar(value))"]
    }
  }

  private static func rank(_ key: String) -> String {
    let first = ["part", "asked", "statement", "reason", "what", "id", "kind", "measurement", "name", "value", "unit"]
    return first.firstIndex(of: key).map { "0\($0)" } ?? "1\(key)"
  }

  private static func scalar(_ value: JSONValue) -> String { value.stringValue ?? value.canonicalString() }
}
