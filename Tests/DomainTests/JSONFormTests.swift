// The JSON form of what travels and is recorded: it comes back as it went, through text.

import Domain
import JSON
import Testing

private let hash = SHA256Hex(String(repeating: "ab", count: 32))

private let properties = SlideProperties(
  width: 2220, height: 2967, levelCount: 1, vendor: "aperio", scale: SlideScale(micronsPerPixel: 0.499, source: .slide),
  slideMicronsPerPixel: 0.499, scaleProblem: nil, objectivePower: 20, decoder: "OpenSlide 4.0.1")

private let measurement = Measurement(
  name: "nuclear density", value: 3880.952380952381, unit: .perSquareMillimetre, region: EvidenceID("r1"),
  interval: Interval(low: 3104.7, high: 6209.5, coverage: 0.9, method: "m", predicts: "a human count", imageCount: 18),
  ratio: Ratio(
    numeratorName: "nuclear profiles", numerator: 2445, denominatorName: "tissue", denominator: 0.63,
    denominatorUnit: .squareMillimetre),
  validity: Validity(
    organs: ["breast"], stains: ["H&E"], micronsPerPixel: [0.25, 0.5], imageCount: 18, within: false,
    limits: ["not validated on skin"]),
  pixels: PixelDigest(
    sha256: hash, level: 0, micronsPerPixel: 0.499, decoder: "OpenSlide 4.0.1", resampler: "area 1"),
  flags: ["touches ink"], rank: 1, selectionOptimism: 0.13)

private let bodies: [EvidenceBody] = [
  .slide(SlideRecord(id: EvidenceID("s1"), fileName: "a.svs", sizeBytes: 5, sha256: hash, properties: properties)),
  .slide(SlideRecord(id: EvidenceID("s1"), fileName: "a.svs", sizeBytes: 5)),
  .region(
    Region(
      slide: EvidenceID("s1"), rect: LevelZeroRect(x: 1, y: 2, width: 3, height: 4),
      polygon: [.init(x: 1, y: 2), .init(x: 4, y: 2), .init(x: 4, y: 6)], label: "candidate", rank: 2,
      score: .init(name: "hematoxylin", value: 0.25), flags: ["contains ink"])),
  .region(Region(slide: EvidenceID("s1"), rect: LevelZeroRect(x: 1, y: 2, width: 3, height: 4), label: "tissue")),
  .view(
    View(
      region: EvidenceID("r1"), micronsPerPixel: 0.5, width: 500, height: 400, pixelSha256: hash, imageSha256: hash,
      caption: "r1")),
  .measurement(measurement),
  .comparison(
    Comparison(
      left: EvidenceID("m1"), right: EvidenceID("m2"), ratio: 0.5, difference: -12.5, unit: .perSquareMillimetre,
      intervalsSeparate: nil)),
  .description(Description(text: "pale cells", view: EvidenceID("v1"))),
  .artefact(
    Artefact(name: "n.geojson", mediaType: "application/geo+json", sizeBytes: 9, sha256: hash, caption: "centres")),
  .quote(Quote(text: "3,900", source: "question")),
]

private func throughText<T: Codable & Equatable>(_ value: T) throws -> T {
  try decodeJSON(T.self, from: JSONValue.parse(encodeJSON(value).canonicalBytes()))
}

@Suite struct JSONForms {
  @Test(arguments: bodies) func evidenceComesBackAsItWent(_ body: EvidenceBody) throws {
    let evidence = Evidence(
      id: EvidenceID(body.kind, 3), turn: TurnID("turn-1"), call: CallID("call-2"),
      tool: ToolReference(name: "t", version: "1"), body: body)
    let json = try encodeJSON(evidence)
    #expect(json["kind"]?.stringValue == body.kind.rawValue)
    #expect(json["id"]?.stringValue == evidence.id.rawValue)
    var expected = evidence
    if case .slide(var record) = body {
      record.id = evidence.id
      expected.body = .slide(record)
    }
    #expect(try throughText(evidence) == expected)
  }

  @Test func whatIsAbsentIsLeftOut() throws {
    let evidence = Evidence(
      id: EvidenceID("q1"), turn: nil, call: nil, tool: nil, body: .quote(Quote(text: "5", source: "notes")))
    #expect(try encodeJSON(evidence) == ["id": "q1", "kind": "quote", "text": "5", "source": "notes"])
    let bare = Measurement(
      name: "a", value: 1, unit: .one,
      validity: Validity(organs: [], stains: [], micronsPerPixel: [], imageCount: 0, within: true, limits: []))
    #expect(
      Set(try encodeJSON(bare).objectValue.map { Array($0.keys) } ?? []) == [
        "name", "value", "unit", "validity", "flags",
      ])
  }

  @Test func unitsAreUCUMCodes() throws {
    #expect(try encodeJSON([UCUMUnit.perSquareMillimetre, .micrometrePerPixel, .one]) == ["/mm2", "um/{pixel}", "1"])
    #expect(throws: JSONError.self) { try decodeJSON(UCUMUnit.self, from: "furlong") }
  }

  @Test func anUnknownKindIsNoEvidence() {
    #expect(throws: JSONError.self) {
      try decodeJSON(Evidence.self, from: ["id": "x1", "kind": "rumour", "text": "a", "source": "b"])
    }
  }

  @Test func manifestsComeBackAsTheyWent() throws {
    let manifest = ToolManifest(
      name: "t", title: nil, description: "d", inputSchema: ["type": "object"], annotations: ["readOnlyHint": true],
      vpath: ToolManifest.Block(
        version: "1.0.0", run: ["./run.py"], protocol: .once, lifetime: .call,
        needs: ToolManifest.Needs(input: .view, network: false, viewMicronsPerPixel: 0.5),
        accepts: ToolManifest.Accepts(stain: ["H&E"], organ: nil, mpp: [0.4, 0.6]),
        measures: [.init(name: "a", unit: .percent, phrase: "b")],
        limits: ToolManifest.Limits(seconds: 60, memoryMiB: 1, outputMiB: 1), answers: ["how brown"], hostOnly: true,
        why: "w"))
    #expect(try throughText(manifest) == manifest)
    #expect(try encodeJSON(manifest)["vpath"]?["protocol"] == "once")
  }

  @Test func answersComeBackAsTheyWent() throws {
    let answer = Answer(
      turn: TurnID("turn-1"), question: "q", parts: [QuestionPart(part: 1, asked: "q")], stop: .budgetExhausted,
      findings: [Finding(part: 1, statement: "s", kind: .measured, evidence: [EvidenceID("m1")])],
      notAssessable: [NotAssessable(part: 1, asked: "q", reason: "r")],
      lookedAt: LookedAt(
        tissueAreaMm2: 0.63, micronsPerPixel: 0.499, leftOut: [.init(what: "ink", areaMm2: 0.05, share: nil)]),
      usage: Usage(steps: 5, toolCalls: 3, seconds: 1.25, planner: "rule planner"))
    #expect(try throughText(answer) == answer)
    #expect(try encodeJSON(answer)["stop"] == "budget_exhausted")
  }

  @Test func eventsComeBackAsTheyWent() throws {
    let event = Event(
      caseID: CaseID("case-1"), seq: 7, turn: nil, kind: .caseOpened, time: "2026-01-01T00:00:00.000Z",
      payload: ["a": [1, 2.5, nil]], hash: hash)
    #expect(try throughText(event) == event)
    let result = ToolResult(
      evidence: [ProposedEvidence(key: "k", kind: .region, body: ["label": "x"])],
      refusals: [ToolRefusal(reason: "r")], error: VPathError(.toolFailed, "m", subject: "s", retryable: true),
      rawSha256: hash, sandboxed: false)
    #expect(try throughText(result) == result)
  }
}
