// Tools that crash, hang, flood, fork, fill the disk or lie: each ends with its own error, and nothing is left of it.

import Domain
import Glibc
import JSON
import Ports
import TestSupport
import Testing

@testable import ToolHost

@Suite("A tool that misbehaves", .enabled(if: Machine.hasBubblewrap, Machine.needs))
struct MisbehaviourTests {
  private func error(
    _ body: String, limits: ToolManifest.Limits = .init(seconds: 20, memoryMiB: 256, outputMiB: 4)
  ) async throws -> VPathError? {
    let bench = try HostBench { $0.maxProcessesPerTool = 8 }
    try bench.install("bad", body) { $0.vpath.limits = limits }
    let result = try await bench.call("bad")
    #expect(try OpenFolder.open(bench.configuration.workDirectory).names(limit: 10) == [Sandbox.filterName])
    return result.error
  }

  @Test("a crash is tool.failed and names the signal")
  func crash() async throws {
    let found = try await error("os.kill(os.getpid(), 11)")
    #expect(found?.id == .toolFailed)
    #expect(found?.message.contains("SIGSEGV") == true)
  }

  @Test("an exit code is tool.failed and names the code; what the tool said on its error stream stays out")
  func exitCode() async throws {
    let found = try await error("sys.stderr.write('Piet Jansen'); sys.exit(3)")
    #expect(found?.id == .toolFailed)
    #expect(found?.message.contains("exit code 3") == true)
    #expect(found?.message.contains("Jansen") == false)
  }

  @Test("a hang is tool.timed_out and names the limit")
  func hang() async throws {
    let found = try await error(
      "import time; time.sleep(100)", limits: .init(seconds: 0.5, memoryMiB: 256, outputMiB: 1))
    #expect(found?.id == .toolTimedOut)
    #expect(found?.message.contains("0.5 s") == true)
  }

  @Test("a tool that closes its streams and lives on is ended at its limit")
  func closedStreams() async throws {
    let found = try await error(
      "import time; os.close(1); os.close(2); time.sleep(100)",
      limits: .init(seconds: 0.5, memoryMiB: 256, outputMiB: 1))
    #expect(found?.id == .toolTimedOut)
  }

  @Test("a flood on standard output is tool.limit")
  func flood() async throws {
    let found = try await error("while True: sys.stdout.write('x' * 65536)")
    #expect(found?.id == .toolLimit)
    #expect(found?.message.contains("4 MiB of output") == true)
  }

  @Test("a flood on standard error does no harm")
  func errorFlood() async throws {
    #expect(try await error("for i in range(200): sys.stderr.write('x' * 65536)\ngive()") == nil)
  }

  @Test(
    "too much memory is tool.limit, taken slowly or at once",
    arguments: [
      "a = []\nwhile True: a.append(bytearray(1 << 20))",
      "a = bytearray(1 << 31)",
      "import mmap, time\nm = mmap.mmap(-1, 300 << 20)\nfor i in range(0, 300 << 20, 4096): m[i] = 1\ntime.sleep(20)",
    ])
  func memory(_ body: String) async throws {
    let found = try await error(body, limits: .init(seconds: 20, memoryMiB: 128, outputMiB: 1))
    #expect(found?.id == .toolLimit)
    #expect(found?.message.contains("128 MiB of memory") == true)
  }

  @Test("memory counts for all the processes of a tool together")
  func memoryOfTree() async throws {
    let found = try await error(
      """
      import time
      for i in range(4):
          if os.fork() == 0:
              a = bytearray(60 << 20); time.sleep(20); os._exit(0)
      time.sleep(20)
      """, limits: .init(seconds: 20, memoryMiB: 128, outputMiB: 1))
    #expect(found?.id == .toolLimit)
    #expect(found?.message.contains("memory") == true)
  }

  @Test("memory that belongs to no process cannot be had, and what common programs need instead can")
  func memoryOfNobody() async throws {
    let bench = try HostBench()
    try bench.install(
      "holder",
      """
      import ctypes, threading
      from multiprocessing import shared_memory
      libc = ctypes.CDLL(None, use_errno=True)
      found = {}
      def attempt(name, call):
          ctypes.set_errno(0)
          found[name] = ctypes.get_errno() if call() < 0 else 'allowed'
      attempt('memfd', lambda: libc.memfd_create(b'x', 0))
      attempt('shm', lambda: libc.shmget(0, ctypes.c_size_t(1 << 20), 0o1600))
      attempt('queue', lambda: libc.msgget(0, 0o1600))
      # What multiprocessing, callbacks from C, and threads are made of.
      shared = shared_memory.SharedMemory(create=True, size=1 << 16)
      shared.buf[0] = 7; found['shared'] = shared.buf[0]; shared.close(); shared.unlink()
      order = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
      numbers = (ctypes.c_int * 3)(3, 1, 2)
      libc.qsort(numbers, 3, ctypes.sizeof(ctypes.c_int), order(lambda a, b: a[0] - b[0]))
      found['callback'] = list(numbers)
      thread = threading.Thread(target=lambda: found.update(thread=1)); thread.start(); thread.join()
      give({'kind': 'description', 'text': json.dumps(found, sort_keys=True)})
      """)
    let result = try await bench.call("holder")
    #expect(
      result.evidence.first?.body["text"]
        == #"{"callback": [1, 2, 3], "memfd": 1, "queue": 1, "shared": 7, "shm": 1, "thread": 1}"#, "\(result)")
  }

  @Test("a tool that keeps forking is ended at its limit of processes")
  func forks() async throws {
    let found = try await error(
      """
      import time
      while True:
          try:
              if os.fork() == 0: time.sleep(60); os._exit(0)
          except OSError: time.sleep(0.01)
      """)
    #expect(found?.id == .toolLimit)
    #expect(found?.message.contains("more than 8 processes") == true)
  }

  @Test("a file over the limit is tool.limit, and so are many small ones")
  func files() async throws {
    let large = try await error("f = open(call['scratch'] + '/x', 'wb')\nwhile True: f.write(b'x' * 65536)")
    #expect(large?.id == .toolLimit)
    let many = try await error(
      """
      i = 0
      while True:
          open('%s/%d' % (call['scratch'], i), 'wb').write(b'x' * 100000); i += 1
      """)
    #expect(many?.id == .toolLimit)
  }

  @Test("a child left behind is gone when the call returns, and cannot write afterwards")
  func leftBehind() async throws {
    let bench = try HostBench()
    let marker = "marker-\(randomHexadecimal())"
    try bench.install(
      "forker",
      """
      import subprocess
      if os.fork() == 0:
          os.setsid()
          os.execv('/usr/bin/python3', ['\(marker)', '-c', 'import time; time.sleep(600)'])
      subprocess.Popen(['\(marker)', '600'], executable='/usr/bin/sleep', start_new_session=True)
      give()
      """)
    let result = try await bench.call("forker")
    #expect(result.error == nil)
    #expect(HostBench.processes(marked: marker).isEmpty)
  }

  @Test("a cancelled call's whole tree is gone when it returns, whatever its processes ignore")
  func cancel() async throws {
    let bench = try HostBench()
    let marker = "marker-\(randomHexadecimal())"
    try bench.install(
      "forker",
      """
      import signal, time
      signal.signal(signal.SIGTERM, signal.SIG_IGN)
      for i in range(5):
          if os.fork() == 0:
              os.setsid()
              signal.signal(signal.SIGTERM, signal.SIG_IGN)
              os.execv('/usr/bin/sleep', ['\(marker)', '600'])
      while True: pass
      """)
    let input = bench.input("forker")
    let approval = try bench.approval(input)
    let call = Task { await bench.host.run(approval, input: input) { _ in } }
    #expect(await HostBench.eventually { HostBench.processes(marked: marker).count == 5 })
    call.cancel()
    let result = await call.value
    #expect(HostBench.processes(marked: marker).isEmpty)
    #expect(result.error?.id == .cancelled)
  }

  @Test("a call cancelled before it starts does not run")
  func cancelledEarly() async throws {
    let bench = try HostBench()
    try bench.install("plain", "give()")
    let input = bench.input("plain")
    let approval = try bench.approval(input)
    let call = Task {
      while !Task.isCancelled { await Task.yield() }
      return await bench.host.run(approval, input: input) { _ in }
    }
    call.cancel()
    #expect(await call.value.error?.id == .cancelled)
  }

  @Test("a command that is not there is tool.failed with what to do")
  func noCommand() async throws {
    let bench = try HostBench()
    try bench.install("plain", "give()")
    let script = "\(bench.configuration.installedDirectory)/plain/files/run.py"
    // A script whose interpreter is missing: found only when it is run.
    let manifest = HostBench.manifest("gone")
    let folder = try bench.write(manifest, program: "#!/usr/bin/no-such-interpreter\n")
    try bench.registry.install(from: folder, by: 0, at: "2026-01-01T00:00:00.000Z")
    let found = try await bench.call("gone").error
    #expect(found?.id == .toolFailed)
    #expect(found?.message.contains("cannot be run") == true, "\(String(describing: found))")
    #expect(access(script, X_OK) == 0)
  }

  @Test("folders deeper than anybody needs are tool.limit; they and closed folders are removed all the same")
  func deepScratch() async throws {
    let deep = try await error("os.makedirs(call['scratch'] + '/d' * 300)\ngive()")
    #expect(deep?.id == .toolLimit)
    let closed = """
      os.makedirs(call['scratch'] + '/a/b'); open(call['scratch'] + '/a/b/x', 'w').write('x')
      os.chmod(call['scratch'] + '/a/b', 0); os.chmod(call['scratch'] + '/a', 0)
      give()
      """
    #expect(try await error(closed) == nil)
  }

  @Test("an approval is used once and binds tool, arguments, case and turn")
  func approvals() async throws {
    let bench = try HostBench()
    try bench.install("plain", "give()")
    try bench.install("other", "give()")
    let input = bench.input("plain", ["a": 1])
    let approval = try bench.approval(input)
    #expect(await bench.host.run(approval, input: input) { _ in }.error == nil)
    let again = await bench.host.run(approval, input: input) { _ in }
    #expect(again.error?.id == .policyDenied)
    #expect(again.error?.message.contains("used before") == true)
    for change: (inout ToolCallInput) -> Void in [
      { $0.tool = "other" }, { $0.arguments = ["a": 2] }, { $0.caseID = CaseID("case-2") },
      { $0.turn = TurnID("turn-2") },
    ] {
      let input = bench.input("plain", ["a": 1])
      let approval = try bench.approval(input)
      var changed = input
      change(&changed)
      #expect(await bench.host.run(approval, input: changed) { _ in }.error?.id == .policyDenied)
    }
    let old = bench.input("plain")
    let oldApproval = try bench.approval(old)
    try bench.install("plain", "give() # another program")
    #expect(await bench.host.run(oldApproval, input: old) { _ in }.error?.id == .policyDenied)
    let late = bench.input("plain")
    let lateApproval = try bench.approval(late)
    bench.host.turnEnded(late.turn)
    #expect(await bench.host.run(lateApproval, input: late) { _ in }.error?.id == .policyDenied)
  }

  @Test("an unknown tool, and arguments that do not fit the schema, are errors that name them")
  func badCalls() async throws {
    let bench = try HostBench()
    try bench.install("strict", "give()") {
      $0.inputSchema = ["type": "object", "properties": ["n": ["type": "integer"]], "additionalProperties": false]
    }
    let found = try await bench.call("strict", ["n": "x"]).error
    #expect(found?.id == .protocolParams)
    #expect(found?.subject == "/n")
    #expect(throws: VPathError.self) { try bench.registry.info("none") }
    var input = bench.input("strict")
    let approval = try bench.approval(input)
    input.tool = "none"
    #expect(await bench.host.run(approval, input: input) { _ in }.error?.id == .toolNotFound)
  }
}
