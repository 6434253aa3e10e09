// The daemon's life: one at a time, gone in time, and whole again after any death.

import Client
import Domain
import Glibc
import JSON
import Subprocess
import SystemPackage
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(15))) struct LifecycleTests {
  @Test func aSecondDaemonOnTheSameSocketOrStateRefusesAndTheFirstServesOn() async throws {
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder) { daemon in
        let sameSocket = try await Programs.run(
          "vpathd", ["--socket", daemon.socket, "--state", folder.path + "/other"], seconds: 30)
        #expect(sameSocket.errors.contains("already"), "\(sameSocket.errors)")
        #expect((1..<128).contains(sameSocket.status), "it ends by itself: \(sameSocket.status)")
        let sameState = try await Programs.run(
          "vpathd", ["--socket", folder.path + "/other.sock", "--state", daemon.state], seconds: 30)
        #expect(sameState.errors.contains("Another process"), "\(sameState.errors)")
        #expect((1..<128).contains(sameState.status), "it ends by itself: \(sameState.status)")
        let health = try await daemon.connected { try await $0.call(ServerMethods.health, Empty()) }
        #expect(health.state == "ok", "\(health.problems)")
      }
    }
  }

  @Test func theSocketIsForOwnerAndGroupAloneAndAStaleOneIsTakenOver() async throws {
    try await TestFolder.with { folder in
      // A socket nobody listens on, as a killed daemon leaves it.
      let stale = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: (folder.path + "/d.sock").utf8) }
      let bound = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(stale, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      #expect(bound == 0)
      close(stale)
      try await RunningDaemon.with(in: folder) { daemon in
        var status = stat()
        #expect(stat(daemon.socket, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o660)
        #expect(stat(daemon.state, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o700)
      }
      #expect(access(folder.path + "/d.sock", F_OK) != 0, "the socket is gone after a proper end")
    }
  }

  @Test func aTerminatedDaemonEndsItsTurnsAndIsGoneInTime() async throws {
    try await TestFolder.with { folder in
      let (turn, terminated) = try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        let turn = try await daemon.connected { try await Self.atWork($0) }
        // Terminated when this returns; the harness waits for the end.
        return (turn, ContinuousClock.now)
      }
      // Not a measurement but a promise: 5 s, whatever is at work.
      #expect(ContinuousClock.now - terminated < .seconds(5))
      #expect(Self.processes(naming: folder.path).isEmpty, "no tool outlives it")
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        try await daemon.connected { connection in
          let result = try await connection.call(TurnMethods.get, TurnParams(turn: turn))
          #expect(result.state == "completed")
          #expect(result.stop == .interrupted, "\(String(describing: result.stop))")
          #expect(try await connection.call(TraceMethods.verify, TraceVerifyParams(), timeoutSeconds: 120).ok)
        }
      }
    }
  }

  /// Asks the demo question and returns while a call of its turn runs.
  private static func atWork(_ connection: ClientConnection) async throws -> TurnID {
    let caseID = try await DemoQuestionTests.open(connection)
    let started = try await connection.call(
      TurnMethods.start, TurnStartParams(caseID: caseID, question: DemoQuestionTests.question))
    for await notification in connection.notifications {
      if case .event(.itemStarted, let params) = notification, params.type == "call" { break }
    }
    return started.turn
  }

  @Test func aTurnWhoseClientIsGoneGoesOnAndIsReadByTheNextOne() async throws {
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        let turn = try await daemon.connected { try await Self.atWork($0) }
        try await daemon.connected { connection in
          _ = try await connection.call(TurnMethods.subscribe, TurnSubscribeParams(turn: turn, after: 0))
          let asked = try await AskedTurn.follow(connection, turn)
          #expect(asked.events.first?.0 == .turnStarted, "nothing is missing from what went before")
          #expect(asked.events.last?.0 == .turnCompleted)
          #expect(asked.result.stop == .answered)
          #expect(asked.answer?.findings.isEmpty == false)
          let verified = try await connection.call(TraceMethods.verify, TraceVerifyParams(), timeoutSeconds: 120)
          #expect(verified.ok, "\(verified.fault?.message ?? "")")
          let replay = try await connection.call(TraceMethods.replay, TurnParams(turn: turn), timeoutSeconds: 120)
          #expect(replay.verdict == "identical", "\(replay.message ?? "")")
        }
      }
    }
  }

  @Test func ofTwoClientsThatInterruptOneTurnOneIsToldThatItDid() async throws {
    try await TestFolder.with { folder in
      try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
        try await daemon.connected { first in
          try await daemon.connected { second in
            let turn = TurnParams(turn: try await Self.atWork(first))
            async let one = first.call(TurnMethods.interrupt, turn)
            async let two = second.call(TurnMethods.interrupt, turn)
            let accepted = [try await one.accepted, try await two.accepted]
            #expect(accepted.sorted { !$0 && $1 } == [false, true])
            let asked = try await AskedTurn.follow(first, turn.turn)
            #expect(asked.result.stop == .interrupted)
            let verified = try await first.call(TraceMethods.verify, TraceVerifyParams(), timeoutSeconds: 120)
            #expect(verified.ok, "\(verified.fault?.message ?? "")")
            let replay = try await second.call(TraceMethods.replay, turn, timeoutSeconds: 120)
            #expect(replay.verdict == "identical", "\(replay.message ?? "")")
          }
        }
      }
    }
  }

  @Test func aSocketThatIsHandedInIsServedAndLeftWhereItIs() async throws {
    try await TestFolder.with { folder in
      let script = """
        import os, socket, sys
        path = sys.argv[1]
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(path)
        listening.listen(16)
        os.dup2(listening.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
        os.execv(sys.argv[2], sys.argv[2:])
        """
      let path = folder.path + "/d.sock"
      try await RunningDaemon.with(
        in: folder, through: ["/usr/bin/python3", "-c", script, path, Programs.path("vpathd")]
      ) { daemon in
        let health = try await daemon.connected { try await $0.call(ServerMethods.health, Empty()) }
        #expect(health.state == "ok", "\(health.problems)")
        #expect(access(path + ".lock", F_OK) != 0, "whoever made the socket sees to it that there is one daemon")
      }
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK, "the socket is its maker's")
    }
  }

  @Test func aKilledDaemonIsWholeAgainAfterEveryOneOfTwentyDeaths() async throws {
    try await TestFolder.with { folder in
      var generator = SplitMix(seed: 20)
      for round in 0..<20 {
        // Every second one hosts the model, whose server is a child more; it takes a second to start.
        let hosts = round % 2 == 1
        let delay = Double(generator.next() % (hosts ? 3000 : 1500)) / 1000
        try await Self.killWhileWorking(folder, after: delay, environment: hosts ? HostedModelTests.narrowed : [:])
        try await RunningDaemon.with(in: folder, slides: [try DemoSlide.folder()]) { daemon in
          try await daemon.connected { connection in
            let verified = try await connection.call(TraceMethods.verify, TraceVerifyParams(), timeoutSeconds: 120)
            #expect(verified.ok, "round \(round), killed after \(delay) s: \(verified.fault?.message ?? "")")
            let turns = try await connection.call(TraceMethods.list, TraceListParams(limit: 1000)).turns
            #expect(turns.allSatisfy { $0.state == "completed" }, "round \(round): \(turns)")
          }
        }
        #expect(Self.processes(naming: folder.path).isEmpty, "round \(round): no orphan")
        let left = ["work", "model", "model/socket"].flatMap { Self.entries(folder.path + "/state/" + $0) }
          .filter { $0 != "filter" && $0 != "socket" }
        #expect(left.isEmpty, "round \(round): no stale file: \(left)")
      }
    }
  }

  /// Starts a daemon, asks, and kills it with SIGKILL after a while, whatever it is doing then.
  private static func killWhileWorking(
    _ folder: TestFolder, after delay: Double, environment: [String: String]
  ) async throws {
    let socket = folder.path + "/d.sock"
    let slides = try DemoSlide.folder()
    _ = try await Subprocess.run(
      .path(FilePath(Programs.path("vpathd"))),
      arguments: ["--socket", socket, "--state", folder.path + "/state", "--slides", slides],
      environment: RunningDaemon.environment(environment), input: .none, output: .discarded, error: .discarded
    ) { execution -> Void in
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          try? await eventually("the daemon answers", seconds: 30) {
            (try? await ClientConnection.withConnection(
              socket: socket,
              { connection in
                let caseID = try await DemoQuestionTests.open(connection)
                _ = try await AskedTurn.ask(connection, caseID, DemoQuestionTests.question)
                return true
              })) == true
          }
        }
        group.addTask { try? await Task.sleep(for: .seconds(delay)) }
        _ = await group.next()
        try? execution.send(signal: .kill)
        group.cancelAll()
      }
    }
    try await eventually("no process of the killed daemon is left", seconds: 20) {
      processes(naming: folder.path).isEmpty
    }
  }

  /// Processes whose command line names the folder or in whose sandbox a part of it is mounted, this test's own left out.
  static func processes(naming folder: String) -> [Int32] {
    guard let directory = opendir("/proc") else { return [] }
    defer { closedir(directory) }
    let mounted = "/\(FilePath(folder).lastComponent?.string ?? folder)/"
    var found: [Int32] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard let process = Int32(name), process != getpid() else { continue }
      if kernelFile("/proc/\(name)/cmdline").contains(folder)
        || kernelFile("/proc/\(name)/mountinfo").contains(mounted)
      {
        found.append(process)
      }
    }
    return found
  }

  /// What is in a folder; empty where there is none.
  private static func entries(_ folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// The first 64 KiB of a file of the kernel's; empty where it is gone or closed to us.
  static func kernelFile(_ path: String) -> String {
    guard let descriptor = try? FileDescriptor.open(FilePath(path), .readOnly) else { return "" }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var count = 0
    while count < buffer.count {
      let read = buffer.withUnsafeMutableBytes { bytes in
        (try? descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[count...]))) ?? 0
      }
      if read == 0 { break }
      count += read
    }
    try? descriptor.close()
    return String(decoding: buffer[0..<count], as: UTF8.self)
  }
}

/// A seeded generator (SplitMix64, Steele et al. 2014).
struct SplitMix {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
