// The tool that fills a report template from a case's evidence and writes it as JSON, Markdown and HTML.
// What must stay true: it measures nothing and adds nothing to what evidence and case say; it gives three artefacts
// and no other evidence; equal input gives equal bytes.

public import Domain
import Glibc
public import JSON

/// Fills a report template.
///
/// Each field of the report holds what was measured (with unit, interval, validity and evidence ids), what was stated
/// with the case, "not assessable" with a reason, or "not provided". Errors are `tool.failed`: an unknown template,
/// a template file that is wrong, a scratch directory that cannot be written.
public struct ReportTemplateFiller: Sendable {
  public static let version = "1.0.0"

  public let name = "report_template_filler"
  public let description =
    "Fills a report template (skin excision, colorectal resection, lymph node) from what was measured and stated in "
    + "the case. Each field gives value, unit and evidence, or says why it is not assessable or not provided."
  public let inputSchema: Schema

  private let folder: ReportTemplateFolder

  /// `templatesDirectory` holds a JSON file for each template; it is read again at each call.
  public init(templatesDirectory: String) {
    folder = ReportTemplateFolder(path: templatesDirectory)
    let names = folder.names() ?? []
    inputSchema = .object([
      .required(
        "template",
        .string(
          maxLength: 64, enum: names.isEmpty ? nil : names, description: "Which template to fill."))
    ])
  }

  /// Fills the template that the input's arguments name and writes `report.json`, `report.md` and `report.html` to the
  /// input's scratch directory. `checkCancelled` is asked before anything is written.
  public func fill(_ input: ToolInput, checkCancelled: () throws -> Void = {}) throws -> ToolOutput {
    guard let name = input.arguments["template"]?.stringValue else {
      throw VPathError(.toolFailed, "The argument template is missing: the name of a report template.")
    }
    let template = try folder.template(name)
    let filling = ReportFilling(
      description: input.case, evidence: try ReportEvidence(input),
      filler: ToolReference(name: self.name, version: Self.version))
    let report = try filling.report(template)
    try checkCancelled()
    let title = template.title.lowercased()
    let forms: [(file: String, mediaType: String, caption: String, text: String)] = [
      ("report.json", "application/json", "The draft report (\(title)) as data", report.json.prettyString() + "\n"),
      ("report.md", "text/markdown", "The draft report (\(title)) as Markdown", ReportMarkdown.text(report)),
      ("report.html", "text/html", "The draft report (\(title)) to print", ReportHTML.text(report)),
    ]
    var items: [JSONValue] = []
    for form in forms {
      try Self.write(form.text, to: form.file, in: input.scratch)
      items.append([
        "kind": "artefact", "file": .string(form.file), "mediaType": .string(form.mediaType),
        "caption": .string(form.caption),
      ])
    }
    return ToolOutput(evidence: items)
  }

  /// Writes a new file; one that is there already, or a link, is an error.
  private static func write(_ text: String, to file: String, in directory: String) throws(VPathError) {
    func failed() -> VPathError {
      VPathError(
        .toolFailed, "\(file) cannot be written to the scratch directory: \(String(cString: strerror(errno))).",
        subject: file)
    }
    let descriptor = open(directory + "/" + file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failed() }
    defer { close(descriptor) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failed() }
      rest = rest.dropFirst(count)
    }
  }
}
