// Templates: the shipped ones are complete, and every fault of a file is found and named.

import Domain
import JSON
import Testing
import ToolKit

@testable import BuiltInTools

@Suite struct ReportTemplateTests {
  private let folder = ReportTemplateFolder(path: reportToolFolder + "/templates")

  @Test func theShippedTemplatesAreTheThreeThatTheManifestNames() throws {
    let manifest = try decodeJSON(
      ToolManifest.self, from: try JSONValue.parse(try reportBytes(reportToolFolder + "/tool.json")))
    let named = manifest.inputSchema["properties"]?["template"]?["enum"]?.arrayValue?.compactMap(\.stringValue)
    #expect(named == ["colorectal_resection", "lymph_node", "skin_excision"])
    #expect(folder.names() == named)
  }

  @Test func manifestAndToolSayTheSame() throws {
    let manifest = try decodeJSON(
      ToolManifest.self, from: try JSONValue.parse(try reportBytes(reportToolFolder + "/tool.json")))
    let filler = ReportTemplateFiller(templatesDirectory: folder.path)
    #expect(manifest.name == filler.name)
    #expect(manifest.description == filler.description)
    #expect(manifest.vpath.version == ReportTemplateFiller.version)
    #expect(manifest.inputSchema == filler.inputSchema.json)
    #expect(filler.tool.inputSchema == filler.inputSchema)
    #expect(manifest.vpath.needs.input == .evidence)
    #expect(manifest.vpath.answers == ["report"])
  }

  @Test func theServedToolFillsAndStopsWhenItsCallIsCancelled() throws {
    let scratch = try ReportScratch()
    var input = try exampleReportInput()
    input.scratch = scratch.path
    let tool = ReportTemplateFiller(templatesDirectory: folder.path).tool
    let cancelled = ToolCall(input: input)
    cancelled.cancel()
    let error = try #require(throws: VPathError.self) { _ = try tool.handler(cancelled) }
    #expect(error.id == .cancelled)
    #expect(try scratch.files().isEmpty)
    #expect(try tool.handler(ToolCall(input: input)).evidence.count == 3)
  }

  @Test(arguments: [
    (
      "skin_excision",
      [
        "site", "procedure", "specimen_size", "tissue_area", "left_out", "nuclear_density", "nuclear_density_densest",
        "lesion_type", "tumour_thickness", "ulceration", "mitotic_density", "lymphovascular_invasion",
        "perineural_invasion", "peripheral_margin", "deep_margin", "stage_t", "diagnosis",
      ]
    ),
    (
      "colorectal_resection",
      [
        "site", "procedure", "tumour_type", "grade", "depth", "budding", "venous_invasion", "perineural_invasion",
        "end_margins", "circumferential_margin", "nodes_examined", "nodes_positive", "mismatch_repair", "stage_t",
        "stage_n", "stage_m", "nuclear_density", "tissue_area", "diagnosis",
      ]
    ),
    (
      "lymph_node",
      [
        "site", "node_count", "node_size", "architecture", "metastasis", "metastasis_size", "extranodal_extension",
        "ancillary", "stage_n", "nuclear_density", "nuclear_density_densest", "tissue_area", "diagnosis",
      ]
    ),
  ])
  func aShippedTemplateHasTheFieldsOfSuchAReport(name: String, expected: [String]) throws {
    let template = try folder.template(name)
    let fields = template.sections.flatMap(\.fields)
    #expect(Set(expected).subtracting(fields.map(\.id)).isEmpty)
    for field in fields where field.kind == .measured && field.measure == nil {
      let reason = try #require(field.notAssessable)
      #expect(reason.contains("needs"), "\(field.id) does not say what would be needed")
    }
  }

  private func fault(_ change: (inout [String: JSONValue]) -> Void) throws -> VPathError {
    let field: JSONValue = ["id": "a", "title": "A", "kind": "fromPathologist"]
    var members: [String: JSONValue] = [
      "id": "x", "title": "X", "version": "1.0.0", "sections": [["title": "S", "fields": [field]]],
    ]
    let good = try ReportTemplate.read(JSONValue.object(members).canonicalBytes(), fileName: "x.json")
    #expect(good.sections.first?.fields.first?.id == "a")
    change(&members)
    let bytes = JSONValue.object(members).canonicalBytes()
    return try #require(throws: VPathError.self) { _ = try ReportTemplate.read(bytes, fileName: "x.json") }
  }

  private func fieldFault(_ field: JSONValue...) throws -> VPathError {
    try fault { $0["sections"] = [["title": "S", "fields": .array(field)]] }
  }

  @Test func anUnknownKeyIsNamed() throws {
    let error = try fault { $0["colour"] = "red" }
    #expect(error.id == .toolFailed)
    #expect(error.subject == "x.json")
    #expect(error.message.contains("colour"))
    let inField = try fieldFault(["id": "a", "title": "A", "kind": "fromPathologist", "units": "mm"])
    #expect(inField.message.contains("units") && inField.message.contains("/sections/0/fields/0"))
  }

  @Test func aFieldThatContradictsItselfIsNamed() throws {
    let faults: [(JSONValue, String)] = [
      (["id": "a", "title": "A", "kind": "measured"], "needs measure"),
      (["id": "a", "title": "A", "kind": "measured", "notAssessable": "no", "unit": "mm2"], "unit but no measure"),
      (["id": "a", "title": "A", "kind": "measured", "measure": ["b"], "stated": "organ"], "cannot have stated"),
      (["id": "a", "title": "A", "kind": "stated"], "needs stated"),
      (["id": "a", "title": "A", "kind": "stated", "stated": "organ", "measure": ["b"]], "neither measure"),
      (["id": "a", "title": "A", "kind": "fromPathologist", "notAssessable": "no"], "none of"),
      (["id": "a", "title": "A", "kind": "measured", "measure": ["b"], "unit": "furlong"], "unit"),
      (["id": "a", "title": "A\nB", "kind": "fromPathologist"], "line breaks"),
      (["id": "a", "title": "A\u{202E}B", "kind": "fromPathologist"], "invisible"),
    ]
    for (field, words) in faults {
      let message = try fieldFault(field).message
      #expect(message.contains(words), "\(message)")
    }
    let field: JSONValue = ["id": "a", "title": "A", "kind": "fromPathologist"]
    #expect(try fieldFault(field, field).message.contains("two fields"))
  }

  @Test func theIdMustBeTheFilesName() throws {
    #expect(try fault { $0["id"] = "y" }.message.contains("must be the file's name"))
  }

  @Test func brokenJSONIsToldWithItsPlace() throws {
    let error = try #require(throws: VPathError.self) {
      _ = try ReportTemplate.read(Array("{\n \"id\": }".utf8), fileName: "x.json")
    }
    #expect(error.message.contains("x.json") && error.message.contains("line 2"), "\(error)")
  }

  @Test func anUnknownTemplateNamesThoseThereAre() throws {
    for name in ["liver_biopsy", "../../etc/passwd", "skin_excision.json", "", "x\u{0}y"] {
      let error = try #require(throws: VPathError.self) { _ = try folder.template(name) }
      #expect(error.id == .toolFailed)
      #expect(error.message.contains("colorectal_resection, lymph_node, skin_excision"))
      #expect(!error.message.contains(reportToolFolder))
    }
  }

  @Test func aFolderThatIsNotThereAndAFileThatIsNoneAreErrorsWithoutPaths() throws {
    let missing = try #require(throws: VPathError.self) {
      _ = try ReportTemplateFolder(path: "/nonexistent/x").template("skin_excision")
    }
    #expect(missing.id == .toolFailed && !missing.message.contains("/nonexistent"))
    let scratch = try ReportScratch()
    try scratch.write(String(repeating: " ", count: 300_000), to: "large.json")
    try scratch.write("{}", to: "Capital.json")
    try scratch.write("{}", to: "notes.txt")
    let folder = ReportTemplateFolder(path: scratch.path)
    #expect(folder.names() == ["large"])
    let large = try #require(throws: VPathError.self) { _ = try folder.template("large") }
    #expect(large.message.contains("300000 bytes") && !large.message.contains(scratch.path))
  }
}
