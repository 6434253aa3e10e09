// `vpath model bench`: how well planners choose the next act on the shipped cases, and what that costs.
// What must stay true: rules, the model among the rules' actions and the model among all are asked the same cases in the
// same run; only the free figure goes into a manifest, since it decides whether the model plans freely.

import ArgumentParser
import Assembly
import Domain
import JSON
import LanguageModels
import Logging
import Policy
import Ports
import Setup
import SystemPackage
import ToolChoice
import ToolHost

#if canImport(Glibc)
  import Glibc
#endif

struct ModelBenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure how well a model chooses the next act, beside the rules.",
    discussion: """
      Asks each question of models/tool_choice once: of the rule planner, of the model among the rules' actions, and of
      the model among all legal actions. "right" counts the planner's own steps; "the turn's" also those that rules took
      in the place of a model whose steps were refused. With --write the last figure goes into the model's manifest in the state
      directory; from 0.8 on the model plans freely.

      EXAMPLES
        vpath model bench smollm2-135m-instruct
        vpath model bench qwen --write --json
        vpath model bench qwen --cases 40
        vpath model bench qwen --only rules,narrowed
      """)
  @Argument(help: "The model, or endpoint.") var name: String
  @Option(help: "Only so many cases of each file, spread evenly over it.") var cases: Int?
  @Option(help: "Only these planners, of rules, narrowed, free; with commas.") var only: String?
  @Flag(help: "Write the measured tool choice into the model's manifest.") var write = false
  @OptionGroup var options: ModelOptions

  func run() async throws {
    var (configuration, folders) = try options.load()
    configuration.model.use = name
    let log = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
    let folder = try RunFolder.make()
    defer { RunFolder.remove(folder) }
    let hosted = try ModelAssembly.host(
      configuration, programs: programFolder, runDirectory: folder + "/model", log: log)
    let wanted = try wantedPlanners()
    let planners = try wanted.map { name in
      (name, name == "rules" ? RulePlanner() as any LanguageModel : try planner(hosted, name, configuration))
    }
    let suites = try ["generated", "handwritten"].map { ($0, try suite($0, configuration)) }
    let run = try toolChoice(configuration, folder)
    var rows: [Row] = []
    do throws(VPathError) {
      for (name, planner) in planners {
        for (suite, all) in suites {
          let asked = spread(all.cases)
          let report = try await run.measure(planner, asked) { done in
            Terminal.progress("  \(name), \(suite): \(done) of \(asked.count)")
          }
          rows.append(Row(planner: name, suite: suite, report: report))
        }
      }
    } catch {
      await hosted.stop()
      throw error
    }
    await hosted.stop()
    show(rows)
    if write { try record(rows, hosted, folders) }
  }

  /// One planner on one file of cases.
  private struct Row {
    var planner: String
    var suite: String
    var report: ToolChoiceReport
  }

  /// The planners that were asked for.
  private func wantedPlanners() throws -> [String] {
    let all = ["rules", "narrowed", "free"]
    guard let only else { return all }
    let names = only.split(separator: ",").map(String.init)
    if let stranger = names.first(where: { !all.contains($0) }) {
      throw VPathError(
        .cliUsage, "There is no planner \(stranger.prefix(40)). Name some of \(all.joined(separator: ", ")).",
        subject: "--only")
    }
    guard !write || names.contains("free") else {
      throw VPathError(
        .cliUsage, "--write takes the figure of free planning, which --only leaves out. Name free, too.",
        subject: "--write")
    }
    return all.filter { names.contains($0) }
  }

  /// As many cases as were asked for, at even distances, so that every kind of question is among them.
  private func spread(_ all: [ToolChoiceCase]) -> [ToolChoiceCase] {
    guard let cases, cases > 0, cases < all.count else { return all }
    return (0..<cases).map { all[$0 * all.count / cases] }
  }

  private var programFolder: String {
    ResourceDirectory.runningExecutable()?.removingLastComponent().string ?? "/usr/bin"
  }

  private func planner(
    _ hosted: HostedModel, _ planning: String, _ configuration: DaemonConfiguration
  ) throws -> any LanguageModel {
    try PlannerAssembly.planner(
      hosted, planning: planning, resourceDirectory: configuration.resourceDirectory,
      surroundings: ModelPlanner.Surroundings(
        keep: { _, _ throws(VPathError) in SHA256Hex(String(repeating: "0", count: 64)) }, picture: { _ in nil }))
  }

  private func suite(_ name: String, _ configuration: DaemonConfiguration) throws -> ToolChoiceSuite {
    let path = FilePath("\(configuration.resourceDirectory)/models/tool_choice/\(name).json")
    do {
      return try ToolChoiceSuite(try BoundedFile.text(path, maxBytes: 4 << 20))
    } catch let error as BoundedFileError {
      throw VPathError(
        .protocolParams, "The cases \(name).json cannot be read: \(error.reason). Set resourceDirectory.", subject: name
      )
    }
  }

  /// The product's tools and policy, as the daemon has them.
  private func toolChoice(_ configuration: DaemonConfiguration, _ folder: String) throws -> ToolChoiceRun {
    let registry = ToolRegistry(
      ToolHostConfiguration(configuration, programs: programFolder, work: folder + "/work"))
    let builtIn = Set(registry.builtInNames())
    let tools = registry.manifests().filter { builtIn.contains($0.name) && $0.vpath.hostOnly != true }
    let text: String
    do {
      text = try BoundedFile.text(FilePath(configuration.policyFile), maxBytes: 1 << 20)
    } catch {
      throw VPathError(.cliUsage, "The policy file cannot be read. Set policyFile.", subject: "policyFile")
    }
    return ToolChoiceRun(tools: tools, policy: try Policy.load(yaml: text), clock: MonotonicClock())
  }

  private func show(_ rows: [Row]) {
    if options.json {
      Terminal.print(
        JSONValue.array(
          rows.map { row in
            [
              "planner": .string(row.planner), "suite": .string(row.suite), "right": .number(Double(row.report.right)),
              "endedRight": .number(Double(row.report.endedRight)), "cases": .number(Double(row.report.items.count)),
              "accuracy": .number(row.report.accuracy),
              "secondsPerCase": .number(row.report.secondsPerCase),
              "promptTokens": .number(Double(row.report.promptTokens)),
              "cachedTokens": .number(Double(row.report.cachedTokens)),
              "completionTokens": .number(Double(row.report.completionTokens)),
              "refused": .number(Double(row.report.refused)),
              "wrong": .array(
                row.report.items.filter { !$0.isRight }.map { ["id": .string($0.id), "did": .string($0.did)] }),
            ]
          }
        ).prettyString())
      return
    }
    Terminal.print(
      "planner    cases           right   the turn's   s/case   prompt tokens   cached   written   steps refused")
    for row in rows {
      let report = row.report
      let cached = report.promptTokens == 0 ? 0 : 100 * report.cachedTokens / report.promptTokens
      let columns: [(String, Int)] = [
        (row.planner, 11), ("\(row.suite) \(report.items.count)", 16), ("\(report.right)", 8),
        ("\(report.endedRight)", 13),
        (hundredths(report.secondsPerCase), 9), ("\(report.promptTokens)", 16), ("\(cached) %", 9),
        ("\(report.completionTokens)", 10), ("\(report.refused)", 8),
      ]
      Terminal.print(columns.map { $0 + String(repeating: " ", count: max(1, $1 - $0.count)) }.joined())
    }
  }

  private func hundredths(_ value: Double) -> String {
    let whole = Int((value * 100).rounded())
    return "\(whole / 100).\(whole % 100 < 10 ? "0" : "")\(whole % 100)"
  }

  private func record(_ rows: [Row], _ hosted: HostedModel, _ folders: ModelFolders) throws {
    let free = rows.filter { $0.planner == "free" }
    guard var manifest = hosted.manifest, !free.isEmpty else { return }
    let count = free.reduce(0) { $0 + $1.report.items.count }
    let right = free.reduce(0) { $0 + $1.report.right }
    manifest.toolChoice = ModelManifest.ToolChoice(
      accuracy: count == 0 ? 0 : (Double(right) / Double(count) * 1000).rounded() / 1000, cases: count,
      suite: "models/tool_choice")
    try ModelStore(folders).write(manifest)
    Terminal.note("written into models/\(manifest.name)/model.json of the state directory")
  }
}

extension ToolChoiceReport {
  fileprivate var secondsPerCase: Double { items.isEmpty ? 0 : seconds / Double(items.count) }
}

/// The machine's monotonic clock.
private struct MonotonicClock: Clock {
  func now() -> String { "1970-01-01T00:00:00.000Z" }
  func monotonicSeconds() -> Double {
    var moment = timespec()
    clock_gettime(CLOCK_MONOTONIC, &moment)
    return Double(moment.tv_sec) + Double(moment.tv_nsec) * 1e-9
  }
  func sleep(seconds: Double) async throws { try await Task.sleep(for: .seconds(seconds)) }
}

/// A private folder for the time of a run.
private enum RunFolder {
  static func make() throws(VPathError) -> String {
    var template = Array("/tmp/vpath-bench-XXXXXX\0".utf8CString)
    guard let path = mkdtemp(&template) else {
      throw VPathError(.internalBug, "No folder can be made in /tmp (\(String(cString: strerror(errno)))).")
    }
    return String(cString: path)
  }

  static func remove(_ path: String) {
    for name in ["/model/socket/llama.sock", "/model/llama.sock"] { unlink(path + name) }
    for name in ["/model/socket", "/model", "/work", ""] { rmdir(path + name) }
  }
}
