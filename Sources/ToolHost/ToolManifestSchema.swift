// The shape of tool.json as a JSON Schema: MCP's tool object and our block.
// What must stay true: it accepts exactly what Domain's ToolManifest decodes; objects are closed.

import Domain
public import JSON

/// The schema of a manifest.
public enum ToolManifestSchema {
  /// The JSON Schema document of tool.json.
  public static let schema: Schema = .object(
    [
      .required(
        "name",
        .string(pattern: "^[a-z0-9][a-z0-9_.-]{0,63}$", description: "The tool's name: lower case, digits, _ . -")),
      .optional("title", .string(minLength: 1, maxLength: 128, description: "A name for people.")),
      .required(
        "description",
        .string(minLength: 1, maxLength: 4096, description: "What it does; a planner reads it.")),
      .required("inputSchema", .object([], description: "JSON Schema of its arguments.", additional: true)),
      .optional("outputSchema", .object([], description: "JSON Schema of its result.", additional: true)),
      .optional("annotations", .object([], description: "MCP's hints; nothing rests on them.", additional: true)),
      .required("vpath", block),
    ], description: "A tool of vpathd.")

  /// Compiled once; nil would be a defect that the tests show.
  static let compiled: JSONSchema? = try? JSONSchema(schema.json)

  private static let block: Schema = .object([
    .required("version", .string(pattern: "^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$", description: "As 1.0.0.")),
    .required(
      "run",
      .array(
        of: .string(minLength: 1), min: 1, max: 64, description: "The command; ./name is a file of the folder.")),
    .required("protocol", .string(enum: ["once", "mcp"])),
    .required("lifetime", .string(enum: ["call", "case"])),
    .required(
      "needs",
      .object([
        .required("input", .string(enum: ["none", "evidence", "view", "slide"])),
        .required("network", .boolean()),
        .optional("viewMicronsPerPixel", .number(min: 0.05, max: 100)),
        .optional("viewFormat", .string(enum: ["png", "ppm"])),
      ])),
    .optional(
      "accepts",
      .object([
        .optional("stain", .array(of: .string(minLength: 1, maxLength: 64), min: 1, max: 64)),
        .optional("organ", .array(of: .string(minLength: 1, maxLength: 64), min: 1, max: 256)),
        .optional("mpp", .array(of: .number(min: 0.01, max: 1000), min: 2, max: 2)),
      ])),
    .required(
      "measures",
      .array(
        of: .object([
          .required("name", .string(minLength: 1, maxLength: 64)),
          .required("unit", .string(enum: UCUMUnit.allCases.map(\.rawValue))),
          .required("phrase", .string(minLength: 1, maxLength: 200)),
          .optional("from", .string(maxLength: 200)),
        ]), max: 64)),
    .required(
      "limits",
      .object([
        .required("seconds", .number(min: 0.1)), .required("memoryMiB", .integer(min: 16)),
        .required("outputMiB", .integer(min: 1)),
      ])),
    .optional("answers", .array(of: .string(minLength: 1, maxLength: 64), max: 32)),
    .optional("hostOnly", .boolean()),
    .required("why", .string(minLength: 1, maxLength: 4096)),
  ])
}
