// Manifests, installation, and the pinned hash.

import Domain
import Glibc
import JSON
import TestSupport
import Testing

@testable import ToolHost

@Suite("The tool registry")
struct RegistryTests {
  private let time = "2026-01-01T00:00:00.000Z"

  private func bench() throws -> HostBench { try HostBench() }

  private func install(_ bench: HostBench, _ name: String = "plain") throws -> ToolInfo {
    let folder = try bench.write(HostBench.manifest(name), program: HostBench.once("give()"))
    return try bench.registry.install(from: folder, by: 1000, at: time)
  }

  /// The findings for a manifest changed as JSON.
  private func findings(_ change: (inout [String: JSONValue]) -> Void) throws -> [ToolCheckFinding] {
    let bench = try bench()
    let folder = try bench.write(HostBench.manifest("plain"), program: HostBench.once("give()"))
    guard case .object(var members) = try encodeJSON(HostBench.manifest("plain")) else { return [] }
    change(&members)
    bench.folder.write("sources/plain/tool.json", Array(JSONValue.object(members).prettyString().utf8))
    var findings: [ToolCheckFinding] = []
    _ = ToolManifestFile.read(
      folder: folder, isBuiltIn: false, maxima: bench.configuration.maxima, findings: &findings)
    return findings.filter { $0.severity == .error }
  }

  private func block(
    _ members: inout [String: JSONValue], _ change: (inout [String: JSONValue]) -> Void
  ) {
    guard case .object(var block)? = members["vpath"] else { return }
    change(&block)
    members["vpath"] = .object(block)
  }

  @Test("an installed tool is a copy, offered with its manifest and its pinned hash")
  func installed() throws {
    let bench = try bench()
    let info = try install(bench)
    var expected = HostBench.manifest("plain")
    expected.vpath.sha256 = info.installed?.sha256
    #expect(info.manifest == expected)
    #expect(info.installed?.sha256.isWellFormed == true)
    #expect(info.installed?.installedByUID == 1000)
    #expect(info.installed?.installedAt == time)
    #expect(info.problem == nil)
    #expect(bench.registry.manifests().map(\.name) == ["plain"])
    #expect(bench.registry.builtInNames().isEmpty)
    #expect(access("\(bench.path)/installed/plain/files/run.py", X_OK) == 0)
    #expect(try OpenFolder.open("\(bench.path)/installed").names(limit: 10) == ["plain"])
  }

  @Test("which program a tool is, is part of its name: one installed anew under the same version is another")
  func whichProgram() throws {
    let bench = try bench()
    let first = try #require(try install(bench).manifest?.reference)
    #expect(first.sha256?.isWellFormed == true)
    let folder = try bench.write(HostBench.manifest("plain"), program: HostBench.once("give() # changed"))
    let second = try #require(
      try bench.registry.install(from: folder, by: 1000, at: time).manifest?.reference)
    #expect(second.version == first.version && second != first)
    // Nobody's manifest can say so of itself.
    #expect(
      try findings { block(&$0) { $0["sha256"] = .string(String(repeating: "0", count: 64)) } }.first?.subject.contains(
        "/vpath") == true)
  }

  @Test("the product's own tools are their program with all it may read; a change of any part is seen at the next call")
  func builtInPrograms() throws {
    let bench = try HostBench { $0.builtInReadOnlyPaths = ["\($0.builtInDirectory)"] }
    func reference() throws -> ToolReference? {
      let info = try bench.registry.info("plain")
      return info.manifest?.reference
    }
    var manifest = HostBench.manifest("plain")
    manifest.vpath.run = ["vpath-tools"]
    manifest.vpath.protocol = .mcp
    mkdir("\(bench.path)/built-in/plain", 0o700)
    bench.folder.write("built-in/plain/tool.json", Array(try encodeJSON(manifest).prettyString().utf8))
    #expect(try reference()?.sha256 == nil)
    bench.folder.write("vpath-tools", Array("one".utf8))
    let first = try reference()?.sha256
    #expect(first?.isWellFormed == true)
    #expect(bench.registry.programDigests().keys.sorted() == ["built-in", "vpath-tools"])
    #expect(
      bench.registry.programDigests()["vpath-tools"]
        == SHA256Hex("7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"))
    bench.folder.write("built-in/card.json", Array("{}".utf8))
    let second = try reference()?.sha256
    #expect(second != first && second?.isWellFormed == true)
    rename(bench.folder.write("vpath-tools.new", Array("two".utf8)), "\(bench.path)/vpath-tools")
    let third = try reference()?.sha256
    #expect(third != second && third?.isWellFormed == true)
  }

  @Test(
    "a tool whose folder changed after its installation is not offered until it is installed again",
    arguments: ["run.py", "tool.json", "new-file"])
  func changed(_ file: String) throws {
    let bench = try bench()
    _ = try install(bench)
    #expect(throws: Never.self) { try bench.registry.verified("plain") }
    let path = "\(bench.path)/installed/plain/files/\(file)"
    let stream = try #require(fopen(path, "a"))
    fputs("\n", stream)
    fclose(stream)
    let error = #expect(throws: VPathError.self) { try bench.registry.verified("plain") }
    #expect(error?.id == .toolBadManifest)
    #expect(error?.message.contains("install") == true)
    #expect(bench.registry.manifests().isEmpty)
    #expect(try bench.registry.info("plain").problem != nil)
    _ = try install(bench)
    #expect(bench.registry.manifests().map(\.name) == ["plain"])
  }

  @Test("a file that is only made executable changes the hash; one that is only touched does not")
  func modes() throws {
    let bench = try bench()
    let folder = try bench.write(HostBench.manifest("plain"), program: HostBench.once("give()"), files: ["data": [1]])
    try bench.registry.install(from: folder, by: 0, at: time)
    let data = "\(bench.path)/installed/plain/files/data"
    utimes(data, nil)
    #expect(throws: Never.self) { try bench.registry.verified("plain") }
    chmod(data, 0o755)
    #expect(#expect(throws: VPathError.self) { try bench.registry.verified("plain") }?.id == .toolBadManifest)
  }

  @Test("the digest is that of the documented bytes")
  func digest() throws {
    let bench = try bench()
    mkdir("\(bench.path)/sources/d", 0o700)
    mkdir("\(bench.path)/sources/d/b", 0o700)
    bench.folder.write("sources/d/b/x", Array("hello".utf8))
    bench.folder.write("sources/d/a", [])
    chmod("\(bench.path)/sources/d/a", 0o755)
    symlink("b/x", "\(bench.path)/sources/d/c")
    let folder = try OpenFolder.open("\(bench.path)/sources/d")
    let lines =
      #"["program","a","e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]"# + "\n"
      + #"["file","b/x","2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"]"# + "\n"
      + #"["link","c","b/x"]"# + "\n"
    #expect(try FolderContents(of: folder).digest(of: folder) == sha256(lines.utf8))
  }

  @Test("a removed tool is gone; an unknown one cannot be removed")
  func removed() throws {
    let bench = try bench()
    _ = try install(bench)
    try bench.registry.remove("plain")
    #expect(bench.registry.list().isEmpty)
    #expect(try OpenFolder.open("\(bench.path)/installed").names(limit: 10).isEmpty)
    #expect(#expect(throws: VPathError.self) { try bench.registry.remove("plain") }?.id == .toolNotFound)
  }

  @Test("links that leave the folder are refused; those inside it or below /usr are kept")
  func links() throws {
    let bench = try bench()
    let folder = try bench.write(HostBench.manifest("plain"), program: HostBench.once("give()"))
    symlink("/usr/bin/python3", "\(folder)/python")
    symlink("./python", "\(folder)/python3")
    try bench.registry.install(from: folder, by: 0, at: time)
    for target in ["/etc/passwd", "../../secret", "/usr/../etc", "a/../../x"] {
      unlink("\(folder)/bad")
      symlink(target, "\(folder)/bad")
      let error = #expect(throws: VPathError.self) { try bench.registry.install(from: folder, by: 0, at: time) }
      #expect(error?.subject == "bad", "\(target)")
    }
    #expect(bench.registry.manifests().count == 1)
  }

  @Test("a name of the product's own cannot be taken, and a failed installation leaves nothing")
  func names() throws {
    let bench = try bench()
    mkdir("\(bench.path)/built-in/plain", 0o700)
    var manifest = HostBench.manifest("plain")
    manifest.vpath.run = ["vpath-tools"]
    manifest.vpath.protocol = .mcp
    bench.folder.write("built-in/plain/tool.json", Array(try encodeJSON(manifest).canonicalBytes()))
    #expect(#expect(throws: VPathError.self) { try install(bench) }?.id == .toolBadManifest)
    #expect(try OpenFolder.open("\(bench.path)/installed").names(limit: 10).isEmpty)
    #expect(bench.registry.builtInNames() == ["plain"])
  }

  @Test(
    "grants that are too wide are refused",
    arguments: ["/", "home", "/home", "/home/someone", "/root", "/etc", "/opt/../etc"])
  func grants(_ path: String) throws {
    let error = #expect(throws: VPathError.self) { try ToolGrants(readOnlyPaths: [path]).check() }
    #expect(error?.id == .toolBadManifest)
    #expect(throws: Never.self) { try ToolGrants(readOnlyPaths: ["/opt/conda"]).check() }
  }

  // MARK: - Manifests

  @Test("the manifest of these tests has no fault")
  func good() throws { #expect(try findings { _ in } == []) }

  @Test("an unknown key is a fault that names the key")
  func unknownKeys() throws {
    #expect(try findings { $0["inputschema"] = [:] }.first?.message.contains("\"inputschema\"") == true)
    let inner = try findings { block(&$0) { $0["lifetme"] = "call" } }
    #expect(inner.first?.subject == "/vpath")
    #expect(inner.first?.message.contains("\"lifetme\"") == true)
  }

  @Test("each fault of a manifest points to its key")
  func faults() throws {
    let changes: [(String, (inout [String: JSONValue]) -> Void)] = [
      ("/name", { $0["name"] = "Two Words" }), ("/name", { $0["name"] = "../up" }),
      (
        "/inputSchema/properties/a/type",
        { $0["inputSchema"] = ["type": "object", "properties": ["a": ["type": "strnig"]]] }
      ),
      ("/inputSchema/type", { $0["inputSchema"] = ["type": "array"] }),
      ("/vpath/run/0", { self.block(&$0) { $0["run"] = ["./none.py"] } }),
      ("/vpath/run/0", { self.block(&$0) { $0["run"] = ["../run.py"] } }),
      ("/vpath/run/0", { self.block(&$0) { $0["run"] = ["./../run.py"] } }),
      ("/vpath/run/0", { self.block(&$0) { $0["run"] = ["./tool.json"] } }),
      ("/vpath/run/0", { self.block(&$0) { $0["run"] = ["/bin/sh"] } }),
      ("/vpath/run/0", { self.block(&$0) { $0["run"] = ["no-such-program"] } }),
      ("/vpath/run/0", { self.block(&$0) { $0["run"] = ["vpath-tools"] } }),
      ("/vpath/protocol", { self.block(&$0) { $0["protocol"] = "grpc" } }),
      ("/vpath/lifetime", { self.block(&$0) { $0["lifetime"] = "case" } }),
      ("/vpath/needs/network", { self.block(&$0) { $0["needs"] = ["input": "none", "network": true] } }),
      ("/vpath/needs/viewMicronsPerPixel", { self.block(&$0) { $0["needs"] = ["input": "view", "network": false] } }),
      (
        "/inputSchema/properties",
        { self.block(&$0) { $0["needs"] = ["input": "view", "network": false, "viewMicronsPerPixel": 1] } }
      ),
      ("/vpath/needs", { self.block(&$0) { $0["needs"] = ["input": "none", "network": false, "viewFormat": "ppm"] } }),
      (
        "/vpath/measures/0/unit",
        { self.block(&$0) { $0["measures"] = [["name": "a", "unit": "furlong", "phrase": "x"]] } }
      ),
      (
        "/vpath/measures/1/name",
        {
          self.block(&$0) {
            $0["measures"] = [["name": "a", "unit": "1", "phrase": "x"], ["name": "a", "unit": "1", "phrase": "x"]]
          }
        }
      ),
      (
        "/vpath/limits/seconds",
        { self.block(&$0) { $0["limits"] = ["seconds": 6000, "memoryMiB": 64, "outputMiB": 1] } }
      ),
      (
        "/vpath/limits/memoryMiB",
        { self.block(&$0) { $0["limits"] = ["seconds": 6, "memoryMiB": 1_000_000, "outputMiB": 1] } }
      ),
      (
        "/vpath/limits/outputMiB",
        { self.block(&$0) { $0["limits"] = ["seconds": 6, "memoryMiB": 64, "outputMiB": 0] } }
      ),
      ("/vpath/hostOnly", { self.block(&$0) { $0["hostOnly"] = true } }),
      ("/vpath/accepts/mpp", { self.block(&$0) { $0["accepts"] = ["mpp": [2, 1]] } }),
    ]
    for (subject, change) in changes {
      let found = try findings(change)
      #expect(found.map(\.subject).contains(subject), "\(subject): \(found)")
    }
  }

  @Test("a folder without a manifest, and one that is no JSON, say so")
  func unreadable() throws {
    let bench = try bench()
    mkdir("\(bench.path)/sources/empty", 0o700)
    for text in [nil, "{", "{\"name\": \"a\", \"name\": \"b\"}", "[1]"] {
      if let text { bench.folder.write("sources/empty/tool.json", Array(text.utf8)) }
      let error = #expect(throws: VPathError.self) {
        try bench.registry.install(from: "\(bench.path)/sources/empty", by: 0, at: time)
      }
      #expect(error?.id == .toolBadManifest)
      #expect(error?.message.contains("tool.json") == true)
    }
    #expect(throws: VPathError.self) { try bench.registry.install(from: "\(bench.path)/none", by: 0, at: time) }
  }

  @Test("the schemas of manifests and outputs compile")
  func schemas() throws {
    #expect(ToolManifestSchema.compiled != nil)
    #expect(ToolOutputSchema.compiledOutput != nil)
    #expect(ToolOutputSchema.compiledRenderedView != nil)
    #expect(ToolOutputSchema.compiledItems.keys.sorted() == ToolOutputSchema.kinds)
  }
}
