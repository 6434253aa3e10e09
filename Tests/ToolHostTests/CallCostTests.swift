// What a call through the host costs, beside the same program called directly. Prints figures when VPATH_MEASURE is set;
// it decides nothing.
//
//     VPATH_MEASURE=1 swift test -c release -Xswiftc -enable-testing --filter CallCostTests

import Domain
import Glibc
import JSON
import Policy
import Ports
import Subprocess
import SystemPackage
import TestSupport
import Testing

@testable import ToolHost

@Suite("The cost of a call", .enabled(if: Machine.hasBubblewrap && getenv("VPATH_MEASURE") != nil), .serialized)
struct CallCostTests {
  private func milliseconds<Prepared>(
    _ count: Int, prepare: () async throws -> Prepared, _ body: (Prepared) async throws -> Void
  ) async throws -> String {
    var times: [Double] = []
    for _ in 0..<count {
      let prepared = try await prepare()
      let began = ContinuousClock.now
      try await body(prepared)
      let took = (ContinuousClock.now - began).components
      times.append(Double(took.seconds) * 1000 + Double(took.attoseconds) / 1e15)
    }
    times.sort()
    func text(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
    return "p50 \(text(times[times.count / 2])) ms, p95 \(text(times[times.count * 95 / 100])) ms (n = \(count))"
  }

  @Test("a call of a shell tool and of a Python tool, directly and through the host; a warm call over MCP")
  func cost() async throws {
    let bench = try HostBench { $0.maxKeptProcesses = 4 }
    var shell = HostBench.manifest("shell")
    shell.vpath.run = ["./run.py"]
    let folder = try bench.write(
      shell, program: "#!/bin/sh\nread line\nprintf '{\"evidence\": []}'\n")
    try bench.registry.install(from: folder, by: 0, at: "2026-01-01T00:00:00.000Z")
    try bench.install("python", "give()")
    var served = HostBench.manifest("echo")
    served.vpath.protocol = .mcp
    served.vpath.lifetime = .case
    let server = try bench.write(served, program: ServerProgram.mcp(tools: ["echo"]))
    try bench.registry.install(from: server, by: 0, at: "2026-01-01T00:00:00.000Z")
    await bench.host.start()
    _ = try await bench.call("shell")
    let descriptors = try OpenFolder.open("/proc/self/fd").names(limit: 10_000).count
    // The approval is policy's work and is not counted.
    func approved(_ tool: String) throws -> (ApprovedCall, ToolCallInput) {
      let input = bench.input(tool)
      return (try bench.approval(input), input)
    }
    func call(_ approved: (ApprovedCall, ToolCallInput)) async throws {
      let result = await bench.host.run(approved.0, input: approved.1) { _ in }
      #expect(result.error == nil)
    }
    for name in ["shell", "python"] {
      let program = "\(bench.path)/installed/\(name)/files/run.py"
      let directly = try await milliseconds(50, prepare: {}) {
        _ = try await run(.path(FilePath(program)), input: .string("{}\n"), output: .string(limit: 4096))
      }
      let hosted = try await milliseconds(50, prepare: { try approved(name) }, call)
      print("\(name): directly \(directly), through the host \(hosted)")
    }
    let first = try await milliseconds(
      10,
      prepare: {
        await bench.host.release(bench.caseID)
        return try approved("echo")
      }, call)
    let next = try await milliseconds(200, prepare: { try approved("echo") }, call)
    print("MCP server in Python: first call \(first), next calls \(next)")
    try bench.install(
      "tree",
      "for i in range(20):\n    if os.fork() == 0: break\nopen(call['scratch'] + '/ready', 'a').close()\nwhile True: pass"
    )
    let cancel = try await milliseconds(
      10,
      prepare: {
        let (approval, input) = try approved("tree")
        let call = Task { await bench.host.run(approval, input: input) { _ in } }
        #expect(await HostBench.eventually { bench.callsOnProcesses == 1 })
        try await Task.sleep(for: .milliseconds(200))
        return call
      }
    ) { call in
      call.cancel()
      let result = await call.value
      #expect(result.error?.id == .cancelled)
    }
    print("from a cancel to the end of 21 busy processes: \(cancel)")
    await bench.host.stop()
    print(
      "open descriptors: \(descriptors) after the first call,",
      try OpenFolder.open("/proc/self/fd").names(limit: 10_000).count, "after the last")
  }
}
