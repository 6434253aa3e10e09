// swift-tools-version: 6.2
// The rooms of the project and what each may import; layers as in ARCHITECTURE.md.
// What must stay true: a room depends only on rooms of a lower layer. `make lint` compares these
// declarations with the `import` lines of every file.
//
// VPATH_ONLY=RoomTests (comma-separated target names) narrows the package to those targets and what
// they need, so that one room builds and tests alone; give it a --scratch-path of its own.

import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
]

/// Rooms that walk over pixels, and those that the simulation spends its time in, are optimized in debug builds too:
/// without it the tests on a real slide and thousands of seeds take minutes.
let optimized: [SwiftSetting] = strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
]
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let sqlite: Target.Dependency = .product(name: "GRDBSQLite", package: "GRDB.swift")
/// HTTP with TLS, for model servers.
let http: [Target.Dependency] = [
  .product(name: "AsyncHTTPClient", package: "async-http-client"),
  .product(name: "NIOHTTP1", package: "swift-nio"),
  .product(name: "NIOSSL", package: "swift-nio-ssl"),
]
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

func room(
  _ name: String, _ rooms: [String], _ others: [Target.Dependency] = [], settings: [SwiftSetting] = strict
) -> Target {
  .target(name: name, dependencies: rooms.map { .target(name: $0) } + others, swiftSettings: settings)
}

func program(_ name: String, _ rooms: [String], _ others: [Target.Dependency] = []) -> Target {
  .executableTarget(
    name: name, dependencies: rooms.map { .target(name: $0) } + others, swiftSettings: strict)
}

func tests(_ name: String, _ rooms: [String], _ others: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: name, dependencies: rooms.map { .target(name: $0) } + others, swiftSettings: strict)
}

let all: [Target] = [
  // L0: C libraries and the thinnest shims over them
  .systemLibrary(name: "CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"])]),
  .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
  .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
  .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
  .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
  .target(name: "COpenSlide", linkerSettings: [.linkedLibrary("dl")]),
  .target(name: "COpenVINO", linkerSettings: [.linkedLibrary("dl")]),
  .target(name: "CPlatform"),

  // L1
  room("JSON", ["CJansson", "CPCRE2"], settings: optimized),
  room("Raster", [], settings: optimized),

  // L2
  room("Domain", ["JSON"], settings: optimized),
  room("YAML", ["JSON"], [yams]),

  // L3
  room("Wire", ["Domain", "JSON"]),
  room("Policy", ["Domain", "JSON", "YAML"], [crypto]),
  room("Ports", ["Domain", "JSON", "Policy"]),
  room("Sandboxing", ["Domain", "CSeccomp"]),

  room("Prompting", ["Ports", "Domain", "JSON", "YAML"]),

  // L4
  room("Agent", ["Ports", "Policy", "Wire", "Domain", "JSON"], [crypto], settings: optimized),
  room("Trace", ["Ports", "Domain", "JSON"], [grdb, sqlite, crypto, log]),
  room(
    "LanguageModels", ["Prompting", "Sandboxing", "Ports", "Domain", "JSON", "CPlatform"],
    http + nio + [crypto, log, subprocess, systemPackage]),
  room(
    "ToolHost", ["Sandboxing", "Ports", "Policy", "Wire", "Domain", "JSON", "CPlatform"],
    [crypto, log, subprocess, systemPackage]),
  room("ToolKit", ["Wire", "Domain", "JSON"]),
  room("Slides", ["Raster", "Domain", "COpenSlide", "CPNG"], [crypto], settings: optimized),
  room("Analysis", ["Raster", "Domain", "JSON", "COpenBLAS", "COpenVINO"], settings: optimized),
  room("Setup", ["Domain", "JSON", "YAML", "CPlatform"], [crypto, systemPackage]),

  // L5. Named TurnRuntime because the Swift toolchain has a module named Runtime.
  room(
    "TurnRuntime", ["Agent", "Ports", "Policy", "Wire", "Domain", "JSON"],
    [log, crypto, .product(name: "OrderedCollections", package: "swift-collections")]),
  room(
    "BuiltInTools", ["ToolKit", "Slides", "Analysis", "Raster", "Wire", "Domain", "JSON"], [crypto],
    settings: optimized),

  room("ToolChoice", ["Agent", "LanguageModels", "Ports", "Policy", "Domain", "JSON"]),

  // L6
  room("Server", ["TurnRuntime", "Ports", "Policy", "Wire", "Domain", "JSON", "CPlatform"], nio + [log]),
  room("Client", ["Wire", "Domain", "JSON", "CPlatform"], nio),
  room("MCPBridge", ["Client", "Wire", "Domain", "JSON"]),
  room("SystemPorts", ["TurnRuntime", "Ports", "Domain", "JSON"], [crypto]),

  room("Assembly", ["LanguageModels", "Prompting", "ToolHost", "Setup", "Ports", "Domain"], [log, systemPackage]),

  // L7: composition roots
  program(
    "vpathd",
    [
      "Server", "SystemPorts", "TurnRuntime", "Agent", "Trace", "LanguageModels", "ToolHost", "Setup", "Assembly",
      "Policy",
      "Ports", "Wire", "Domain", "JSON",
    ],
    [
      arguments, log, systemPackage,
      .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      .product(name: "UnixSignals", package: "swift-service-lifecycle"),
    ]),
  program(
    "vpath",
    [
      "MCPBridge", "Client", "Setup", "Assembly", "ToolChoice", "LanguageModels", "Policy", "Trace", "ToolHost",
      "Ports", "Wire", "Domain", "JSON", "CPlatform",
    ],
    [arguments, log, subprocess, crypto, systemPackage]),
  program("vpath-tools", ["BuiltInTools", "ToolKit", "Domain", "JSON"]),
  // Without the Swift runtime, and static: it is the first program inside every sandbox and needs no library there.
  .executableTarget(
    name: "vpath-launch", linkerSettings: [.unsafeFlags(["-nostartfiles", "-static-executable"])]),

  // Measuring
  program("vpath-bench-rpc", [], nio + [arguments]),
  program("vpath-bench", ["Analysis", "Slides", "Raster", "Domain"]),
  program("vpath-bench-call", ["ToolHost", "Policy", "Ports", "Wire", "Domain", "JSON"], [arguments, log, crypto]),
  program("vpath-bench-trace", ["Trace", "Ports", "Domain", "JSON"]),

  // Tests
  .target(
    name: "TestSupport", dependencies: ["Ports", "Policy", "Wire", "Domain", "JSON"], path: "Tests/TestSupport",
    swiftSettings: strict),
  .target(
    name: "RuntimeTestSupport",
    dependencies: [
      "TurnRuntime", "Agent", "LanguageModels", "Ports", "Policy", "Wire", "Domain", "JSON", "TestSupport", crypto, log,
    ],
    path: "Tests/RuntimeTestSupport", swiftSettings: strict),
  .target(
    name: "ModelTestSupport", dependencies: ["LanguageModels", "Prompting", "Ports", "Domain", "JSON"],
    path: "Tests/ModelTestSupport", swiftSettings: strict),
  tests("JSONTests", ["JSON", "TestSupport"]),
  tests("RasterTests", ["Raster", "TestSupport"]),
  tests("YAMLTests", ["YAML", "JSON"]),
  tests("DomainTests", ["Domain", "JSON"]),
  tests("WireTests", ["Wire", "Domain", "JSON"]),
  tests("PolicyTests", ["Policy", "Domain", "JSON", "TestSupport"]),
  tests(
    "AgentTests",
    [
      "Agent", "Prompting", "LanguageModels", "Ports", "Policy", "Wire", "Domain", "JSON", "TestSupport",
      "ModelTestSupport",
    ]),
  tests("TraceTests", ["Trace", "Ports", "Domain", "JSON", "TestSupport"], [grdb, sqlite]),
  tests(
    "ToolChoiceTests",
    [
      "ToolChoice", "Agent", "LanguageModels", "Prompting", "Ports", "Policy", "Domain", "JSON", "TestSupport",
      "ModelTestSupport",
    ]),
  tests(
    "PromptingTests", ["Prompting", "LanguageModels", "Ports", "Domain", "JSON", "TestSupport", "ModelTestSupport"]),
  tests(
    "LanguageModelsTests",
    [
      "LanguageModels", "Prompting", "Ports", "Domain", "JSON", "TestSupport", "CPlatform", "vpath-launch",
      "ModelTestSupport",
    ],
    http + nio + [crypto, log]),
  tests(
    "ToolHostTests",
    ["ToolHost", "Sandboxing", "Ports", "Policy", "Wire", "Domain", "JSON", "TestSupport", "vpath-launch"],
    [systemPackage, subprocess, log]),
  tests("ToolKitTests", ["ToolKit", "Wire", "Domain", "JSON", "TestSupport"]),
  tests("SlidesTests", ["Slides", "Raster", "Domain", "JSON", "TestSupport", "CPNG"]),
  tests("AnalysisTests", ["Analysis", "Raster", "Domain", "JSON", "TestSupport"]),
  tests("SetupTests", ["Setup", "Domain", "JSON"], [systemPackage]),
  tests(
    "BuiltInToolsTests",
    ["BuiltInTools", "ToolKit", "Slides", "Analysis", "Raster", "Wire", "Domain", "JSON", "TestSupport", "CPNG"]),
  tests(
    "TurnRuntimeTests",
    [
      "TurnRuntime", "Agent", "LanguageModels", "Ports", "Policy", "Wire", "Domain", "JSON", "TestSupport",
      "RuntimeTestSupport",
    ]),
  tests("SystemPortsTests", ["SystemPorts", "TurnRuntime", "Ports", "Domain", "JSON", "TestSupport"], [crypto]),
  tests(
    "ServerTests",
    [
      "Server", "SystemPorts", "TurnRuntime", "Ports", "Policy", "Wire", "Domain", "JSON", "TestSupport",
      "RuntimeTestSupport",
    ],
    [log]),
  tests("ClientTests", ["Client", "Wire", "Domain", "JSON"], nio),
  tests(
    "MCPBridgeTests",
    [
      "MCPBridge", "Server", "SystemPorts", "TurnRuntime", "Ports", "Wire", "Domain", "JSON", "TestSupport",
      "RuntimeTestSupport",
    ], [log]),
  tests("AssemblyTests", ["Assembly", "LanguageModels", "Setup", "Ports", "Domain", "TestSupport"], [log]),
  tests(
    "SimulationTests",
    [
      "TurnRuntime", "Agent", "Trace", "LanguageModels", "Ports", "Policy", "Wire", "Domain", "JSON", "TestSupport",
      "RuntimeTestSupport", "ModelTestSupport",
    ],
    [.product(name: "OrderedCollections", package: "swift-collections")]),
  tests(
    "EndToEndTests",
    ["Client", "Trace", "Wire", "Domain", "JSON", "TestSupport", "vpathd", "vpath", "vpath-tools", "vpath-launch"],
    [subprocess, systemPackage]),
]

/// The targets named in VPATH_ONLY with everything they need; all of them when it is not set.
@MainActor func selected() -> [Target] {
  guard let only = Context.environment["VPATH_ONLY"], !only.isEmpty else { return all }
  var wanted: Set<String> = []
  var queue = only.split(separator: ",").map(String.init)
  while let name = queue.popLast() {
    guard wanted.insert(name).inserted, let target = all.first(where: { $0.name == name }) else { continue }
    for dependency in target.dependencies {
      switch dependency {
      case .targetItem(let name, _), .byNameItem(let name, _): queue.append(name)
      default: break
      }
    }
  }
  return all.filter { wanted.contains($0.name) }
}

let package = Package(
  name: "vpath",
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: selected()
)
