// What a tool's result must be to become evidence.

import Agent
import Domain
import JSON
import Ports
import TestSupport
import Testing

/// The outcome of one client's call whose tool gives this.
private func take(
  _ evidence: [ProposedEvidence], tool: String = "cell_counter", opened: Bool = true, organ: String? = "skin",
  stain: String? = "H&E", slides: Int = 1, tools: [ToolManifest] = SampleTools.builtIn, arguments: JSONValue? = nil
) throws -> FinishedTurn {
  let given = arguments ?? (tool == "report_template_filler" ? ["template": "skin_excision"] : ["slide": "s1"])
  return try run(
    brief(
      organ: organ, stain: stain, tools: tools, opened: opened, slides: slides,
      task: .call(tool: tool, arguments: given)),
    tool: { _ in ToolResult(evidence: evidence) })
}

private func with(_ proposal: ProposedEvidence, _ changes: [String: JSONValue?]) -> ProposedEvidence {
  var members = proposal.body.objectValue ?? [:]
  for (key, value) in changes { members[key] = value }
  return ProposedEvidence(key: proposal.key, kind: proposal.kind, body: .object(members))
}

private let window = SampleResults.region("w", slide: "s1", x: 0, y: 0, width: 100, height: 100, label: "window")
private let density = SampleResults.density(count: 100, area: 0.5, region: "#w")

@Suite struct Intake {
  @Test func referencesInsideAResultBecomeIds() throws {
    let turn = try take([density, window])
    #expect(turn.evidence.map(\.id) == ["m1", "r1"], "a reference may come before what it names")
    guard case .measurement(let measurement)? = turn.body(0) else {
      Issue.record("no measurement")
      return
    }
    #expect(measurement.region == "r1")
    #expect(turn.evidence.first?.tool == ToolReference(name: "cell_counter", version: "1.0.0"))
    #expect(turn.evidence.first?.call == CallID("call-1"))
  }

  @Test func slidesMayBeLeftOutWhereTheCallHasOne() throws {
    let turn = try take([with(window, ["slide": .none])])
    guard case .region(let region)? = turn.body(0) else {
      Issue.record("no region")
      return
    }
    #expect(region.slide == "s1")
    let two = try take([with(window, ["slide": .none])], tool: "region_zoom", slides: 2, arguments: [:])
    #expect(two.outcome.call?.error?.id == .toolBadOutput)
  }

  static let broken: [(String, [ProposedEvidence])] = [
    ("no item of this result", [density]),
    ("there is no region r9", [SampleResults.density(count: 1, area: 1, region: "r9")]),
    ("two items have the key", [window, window]),
    ("there is no slide s7", [with(window, ["slide": "s7"])]),
    ("is empty", [with(window, ["rect": ["x": 0, "y": 0, "width": 0, "height": 5]])]),
    ("not inside the slide", [with(window, ["rect": ["x": 2200, "y": 0, "width": 100, "height": 5]])]),
    ("not inside the slide", [with(window, ["rect": ["x": -5, "y": 0, "width": 100, "height": 5]])]),
    ("three corners", [with(window, ["polygon": [["x": 1, "y": 1]]])]),
    (
      "outside its rectangle",
      [with(window, ["polygon": [["x": 1, "y": 1], ["x": 500, "y": 1], ["x": 1, "y": 50]]])]
    ),
    ("no label", [with(window, ["label": " "])]),
    ("rank starts at 1", [with(window, ["rank": 0])]),
    ("not among the measures", [window, with(density, ["name": "tumour share"])]),
    ("not among the measures", [window, with(density, ["unit": "%"])]),
    ("is not numerator ÷ denominator", [window, with(density, ["value": 5000])]),
    (
      "denominator is not positive",
      [
        window,
        with(
          density,
          [
            "ratio": [
              "numeratorName": "a", "numerator": 1, "denominatorName": "b", "denominator": 0, "denominatorUnit": "mm2",
            ]
          ]),
      ]
    ),
    (
      "upside down",
      [
        window,
        with(
          density,
          [
            "interval": [
              "low": 5, "high": 1, "coverage": 0.9, "method": "m", "predicts": "p", "imageCount": 3,
            ]
          ]),
      ]
    ),
    (
      "coverage",
      [
        window,
        with(
          density,
          ["interval": ["low": 1, "high": 5, "coverage": 90, "method": "m", "predicts": "p", "imageCount": 3]]),
      ]
    ),
    ("item 2 (measurement)", [window, with(density, ["unit": "furlong"])]),
    ("item 2 (measurement)", [window, with(density, ["value": "many"])]),
    ("item 1 (region)", [with(window, ["rect": .none])]),
    ("item 1 (region) is no object", [ProposedEvidence(key: nil, kind: .region, body: 5)]),
    ("made by the daemon alone", [ProposedEvidence(key: nil, kind: .comparison, body: [:])]),
    ("made by the daemon alone", [ProposedEvidence(key: nil, kind: .quote, body: ["text": "5", "source": "notes"])]),
    ("no SHA-256", [window, with(SampleResults.view("#w", micronsPerPixel: 1), ["pixelSha256": "abc"])]),
    ("has no pixels", [window, with(SampleResults.view("#w", micronsPerPixel: 1), ["width": 0])]),
    ("there is no region", [SampleResults.view("s1", micronsPerPixel: 1)]),
    (
      "no SHA-256",
      [
        ProposedEvidence(
          key: nil, kind: .artefact,
          body: ["name": "a", "mediaType": "b", "sizeBytes": 1, "sha256": "../etc", "caption": ""])
      ]
    ),
    ("there is no view", [ProposedEvidence(key: nil, kind: .description, body: ["text": "a", "view": "v9"])]),
    ("at most 2000", Array(repeating: window, count: 2_001)),
  ]

  @Test(arguments: broken) func aBrokenResultIsRefusedWhole(_ why: String, _ evidence: [ProposedEvidence]) throws {
    let turn = try take(evidence)
    #expect(turn.evidence.isEmpty)
    #expect(turn.outcome.call?.error?.id == .toolBadOutput)
    #expect(turn.outcome.call?.error?.message.contains(why) == true, "\(turn.outcome.call?.error?.message ?? "")")
    let failed = turn.events(.toolFailed)
    #expect(failed.count == 1)
    #expect(failed.first?.payload["error"]?["id"] == "tool.bad_output")
    #expect(
      failed.first?.payload["result"]?["evidence"]?.arrayValue?.count == evidence.count, "the result is kept as it came"
    )
  }

  @Test func onlyBuiltInToolsSayWhatASlideIs() throws {
    let properties = try encodeJSON(SampleResults.properties)
    let claim = ProposedEvidence(key: nil, kind: .slide, body: ["id": "s1", "properties": properties])
    let stranger = SampleTools.tool(
      "stranger", title: "Stranger", input: .slide, schema: ["type": "object"], measures: [], answers: nil)
    let refused = try take([claim], tool: "stranger", tools: [stranger], arguments: [:])
    #expect(refused.outcome.call?.error?.message.contains("only built-in tools") == true)

    let accepted = try take([claim], opened: false)
    #expect(accepted.evidence.map(\.id) == ["s1"])
    guard case .slide(let record)? = accepted.body(0) else {
      Issue.record("no slide")
      return
    }
    #expect(record.properties == SampleResults.properties)
    #expect(record.fileName == "slide-1.svs", "what the case knows of the slide stays")

    let known = try take([claim])
    #expect(known.evidence.isEmpty, "what is known already is not recorded again")
    var other = SampleResults.properties
    other.width = 10
    let changed = try take([
      ProposedEvidence(key: nil, kind: .slide, body: ["id": "s1", "properties": try encodeJSON(other)])
    ])
    #expect(changed.outcome.call?.error?.message.contains("its file has changed") == true)
  }

  @Test func aValueOutsideItsValidationSaysSo() throws {
    func limits(organ: String?, stain: String? = "H&E", scale: Double = 0.499) throws -> [String] {
      var pixels = density.body["pixels"]?.objectValue ?? [:]
      pixels["micronsPerPixel"] = .number(scale)
      let turn = try take([window, with(density, ["pixels": .object(pixels)])], organ: organ, stain: stain)
      guard case .measurement(let measurement)? = turn.body(1) else { return ["no measurement"] }
      #expect(measurement.validity.within == measurement.validity.limits.isEmpty)
      return measurement.validity.limits
    }
    #expect(try limits(organ: "skin") == ["not validated on skin"])
    #expect(try limits(organ: "Breast") == [])
    #expect(try limits(organ: nil) == [])
    #expect(try limits(organ: "colon", stain: "HE", scale: 1) == ["not validated at 1 µm/px"])
  }

  @Test func aSelectedValueCarriesNoInterval() throws {
    let turn = try take([window, with(density, ["rank": 1])])
    guard case .measurement(let measurement)? = turn.body(1) else {
      Issue.record("no measurement")
      return
    }
    #expect(measurement.interval == nil)
  }

  @Test func aMeasurementWithoutAWordOnValidationSaysThatItHasNone() throws {
    let bare = ProposedEvidence(
      key: nil, kind: .measurement, body: ["name": "nuclear count", "value": 250, "unit": "1"])
    let turn = try take([bare])
    #expect(turn.outcome.stop == .answered)
    let rendered = StatementsForTests.of(["m1"], turn)
    #expect(rendered == "About 250 nuclear profiles (not validated against images).")
  }
}
