// `vpath schemas`: the API's schemas and reference page, written from the declared methods.

import ArgumentParser
import Domain
import FoundationEssentials
import Setup
import SystemPackage
import Wire

struct SchemasCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schemas", abstract: "Write the API's schemas and reference page, or check that they are the code's.",
    discussion: "EXAMPLE\n  vpath schemas --check .",
    shouldDisplay: false)
  @Option(help: "Write them into this checkout.") var write: String?
  @Option(help: "Compare them with this checkout.") var check: String?

  func run() throws {
    var different: [String] = []
    for file in SchemaFiles.all() {
      if let write {
        let folder = FilePath(write).pushing(FilePath(file.path)).removingLastComponent().string
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try OutputFile.write(Array(file.text.utf8), to: FilePath(write).pushing(FilePath(file.path)).string)
      }
      if let check {
        let found = try? BoundedFile.text(FilePath(check).pushing(FilePath(file.path)), maxBytes: 8 << 20)
        if found != file.text { different.append(file.path) }
      }
    }
    for path in different { Terminal.note("\(path) is not what the code declares.") }
    guard different.isEmpty else { throw ExitCode(1) }
  }
}
