// Results like those of the built-in tools on the demo slide, for tests: figures of the right size, not measured ones.

public import Domain
public import JSON

/// Results of calls.
public enum SampleResults {
  /// 2220 × 2967 px at 0.499 µm/px.
  public static let properties = SlideProperties(
    width: 2220, height: 2967, levelCount: 1, vendor: "aperio",
    scale: SlideScale(micronsPerPixel: 0.499, source: .slide), objectivePower: 20, decoder: "OpenSlide 4.0.1")

  /// Tissue, what is left out, two candidates, a view.
  public static func overview(slide: String = "s1", properties: SlideProperties = properties) throws -> ToolResult {
    ToolResult(evidence: [
      ProposedEvidence(
        key: nil, kind: .slide, body: ["id": .string(slide), "properties": try encodeJSON(properties)]),
      region("tissue", slide: slide, x: 100, y: 100, width: 1800, height: 2600, label: "tissue"),
      measurement("tissue area", 0.58, "mm2", region: "#tissue"),
      measurement(
        "left out: ink", 0.05, "mm2", region: "#tissue",
        extra: [
          "ratio": [
            "numeratorName": "ink", "numerator": 0.05, "denominatorName": "tissue found", "denominator": 0.63,
            "denominatorUnit": "mm2",
          ]
        ]),
      region(
        "c1", slide: slide, x: 1200, y: 1200, width: 501, height: 501, label: "candidate",
        extra: ["rank": 1, "score": ["name": "hematoxylin", "value": 0.4]]),
      region(
        "c2", slide: slide, x: 200, y: 1900, width: 501, height: 501, label: "candidate",
        extra: ["rank": 2, "score": ["name": "hematoxylin", "value": 0.3]]),
      view("#tissue", micronsPerPixel: 4),
    ])
  }

  /// All tissue of a slide counted, with three windows.
  public static func counter(slide: String = "s1") -> ToolResult {
    ToolResult(evidence: [
      region("all", slide: slide, x: 100, y: 100, width: 1800, height: 2600, label: "tissue"),
      density(count: 2445, area: 0.63, region: "#all"),
      count(2445, region: "#all"),
      region("w1", slide: slide, x: 1204, y: 880, width: 501, height: 501, label: "densest window"),
      region("w2", slide: slide, x: 600, y: 1500, width: 501, height: 501, label: "densest window"),
      region("w3", slide: slide, x: 1300, y: 2100, width: 501, height: 501, label: "densest window"),
      window(344, region: "#w1", rank: 1), window(319, region: "#w2", rank: 2), window(306, region: "#w3", rank: 3),
      ProposedEvidence(
        key: nil, kind: .artefact,
        body: [
          "name": "nuclei.geojson", "mediaType": "application/geo+json", "sizeBytes": 1000,
          "sha256": .string(hash("a")), "caption": "centres of counted nuclei",
        ]),
    ])
  }

  /// One region counted.
  public static func counter(region: String, count: Double, area: Double) -> ToolResult {
    ToolResult(evidence: [density(count: count, area: area, region: region), self.count(count, region: region)])
  }

  /// A region shown.
  public static func zoom(region: String, micronsPerPixel: Double = 0.5) -> ToolResult {
    ToolResult(evidence: [view(region, micronsPerPixel: micronsPerPixel)])
  }

  /// A rectangle shown.
  public static func zoom(rect: JSONValue, slide: String = "s1") -> ToolResult {
    ToolResult(evidence: [
      ProposedEvidence(
        key: "shown", kind: .region, body: ["slide": .string(slide), "rect": rect, "label": "shown", "flags": []]),
      view("#shown", micronsPerPixel: 0.5),
    ])
  }

  /// A report in three forms.
  public static func report(template: String) -> ToolResult {
    ToolResult(
      evidence: ["json", "md", "html"].map { suffix in
        ProposedEvidence(
          key: nil, kind: .artefact,
          body: [
            "name": .string("\(template).\(suffix)"), "mediaType": "text/plain", "sizeBytes": 10,
            "sha256": .string(hash("b")), "caption": "report",
          ])
      })
  }

  /// What a stranger's tool measures on a view.
  public static func brownness(region: String, percent: Double = 12) -> ToolResult {
    ToolResult(evidence: [measurement("brown share", percent, "%", region: region)])
  }

  /// A result by the name of the tool and its arguments, as the fakes of several rooms need it.
  public static func answer(_ tool: String, _ arguments: JSONValue) throws -> ToolResult {
    let slide = arguments["slide"]?.stringValue ?? "s1"
    switch (tool, arguments["region"]?.stringValue) {
    case ("slide_overview", _): return try overview(slide: slide)
    case ("cell_counter", nil): return counter(slide: slide)
    case ("cell_counter", let region?):
      // Another number for each region, so that comparisons have something to compare.
      let number = Double(region.dropFirst()) ?? 1
      return counter(region: region, count: 100 + 50 * number, area: 0.0625)
    case ("region_zoom", let region?): return zoom(region: region)
    case ("region_zoom", nil): return zoom(rect: arguments["rect"] ?? [:], slide: slide)
    case ("report_template_filler", _): return report(template: arguments["template"]?.stringValue ?? "")
    case ("brown_share", let region?): return brownness(region: region)
    default: return ToolResult(error: VPathError(.toolFailed, "The tool \(tool) is not among the samples."))
    }
  }

  // MARK: Pieces

  /// 64 times the same digit.
  public static func hash(_ digit: Character) -> String { String(repeating: digit, count: 64) }

  /// A region's proposal.
  public static func region(
    _ key: String, slide: String, x: Int, y: Int, width: Int, height: Int, label: String,
    extra: [String: JSONValue] = [:]
  ) -> ProposedEvidence {
    var body: [String: JSONValue] = [
      "slide": .string(slide), "label": .string(label), "flags": [],
      "rect": [
        "x": .number(Double(x)), "y": .number(Double(y)), "width": .number(Double(width)),
        "height": .number(Double(height)),
      ],
    ]
    body.merge(extra) { _, new in new }
    return ProposedEvidence(key: key, kind: .region, body: .object(body))
  }

  /// A measurement's proposal, validated on breast and colon.
  public static func measurement(
    _ name: String, _ value: Double, _ unit: String, region: String?, extra: [String: JSONValue] = [:]
  ) -> ProposedEvidence {
    var body: [String: JSONValue] = [
      "name": .string(name), "value": .number(value), "unit": .string(unit), "flags": [],
      "validity": [
        "organs": ["breast", "colon"], "stains": ["H&E"], "micronsPerPixel": [0.2, 0.6], "imageCount": 18,
        "within": true, "limits": [],
      ],
      "pixels": [
        "sha256": .string(hash("c")), "level": 0, "micronsPerPixel": 0.499, "decoder": "OpenSlide 4.0.1",
        "resampler": "area 1",
      ],
    ]
    if let region { body["region"] = .string(region) }
    body.merge(extra) { _, new in new }
    return ProposedEvidence(key: nil, kind: .measurement, body: .object(body))
  }

  /// A density with the interval of a human's count.
  public static func density(
    count: Double, area: Double, region: String, extra: [String: JSONValue] = [:]
  ) -> ProposedEvidence {
    let value = count / area
    var more: [String: JSONValue] = [
      "ratio": [
        "numeratorName": "nuclear profiles", "numerator": .number(count),
        "denominatorName": "tissue without flagged pixels", "denominator": .number(area), "denominatorUnit": "mm2",
      ],
      "interval": [
        "low": .number(value * 0.8), "high": .number(value * 1.6), "coverage": 0.9,
        "method": "split conformal on per-image count ratios", "predicts": "a human count", "imageCount": 18,
      ],
    ]
    more.merge(extra) { _, new in new }
    return measurement("nuclear density", value, "/mm2", region: region, extra: more)
  }

  private static func count(_ value: Double, region: String) -> ProposedEvidence {
    measurement("nuclear count", value, "1", region: region)
  }

  private static func window(_ count: Double, region: String, rank: Int) -> ProposedEvidence {
    density(
      count: count, area: 0.0625, region: region,
      extra: [
        "rank": .number(Double(rank)), "flags": ["selected as a maximum"], "selectionOptimism": 0.13,
      ])
  }

  /// A view's proposal.
  public static func view(_ region: String, micronsPerPixel: Double) -> ProposedEvidence {
    ProposedEvidence(
      key: nil, kind: .view,
      body: [
        "region": .string(region), "micronsPerPixel": .number(micronsPerPixel), "width": 500, "height": 500,
        "pixelSha256": .string(hash("d")), "imageSha256": .string(hash("e")), "caption": "",
      ])
  }
}
