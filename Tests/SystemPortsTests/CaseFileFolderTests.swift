// Which files a case has: kept privately, whole or not at all. And the machine's clock and names.

import Domain
import Glibc
import Ports
import TestSupport
import Testing

@testable import SystemPorts

@Suite struct CaseFileFolderTests {
  let folder = TemporaryFolder()

  @Test func whatIsKeptIsPrivateAndComesBack() async throws {
    let kept = try CaseFileFolder(folder.path + "/cases")
    let grants = [
      SlideGrant(id: EvidenceID("s1"), path: "/a \"ü\".svs", companions: ["/b"]),
      SlideGrant(id: EvidenceID("s2"), path: "/c"),
    ]
    try await kept.save(grants, of: CaseID("case-1"))
    #expect(try await kept.load(CaseID("case-1")) == grants)
    #expect(try await kept.load(CaseID("case-2")) == [])
    var found = stat()
    #expect(stat(folder.path + "/cases/case-1.json", &found) == 0 && found.st_mode & 0o777 == 0o600)
    #expect(stat(folder.path + "/cases", &found) == 0 && found.st_mode & 0o777 == 0o700)
    #expect(await kept.kept() == [CaseID("case-1")])
    await kept.remove(CaseID("case-1"))
    #expect(await kept.kept() == [])
  }

  @Test func aFileThatIsHalfWrittenOrDamagedIsNotTaken() async throws {
    let kept = try CaseFileFolder(folder.path + "/cases")
    folder.write("cases/case-1.json.new", [1, 2])
    #expect(await kept.kept() == [])
    #expect(access(folder.path + "/cases/case-1.json.new", F_OK) != 0)
    folder.write("cases/case-2.json", Array("[{\"id\":".utf8))
    let error = await #expect(throws: VPathError.self) { try await kept.load(CaseID("case-2")) }
    #expect(error?.id == .slideNotFound)
    for name in ["../escape", "", "a/b"] { #expect(try await kept.load(CaseID(name)) == []) }
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00.007Z"), (951_782_399, "2000-02-28T23:59:59.007Z"),
    (951_782_400, "2000-02-29T00:00:00.007Z"), (1_709_251_199, "2024-02-29T23:59:59.007Z"),
    (4_102_444_799, "2099-12-31T23:59:59.007Z"), (1_767_225_600, "2026-01-01T00:00:00.007Z"),
  ])
  func momentsAreWrittenByRFC3339(seconds: Int, text: String) {
    #expect(SystemClock.text(seconds: seconds, milliseconds: 7) == text)
  }

  @Test func namesAreLongAndNeverTheSame() {
    let names = (0..<1000).map { _ in SystemNames().randomName() }
    #expect(Set(names).count == 1000)
    #expect(names.allSatisfy { $0.count == 26 && CaseID("case-\($0)").isWellFormed })
  }
}
