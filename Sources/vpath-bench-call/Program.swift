// What a tool call costs through the tool host, beside the same tool called directly: the same program, the same
// arguments, call by call in turn. Prints one line of JSON a measure.
// What must stay true: the host here is the daemon's own, with its sandbox; a call that fails ends the run, so that no
// error is timed as a fast call; approvals, which are policy's work, are made outside of the time.

import ArgumentParser
import Domain
import JSON

@main
struct Program: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vpath-bench-call", abstract: "Measure a tool call through the host and directly.")

  @Option(help: "The folder of vpath-tools and vpath-launch.") var programs: String
  @Option(help: "The folder that holds tools/ and models/.") var resources: String
  @Option(help: "The OpenSlide library.") var openslide: String
  @Option(help: "A slide to show a region of.") var slide: String
  @Option(help: "The folder of the plug-ins answers_at_once and never_ends.") var plugIns: String
  @Option(help: "An empty folder to work in.") var scratch: String
  @Option(help: "Calls of each measure that starts processes; warm calls are four times as many.") var calls = 50

  func run() async throws {
    let bench = try HostedCalls(self)
    defer { bench.direct.endAll() }
    do {
      try await measure(bench)
    } catch {
      await bench.stop()
      throw error
    }
    await bench.stop()
  }

  private func measure(_ bench: HostedCalls) async throws {
    try await report("plug-in that answers at once, a process a call", bench, "answers_at_once", isWarm: false) {
      try bench.direct.once([plugIns + "/answers_at_once/run.sh"], line: "{}")
    }
    for name in ["region_zoom", "slide_properties"] {
      let arguments = HostedCalls.arguments(name)
      try await report("\(name), cold: its process is started", bench, name, isWarm: false) {
        try bench.direct.once([programs + "/vpath-tools", "--once", name], line: bench.directInput(arguments).text)
      }
      let server = try bench.direct.server([programs + "/vpath-tools"])
      try await report("\(name), warm: its process runs already", bench, name, isWarm: true) {
        try server.call(name, arguments: arguments, input: bench.directInput(arguments).value)
      }
      server.end()
    }
    var cancels: [Double] = []
    for _ in 0..<10 { cancels.append(try await bench.cancel("never_ends")) }
    print(line("from a cancel to the end of 21 busy processes", here: cancels, peer: nil).canonicalString())
  }

  /// Times `calls` pairs: the host's call, then the direct one.
  private func report(
    _ name: String, _ bench: HostedCalls, _ tool: String, isWarm: Bool, direct: () throws -> Void
  ) async throws {
    let warmUps = 3
    var (here, peer): ([Double], [Double]) = ([], [])
    for number in 0..<(isWarm ? 4 * calls : calls) + warmUps {
      if !isWarm { await bench.release() }
      let hosted = try await bench.call(tool)
      let began = ContinuousClock.now
      try direct()
      let direct = (ContinuousClock.now - began).milliseconds
      guard number >= warmUps else { continue }
      here.append(hosted)
      peer.append(direct)
    }
    print(line(name, here: here, peer: peer).canonicalString())
  }

  private func line(_ name: String, here: [Double], peer: [Double]?) -> JSONValue {
    func figures(_ times: [Double]) -> JSONValue {
      let sorted = times.sorted()
      return [
        "p50Milliseconds": .number(sorted[sorted.count / 2]),
        "p99Milliseconds": .number(sorted[sorted.count * 99 / 100]),
      ]
    }
    return [
      "measure": .string(name), "calls": .number(Double(here.count)), "here": figures(here),
      "peer": peer.map(figures) ?? .null,
    ]
  }
}

extension Duration {
  /// In thousandths of a second.
  var milliseconds: Double { Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15 }
}
