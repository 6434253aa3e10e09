// A daemon's planner from its configuration: what is named is used or refused, and rules plan only where nothing is.

import Assembly
import Domain
import Glibc
import LanguageModels
import Logging
import Ports
import Setup
import TestSupport
import Testing

@Suite struct ModelAssemblyTests {
  private let folder = TemporaryFolder()
  private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// A configuration of a machine on which nothing was set up.
  private func configuration(_ more: [String: String] = [:], here: String = #filePath) throws -> DaemonConfiguration {
    let root = "/" + here.split(separator: "/").dropLast(3).joined(separator: "/")
    let own = [
      "stateDirectory": folder.path + "/state", "cacheDirectory": folder.path + "/cache", "resourceDirectory": root,
    ]
    return try DaemonConfiguration.load(
      file: nil, environment: [:], flags: own.merging(more) { $1 },
      places: .user(environment: ["HOME": folder.path], uid: 4711), executable: nil)
  }

  private func host(_ more: [String: String] = [:]) throws -> HostedModel {
    try ModelAssembly.host(
      try configuration(more), programs: "/usr/bin", runDirectory: folder.path + "/run", log: log)
  }

  private func planner(of hosted: HostedModel) throws -> any LanguageModel {
    try PlannerAssembly.planner(
      hosted, planning: nil, resourceDirectory: try configuration().resourceDirectory,
      surroundings: ModelPlanner.Surroundings(
        keep: { _, _ throws(VPathError) in SHA256Hex(String(repeating: "0", count: 64)) }, picture: { _ in nil }))
  }

  @Test func rulesPlanWhereTheyAreNamed() throws {
    let hosted = try host(["model.use": "rules"])
    #expect(hosted.chat == nil && hosted.problem == nil)
    #expect(try planner(of: hosted) is RulePlanner)
  }

  @Test func rulesPlanWhereNothingIsNamedAndNothingIsSetUpAndThatIsSaid() throws {
    let hosted = try host()
    #expect(hosted.chat == nil)
    #expect(hosted.problem?.hasPrefix("Rules plan, no model does") == true, "\(hosted.problem ?? "")")
  }

  @Test(arguments: [
    (["model.use": "nobody"], "no model called nobody"), (["model.use": ModelAssembly.builtIn], "packaging/"),
    (["model.use": "endpoint"], "model.endpointURL"),
    (["model.use": "endpoint", "model.endpointURL": "gopher://host"], "model.endpointURL"),
  ])
  func whatIsNamedAndCannotBeUsedIsRefused(_ flags: [String: String], _ words: String) throws {
    let error = #expect(throws: VPathError.self) { try host(flags) }
    #expect(error?.id == .modelUnavailable, "\(String(describing: error))")
    let told = [error?.message ?? "", error?.subject ?? ""].joined(separator: " ")
    #expect(told.contains(words), "\(told)")
  }

  @Test func aBrokenManifestOfTheEndpointIsRefusedAndNotPassedOver() throws {
    for name in ["state", "state/models", "state/models/endpoint"] { mkdir("\(folder.path)/\(name)", 0o700) }
    folder.write("state/models/endpoint/model.json", Array("{}".utf8))
    let flags = ["model.use": "endpoint", "model.endpointURL": "http://127.0.0.1:8080/v1"]
    let error = #expect(throws: VPathError.self) { try host(flags) }
    #expect(error?.id == .modelUnavailable, "\(String(describing: error))")
  }

  @Test func anOperatorsChoiceIsUsedAndTheConfigurationWinsOverIt() throws {
    let folders = ModelAssembly.folders(try configuration())
    try ModelChoice.write("rules", folders)
    #expect(try host().problem == nil)
    #expect(throws: VPathError.self) { try host(["model.use": "nobody"]) }
  }

  @Test func anEndpointOnAnotherMachineIsRemoteAndOneHereIsNot() throws {
    let there = try host(["model.use": "endpoint", "model.endpointURL": "https://models.example.org/v1"])
    #expect(there.isRemote && there.chat != nil)
    let here = try host(["model.use": "endpoint", "model.endpointURL": "http://127.0.0.1:8080/v1"])
    #expect(!here.isRemote)
    let model = try #require(try planner(of: there).model)
    #expect(model.remote && model.planning == .narrowed && model.filesSha256.isEmpty)
  }

  @Test func aModelPlansFreelyFromItsMeasuredToolChoiceOnOrWhereAnOperatorSaysSo() throws {
    var manifest = ModelManifest(
      name: "m", title: "m", licence: "MIT", source: "a test", files: [], vision: false, contextTokens: 4096)
    #expect(PlannerAssembly.planning(manifest, configured: nil) == .narrowed, "what was not measured is not trusted")
    #expect(PlannerAssembly.planning(manifest, configured: "free") == .free)
    manifest.toolChoice = .init(accuracy: 0.79, cases: 260, suite: "s")
    #expect(PlannerAssembly.planning(manifest, configured: nil) == .narrowed)
    manifest.toolChoice = .init(accuracy: 0.8, cases: 260, suite: "s")
    #expect(PlannerAssembly.planning(manifest, configured: nil) == .free)
    #expect(PlannerAssembly.planning(manifest, configured: "narrowed") == .narrowed)
  }
}
