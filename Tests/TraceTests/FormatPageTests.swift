// The page that describes the format names every word that the program uses.

import Domain
import Testing
import Trace

@Suite struct FormatPageTests {
  private let page: String = {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    return String(decoding: readFile("/\(root)/docs/trace-format.md"), as: UTF8.self)
  }()

  @Test(arguments: FaultKind.allCases)
  func everyFaultIsOnThePageOfTheFormat(_ kind: FaultKind) {
    #expect(page.contains("`\(kind.rawValue)`"))
  }

  @Test(arguments: EventKind.allCases)
  func everyKindOfEventIsOnThePageOfTheFormat(_ kind: EventKind) {
    #expect(page.contains("`\(kind.rawValue)`"))
  }
}
