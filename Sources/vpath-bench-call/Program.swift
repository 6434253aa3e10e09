// What a tool call costs through the tool host, beside the same tool called directly: the same program, the same
// arguments, call by call in turn. Prints one line of JSON a measure.
// What must stay true: the host here is the daemon's own, with its sandbox; a call that fails ends the run, so that no
// error is timed as a fast call; approvals, which are policy's work, are made outside of the time.

import ArgumentParser
import Domain
import Glibc
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
  @Option(help: "Calls of a measure; of region_zoom, which takes long, a quarter.") var calls = 40

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
    try await report(
      "plug-in that answers at once, a process a call", bench, "answers_at_once", calls: calls, isWarm: false
    ) {
      try bench.direct.once([plugIns + "/answers_at_once/run.sh"], line: "{}")
    }
    for (name, calls) in [("slide_properties", calls), ("region_zoom", max(1, calls / 4))] {
      let arguments = HostedCalls.arguments(name)
      try await report("\(name), cold: its process is started", bench, name, calls: calls, isWarm: false) {
        try bench.direct.once([programs + "/vpath-tools", "--once", name], line: bench.directInput(arguments).text)
      }
      let server = try bench.direct.server([programs + "/vpath-tools"])
      try await report("\(name), warm: its process runs already", bench, name, calls: calls, isWarm: true) {
        try server.call(name, arguments: arguments, input: bench.directInput(arguments).value)
      }
      server.end()
    }
    var cancels: [Double] = []
    for _ in 0..<10 { cancels.append(try await bench.cancel("never_ends")) }
    put(line("from a cancel to the end of 21 busy processes", here: cancels, peer: nil))
  }

  /// Times `calls` pairs: the host's call, then the direct one.
  private func report(
    _ name: String, _ bench: HostedCalls, _ tool: String, calls: Int, isWarm: Bool, direct: () throws -> Void
  ) async throws {
    let warmUps = 2
    var (here, peer): ([Double], [Double]) = ([], [])
    for number in 0..<calls + warmUps {
      if !isWarm { await bench.release() }
      let hosted = try await bench.call(tool)
      let began = ContinuousClock.now
      try direct()
      let direct = (ContinuousClock.now - began).milliseconds
      guard number >= warmUps else { continue }
      here.append(hosted)
      peer.append(direct)
    }
    put(line(name, here: here, peer: peer))
  }

  /// A line at once, also into a pipe.
  private func put(_ line: JSONValue) {
    print(line.canonicalString())
    fflush(nil)
  }

  private func line(_ name: String, here: [Double], peer: [Double]?) -> JSONValue {
    func figures(_ times: [Double]) -> JSONValue {
      let sorted = times.sorted()
      return [
        "p50Milliseconds": .number(sorted[sorted.count / 2]),
        "p95Milliseconds": .number(sorted[sorted.count * 95 / 100]),
        "longestMilliseconds": .number(sorted[sorted.count - 1]),
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
