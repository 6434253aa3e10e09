// Small rules that need no process: names, limits, media types, text.

import Domain
import Glibc
import Ports
import Sandboxing
import TestSupport
import Testing

@testable import ToolHost

@Suite("Names, bounds and text")
struct BoundsTests {
  @Test(
    "a slide is bound under a name that says only its format",
    arguments: [
      ("Jansen P.svs", "slide.svs", "x.bin", "x.bin"), ("Jansen.SVS", "slide.svs", "notes", "notes"),
      ("Jansen.mrxs", "slide.mrxs", "Jansen/Data1.dat", "slide/Data1.dat"),
      ("Jansen.vms", "Jansen.vms", "Jansen-macro.jpg", "Jansen-macro.jpg"),
      ("Jansen.dcm", "slide.dcm", "Jansen-2.dcm", "instance-1.dcm"), ("Jansen", "slide", "x", "x"),
    ])
  func slideNames(_ file: String, _ inside: String, _ companion: String, _ companionInside: String) throws {
    let folder = TemporaryFolder()
    let path = try #require(resolvedPath(folder.path))
    mkdir("\(path)/Jansen", 0o700)
    if file == "Jansen" { rmdir("\(path)/Jansen") }
    folder.write(file, [1])
    folder.write(companion, [1])
    let binds = try SlideBinds([
      SlideGrant(id: EvidenceID("s3"), path: "\(path)/\(file)", companions: ["\(path)/\(companion)"])
    ])
    #expect(binds.paths[EvidenceID("s3")] == "/slides/s3/\(inside)")
    #expect(binds.binds.map(\.inside) == ["/slides/s3/\(inside)", "/slides/s3/\(companionInside)"])
  }

  @Test(
    "limits inside are wider than the host's own, and processes are counted only where the kernel counts per sandbox")
  func limits() {
    let limits = ProcessLimits(memoryMiB: 100, outputMiB: 2, seconds: 3, processes: 10)
    let words = limits.words(countsPerSandbox: true)
    #expect(words.contains("data=\(189 << 20)"))
    #expect(words.contains("fsize=\(2 << 20)"))
    #expect(words.contains("core=0"))
    #expect(words.contains("nproc=12"))
    #expect(!limits.words(countsPerSandbox: false).contains { $0.hasPrefix("nproc") })
    var kept = limits
    kept.seconds = nil
    #expect(!kept.words(countsPerSandbox: true).contains { $0.hasPrefix("cpu") })
  }

  @Test("bytes are what their media type says")
  func mediaTypes() {
    #expect(MediaType.png.fault(in: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0]) == nil)
    #expect(MediaType.png.fault(in: Array("GIF89a".utf8)) != nil)
    #expect(MediaType.jpeg.fault(in: [0xFF, 0xD8, 0xFF, 0xE0]) == nil)
    #expect(MediaType.tiff.fault(in: [0x49, 0x49, 0x2A, 0, 8]) == nil)
    #expect(MediaType.geoJSON.fault(in: Array(#"{"type": "FeatureCollection", "features": []}"#.utf8)) == nil)
    #expect(MediaType.geoJSON.fault(in: Array("{}".utf8)) != nil)
    #expect(MediaType.json.fault(in: Array("{".utf8)) != nil)
    #expect(MediaType.csv.fault(in: [0x61, 0xFF]) != nil)
    #expect(MediaType.plain.fault(in: [0x61, 0]) != nil)
    #expect(MediaType.markdown.fault(in: Array("# ä".utf8)) == nil)
    for type in MediaType.allCases { #expect([.html, .ppm].contains(type) != type.isForAnyTool) }
  }

  @Test("text keeps its words and loses what steers a terminal or an eye")
  func text() {
    #expect(PlainText.clean("a\tb\r\nc", limit: 100) == "a b  c")
    #expect(PlainText.clean("a\nb", limit: 100, lines: true) == "a\nb")
    #expect(PlainText.clean("\u{1B}[31mred\u{7}", limit: 100) == "[31mred")
    #expect(PlainText.clean("x\u{202E}y\u{200B}z\u{FEFF}", limit: 100) == "xyz")
    #expect(PlainText.clean("µm² ≥ 5 Ångström 漢", limit: 100) == "µm² ≥ 5 Ångström 漢")
    #expect(PlainText.clean("abcdef", limit: 3) == "abc…")
    #expect(PlainText.clean([0x61, 0xFF, 0x62], limit: 10) == "a\u{FFFD}b")
  }

  @Test("the first word of a command is a file of the folder, a program of the system, or nothing")
  func programs() {
    #expect(ToolProgram("./run.py") == .inFolder("run.py"))
    #expect(ToolProgram("./bin/run") == .inFolder("bin/run"))
    #expect(ToolProgram("python3") == .system("/usr/bin/python3"))
    #expect(ToolProgram("/usr/bin/env") == .system("/usr/bin/env"))
    for word in ["", "./", "./../x", "/bin/sh", "/usr/../bin/sh", "a/b", "/home/x/run", "vpath-tools"] {
      #expect(ToolProgram(word) == nil, "\(word)")
    }
  }

  @Test("a teardown always ends in a kill")
  func teardowns() {
    for teardown in [Teardown.graceful, .immediate] { #expect(teardown.steps.last == .kill) }
  }

  @Test("the filter names calls that this system knows")
  func filter() throws {
    let folder = TemporaryFolder()
    let fd = open("\(folder.path)/f", O_RDWR | O_CREAT, 0o600)
    defer { close(fd) }
    try SystemCallFilter.write(to: fd)
    // Instructions of 8 bytes; far fewer than the kernel's limit of 4,096.
    let bytes = try #require(TemporaryFolder.read("\(folder.path)/f"))
    #expect(bytes.count % 8 == 0)
    #expect((50...2000).contains(bytes.count / 8))
  }
}
