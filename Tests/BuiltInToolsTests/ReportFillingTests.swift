// Filling: each state of a field, which measurement fills it, and what is said of it.

import Domain
import JSON
import Testing

@testable import BuiltInTools

@Suite struct ReportFillingTests {
  private let input: ToolInput

  init() throws { input = try exampleReportInput() }

  // MARK: Measured

  @Test func aMeasuredFieldShowsTwoFiguresUnitDenominatorIntervalValidityToolAndEvidence() throws {
    let report = try fillReport(input)
    #expect(try report.state("nuclear_density") == "measured")
    #expect(try report.texts("nuclear_density") == ["3,900 /mm²"])
    #expect(
      try report.notes("nuclear_density") == [
        "in r1 (tissue) on s1",
        "2,445 nuclear profiles in 0.63 mm² of tissue without flagged pixels",
        "90 % interval for a human's count: 3,100 to 5,800 /mm² (split conformal on per-image count ratios; 18 images)",
        "not validated on skin", "by cell_counter 1.0.0",
      ])
    let value = try #require(try report.values("nuclear_density").first)
    #expect(value["evidence"] == ["m4", "r1"])
    #expect(report.rows("Nuclear density of all tissue").first?.hasSuffix("| m4, r1 |") == true)
    #expect(report.html.contains("<strong>3,900 /mm²</strong>"))
  }

  @Test func theExactValueAndWholeMeasurementStayInTheJSON() throws {
    let report = try fillReport(input)
    let value = try #require(try report.values("nuclear_density").first)
    #expect(value["measurement"]?["value"] == 3890.8338637810312)
    let kept = try decodeJSON(Measurement.self, from: try #require(value["measurement"]))
    guard case .measurement(let given)? = input.evidence["m4"]?.body else { throw VPathError(.internalBug, "m4") }
    #expect(kept == given)
  }

  @Test func aSelectedMaximumIsSaidToBeOneAndCarriesNoInterval() throws {
    let interval = Interval(low: 1, high: 2, coverage: 0.9, method: "m", predicts: "p", imageCount: 3)
    let report = try fillReport(try input.changing("m6") { $0.interval = interval })
    #expect(try report.texts("nuclear_density_densest") == ["5,500 /mm²"])
    let notes = try report.notes("nuclear_density_densest")
    #expect(notes.contains("in r2 (densest window), 250 × 250 µm on s1"))
    #expect(
      notes.contains(
        "a selected maximum: choosing it inflates it by about 13 % on average; no interval applies"))
    #expect(!notes.contains { $0.contains("% interval for") || $0.hasPrefix("flagged") })
    #expect(try report.values("nuclear_density_densest").first?["selected"] == true)
    let unknown = try fillReport(try input.changing("m6") { $0.selectionOptimism = nil })
    #expect(try unknown.notes("nuclear_density_densest").contains { $0.contains("was not estimated") })
  }

  @Test func aSelectedMaximumNeverFillsAFieldOfAllTissue() throws {
    let report = try fillReport(input.without("m4"))
    #expect(try report.state("nuclear_density") == "notAssessable")
    // Nor does one whose rank was forgotten but whose flag tells.
    let flagged = try fillReport(
      try input.without("m4").changing("m6") {
        $0.rank = nil
        $0.selectionOptimism = nil
        $0.region = nil
      })
    #expect(try flagged.state("nuclear_density") == "notAssessable")
  }

  @Test func theNewestMeasurementFillsTheFieldAndNamesTheOlder() throws {
    var newer = try #require(input.evidence["m4"])
    newer.id = EvidenceID("m12")
    let report = try fillReport(try input.with(newer).changing("m12") { $0.value = 4100 })
    #expect(try report.texts("nuclear_density") == ["4,100 /mm²"])
    #expect(try report.notes("nuclear_density").contains("the newest of 2 such values; earlier: m4"))
    #expect(try report.values("nuclear_density").first?["earlier"] == ["m4"])
    // 12 is newer than 4 although "m12" sorts before "m4".
    #expect(try report.values("nuclear_density").first?["evidence"] == ["m12", "r1"])
  }

  @Test func aValueOfADrawnRegionOrARankingInsideOneIsNotTheWholeSlides() throws {
    var drawn = try #require(input.evidence["r1"])
    drawn.id = EvidenceID("r9")
    drawn.body = .region(
      Region(
        slide: EvidenceID("s1"), rect: LevelZeroRect(x: 5, y: 5, width: 600, height: 600), label: "drawn by the client")
    )
    func later(_ id: String, _ newID: String) throws -> Evidence {
      var item = try #require(input.evidence[id])
      item.id = EvidenceID(newID)
      item.call = CallID("call-9")
      return item
    }
    let local = input.with(drawn).with(try later("m4", "m20")).with(try later("m6", "m21"))
    let report = try fillReport(
      try local.changing("m20") {
        $0.region = EvidenceID("r9")
        $0.value = 9999
      }.changing("m21") { $0.value = 8888 })
    #expect(try report.texts("nuclear_density") == ["3,900 /mm²"])
    #expect(try report.texts("nuclear_density_densest") == ["5,500 /mm²"])
  }

  @Test func aMeasurementInAnotherUnitDoesNotFillTheField() throws {
    let report = try fillReport(try input.changing("m4") { $0.unit = .percent })
    #expect(try report.state("nuclear_density") == "notAssessable")
  }

  @Test func aPlugInsMeasureFillsTheFieldMadeForIt() throws {
    #expect(try fillReport(input).state("mitotic_density") == "notAssessable")
    var mitoses = try #require(input.evidence["m4"])
    mitoses.id = EvidenceID("m30")
    mitoses.tool = ToolReference(name: "mitosis_counter", version: "0.3.1")
    let report = try fillReport(
      try input.with(mitoses).changing("m30") {
        $0.name = "mitotic density"
        $0.value = 2
        $0.interval = nil
        $0.ratio = nil
        $0.validity.limits = []
        $0.validity.within = true
      })
    #expect(try report.texts("mitotic_density") == ["2.0 /mm²"])
    let notes = try report.notes("mitotic_density")
    #expect(notes.contains("no interval is known"))
    #expect(notes.contains("validated on 18 images (breast, kidney, liver, prostate, H&E)"))
    #expect(notes.contains("by mitosis_counter 0.3.1"))
    #expect(report.markdown.contains("mitosis_counter 0.3.1"))
  }

  @Test func whatWasLeftOutIsListedFromTheNewestCallAlone() throws {
    let report = try fillReport(input)
    #expect(try report.values("left_out").compactMap { $0["qualifier"]?.stringValue } == ["ink", "keratin"])
    #expect(try report.texts("left_out") == ["0.051 mm²", "0.20 mm²"])
    #expect(try report.notes("left_out").contains("5.8 % of 0.88 mm² of tissue found"))
    var newer = try #require(input.evidence["m2"])
    newer.id = EvidenceID("m40")
    newer.call = CallID("call-8")
    let again = try fillReport(input.with(newer))
    #expect(try again.values("left_out").compactMap { $0["qualifier"]?.stringValue } == ["ink"])
  }

  @Test func flagsOfValueAndRegionAreSaid() throws {
    var region = try #require(input.evidence["r1"])
    region.body = .region(
      Region(
        slide: EvidenceID("s1"), rect: LevelZeroRect(x: 0, y: 0, width: 9, height: 9), label: "tissue",
        flags: ["touches the slide's edge"]))
    let report = try fillReport(try input.with(region).changing("m4") { $0.flags = ["contains ink"] })
    let notes = try report.notes("nuclear_density")
    #expect(notes.contains("flagged: contains ink"))
    #expect(notes.contains("the region is flagged: touches the slide's edge"))
  }

  @Test func outsideItsValidityWithoutWordsIsSaidToo() throws {
    let report = try fillReport(try input.changing("m4") { $0.validity.limits = [] })
    #expect(try report.notes("nuclear_density").contains("outside what it was validated on"))
    #expect(try report.notes("tissue_area").contains("not validated against images"))
  }

  @Test func eachSlideHasItsOwnRow() throws {
    let second = Evidence(
      id: EvidenceID("s2"), turn: nil, call: nil, tool: nil,
      body: .slide(SlideRecord(id: EvidenceID("s2"), fileName: "MILLER_JANE_1957.svs", sizeBytes: 1)))
    var tissue = try #require(input.evidence["r1"])
    tissue.id = EvidenceID("r50")
    tissue.body = .region(
      Region(slide: EvidenceID("s2"), rect: LevelZeroRect(x: 0, y: 0, width: 9, height: 9), label: "tissue"))
    var density = try #require(input.evidence["m4"])
    density.id = EvidenceID("m50")
    let report = try fillReport(
      try input.with(second).with(tissue).with(density).changing("m50") {
        $0.region = EvidenceID("r50")
        $0.value = 1234
      })
    #expect(try report.texts("nuclear_density") == ["3,900 /mm²", "1,200 /mm²"])
    #expect(try report.values("nuclear_density").compactMap { $0["qualifier"]?.stringValue } == ["s1", "s2"])
    #expect(report.rows("Nuclear density of all tissue (s2)").count == 1)
  }

  @Test func moreSlidesThanARowCanShowAreCounted() throws {
    var many = input
    for number in 10..<40 {
      var tissue = try #require(input.evidence["r1"])
      tissue.id = EvidenceID(.region, number)
      tissue.body = .region(
        Region(
          slide: EvidenceID(.slide, number), rect: LevelZeroRect(x: 0, y: 0, width: 9, height: 9), label: "tissue"))
      var density = try #require(input.evidence["m4"])
      density.id = EvidenceID(.measurement, number)
      many = try many.with(tissue).with(density).changing("m\(number)") { $0.region = EvidenceID(.region, number) }
    }
    let report = try fillReport(many)
    #expect(try report.values("nuclear_density").count == 16)
    #expect(try report.field("nuclear_density")["omitted"] == 15)
    #expect(report.rows("Nuclear density of all tissue").last?.contains("15 more values") == true)
    #expect(report.html.contains("15 more values"))
  }

  // MARK: The other states

  @Test func nothingMeasuredIsNotAssessableWithAReason() throws {
    let report = try fillReport(input.without("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"))
    #expect(report.json["summary"]?["measured"] == 0)
    #expect(
      try report.reason("nuclear_density")
        == "the case holds no measurement \"nuclear density\" of all tissue; ask for it before drafting the report")
    #expect(
      try report.reason("lesion_type")?.hasPrefix("no built-in tool tells types of skin lesion apart; needs") == true)
    #expect(try report.reason("mitotic_density")?.contains("\"mitotic density\"; needs a detector") == true)
    #expect(report.rows("Type of lesion").first?.contains("not assessable: no built-in tool") == true)
    #expect(report.html.contains("not assessable: no built-in tool"))
  }

  @Test func whatAPersonMustGiveIsNotProvided() throws {
    let report = try fillReport(input)
    #expect(try report.state("stage_t") == "notProvided")
    #expect(report.rows("Tumour stage (pT)") == ["| Tumour stage (pT) | not provided | – |"])
    #expect(report.html.contains("<td>not provided</td>"))
  }

  @Test func whatTheCaseStatesIsStated() throws {
    let report = try fillReport(input)
    #expect(try report.state("organ") == "stated")
    #expect(try report.texts("organ") == ["skin"])
    #expect(try report.texts("stain") == ["H&E"])
    #expect(try report.texts("slides") == ["s1"])
    #expect(try report.texts("scale") == ["0.499 µm/px"])
    #expect(try report.notes("scale") == ["as the slide's file says"])
    #expect(try report.texts("clinical_information") == ["“Pigmented lesion on the back, query melanocytic.”"])
    #expect(try report.notes("clinical_information") == ["the requester's own words, not checked"])
  }

  @Test func whatTheCaseDoesNotStateIsNotProvidedWithAReason() throws {
    var bare = input
    bare.case = CaseDescription()
    bare.evidence = [:]
    let report = try fillReport(bare)
    for id in ["organ", "stain", "scale", "slides", "clinical_information"] {
      #expect(try report.state(id) == "notProvided", "\(id)")
      #expect(try report.reason(id)?.isEmpty == false)
    }
    bare.case.statedMicronsPerPixel = 0.5
    let stated = try fillReport(bare)
    #expect(try stated.texts("scale") == ["0.5 µm/px"])
    #expect(try stated.notes("scale") == ["as stated with the case"])
  }

  @Test func aSlideWithoutAUsableScaleIsACaution() throws {
    var slide = try #require(input.evidence["s1"])
    guard case .slide(var record) = slide.body else { throw VPathError(.internalBug, "s1") }
    record.properties?.scale = nil
    record.properties?.scaleProblem = "stated 0.25 µm/px, the file says 0.499"
    slide.body = .slide(record)
    let report = try fillReport(input.with(slide))
    #expect(try report.texts("scale") == ["no usable scale"])
    #expect(report.markdown.contains("> Caution: s1 has no usable scale: stated 0.25 µm/px, the file says 0.499."))
  }

  @Test func aTemplateForAnotherOrganIsACaution() throws {
    let report = try fillReport(input, template: "lymph_node")
    #expect(
      report.markdown.contains("> Caution: The organ is stated as skin; this template is for lymph node, lymph nodes."))
    #expect(try fillReport(input).json["cautions"] == [])
  }

  // MARK: Whole reports

  @Test(arguments: ["skin_excision", "colorectal_resection", "lymph_node"])
  func everyFieldOfATemplateAppearsInEveryForm(name: String) throws {
    let template = try ReportTemplateFolder(path: reportToolFolder + "/templates").template(name)
    let report = try fillReport(input, template: name)
    for field in template.sections.flatMap(\.fields) {
      #expect(["measured", "stated", "notAssessable", "notProvided"].contains(try report.state(field.id)))
      #expect(!report.rows(ReportText.markdown(field.title)).isEmpty, "\(field.id)")
      #expect(report.html.contains("<th scope=\"row\">\(ReportText.html(field.title))"), "\(field.id)")
    }
    let counts = try #require(report.json["summary"]?.objectValue).values.compactMap(\.numberValue)
    #expect(counts.reduce(0, +) == Double(template.sections.flatMap(\.fields).count))
  }

  @Test func everyFormCarriesTheNoticeAndWhatItRestsOn() throws {
    let report = try fillReport(input)
    let notice = "Draft for research. Not a medical device. Not reviewed by a pathologist."
    #expect(report.json["notice"]?.stringValue == notice)
    #expect(report.markdown.contains(notice) && report.html.contains(notice))
    #expect(
      report.json["tools"] == [
        ["name": "cell_counter", "version": "1.0.0"], ["name": "report_template_filler", "version": "1.0.0"],
        ["name": "slide_overview", "version": "1.0.0"],
      ])
    #expect(
      report.markdown.contains(
        "- Slide s1: 2,220 × 2,967 px, 0.499 µm/px, read by OpenSlide 4.0.1, SHA-256 000000000000…"))
    #expect(report.markdown.contains("- Region r2: densest window, on s1 at x 1204, y 880, 501 × 501 px"))
    #expect(report.html.contains("<dt>Template</dt><dd>skin_excision 1.0.0</dd>"))
    #expect(report.json["regions"]?.arrayValue?.first?["rect"] == ["x": 0, "y": 0, "width": 2220, "height": 2967])
  }

  @Test func noFormNamesASlidesFile() throws {
    let report = try fillReport(input)
    for text in [report.jsonText, report.markdown, report.html] { #expect(!text.contains("example.svs")) }
  }

  @Test func theOutputIsThreeArtefactsAndNothingElse() throws {
    let expected = try JSONValue.parse(try reportBytes(reportToolFolder + "/examples/skin_excision.output.json"))
    #expect(try encodeJSON(try fillReport(input).output) == expected)
  }

  @Test func equalInputGivesEqualBytes() throws {
    let first = try fillReport(input)
    // The same evidence in dictionaries built in another order.
    var other = input
    other.evidence = [:]
    for key in input.evidence.keys.sorted().reversed() { other.evidence[key] = input.evidence[key] }
    for _ in 0..<3 {
      let again = try fillReport(other)
      #expect(again.jsonText == first.jsonText)
      #expect(again.markdown == first.markdown)
      #expect(again.html == first.html)
    }
  }

  // MARK: Errors

  @Test func evidenceWhoseIdIsNotOfItsKindIsRefused() throws {
    var odd = try #require(input.evidence["m4"])
    odd.id = EvidenceID("r77")
    let error = try #require(throws: VPathError.self) { _ = try fillReport(input.with(odd)) }
    #expect(error.id == .toolFailed && error.message.contains("r77"))
  }

  @Test func aScratchThatCannotBeWrittenIsAnErrorWithoutItsPath() throws {
    var blind = input
    blind.scratch = "/nonexistent/scratch"
    let filler = ReportTemplateFiller(templatesDirectory: reportToolFolder + "/templates")
    let error = try #require(throws: VPathError.self) { _ = try filler.fill(blind) }
    #expect(error.id == .toolFailed && error.message.contains("report.json"))
    #expect(!error.message.contains("/nonexistent"))
  }

  @Test func aFileThatIsThereAlreadyIsNotWrittenOver() throws {
    let scratch = try ReportScratch()
    try scratch.write("mine", to: "report.md")
    var occupied = input
    occupied.scratch = scratch.path
    let filler = ReportTemplateFiller(templatesDirectory: reportToolFolder + "/templates")
    #expect(throws: VPathError.self) { _ = try filler.fill(occupied) }
    #expect(try reportBytes(scratch.path + "/report.md") == Array("mine".utf8))
  }

  @Test func aCancelledCallWritesNothing() throws {
    let scratch = try ReportScratch()
    var cancelled = input
    cancelled.scratch = scratch.path
    let filler = ReportTemplateFiller(templatesDirectory: reportToolFolder + "/templates")
    #expect(throws: CancellationError.self) { _ = try filler.fill(cancelled) { throw CancellationError() } }
    #expect(try scratch.files().isEmpty)
  }

  @Test func aCallWithoutATemplateSaysSo() throws {
    var bare = input
    bare.arguments = [:]
    let filler = ReportTemplateFiller(templatesDirectory: reportToolFolder + "/templates")
    let error = try #require(throws: VPathError.self) { _ = try filler.fill(bare) }
    #expect(error.message.contains("template"))
  }
}
