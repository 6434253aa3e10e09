// Manifests like those of the built-in tools, and of a plug-in, for tests.

public import Domain
public import JSON

/// Manifests.
public enum SampleTools {
  /// All four that come with the product, sorted by name.
  public static let builtIn: [ToolManifest] = [counter, zoom, report, overview].sorted { $0.name < $1.name }
  /// Their names.
  public static let builtInNames = ["cell_counter", "region_zoom", "report_template_filler", "slide_overview"]

  public static let overview = tool(
    "slide_overview", title: "Slide overview", input: .slide,
    schema: [
      "type": "object", "properties": ["slide": ["type": "string"]], "required": ["slide"],
      "additionalProperties": false,
    ],
    measures: [
      .init(name: "tissue area", unit: .squareMillimetre, phrase: "mm² of tissue"),
      .init(name: "left out: ink", unit: .squareMillimetre, phrase: "mm² of ink"),
      .init(name: "left out: keratin", unit: .squareMillimetre, phrase: "mm² of keratin"),
    ], answers: ["tissue area"])

  public static let zoom = tool(
    "region_zoom", title: "Region zoom", input: .slide,
    schema: [
      "type": "object",
      "properties": [
        "slide": ["type": "string"], "region": ["type": "string"],
        "rect": [
          "type": "object",
          "properties": [
            "x": ["type": "integer"], "y": ["type": "integer"], "width": ["type": "integer"],
            "height": ["type": "integer"],
          ],
          "required": ["x", "y", "width", "height"],
        ],
        "micronsPerPixel": ["type": "number", "exclusiveMinimum": 0],
      ],
      "additionalProperties": false,
    ], measures: [], answers: ["show"])

  public static let counter = tool(
    "cell_counter", title: "Nucleus counter", input: .slide,
    schema: [
      "type": "object",
      "properties": [
        "slide": ["type": "string"], "region": ["type": "string"],
        "windowMicrons": ["type": "number", "enum": [125, 250, 500]],
      ],
      "required": ["slide"], "additionalProperties": false,
    ],
    measures: [
      .init(name: "nuclear density", unit: .perSquareMillimetre, phrase: "nuclear profiles per mm² of tissue"),
      .init(name: "nuclear count", unit: .one, phrase: "nuclear profiles"),
    ], answers: ["density", "count", "cellularity"], stains: ["H&E"])

  public static let report = tool(
    "report_template_filler", title: "Report template filler", input: .evidence,
    schema: [
      "type": "object",
      "properties": [
        "template": ["type": "string", "enum": ["skin_excision", "colorectal_resection", "lymph_node"]]
      ],
      "required": ["template"], "additionalProperties": false,
    ], measures: [], answers: ["report"])

  /// A stranger's tool that measures how brown a view is.
  public static let brownness = tool(
    "brown_share", title: "Brown share", input: .view,
    schema: [
      "type": "object", "properties": ["region": ["type": "string"]], "required": ["region"],
      "additionalProperties": false,
    ], measures: [.init(name: "brown share", unit: .percent, phrase: "of the view's pixels are brown")],
    answers: ["how brown", "brown share", "brown pixels"])

  /// A manifest with ordinary limits.
  public static func tool(
    _ name: String, title: String, version: String = "1.0.0", input: ToolManifest.Needs.Input, schema: JSONValue,
    measures: [ToolManifest.Measure], answers: [String]?, stains: [String]? = nil
  ) -> ToolManifest {
    ToolManifest(
      name: name, title: title, description: title, inputSchema: schema,
      vpath: ToolManifest.Block(
        version: version, run: ["./run"], protocol: .once, lifetime: .call,
        needs: ToolManifest.Needs(
          input: input, network: false, viewMicronsPerPixel: input == .view ? 0.5 : nil),
        accepts: stains.map { ToolManifest.Accepts(stain: $0) }, measures: measures,
        limits: ToolManifest.Limits(seconds: 60, memoryMiB: 512, outputMiB: 8), answers: answers, why: "tests"))
  }
}
