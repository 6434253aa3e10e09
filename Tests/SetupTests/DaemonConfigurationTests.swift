// The configuration: what wins, what is refused, and that the table of keys and the type agree.

import Domain
import JSON
import SystemPackage
import Testing

@testable import Setup

@Suite struct DaemonConfigurationTests {
  let places = Places.user(environment: ["HOME": "/home/a", "XDG_RUNTIME_DIR": "/run/user/1"], uid: 1)

  func load(
    _ text: String? = nil, environment: [String: String] = [:], flags: [String: String] = [:]
  ) throws -> DaemonConfiguration {
    try TemporaryFolder.with { folder in
      var file: FilePath?
      if let text { file = try folder.write("vpathd.yaml", text) }
      var flags = flags
      flags["resourceDirectory", default: "/opt/vpath"] = flags["resourceDirectory"] ?? "/opt/vpath"
      return try DaemonConfiguration.load(
        file: file, environment: environment, flags: flags, places: places, executable: nil)
    }
  }

  @Test func withoutAnythingEveryKeyHasItsDefault() throws {
    let configuration = try load()
    #expect(configuration.socket == "/run/user/1/vpath/vpathd.sock")
    #expect(configuration.stateDirectory == "/home/a/.local/state/vpath")
    #expect(configuration.policyFile == "/opt/vpath/policies/default.yaml")
    #expect(configuration.limits.connections == 256)
    #expect(configuration.limits.lineBytes == 8 << 20)
    #expect(configuration.slideDirectories == [])
  }

  @Test func flagsWinOverTheEnvironmentAndItOverTheFile() throws {
    let text = "limits:\n  connections: 1\n  queuedTurns: 1\n  requestsInFlight: 1\n"
    let configuration = try load(
      text, environment: ["VPATH_LIMITS_CONNECTIONS": "2", "VPATH_LIMITS_QUEUED_TURNS": "2"],
      flags: ["limits.connections": "3"])
    #expect(configuration.limits.connections == 3)
    #expect(configuration.limits.queuedTurns == 2)
    #expect(configuration.limits.requestsInFlight == 1)
  }

  @Test func aListInTheEnvironmentIsSeparatedByColons() throws {
    let configuration = try load(environment: ["VPATH_SLIDE_DIRECTORIES": "/a:/b"])
    #expect(configuration.slideDirectories == ["/a", "/b"])
  }

  @Test(arguments: [
    ("limit:\n  connections: 1\n", "limit", 1),
    ("\nlimits:\n  connections: many\n", "limits.connections", 3),
    ("limits:\n  connections: 100000\n", "limits.connections", 2),
    ("socket: [a]\n", "socket", 1),
    ("logLevel: loud\n", "logLevel", 1),
  ])
  func aWrongFileIsRefusedWithKeyAndLine(text: String, key: String, line: Int) {
    let error = #expect(throws: ConfigurationError.self) { try load(text) }
    #expect(error?.description.contains(key) == true, "\(error?.description ?? "")")
    #expect(error?.line == line, "\(error?.description ?? "")")
  }

  @Test func aFlagThatIsNoKeyIsRefused() {
    #expect(throws: ConfigurationError.self) { try load(flags: ["limits.nothing": "1"]) }
  }

  @Test func aFileThatIsNotThereIsNamedWithoutItsPath() {
    let error = #expect(throws: ConfigurationError.self) {
      try DaemonConfiguration.load(
        file: "/nowhere/secret-name/vpathd.yaml", environment: [:], flags: ["resourceDirectory": "/opt/vpath"],
        places: places, executable: nil)
    }
    #expect(error?.message.contains("vpathd.yaml") == true)
    #expect(error?.message.contains("secret-name") == false)
  }

  @Test func theTableOfKeysAndTheTypeHaveTheSameMembers() throws {
    var configuration = try load()
    configuration.openSlideLibrary = "/l"
    configuration.openVINOLibrary = "/v"
    configuration.trace.checkpointCopy = "/c"
    configuration.model = DaemonConfiguration.Model(
      use: "m", planning: "free", server: "/s", sandbox: true, threads: 1, contextTokens: 1, idleSeconds: 1,
      requestSeconds: 1,
      endpointURL: "u", endpointKeyFile: "/k", endpointCAFile: "/c", endpointProxy: "p", endpointName: "n",
      endpointVision: false)
    var members: Set<String> = []
    for (name, value) in configuration.json.objectValue ?? [:] {
      if case .object(let section) = value {
        members.formUnion(section.keys.map { "\(name).\($0)" })
      } else {
        members.insert(name)
      }
    }
    #expect(members == Set(ConfigurationKey.all.map(\.name)))
  }

  @Test func theExampleFileWithItsCommentsTakenAwayIsTheDefaults() throws {
    let uncommented = ConfigurationKey.exampleFile.split(separator: "\n").compactMap { line -> String? in
      guard line.hasPrefix("#"), !line.hasPrefix("##") else { return nil }
      return String(line.dropFirst())
    }
    let configuration = try load(uncommented.joined(separator: "\n") + "\n")
    let defaults = try load()
    #expect(configuration == defaults)
  }

  @Test func theShippedExampleIsTheTablesOwn() throws {
    let shipped = try BoundedFile.text(
      FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        .appending("packaging/vpathd.yaml"), maxBytes: 1 << 20)
    #expect(shipped == ConfigurationKey.exampleFile)
  }
}
