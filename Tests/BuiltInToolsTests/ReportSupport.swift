// What the report tests share: the shipped folder, the shipped example as a case, a scratch directory, a filled report.

import Domain
import Glibc
import JSON
import Testing

@testable import BuiltInTools

/// The tool's own folder in the source tree.
let reportToolFolder =
  "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/tools/report_template_filler"

/// A fresh directory that is removed with its files at the end.
final class ReportScratch {
  let path: String

  init() throws {
    var template = Array("/tmp/report-test-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  deinit {
    for file in (try? files()) ?? [] { unlink(path + "/" + file) }
    rmdir(path)
  }

  func files() throws -> [String] {
    let folder = try #require(opendir(path))
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  func write(_ text: String, to file: String) throws {
    let handle = try #require(fopen(path + "/" + file, "w"))
    defer { fclose(handle) }
    fputs(text, handle)
  }
}

/// All bytes of a file.
func reportBytes(_ path: String) throws -> [UInt8] {
  let handle = try #require(fopen(path, "r"), "\(path) cannot be opened")
  defer { fclose(handle) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = fread(&buffer, 1, buffer.count, handle)
    guard count > 0 else { return bytes }
    bytes += buffer[..<count]
  }
}

/// A filled report in its three forms.
struct FilledReport {
  var json: JSONValue
  var jsonText: String
  var markdown: String
  var html: String
  var output: ToolOutput

  /// A field of the JSON form.
  func field(_ id: String) throws -> JSONValue {
    let fields = (json["sections"]?.arrayValue ?? []).flatMap { $0["fields"]?.arrayValue ?? [] }
    return try #require(fields.first { $0["id"]?.stringValue == id }, "no field \(id)")
  }

  func values(_ id: String) throws -> [JSONValue] { try field(id)["values"]?.arrayValue ?? [] }
  func texts(_ id: String) throws -> [String] { try values(id).compactMap { $0["text"]?.stringValue } }
  func notes(_ id: String) throws -> [String] {
    try values(id).flatMap { $0["notes"]?.arrayValue ?? [] }.compactMap(\.stringValue)
  }
  func state(_ id: String) throws -> String? { try field(id)["state"]?.stringValue }
  func reason(_ id: String) throws -> String? { try field(id)["reason"]?.stringValue }

  /// The Markdown rows that begin with a field's title.
  func rows(_ title: String) -> [String] {
    markdown.split(separator: "\n").map(String.init).filter { $0.hasPrefix("| \(title)") }
  }
}

/// The shipped example as a call's input.
func exampleReportInput() throws -> ToolInput {
  let bytes = try reportBytes(reportToolFolder + "/examples/skin_excision.input.json")
  return try decodeJSON(ToolInput.self, from: try JSONValue.parse(bytes))
}

/// Fills a template of the shipped folder, or of another one.
func fillReport(_ input: ToolInput, template: String? = nil, templates: String? = nil) throws -> FilledReport {
  let scratch = try ReportScratch()
  var input = input
  input.scratch = scratch.path
  if let template { input.arguments = ["template": .string(template)] }
  let output = try ReportTemplateFiller(templatesDirectory: templates ?? reportToolFolder + "/templates").fill(input)
  #expect(try scratch.files() == ["report.html", "report.json", "report.md"])
  let texts = try ["json", "md", "html"].map {
    String(decoding: try reportBytes(scratch.path + "/report.\($0)"), as: UTF8.self)
  }
  return FilledReport(
    json: try JSONValue.parse(texts[0]), jsonText: texts[0], markdown: texts[1], html: texts[2], output: output)
}

extension ToolInput {
  /// The same case with one piece of evidence changed or added.
  func with(_ evidence: Evidence) -> ToolInput {
    var copy = self
    copy.evidence[evidence.id.rawValue] = evidence
    return copy
  }

  /// The same case with a measurement changed.
  func changing(_ id: String, _ change: (inout Measurement) -> Void) throws -> ToolInput {
    var item = try #require(evidence[id])
    guard case .measurement(var measurement) = item.body else { throw VPathError(.internalBug, "\(id)") }
    change(&measurement)
    item.body = .measurement(measurement)
    return with(item)
  }

  /// The same case without some evidence.
  func without(_ ids: String...) -> ToolInput {
    var copy = self
    for id in ids { copy.evidence[id] = nil }
    return copy
  }
}
