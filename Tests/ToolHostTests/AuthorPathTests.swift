// The tool author's path: the page is followed as it stands, the shipped example is checked, and the contract page names
// every key there is.

import Domain
import Glibc
import JSON
import Subprocess
import SystemPackage
import TestSupport
import Testing

@testable import ToolHost

@Suite("A tool author's path", .enabled(if: Machine.hasBubblewrap, Machine.needs))
struct AuthorPathTests {
  /// The repository's root, from where this file was compiled.
  private static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
  private static let example = root + "/tools/examples/eosin_fraction"

  private func text(_ path: String) throws -> String {
    String(decoding: try #require(TemporaryFolder.read(AuthorPathTests.root + "/" + path)), as: UTF8.self)
  }

  /// The fenced blocks of a page: what stands after the fence, and the lines.
  private func blocks(_ page: String) -> [(info: String, text: String)] {
    var found: [(String, String)] = []
    var open: (info: String, lines: [Substring])?
    for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") {
        if let block = open {
          found.append((block.info, block.lines.map { $0 + "\n" }.joined()))
          open = nil
        } else {
          open = (String(line.dropFirst(3)), [])
        }
      } else {
        open?.lines.append(line)
      }
    }
    return found
  }

  @Test("following docs/write-a-tool.md gives a tool that checks, runs and installs")
  func page() async throws {
    let bench = try HostBench()
    let blocks = blocks(try text("docs/write-a-tool.md"))
    var folder = bench.path + "/sources"
    var done: [String] = []
    for block in blocks {
      if let name = block.info.split(separator: " ").dropFirst().first {
        // The page shows the shipped example, word for word.
        #expect(block.text == (try text("tools/examples/eosin_fraction/\(name)")), "\(name)")
        let file = try #require(fopen("\(folder)/\(name)", "w"))
        fputs(block.text, file)
        fclose(file)
      } else if block.info == "sh" {
        for line in block.text.split(separator: "\n") {
          switch line {
          case "vpath tool check .":
            let findings = await bench.host.check(directory: folder)
            #expect(findings.map(\.subject) == ["README.md"], "\(findings)")
            #expect(findings.allSatisfy { $0.severity == .warning })
          case "vpath tool run . --example pink":
            let result = try await bench.host.runExample(directory: folder, name: "pink")
            #expect(result.differences.isEmpty, "\(result)")
            #expect(result.result.sandboxed)
          case "vpath tool install .":
            try bench.registry.install(from: folder, by: 0, at: "2026-01-01T00:00:00.000Z")
          case "vpath tool list":
            #expect(bench.registry.list().map(\.name) == ["eosin_fraction"])
          default:
            #expect(!line.hasPrefix("vpath"), "a command that this test does not know: \(line)")
            let result = try await run(
              .path("/bin/sh"), arguments: ["-c", String(line)], workingDirectory: FilePath(folder),
              output: .discarded)
            #expect(result.terminationStatus == .exited(0), "\(line)")
            if line.contains("cd eosin_fraction") { folder += "/eosin_fraction" }
          }
          done.append(String(line.prefix(10)))
        }
      }
    }
    #expect(done.filter { $0.hasPrefix("vpath tool") }.count == 4)
  }

  @Test("the shipped example has nothing to change, and its examples hold")
  func shipped() async throws {
    let bench = try HostBench()
    #expect(await bench.host.check(directory: AuthorPathTests.example) == [])
    #expect(ToolHost.exampleNames(directory: AuthorPathTests.example) == ["glass", "pink"])
    let result = try await bench.host.runExample(directory: AuthorPathTests.example, name: "pink")
    #expect(result.result.evidence.first?.body["value"] == 80)
    #expect(result.result.evidence.first?.body["validity"]?["limits"] == ["not validated"])
  }

  @Test("check says what to change when an example does not hold, and shows a failing tool's last words")
  func checkFindings() async throws {
    let bench = try HostBench()
    let folder = try bench.write(
      HostBench.manifest("broken"), program: HostBench.once("raise ValueError('no such stain')"),
      files: [
        "examples/a.json": Array(#"{"arguments": {}, "expect": {"kinds": {"measurement": 1}}}"#.utf8),
        "examples/b.json": Array(#"{"arguments": {}, "expect": {"error": "tool.failed"}}"#.utf8),
        "examples/c.json": Array(#"{"arguments": [], "expect": {}}"#.utf8),
      ])
    let findings = await bench.host.check(directory: folder)
    let subjects = findings.filter { $0.severity == .error }.map(\.subject)
    #expect(subjects == ["examples/a.json", "examples/c.json"])
    #expect(findings.contains { $0.message.contains("no such stain") })
    #expect(findings.contains { $0.subject == "README.md" })
    #expect(findings.contains { $0.subject == "/inputSchema" && $0.severity == .warning })
    await #expect(throws: VPathError.self) { try await bench.host.runExample(directory: folder, name: "none") }
  }

  @Test("an expectation that is not met is told with both values")
  func expectations() async throws {
    let bench = try HostBench()
    let folder = try bench.write(
      HostBench.manifest("giver"),
      program: HostBench.once("give({'kind': 'measurement', 'name': 'stained area', 'value': 12, 'unit': '%'})"),
      files: [
        "examples/a.json": Array(
          #"{"arguments": {}, "expect": {"measurements": [{"name": "stained area", "value": 13, "tolerance": 0.5}, {"name": "none", "value": 1}], "notAssessable": 1, "kinds": {"region": 2}}}"#
            .utf8)
      ])
    let result = try await bench.host.runExample(directory: folder, name: "a")
    #expect(
      result.differences == [
        "0 parts are not assessable instead of 1", "it gives 0 of region instead of 2",
        #""stained area" is 12.0 instead of 13.0 (± 0.5)"#, #"it gives no "none""#,
      ])
  }

  @Test("docs/tool-contract.md names every kind of item, key, unit and media type there is")
  func contractPage() throws {
    let page = try text("docs/tool-contract.md")
    var keys: Set<String> = []
    for kind in ToolOutputSchema.kinds {
      #expect(page.mentions("| `\(kind)` |"), "\(kind)")
      for (key, inner) in ToolOutputSchema.item(kind)?.json["properties"]?.objectValue ?? [:] {
        keys.insert(key)
        // What a slide's properties are is not for tools to give.
        if key != "properties" { keys.formUnion(inner["properties"]?.objectValue?.keys.sorted() ?? []) }
      }
    }
    let missing = keys.subtracting(["x", "y"]).filter { !page.mentions("`\($0)`") }
    #expect(missing.isEmpty, "\(missing)")
    let values = UCUMUnit.allCases.map(\.rawValue) + MediaType.allCases.filter { $0 != .ppm }.map(\.rawValue)
    #expect(values.filter { !page.mentions("`\($0)`") }.isEmpty)
    let block = ToolManifestSchema.schema.json["properties"]?["vpath"]?["properties"]?.objectValue ?? [:]
    let unsaid = block.keys.filter { key in
      key != "hostOnly" && !page.mentions("`\(key)`") && !page.mentions("`\(key).")
    }
    #expect(unsaid.isEmpty, "\(unsaid)")
  }
}

extension String {
  /// Whether the text holds the words; a name of its own, so that a failed expectation does not print the page.
  fileprivate func mentions(_ words: String) -> Bool { contains(words) }
}
