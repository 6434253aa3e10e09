// model/list and model/status: which language models there are, which one plans, and how it is.
// What must stay true: no path of a file and no address of an endpoint is told.

import Domain
public import JSON

/// One model of the daemon's machine.
public struct ListedModel: WireType, Hashable {
  public var name: String
  /// Whether this daemon plans with it.
  public var used: Bool
  /// Whether it came with the product.
  public var builtIn: Bool
  /// From the manifest, as all that follow; absent where the manifest cannot be used.
  public var title: String?
  /// SPDX.
  public var licence: String?
  public var vision: Bool?
  public var contextTokens: Int?
  /// Share of the shipped tool-choice cases in which it chose rightly, 0 to 1; absent when it was not measured.
  public var toolChoiceAccuracy: Double?
  /// What keeps it from being used, in words.
  public var problem: String?

  public init(
    name: String, used: Bool, builtIn: Bool, title: String? = nil, licence: String? = nil, vision: Bool? = nil,
    contextTokens: Int? = nil, toolChoiceAccuracy: Double? = nil, problem: String? = nil
  ) {
    self.name = name
    self.used = used
    self.builtIn = builtIn
    self.title = title
    self.licence = licence
    self.vision = vision
    self.contextTokens = contextTokens
    self.toolChoiceAccuracy = toolChoiceAccuracy
    self.problem = problem
  }

  public static var schema: Schema {
    .object([
      .required("name", .text("The model's name.")),
      .required("used", .boolean(description: "Whether this daemon plans with it.")),
      .required("builtIn", .boolean(description: "Whether it came with the product.")),
      .optional("title", .text("Its title.")), .optional("licence", .text("SPDX.")),
      .optional("vision", .boolean(description: "Whether it takes pictures.")),
      .optional("contextTokens", .count("The most tokens of context.")),
      .optional("toolChoiceAccuracy", .number(min: 0, max: 1, description: "Share of right tool choices.")),
      .optional("problem", .text("What keeps it from being used.")),
    ])
  }
}

/// The models of the daemon's machine, by name.
public struct ModelListResult: WireType {
  public var models: [ListedModel]
  public init(models: [ListedModel]) { self.models = models }
  public static var schema: Schema { .object([.required("models", .array(of: ListedModel.schema))]) }
}

/// What plans, and how it is.
public struct ModelStatusResult: WireType, Hashable {
  /// The state of what plans.
  public enum State: String, Sendable, Hashable, Codable, CaseIterable {
    /// Rules plan; there is no model.
    case none
    /// It is started with its first request.
    case notStarted = "not_started"
    case starting
    case ready
    /// It failed, and is started again.
    case failing
    case stopped
    /// It is behind an endpoint, whose state is not known before it is asked.
    case endpoint
  }

  public var state: State
  /// `rules`, `narrowed` or `free`, as in a turn's usage.
  public var planning: String
  /// The model; absent where rules plan.
  public var name: String?
  /// The server's name and build, once it has run.
  public var server: String?
  /// Whether prompts leave the machine.
  public var remote: Bool
  public var vision: Bool
  public var contextTokens: Int
  /// Why rules plan although a model was expected, or why it fails; in words.
  public var problem: String?

  public init(
    state: State = .none, planning: String = "rules", name: String? = nil, server: String? = nil,
    remote: Bool = false, vision: Bool = false, contextTokens: Int = 0, problem: String? = nil
  ) {
    self.state = state
    self.planning = planning
    self.name = name
    self.server = server
    self.remote = remote
    self.vision = vision
    self.contextTokens = contextTokens
    self.problem = problem
  }

  public static var schema: Schema {
    .object([
      .required("state", .string(enum: State.allCases.map(\.rawValue))),
      .required("planning", .string(enum: ["rules", "narrowed", "free"])),
      .optional("name", .text("The model's name.")), .optional("server", .text("The server's name and build.")),
      .required("remote", .boolean(description: "Whether prompts leave the machine.")),
      .required("vision", .boolean(description: "Whether it takes pictures.")),
      .required("contextTokens", .count("Tokens of context.")),
      .optional("problem", .text("What is not well with it.")),
    ])
  }
}

/// The methods about language models.
public enum ModelMethods {
  public static let list = Method<Empty, ModelListResult>(
    "model/list", "The language models of the daemon's machine, and which one plans.", example: [:])
  public static let status = Method<Empty, ModelStatusResult>(
    "model/status", "What plans at this moment: its state, how it plans, and what is not well with it.", example: [:])
}
