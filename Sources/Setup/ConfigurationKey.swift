// Every key of vpathd.yaml, declared once: its schema, its default, what it means. The shipped example, the check of
// a file and the page about configuration come from this table.
// What must stay true: a key here has a member of the same path in DaemonConfiguration, and the other way round.

public import JSON

/// One key of the configuration.
public struct ConfigurationKey: Sendable {
  /// Path with dots, such as `limits.connections`.
  public let name: String
  public let meaning: String
  public let schema: Schema
  /// The default; nil where it depends on the machine, which `defaultInWords` then tells.
  public let value: JSONValue?
  public let defaultInWords: String?

  init(_ name: String, _ schema: Schema, _ value: JSONValue?, _ meaning: String, defaultInWords: String? = nil) {
    self.name = name
    self.schema = schema
    self.value = value
    self.meaning = meaning
    self.defaultInWords = defaultInWords
  }

  /// The environment variable that sets it: `VPATH_` and the path's words in capitals, `VPATH_LIMITS_CONNECTIONS`,
  /// `VPATH_MODEL_ENDPOINT_CA_FILE`.
  public var environmentName: String {
    // "MiB" is one word.
    let characters = Array(name.hasSuffix("MiB") ? name.dropLast(3) + "Mib" : name[...])
    var result = "VPATH_"
    for (index, character) in characters.enumerated() {
      if character.isUppercase {
        let follows = index > 0 && characters[index - 1].isUppercase
        let leads = index + 1 < characters.count && characters[index + 1].isLowercase
        if !follows || leads { result += "_" }
        result.append(character)
      } else {
        result += character == "." ? "_" : character.uppercased()
      }
    }
    return result
  }

  private static let path = Schema.string(minLength: 1, maxLength: 4096)
  private static func whole(_ range: ClosedRange<Int>) -> Schema {
    .integer(min: range.lowerBound, max: range.upperBound)
  }

  /// The table, in the order of the example file.
  public static let all: [ConfigurationKey] = [
    ConfigurationKey(
      "socket", path, nil, "The Unix socket clients connect to (mode 0660).",
      defaultInWords: "$XDG_RUNTIME_DIR/vpath/vpathd.sock"),
    ConfigurationKey(
      "stateDirectory", path, nil, "The trace, its key, installed tools and case files (mode 0700).",
      defaultInWords: "$XDG_STATE_HOME/vpath"),
    ConfigurationKey(
      "slideDirectories", .array(of: path, max: 64), [],
      "Folders that slides may be in. A slide elsewhere, or a link out of them, is refused."),
    ConfigurationKey(
      "policyFile", path, nil, "The policy.", defaultInWords: "policies/default.yaml of the product"),
    ConfigurationKey(
      "resourceDirectory", path, nil, "Built-in tools, policies, prompts, models and templates.",
      defaultInWords: "found beside the program"),
    ConfigurationKey(
      "openSlideLibrary", path, nil, "The OpenSlide library that vpath-tools loads.",
      defaultInWords: "the one that was installed with vpathd, else the cache's that assets.lock pins, else "
        + "the system's"),
    ConfigurationKey(
      "openVINOLibrary", path, nil,
      "OpenVINO's C library, which vpath-tools loads for classifiers; its companions lie beside it.",
      defaultInWords: "the one that was installed with vpathd, else the cache's that assets.lock pins; without one "
        + "nothing is classified"),
    ConfigurationKey(
      "cacheDirectory", path, nil, "What set-up fetched and built: model files, llama-server.",
      defaultInWords: "$XDG_CACHE_HOME/vpath"),
    ConfigurationKey("logLevel", .string(enum: ["debug", "info", "warning", "error"]), "info", "How much is logged."),
    ConfigurationKey(
      "limits.runningTurns", whole(1...64), nil, "Cases that are worked on at the same time.",
      defaultInWords: "the number of processors"),
    ConfigurationKey("limits.queuedTurns", whole(1...10_000), 100, "Turns that may wait in one case."),
    ConfigurationKey("limits.connections", whole(1...4096), 256, "Open connections."),
    ConfigurationKey("limits.requestsInFlight", whole(1...1024), 64, "Unanswered requests of one connection."),
    ConfigurationKey("limits.lineBytes", whole(4096...67_108_864), 8_388_608, "Longest line read from a client."),
    ConfigurationKey("limits.questionBytes", whole(64...1_048_576), 65_536, "Longest question."),
    ConfigurationKey("limits.drainSeconds", .number(min: 0.1, max: 60), 4, "Time to end turns when stopping."),
    ConfigurationKey(
      "limits.slowReaderSeconds", .number(min: 1, max: 3600), 30, "Time a client may take to read before it is cut."),
    ConfigurationKey("budget.steps", whole(1...200), 16, "Steps of one turn."),
    ConfigurationKey("budget.toolCalls", whole(1...200), 12, "Tool calls of one turn."),
    ConfigurationKey("budget.regions", whole(1...10_000), 64, "Regions one turn may look at."),
    ConfigurationKey("budget.tokens", whole(100...10_000_000), 200_000, "Model tokens of one turn."),
    ConfigurationKey("budget.seconds", .number(min: 1, max: 86_400), 600, "Wall time of one turn."),
    ConfigurationKey("tools.bubblewrap", path, "/usr/bin/bwrap", "The sandbox program."),
    ConfigurationKey(
      "tools.trustedWithoutSandbox", .array(of: .string(minLength: 1, maxLength: 128), max: 64), [],
      "Tools that may run where the sandbox cannot work, if the policy permits tool.unsandboxed too. Each run is an event."
    ),
    ConfigurationKey("tools.idleSeconds", .number(min: 1, max: 86_400), 120, "Time after which a kept process ends."),
    ConfigurationKey("tools.processes", whole(1...256), 8, "Kept tool processes."),
    ConfigurationKey(
      "model.use", .string(minLength: 1, maxLength: 64), nil,
      "What plans: a model's name (`vpath model list`), \"endpoint\", or \"rules\" for the rule planner alone.",
      defaultInWords: "what `vpath model use` chose, else the built-in model where it is set up, else rules"),
    ConfigurationKey(
      "model.planning", .string(enum: ["narrowed", "free"]), nil,
      "Whether the model chooses among the rules' actions or among all legal ones.",
      defaultInWords: "as its measured tool choice says"),
    ConfigurationKey(
      "model.server", path, nil, "The llama-server program.", defaultInWords: "the one that set-up built"),
    ConfigurationKey("model.sandbox", .boolean(), true, "Whether the model server runs in a sandbox."),
    ConfigurationKey(
      "model.threads", whole(1...256), 1,
      "Threads of the model server. More than one collapses where anything else uses the processors."),
    ConfigurationKey(
      "model.contextTokens", whole(256...16_777_216), nil, "Tokens of context; memory grows with them.",
      defaultInWords: "what the model was made for, at most 8192"),
    ConfigurationKey(
      "model.idleSeconds", whole(10...86_400), 300, "Time without a request after which the weights leave memory."),
    ConfigurationKey("model.requestSeconds", .number(min: 1, max: 3600), 300, "Longest time for one reply."),
    ConfigurationKey(
      "model.endpointURL", .string(minLength: 1, maxLength: 2048), nil,
      "Base URL of an OpenAI-compatible server, such as https://host/v1, or unix:/path/to.sock.",
      defaultInWords: "none"),
    ConfigurationKey(
      "model.endpointKeyFile", path, nil, "File with the endpoint's key; only its owner may read it (mode 0600).",
      defaultInWords: "none"),
    ConfigurationKey(
      "model.endpointCAFile", path, nil, "Certificates (PEM) trusted instead of the system's.", defaultInWords: "none"),
    ConfigurationKey(
      "model.endpointProxy", .string(minLength: 1, maxLength: 2048), nil, "HTTP proxy, http://host:port.",
      defaultInWords: "none"),
    ConfigurationKey(
      "model.endpointName", .string(minLength: 1, maxLength: 200), nil, "The model's name as the endpoint knows it.",
      defaultInWords: "none is sent"),
    ConfigurationKey("model.endpointVision", .boolean(), false, "Whether the endpoint's model takes pictures."),
    ConfigurationKey("trace.reserveMiB", whole(1...4096), 16, "Disk space kept to end turns properly when it is full."),
    ConfigurationKey(
      "trace.checkpointCopy", path, nil, "A further file that gets what checkpoints.jsonl gets.",
      defaultInWords: "none"),
  ]

  /// JSON Schema of the whole file.
  public static var schema: Schema {
    var top: [Schema.Property] = []
    var sections: [(name: String, keys: [Schema.Property])] = []
    for key in all {
      let words = key.name.split(separator: ".").map(String.init)
      if words.count == 1 {
        top.append(.optional(key.name, key.schema))
      } else if let index = sections.firstIndex(where: { $0.name == words[0] }) {
        sections[index].keys.append(.optional(words[1], key.schema))
      } else {
        sections.append((words[0], [.optional(words[1], key.schema)]))
      }
    }
    return .object(top + sections.map { .optional($0.name, .object($0.keys)) })
  }

  /// The example file: every key with its meaning and default, commented out.
  public static var exampleFile: String {
    var text = """
      ## Configuration of vpathd: every key with its default. Take one # away to set a key. Flags win over the
      ## environment, the environment over this file. Looked for at $XDG_CONFIG_HOME/vpath/vpathd.yaml, then
      ## /etc/vpath/vpathd.yaml. `vpathd --check` reads it and says what is wrong. With --system it is /etc/vpath/vpathd.yaml,
      ## and the defaults are /run/vpath/vpathd.sock, /var/lib/vpath and /var/cache/vpath.

      """
    var section = ""
    for key in all {
      let words = key.name.split(separator: ".").map(String.init)
      if words.count == 2, words[0] != section {
        section = words[0]
        text += "\n#\(section):\n"
      }
      let indent = words.count == 2 ? "  " : ""
      text += "\n## \(indent)\(key.meaning) Environment: \(key.environmentName)\n"
      let name = "\(indent)\(words[words.count - 1]):"
      if let value = key.value {
        text += "#\(name) \(value.canonicalString())\n"
      } else {
        text += "## \(name)   (default: \(key.defaultInWords ?? "none"))\n"
      }
    }
    return text
  }
}
