// The shapes of what a tool gives back, one for each kind of item.
// What must stay true: objects are closed, so a typing error is seen; every text, list and number is bounded;
// docs/tool-contract.md shows the same shapes, and the tests compare.

import Domain
public import JSON

/// The schemas of a tool's output.
public enum ToolOutputSchema {
  /// Most items of one output.
  public static let maxItems = 512

  /// The whole output; its items are checked by `item(_:)`.
  public static let output: Schema = .object(
    [
      .required("evidence", .array(of: .object([.required("kind", .string())], additional: true), max: maxItems)),
      .optional("isError", .boolean()),
      .optional("errorId", .string(maxLength: 64)),
      .optional("message", .string(maxLength: 4096)),
    ], description: "What a tool gives back.")

  /// The shape of an item by its kind; nil for a kind that no tool may give.
  public static func item(_ kind: String) -> Schema? { items[kind] }

  /// The kinds a tool may give, sorted.
  public static let kinds: [String] = items.keys.sorted()

  static let compiledOutput: JSONSchema? = try? JSONSchema(output.json)
  static let compiledItems: [String: JSONSchema] = items.compactMapValues { try? JSONSchema($0.json) }
  static let compiledRenderedView: JSONSchema? = try? JSONSchema(renderedView.json)

  private static let items: [String: Schema] = [
    "region": .object(
      head + [
        .optional("slide", reference), .required("rect", rect),
        .optional("polygon", .array(of: point, min: 3, max: 10_000)), .required("label", text(128)),
        .optional("rank", .integer(min: 1, max: 1_000_000)),
        .optional("score", .object([.required("name", text(64)), .required("value", magnitude)])),
        .optional("flags", flags),
      ]),
    "view": .object(
      head + [
        .required("region", reference), .optional("micronsPerPixel", scale), .required("width", side),
        .required("height", side), .required("pixelSha256", sha256), .optional("image", fileName),
        .optional("caption", text(500)),
      ]),
    "measurement": .object(
      head + [
        .required("name", text(64)), .required("value", magnitude),
        .required("unit", .string(enum: UCUMUnit.allCases.map(\.rawValue))), .optional("region", reference),
        .optional("interval", interval), .optional("ratio", ratio), .optional("validity", validity),
        .optional("pixels", pixels), .optional("flags", flags), .optional("rank", .integer(min: 1, max: 1_000_000)),
        .optional("selectionOptimism", .number(min: 0, max: 1000)),
      ]),
    "description": .object(head + [.required("text", text(4096)), .optional("view", reference)]),
    "artefact": .object(
      head + [
        .required("file", fileName), .required("mediaType", .string(enum: MediaType.allCases.map(\.rawValue))),
        .optional("name", fileName), .required("caption", text(500)),
      ]),
    "notAssessable": .object(head + [.required("reason", text(1000))]),
    "slide": .object(head + [.required("slide", reference), .required("properties", properties)]),
  ]

  /// What the host-only tool `render_view` gives.
  static let renderedView: Schema = .object(
    head + [
      .required("slide", reference), .required("rect", rect), .optional("micronsPerPixel", scale),
      .required("width", side), .required("height", side), .required("pixelSha256", sha256),
      .required("image", fileName), .optional("pixels", pixels), .optional("caption", text(500)),
    ])

  private static let head: [Schema.Property] = [
    .required("kind", .string()),
    .optional("key", .string(pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")),
  ]
  private static let reference: Schema = .string(
    pattern: "^(#[A-Za-z0-9][A-Za-z0-9_.-]{0,63}|[srvmcdaq][1-9][0-9]{0,9})$",
    description: "An evidence id, or # and the key of an item of this output.")
  private static let coordinate: Schema = .integer(min: -2_147_483_648, max: 2_147_483_647)
  private static let rect: Schema = .object([
    .required("x", coordinate), .required("y", coordinate), .required("width", coordinate),
    .required("height", coordinate),
  ])
  private static let point: Schema = .object([.required("x", coordinate), .required("y", coordinate)])
  private static let side: Schema = .integer(min: 1, max: 65_536)
  /// More than anything measured in tissue; differences and sums of such numbers are still exact in JSON.
  private static let magnitude: Schema = .number(min: -1e12, max: 1e12)
  private static let scale: Schema = .number(min: 0.001, max: 100_000)
  private static let sha256: Schema = .string(pattern: "^[0-9a-f]{64}$")
  private static let flags: Schema = .array(of: text(128), max: 32)
  private static let fileName: Schema = .string(minLength: 1, maxLength: 200)
  private static func text(_ limit: Int) -> Schema { .string(maxLength: limit) }
  private static let interval: Schema = .object([
    .required("low", magnitude), .required("high", magnitude), .required("coverage", .number(min: 0, max: 1)),
    .required("method", text(200)), .required("predicts", text(200)),
    .required("imageCount", .integer(min: 0, max: 1_000_000_000)),
  ])
  private static let ratio: Schema = .object([
    .required("numeratorName", text(128)), .required("numerator", magnitude), .required("denominatorName", text(128)),
    .required("denominator", magnitude),
    .required("denominatorUnit", .string(enum: UCUMUnit.allCases.map(\.rawValue))),
  ])
  private static let validity: Schema = .object([
    .required("organs", .array(of: text(64), max: 256)), .required("stains", .array(of: text(64), max: 64)),
    .required("micronsPerPixel", .array(of: .number(min: 0), max: 2)),
    .required("imageCount", .integer(min: 0, max: 1_000_000_000)), .required("within", .boolean()),
    .required("limits", .array(of: text(200), max: 32)),
  ])
  private static let pixels: Schema = .object([
    .required("sha256", sha256), .required("level", .integer(min: 0, max: 64)), .optional("micronsPerPixel", scale),
    .required("decoder", text(128)), .required("resampler", text(128)),
  ])
  private static let properties: Schema = .object([
    .required("width", .integer(min: 1, max: 2_147_483_647)), .required("height", .integer(min: 1, max: 2_147_483_647)),
    .required("levelCount", .integer(min: 1, max: 64)), .required("vendor", text(64)),
    .optional(
      "scale",
      .object([.required("micronsPerPixel", scale), .required("source", .string(enum: ["slide", "stated"]))])),
    .optional("slideMicronsPerPixel", scale), .optional("scaleProblem", text(500)),
    .optional("objectivePower", .number(min: 0, max: 10_000)), .required("decoder", text(128)),
  ])
}
