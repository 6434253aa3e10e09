// JSON Schemas of the Domain types that travel.
// What must stay true: each describes exactly what Codable gives; WireTests round-trips one of each.

public import Domain
public import JSON

extension Schema {
  /// Text that names a thing.
  static func name(_ description: String) -> Schema {
    .string(minLength: 1, maxLength: 64, pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]*$", description: description)
  }
  static let caseID = Schema.name("A case's id, from case/open.")
  static let turnID = Schema.name("A turn's id, from turn/start.")
  static let evidenceID = Schema.string(
    minLength: 2, maxLength: 20, pattern: "^[srvmcdaq][1-9][0-9]*$", description: "An evidence id, such as m5.")
  static let sha256 = Schema.string(pattern: "^[0-9a-f]{64}$", description: "SHA-256, hexadecimal.")
  static let time = Schema.string(description: "RFC 3339, UTC, milliseconds.")
  static func text(_ description: String, max: Int = 65_536) -> Schema {
    .string(maxLength: max, description: description)
  }
  static func count(_ description: String) -> Schema { .integer(min: 0, description: description) }
}

extension LevelZeroRect {
  public static var schema: Schema {
    .object(
      [
        .required("x", .integer(description: "Left edge.")),
        .required("y", .integer(description: "Top edge.")),
        .required("width", .integer(description: "Extent to the right.")),
        .required("height", .integer(description: "Extent downwards.")),
      ], description: "A rectangle in level-0 pixels.")
  }
}

extension SlideProperties {
  public static var schema: Schema {
    .object(
      [
        .required("width", .count("Level-0 pixels.")),
        .required("height", .count("Level-0 pixels.")),
        .required("levelCount", .count("Pyramid levels.")),
        .required("vendor", .text("OpenSlide's vendor word.")),
        .optional(
          "scale",
          .object([
            .required("micronsPerPixel", .number(description: "µm per level-0 pixel.")),
            .required("source", .string(enum: ["slide", "stated"])),
          ])),
        .optional("slideMicronsPerPixel", .number(description: "The file's own scale when one was stated as well.")),
        .optional("scaleProblem", .text("Why there is no usable scale.")),
        .optional("objectivePower", .number(description: "As the file states it.")),
        .required("decoder", .text("Decoder and version.")),
      ], description: "What the decoder says of a slide.")
  }
}

extension SlideRecord {
  public static var schema: Schema {
    .object(
      [
        .required("id", .evidenceID),
        .required("fileName", .text("The file's last name.")),
        .required("sizeBytes", .count("Bytes of all its files.")),
        .optional("sha256", .sha256),
        .optional("properties", SlideProperties.schema),
      ], description: "A slide of the case.")
  }
}

extension Evidence {
  /// Common keys; the rest depends on `kind`.
  public static var schema: Schema {
    .object(
      [
        .required("id", .evidenceID),
        .required("kind", .string(enum: EvidenceKind.allCases.map(\.rawValue))),
        .optional("turn", .turnID),
        .optional("call", .name("The call that made it.")),
        .optional(
          "tool",
          .object([
            .required("name", .text("Tool.")), .required("version", .text("Version.")),
            .optional("sha256", .sha256),
          ])),
      ], description: "A piece of evidence; further keys by kind, see docs/evidence.md.", additional: true)
  }
}

extension Answer {
  public static var schema: Schema {
    .object(
      [
        .required("turn", .turnID),
        .required("question", .text("As asked.")),
        .required(
          "parts",
          .array(of: .object([.required("part", .integer(min: 1)), .required("asked", .text("Its words."))]))),
        .required("stop", .string(enum: StopReason.allCases.map(\.rawValue))),
        .required(
          "findings",
          .array(
            of: .object([
              .required("part", .integer(min: 1)), .required("statement", .text("As rendered.")),
              .required("kind", .string(enum: ["measured", "described"])),
              .required("evidence", .array(of: .evidenceID)),
            ]))),
        .required(
          "notAssessable",
          .array(
            of: .object([
              .required("part", .integer(min: 1)), .required("asked", .text("Its words.")),
              .required("reason", .text("Why, and what would be needed.")),
            ]))),
        .required(
          "lookedAt",
          .object([
            .optional("tissueAreaMm2", .number(min: 0)), .optional("micronsPerPixel", .number(min: 0)),
            .required(
              "leftOut",
              .array(
                of: .object([
                  .required("what", .text("What.")), .optional("areaMm2", .number(min: 0)),
                  .optional("share", .number(min: 0)),
                ]))),
          ])),
        .required(
          "usage",
          .object([
            .required("steps", .count("Steps.")), .required("toolCalls", .count("Calls that ran.")),
            .required("reusedCalls", .count("Calls answered from evidence.")),
            .required("regions", .count("Regions looked at.")), .required("tokens", .count("Model tokens.")),
            .required("cachedTokens", .count("Prompt tokens from the model server's cache.")),
            .required("modelRequests", .count("How often a model was asked.")),
            .required("seconds", .number(min: 0)), .required("planner", .text("Who planned.")),
            .required("planning", .string(enum: ["rules", "narrowed", "free", "free, then rules"])),
          ])),
      ], description: "A rendered answer.")
  }
}

extension Event {
  public static var schema: Schema {
    .object(
      [
        .required("caseID", .caseID), .required("seq", .integer(min: 1)), .optional("turn", .turnID),
        .required("kind", .string(enum: EventKind.allCases.map(\.rawValue))), .required("time", .time),
        .required("payload", .any(description: "By kind; null after redaction.")), .required("hash", .sha256),
      ], description: "A recorded event.")
  }
}
