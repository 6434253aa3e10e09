// `vpath model`: what an operator does with language models. All but `status` works without a daemon; a running one uses
// another model after its next start.
// What must stay true: nothing is used that was not pinned by SHA-256; what was chosen, and where that is written, is said.

import ArgumentParser
import Assembly
import Client
import Domain
import JSON
import LanguageModels
import Setup
import SystemPackage
import Wire

#if canImport(Glibc)
  import Glibc
#endif

struct ModelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "List, put in, choose and check language models.",
    discussion: """
      EXAMPLES
        vpath model list
        vpath model status
        vpath model add qwen --gguf qwen2.5-vl-7b-q4_k_m.gguf --projector mmproj-qwen2.5-vl-7b.gguf
        vpath model add med --url https://host/med.gguf --sha256 HEX --licence Apache-2.0
        vpath model use qwen
        vpath model verify
        vpath model bench qwen --write
      """,
    subcommands: [List.self, Status.self, Add.self, Use.self, Verify.self, ModelBenchCommand.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the models, which one plans, and what each lacks.",
      discussion: "EXAMPLE\n  vpath model list --json")
    @OptionGroup var options: ModelOptions

    func run() async throws {
      let (configuration, folders) = try options.load()
      let used = try configuration.model.use ?? ModelChoice.read(folders) ?? ModelAssembly.builtIn
      let lines = folders.list().map { entry in (entry, ModelText.problem(of: entry, folders)) }
      if options.json {
        Terminal.print(
          JSONValue.object([
            "use": .string(used), "models": .array(lines.map { ModelText.json($0, problem: $1, used: used) }),
          ]).prettyString())
        return
      }
      for (entry, problem) in lines {
        let mark = entry.name == used ? "*" : " "
        Terminal.print(Terminal.printable("\(mark) \(entry.name)  \(ModelText.line(entry))"))
        if let problem { Terminal.print(Terminal.printable("    NOT USABLE: \(problem)")) }
      }
      if used == ModelAssembly.rules || used == ModelAssembly.endpoint { Terminal.print("* \(used)") }
      do throws(VPathError) {
        _ = try ModelAssembly.program(configuration)
      } catch {
        Terminal.note(Terminal.printable(error.message))
      }
    }
  }

  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ask the running daemon which model plans, how, and whether it is well.",
      discussion: "EXAMPLE\n  vpath model status --json")
    @OptionGroup var options: ConnectionOptions

    func run() async throws {
      let status = try await DaemonSession.run(options) { try await $0.connection.call(ModelMethods.status, Empty()) }
      if options.json {
        Terminal.print(try encodeJSON(status).prettyString())
        return
      }
      let name = status.name.map { "\($0), \(status.planning)" } ?? "rules"
      let server = status.server.map { ", \($0)" } ?? ""
      let place = status.remote ? ", on another machine" : ""
      Terminal.print(Terminal.printable("\(name): \(status.state.rawValue)\(server)\(place)"))
      if let problem = status.problem { Terminal.note(Terminal.printable(problem)) }
    }
  }

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Put in a GGUF, and its vision projector, from disk or from a pinned URL.",
      discussion: """
        A file from disk stays where it is and is pinned by its SHA-256. A file from a URL is kept in the state
        directory's models/NAME; an interrupted download goes on where it stopped.

        EXAMPLES
          vpath model add qwen --gguf qwen2.5-vl-7b-q4_k_m.gguf --projector mmproj-qwen2.5-vl-7b.gguf
          vpath model add med --url https://host/med.gguf --sha256 HEX --licence Apache-2.0
        """)
    @Argument(help: "What the model is called here: small letters, digits, dot, dash, underscore.") var name: String
    @Option(help: "The model's GGUF file.") var gguf: String?
    @Option(help: "Its vision projector, a GGUF file.") var projector: String?
    @Option(help: "A URL of the GGUF, instead of --gguf.") var url: String?
    @Option(help: "The SHA-256 of what --url gives.") var sha256: String?
    @Option(help: "A URL of the projector, instead of --projector.") var projectorUrl: String?
    @Option(help: "The SHA-256 of what --projector-url gives.") var projectorSha256: String?
    @Option(help: "Tokens of context (default: what the file says).") var context: Int?
    @Option(help: "The licence, as SPDX names it (default: what the file says).") var licence: String = ""
    @OptionGroup var options: ModelOptions

    func validate() throws {
      guard (gguf == nil) != (url == nil) else { throw ValidationError("Give either --gguf or --url.") }
      guard (url == nil) == (sha256 == nil) else { throw ValidationError("--url and --sha256 go together.") }
      guard projector == nil || projectorUrl == nil else {
        throw ValidationError("Give either --projector or --projector-url.")
      }
      guard (projectorUrl == nil) == (projectorSha256 == nil) else {
        throw ValidationError("--projector-url and --projector-sha256 go together.")
      }
    }

    func run() async throws {
      let (_, folders) = try options.load()
      let store = ModelStore(folders)
      try store.checkName(name)
      let weights = try await file(gguf, url, sha256, folders)
      guard let weights else { return }
      let eyes = try await file(projector, projectorUrl, projectorSha256, folders)
      let manifest = try await store.add(
        .init(
          name: name, weights: weights, projector: eyes, licence: licence,
          source: url ?? "put in from disk by uid \(getuid())", contextTokens: context))
      if options.json {
        Terminal.print(try encodeJSON(manifest).prettyString())
      } else {
        Terminal.print(
          Terminal.printable(
            "\(name) is put in: \(manifest.title), \(manifest.contextTokens) tokens of context"
              + "\(manifest.vision ? ", takes pictures" : ""). Choose it with: vpath model use \(name)"))
      }
    }

    private func file(
      _ path: String?, _ url: String?, _ sha256: String?, _ folders: ModelFolders
    ) async throws -> String? {
      if let path { return AbsolutePath.of(path) }
      guard let url, let sha256 else { return nil }
      let path = try await ModelDownload(folders: folders).fetch(url, sha256: SHA256Hex(sha256.lowercased()), for: name)
      {
        got, all in
        Terminal.progress("  \(got >> 20)\(all.map { " of \($0 >> 20)" } ?? "") MiB")
      }
      if Terminal.showsProgress { Terminal.note("fetched") }
      return path
    }
  }

  struct Use: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Choose the model that plans; \"rules\" for none, \"endpoint\" for the configured one.",
      discussion: "EXAMPLE\n  vpath model use smollm2-135m-instruct")
    @Argument(help: "The model, or rules, or endpoint.") var name: String
    @OptionGroup var options: ModelOptions

    func run() async throws {
      let (configuration, folders) = try options.load()
      if ![ModelAssembly.rules, ModelAssembly.endpoint].contains(name) { _ = try folders.resolve(name) }
      try ModelChoice.write(name, folders)
      let place = "models/\(ModelChoice.fileName) of the state directory"
      if options.json {
        Terminal.print(
          JSONValue.object(["use": .string(name), "writtenTo": .string(folders.own + "/" + ModelChoice.fileName)])
            .prettyString())
        return
      }
      Terminal.print("\(name) plans from the daemon's next start on; the choice is in \(place).")
      if let other = configuration.model.use {
        Terminal.note(Terminal.printable("But the configuration's model.use is \(other), and wins over it."))
      }
    }
  }

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check every file of a model, or of all, against its pinned SHA-256, and the memory it needs.",
      discussion: "EXAMPLE\n  vpath model verify smollm2-135m-instruct")
    @Argument(help: "The model (default: all).") var name: String?
    @OptionGroup var options: ModelOptions

    func run() async throws {
      let (configuration, folders) = try options.load()
      // Nothing that was seen before counts.
      let checks = ModelFileChecks()
      var results: [(name: String, problem: VPathError?)] = []
      for name in name.map({ [$0] }) ?? folders.list().map(\.name) {
        do throws(VPathError) {
          let model = try folders.resolve(name)
          try await checks.verify(model)
          let context = configuration.model.contextTokens ?? min(model.manifest.contextTokens, 8192)
          try await checks.checkMemory(model, contextTokens: context)
          results.append((name, nil))
        } catch {
          results.append((name, error))
        }
      }
      if options.json {
        Terminal.print(
          JSONValue.array(
            results.map { result in
              ["name": .string(result.name), "problem": result.problem.map { .string($0.message) } ?? .null]
            }
          ).prettyString())
      } else {
        for result in results {
          Terminal.print(Terminal.printable("\(result.name)  \(result.problem?.message ?? "whole")"))
        }
      }
      if let first = results.compactMap(\.problem).first { throw ExitCode(ErrorTable.row(first.id).exitCode) }
    }
  }
}

/// Where models are kept.
struct ModelOptions: ParsableArguments {
  @Option(help: "The daemon's state directory (default: from the configuration).") var state: String?
  @Option(help: "The daemon's configuration file.") var config: String?
  @Flag(help: "Print JSON.") var json = false

  func load() throws -> (DaemonConfiguration, ModelFolders) {
    var flags: [String: String] = [:]
    if let state { flags["stateDirectory"] = AbsolutePath.of(state) }
    do throws(ConfigurationError) {
      let configuration = try DaemonConfiguration.load(
        file: config.map { FilePath($0) }, environment: DaemonSession.configurationEnvironment, flags: flags,
        places: .user(environment: DaemonSession.environment, uid: getuid()),
        executable: ResourceDirectory.runningExecutable())
      return (configuration, ModelAssembly.folders(configuration))
    } catch {
      throw VPathError(.cliUsage, "The configuration is refused: \(error)", subject: error.key)
    }
  }
}

/// A model in words or JSON.
enum ModelText {
  /// What keeps a model from being used, its files' bytes not looked at.
  static func problem(of entry: ModelEntry, _ folders: ModelFolders) -> String? {
    do throws(VPathError) {
      _ = try folders.resolve(entry.name)
      return nil
    } catch {
      return error.message
    }
  }

  static func line(_ entry: ModelEntry) -> String {
    guard case .success(let manifest) = entry.manifest else { return entry.isBuiltIn ? "built in" : "put in" }
    let choice =
      manifest.toolChoice.map { "tool choice \(Int(($0.accuracy * 100).rounded())) % of \($0.cases) cases" }
      ?? "tool choice not measured"
    return [
      manifest.title, manifest.licence, "\(manifest.contextTokens) tokens",
      manifest.vision ? "pictures" : "no pictures",
      choice, entry.isBuiltIn ? "built in" : "put in",
    ].joined(separator: ", ")
  }

  static func json(_ entry: ModelEntry, problem: String?, used: String) -> JSONValue {
    var members: [String: JSONValue] = [
      "name": .string(entry.name), "builtIn": .bool(entry.isBuiltIn), "used": .bool(entry.name == used),
    ]
    if case .success(let manifest) = entry.manifest { members["manifest"] = try? encodeJSON(manifest) }
    members["problem"] = problem.map { .string($0) }
    return .object(members)
  }
}
