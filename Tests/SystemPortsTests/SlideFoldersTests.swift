// Slides under allowed folders: links, devices and other places are refused, without saying what is there.

import Crypto
import Domain
import Glibc
import Ports
import TestSupport
import Testing

@testable import SystemPorts

@Suite struct SlideFoldersTests {
  let folder = TemporaryFolder()
  var slides: String { folder.path + "/slides" }
  var finder: SlideFolders { SlideFolders([slides, folder.path + "/not-there"]) }

  init() {
    mkdir(slides, 0o700)
    mkdir(folder.path + "/outside", 0o700)
  }

  private func failure(_ path: String) async -> VPathError? {
    do throws(VPathError) {
      _ = try await finder.resolve(path)
      return nil
    } catch {
      return error
    }
  }

  @Test func aFileInAnAllowedFolderIsFoundAlsoThroughALinkInside() async throws {
    let real = folder.write("slides/a.svs", [1, 2, 3])
    symlink(real, slides + "/link.svs")
    let found = try await finder.resolve(slides + "/link.svs")
    #expect(found == ResolvedSlide(path: real, companions: [], fileName: "a.svs", sizeBytes: 3))
    #expect(finder.missing() == [folder.path + "/not-there"])
  }

  @Test func whatLiesOutsideIsRefusedWhetherOrNotItIsThere() async {
    let outside = folder.write("outside/a.svs", [1])
    symlink(outside, slides + "/out.svs")
    symlink(folder.path + "/outside", slides + "/folder")
    for path in [
      outside, folder.path + "/outside/none.svs", slides + "/out.svs", slides + "/folder/a.svs",
      slides + "/folder/none.svs", slides + "/../outside/a.svs", "/etc/passwd", "/no/such/folder/a.svs",
      folder.path + "/slides-of-another/a.svs",
    ] {
      let error = await failure(path)
      #expect(error?.id == .slideNotAllowed, "\(path): \(String(describing: error))")
      #expect(error?.message.contains("/") == false, "no path: \(error?.message ?? "")")
    }
  }

  @Test func whatIsNoRegularFileIsNoSlide() async {
    mkdir(slides + "/folder.svs", 0o700)
    mkfifo(slides + "/pipe.svs", 0o600)
    folder.write("slides/empty.svs", [])
    for name in ["folder.svs", "pipe.svs", "empty.svs"] {
      #expect(await failure("\(slides)/\(name)")?.id == .slideUnsupported)
    }
    for name in ["none.svs", "no/such.svs"] {
      let id = await failure("\(slides)/\(name)")?.id
      #expect(id == .slideNotFound || id == .slideNotAllowed)
    }
    for path in ["", "a.svs", "relative/a.svs", "/\0/etc", "/" + String(repeating: "x", count: 5000)] {
      #expect(await failure(path)?.id == .slideNotFound)
    }
  }

  @Test func slidesOfSeveralFilesComeWithThemButNotWithLinks() async throws {
    folder.write("slides/a.mrxs", [1])
    mkdir(slides + "/a", 0o700)
    folder.write("slides/a/Data0000.dat", [1, 2])
    folder.write("slides/a/Slidedat.ini", [3])
    symlink("/etc/passwd", slides + "/a/link.dat")
    let mirax = try await finder.resolve(slides + "/a.mrxs")
    #expect(mirax.companions == [slides + "/a/Data0000.dat", slides + "/a/Slidedat.ini"])
    #expect(mirax.sizeBytes == 4)
    for name in ["1.dcm", "2.dcm", "other.txt"] { folder.write("slides/\(name)", [1]) }
    #expect(try await finder.resolve(slides + "/1.dcm").companions == [slides + "/2.dcm"])
    symlink("/etc", slides + "/b")
    folder.write("slides/b.mrxs", [1])
    #expect(try await finder.resolve(slides + "/b.mrxs").companions == [])
  }

  @Test func aHashIsThatOfTheBytesAndNoticesAChange() async throws {
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let path = folder.write("slides/a.svs", bytes)
    let found = try await finder.resolve(path)
    let digits = SHA256.hash(data: bytes).map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }
    let shared = finder
    #expect(try await shared.hash(found).rawValue == digits.joined())
    #expect(try await shared.hash(found).rawValue == digits.joined())
    folder.write("slides/a.svs", [9])
    #expect(try await shared.hash(found).rawValue != digits.joined())
    unlink(path)
    let error = await #expect(throws: VPathError.self) { try await shared.hash(found) }
    #expect(error?.id == .slideDamaged)
  }
}
