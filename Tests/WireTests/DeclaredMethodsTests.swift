// The declarations hold together: names, examples, errors, and the files made from them.

import Domain
import JSON
import Testing

@testable import Wire

@Suite struct DeclaredMethodsTests {
  @Test func namesAreNounVerbAndEachIsThereOnce() {
    let names = Methods.all.map(\.name)
    #expect(Set(names).count == names.count)
    for name in names {
      let words = name.split(separator: "/")
      #expect(words.count == 2 && words.allSatisfy { $0.allSatisfy { $0.isLowercase && $0.isASCII } }, "\(name)")
    }
  }

  @Test(arguments: Methods.all) func anExampleFitsItsSchemaAndSchemasAreSound(method: DeclaredMethod) throws {
    #expect(try JSONSchema(method.params).validate(method.example) == [])
    _ = try JSONSchema(method.result)
    #expect(method.summary.hasSuffix("."))
  }

  @Test(arguments: Methods.all) func unknownParametersAreRefused(method: DeclaredMethod) throws {
    guard case .object(var members) = method.example else { return }
    members["unheardOf"] = 1
    #expect(!(try JSONSchema(method.params).accepts(.object(members))))
  }

  @Test func everyErrorHasItsRowAndNoTwoShareACodeOfOurOwn() {
    let rows = ErrorID.allCases.map(ErrorTable.row)
    #expect(rows.map(\.id) == ErrorID.allCases)
    let own = rows.compactMap(\.code).filter { $0 > -32000 }
    #expect(own.allSatisfy { $0 > 0 } && Set(own).count == own.count)
    #expect(rows.allSatisfy { !$0.meaning.isEmpty })
  }

  @Test(arguments: ErrorID.allCases) func noErrorEndsACommandAsIfItHadSucceeded(id: ErrorID) {
    #expect((1...130).contains(ErrorTable.row(id).exitCode))
  }

  @Test(arguments: ErrorID.allCases) func anErrorComesBackFromItsJSONRPCForm(id: ErrorID) {
    let error = VPathError(id, "What happened.", subject: "s", retryable: true, traceId: "t")
    #expect(error.rpc.asVPathError == error)
  }

  @Test func theFilesAreTheSameEachTimeAndNameEverything() throws {
    let files = SchemaFiles.all()
    #expect(files.map(\.path) == SchemaFiles.all().map(\.path))
    #expect(files.map(\.text) == SchemaFiles.all().map(\.text))
    #expect(Set(files.map(\.path)).count == files.count)
    let page = try #require(files.first { $0.path == "docs/rpc.md" }?.text)
    for method in Methods.all {
      #expect(page.contains("### `\(method.name)`"))
      let file = try #require(files.first { $0.path == "schemas/\(method.name).json" })
      let schema = try JSONValue.parse(file.text)
      #expect(schema["$defs"]?["params"] == method.params && schema["$defs"]?["result"] == method.result)
    }
    for id in ErrorID.allCases { #expect(page.contains("`\(id.rawValue)`")) }
    for notification in TurnNotification.allCases { #expect(page.contains("### `\(notification.rawValue)`")) }
  }

  @Test func decodingNamesThePlaceThatIsWrong() {
    let error = #expect(throws: VPathError.self) {
      try CaseMethods.open.decodeParams(["slides": ["/a", 7]])
    }
    #expect(error?.id == .protocolParams && error?.subject == "/slides/1")
  }
}
