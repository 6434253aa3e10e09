import Domain
import Foundation
import JSON
import Policy
import Testing

private let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appending(path: "policies/default.yaml")

@Suite struct DefaultPolicyTests {
  @Test func itLoads() throws {
    let policy = try Policy.load(yaml: String(contentsOf: file, encoding: .utf8))
    #expect(policy.digest.isWellFormed)
  }
}
