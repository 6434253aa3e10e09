// Examples that a tool's author puts beside it: a call as it would come, and what must come of it. `vpath tool check`
// runs them all in the sandbox, `vpath tool run` one.
// What must stay true: an example grants a tool nothing but files of its own folder.

public import Domain
import JSON
import Ports
import Synchronization

/// An example: `examples/<name>.json`.
struct ToolExample: Sendable {
  var name: String
  var plan: CallPlan
  var expect: Expectation

  struct Expectation: Sendable, Codable {
    var measurements: [Measured]?
    /// How many parts the tool refuses.
    var notAssessable: Int?
    /// How many items of each kind there are.
    var kinds: [String: Int]?
    /// An error id.
    var error: String?

    struct Measured: Sendable, Codable {
      var name: String
      var value: Double
      /// How far the value may be off; 1e-9 of it when absent.
      var tolerance: Double?
      var unit: UCUMUnit?
    }
  }

  /// The whole file.
  private struct File: Codable {
    var arguments: JSONValue
    var `case`: CaseDescription?
    var views: [View]?
    var slides: [Slide]?
    var evidence: [Evidence]?
    var expect: Expectation

    struct View: Codable {
      var region: EvidenceID
      var file: String
      var width: Int
      var height: Int
      var micronsPerPixel: Double
      var rect: LevelZeroRect?
    }
    struct Slide: Codable {
      var id: EvidenceID
      var file: String
      var properties: SlideProperties?
    }
  }

  static let folder = "examples"

  /// The names of the examples in a tool's folder.
  static func names(in folder: OpenFolder) -> [String] {
    guard let examples = try? folder.folder(ToolExample.folder), let names = try? examples.names(limit: 256) else {
      return []
    }
    return names.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }
  }

  /// Reads an example. Throws `tool.bad_manifest` naming the file and the key.
  init(named name: String, of tool: RegisteredTool) throws(VPathError) {
    let subject = "\(ToolExample.folder)/\(name).json"
    func wrong(_ message: String) -> VPathError {
      VPathError(.toolBadManifest, "\(subject): \(message)", subject: subject)
    }
    let file: File
    let examples: OpenFolder
    do {
      let folder = try OpenFolder.open(tool.file.folder)
      examples = try folder.folder(ToolExample.folder)
      let bytes = try examples.read("\(name).json", maxBytes: 1 << 20)
      file = try decodeJSON(File.self, from: try JSONValue.parse(bytes))
    } catch let error as FolderError {
      throw wrong("\"\(error.name)\" \(error.words).")
    } catch let error as JSONError {
      throw wrong("\(error)")
    } catch {
      throw wrong("\(error)")
    }
    self.name = name
    expect = file.expect
    plan = CallPlan(
      call: CallID("call-1"), caseID: CaseID("case-example"), arguments: file.arguments,
      description: file.case ?? CaseDescription(), slides: [], properties: [:], views: [],
      evidence: file.evidence ?? [])
    if let first = tool.file.inputSchema.validate(file.arguments).first {
      throw wrong("arguments\(first.pointer) \(first.message).")
    }
    for slide in file.slides ?? [] {
      plan.slides.append(SlideGrant(id: slide.id, path: "\(tool.file.folder)/\(ToolExample.folder)/\(slide.file)"))
      plan.properties[slide.id] = slide.properties
    }
    for view in file.views ?? [] {
      do {
        try add(view, bytes: examples.read(view.file, maxBytes: HostTools.maxViewPixels * 4), to: tool)
      } catch {
        throw wrong("the view \"\(error.name)\" \(error.words).")
      }
    }
    if tool.manifest.vpath.needs.input == .view, plan.views.isEmpty {
      throw wrong("a tool that works on views needs \"views\" in its example.")
    }
  }

  /// A view, its region, and a slide just large enough, none of which an author should have to write out.
  private mutating func add(_ view: File.View, bytes: [UInt8], to tool: RegisteredTool) {
    let rect = view.rect ?? LevelZeroRect(x: 0, y: 0, width: view.width, height: view.height)
    let slide = plan.slides.first?.id ?? EvidenceID(.slide, 1)
    if plan.slides.isEmpty { plan.slides = [SlideGrant(id: slide, path: "")] }
    let format = tool.manifest.vpath.needs.viewFormat ?? .png
    let hash = sha256(bytes)
    plan.views.append(
      CallPlan.ViewFile(
        region: view.region, rect: rect, micronsPerPixel: view.micronsPerPixel, width: view.width, height: view.height,
        pixelSha256: hash,
        pixels: PixelDigest(
          sha256: hash, level: 0, micronsPerPixel: view.micronsPerPixel, decoder: "example", resampler: "none"),
        bytes: bytes, format: format))
    if !plan.evidence.contains(where: { $0.id == view.region }) {
      plan.evidence.append(
        Evidence(
          id: view.region, turn: nil, call: nil, tool: nil,
          body: .region(Region(slide: slide, rect: rect, label: "example"))))
    }
    if plan.properties[slide] == nil {
      plan.properties[slide] = SlideProperties(
        width: rect.x + rect.width, height: rect.y + rect.height, levelCount: 1, vendor: "example",
        scale: SlideScale(micronsPerPixel: view.micronsPerPixel, source: .slide), objectivePower: nil,
        decoder: "example")
    }
  }

  /// What differs from what was expected, in words; empty when nothing does.
  func differences(_ result: ToolResult) -> [String] {
    if let error = result.error {
      if expect.error == error.id.rawValue { return [] }
      return ["it failed: \(error.id.rawValue): \(error.message)"]
    }
    if let wanted = expect.error { return ["it should fail with \(wanted), and did not"] }
    var found: [String] = []
    if let wanted = expect.notAssessable, wanted != result.refusals.count {
      found.append("\(result.refusals.count) parts are not assessable instead of \(wanted)")
    }
    for (kind, wanted) in (expect.kinds ?? [:]).sorted(by: { $0.key < $1.key }) {
      let count = result.evidence.filter { $0.kind.rawValue == kind }.count
      if count != wanted { found.append("it gives \(count) of \(kind) instead of \(wanted)") }
    }
    let measured = result.evidence.filter { $0.kind == .measurement }
    for wanted in expect.measurements ?? [] {
      let values = measured.filter { $0.body["name"]?.stringValue == wanted.name }
      guard !values.isEmpty else {
        found.append("it gives no \"\(wanted.name)\"")
        continue
      }
      let tolerance = wanted.tolerance ?? max(1e-9, abs(wanted.value) * 1e-9)
      let fits = values.contains { item in
        guard let value = item.body["value"]?.numberValue else { return false }
        return abs(value - wanted.value) <= tolerance
          && (wanted.unit == nil || item.body["unit"]?.stringValue == wanted.unit?.rawValue)
      }
      if !fits {
        let met = values.compactMap { $0.body["value"]?.numberValue }.map { "\($0)" }.joined(separator: ", ")
        found.append("\"\(wanted.name)\" is \(met) instead of \(wanted.value) (± \(tolerance))")
      }
    }
    return found
  }
}

/// What one example gave.
public struct ToolExampleResult: Sendable {
  /// The example's name, its file's without `.json`.
  public var name: String
  public var result: ToolResult
  /// What differs from what the example expects; empty when nothing does.
  public var differences: [String]
  /// The end of the tool's error stream when its process ended badly; for the author.
  public var errorTail: String
  /// From the start of the call to its end.
  public var seconds: Double
}

extension ToolHost {
  /// The names of the examples of a tool's folder.
  public static func exampleNames(directory: String) -> [String] {
    guard let path = resolvedPath(directory), let folder = try? OpenFolder.open(path) else { return [] }
    return ToolExample.names(in: folder)
  }

  /// Runs one example of a tool's folder in the sandbox, as its author would see it run. Throws `tool.bad_manifest`,
  /// `tool.not_found`, `sandbox.unavailable`.
  public func runExample(
    directory: String, name: String, grants: ToolGrants = ToolGrants()
  ) async throws(VPathError) -> ToolExampleResult {
    try grants.check()
    let file = try ToolManifestFile.load(folder: directory, isBuiltIn: false, maxima: maxima)
    let tool = RegisteredTool(file: file, grants: grants, contents: nil)
    return try await run(try ToolExample(named: name, of: tool), of: tool)
  }

  /// Everything about a tool's folder that should be changed, its examples run in the sandbox; empty when all is well.
  public func check(directory: String, grants: ToolGrants = ToolGrants()) async -> [ToolCheckFinding] {
    var findings: [ToolCheckFinding] = []
    let file = ToolManifestFile.read(folder: directory, isBuiltIn: false, maxima: maxima, findings: &findings)
    guard let file, let folder = try? OpenFolder.open(file.folder) else { return findings }
    do throws(VPathError) {
      _ = try FolderContents(of: folder, skipping: FolderContents.leftBehind)
      try grants.check()
    } catch {
      findings.append(.init(.error, error.subject ?? lastName(directory), error.message))
    }
    if (try? folder.status("README.md")) == nil {
      findings.append(
        .init(.warning, "README.md", "Say in a few lines what the tool measures, how, and on what it was validated."))
    }
    let names = ToolExample.names(in: folder)
    if names.isEmpty {
      findings.append(
        .init(.warning, "examples", "Add examples/<name>.json, so that a change of the tool is noticed."))
    }
    guard !findings.contains(where: { $0.severity == .error }) else { return findings }
    let tool = RegisteredTool(file: file, grants: grants, contents: nil)
    for name in names {
      let subject = "examples/\(name).json"
      do throws(VPathError) {
        let result = try await run(try ToolExample(named: name, of: tool), of: tool)
        findings += result.differences.map { .init(.error, subject, "\($0).") }
        if !result.errorTail.isEmpty, !result.differences.isEmpty {
          findings.append(.init(.warning, subject, "The tool's last words: \(result.errorTail)"))
        }
      } catch {
        findings.append(.init(.error, subject, error.message))
      }
    }
    return findings
  }

  private func run(_ example: ToolExample, of tool: RegisteredTool) async throws(VPathError) -> ToolExampleResult {
    let runner = try await runner(for: example.plan.description)
    let tail = TailBox()
    let began = ContinuousClock.now
    let result = await runner.run(
      tool, example.plan,
      CallRunner.Surroundings(
        properties: { id in
          example.plan.properties[id].map { .success($0) }
            ?? .failure(
              VPathError(
                .slideNotFound,
                "The example does not say how large slide \(id) is. Give it \"slides\" with \"properties\"."))
        },
        errorTail: { tail.set($0) }))
    let took = (ContinuousClock.now - began).components
    await release(example.plan.caseID)
    return ToolExampleResult(
      name: example.name, result: result, differences: example.differences(result), errorTail: tail.text,
      seconds: Double(took.seconds) + Double(took.attoseconds) / 1e18)
  }
}

/// The last error stream seen.
private final class TailBox: Sendable {
  private let state = Mutex<[UInt8]>([])
  func set(_ bytes: [UInt8]) { state.withLock { $0 = bytes } }
  var text: String {
    state.withLock {
      PlainText.clean(String(decoding: $0, as: UTF8.self), limit: 4096, lines: true)
    }
  }
}
