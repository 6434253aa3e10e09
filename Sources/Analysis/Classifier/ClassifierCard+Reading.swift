// Reading a card: our own form, our own form around a WSInfer configuration, or such a configuration alone.
// What must stay true: the first fault is named by its key; a WSInfer configuration is read as it is and says nothing of
// organs, stains or accuracy, so alone it is experimental and fits no case.

import JSON

extension ClassifierCard {
  /// What "kind" says in a classifier's card.
  public static let kind = "tile classifier"

  /// Reads a card.
  ///
  /// - Throws: `badCard` naming the key.
  public init(json bytes: [UInt8]) throws(AnalysisError) {
    let value: JSONValue
    do { value = try JSONValue.parse(bytes) } catch { throw .badCard(reason: "\(error)") }
    var members = value.objectValue ?? [:]
    if let inner = members["wsinfer"] {
      for key in ["input", "labels", "output"] where members[key] != nil {
        throw .badCard(reason: "\(key): wsinfer says this already; keep one of the two")
      }
      let configuration = try WSInferConfiguration(json: inner, at: "wsinfer")
      members["wsinfer"] = nil
      members["input"] = try? encodeJSON(configuration.input)
      members["labels"] = .array(configuration.classNames.map(JSONValue.string))
      members["output"] = .string(Output.logits.rawValue)
    }
    try Self.check(.object(members))
    let file: File
    do { file = try decodeJSON(File.self, from: .object(members)) } catch { throw .badCard(reason: "\(error)") }
    self.init(
      name: file.name, version: file.version, method: file.method, model: file.model, input: file.input,
      labels: file.labels, output: file.output, accepts: file.accepts, validatedOn: file.validatedOn,
      licence: file.licence, experimental: file.experimental, notes: file.notes ?? [])
    try check()
  }

  /// Reads a WSInfer model's configuration alone. `name` and `modelFile` come from the folder.
  public init(wsinfer bytes: [UInt8], name: String, modelFile: String) throws(AnalysisError) {
    let value: JSONValue
    do { value = try JSONValue.parse(bytes) } catch { throw .badCard(reason: "\(error)") }
    let configuration = try WSInferConfiguration(json: value, at: "")
    self.init(
      name: name, version: configuration.specVersion, method: "WSInfer, \(configuration.architecture)",
      model: Model(file: modelFile, sha256: nil), input: configuration.input, labels: configuration.classNames,
      output: .logits, accepts: nil, validatedOn: nil, licence: "not stated", experimental: true,
      notes: ["read from a WSInfer configuration, which states no organ, stain, accuracy or licence"])
    try check()
  }

  /// The file as it is written.
  private struct File: Codable {
    var kind: String
    var name: String
    var version: String
    var method: String
    var model: Model
    var input: Input
    var labels: [String]
    var output: Output
    var accepts: Accepts?
    var validatedOn: Validation?
    var licence: String
    var experimental: Bool
    var notes: [String]?
  }

  private static func check(_ value: JSONValue) throws(AnalysisError) {
    guard let schema = compiled else { throw .badCard(reason: "the card's schema is wrong") }
    guard let first = schema.validate(value).first else { return }
    let key = first.pointer.split(separator: "/").joined(separator: ".")
    throw .badCard(reason: (key.isEmpty ? "" : "\(key): ") + first.message)
  }

  private static let compiled = try? JSONSchema(schema.json)

  /// The schema of a card, after a WSInfer configuration in it was read.
  static let schema: Schema = {
    let text = Schema.string(minLength: 1, maxLength: 500)
    let number = Schema.number(min: -1000, max: 1000)
    let scale = Schema.array(of: .number(min: 0.01, max: 100), min: 2, max: 2)
    let share = Schema.number(min: 0, max: 1)
    let figure = Schema.object([
      .required("value", share), .required("low", share), .required("high", share), .required("coverage", share),
      .required("method", text),
    ])
    let organs = Schema.array(of: .string(minLength: 1, maxLength: 60), min: 1, max: 64)
    return .object([
      .required("kind", .const(.string(kind))),
      .required("name", .string(pattern: "^[a-z0-9_]{1,64}$")),
      .required("version", .string(pattern: "^[0-9]{1,6}\\.[0-9]{1,6}\\.[0-9]{1,6}$")),
      .required("method", text),
      .required(
        "model",
        .object([
          .required("file", .string(pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}$")),
          .optional("sha256", .string(pattern: "^[0-9a-f]{64}$")),
        ])),
      .required(
        "input",
        .object([
          .required("sidePixels", .integer(min: 8, max: 2048)), .required("mpp", .number(min: 0.05, max: 32)),
          .required("mean", .array(of: number, min: 3, max: 3)), .required("std", .array(of: number, min: 3, max: 3)),
        ])),
      .required("labels", .array(of: .string(pattern: "^[A-Za-z][A-Za-z0-9 -]{0,34}$"), min: 2, max: 64)),
      .required("output", .string(enum: ["logits", "probabilities"])),
      .optional(
        "accepts",
        .object([.required("organ", organs), .required("stain", organs), .required("mpp", scale)])),
      .optional(
        "validatedOn",
        .object([
          .required("data", text), .required("organs", organs), .required("tiles", .integer(min: 1)),
          .required("blocks", .integer(min: 1)), .required("mpp", scale), .required("balancedAccuracy", figure),
          .optional("baseline", figure), .optional("baselineMethod", text),
        ])),
      .required("licence", text), .required("experimental", .boolean()),
      .optional("notes", .array(of: text, max: 32)),
    ])
  }()
}
