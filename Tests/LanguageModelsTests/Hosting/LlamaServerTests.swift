// The hosted server's life: started, used, dead, hung, killed, stopped. A small program stands in for llama-server.

import Domain
import Glibc
import Logging
import Synchronization
import Prompting
import TestSupport
import Testing

@testable import LanguageModels

/// Tries until it is true; after a minute the test has failed.
func eventually(_ condition: () async throws -> Bool) async throws {
  let deadline = ContinuousClock.now.advanced(by: .seconds(60))
  while try await !condition() {
    try #require(ContinuousClock.now < deadline, "it did not come true")
    try await Task.sleep(for: .milliseconds(5))
  }
}

/// A stand-in for llama-server, in Python: what it does is in the last message.
struct StandIn {
  static let isPossible = access("/usr/bin/bwrap", X_OK) == 0 && access("/usr/bin/python3", X_OK) == 0
  static let needs: Comment = "needs the Debian packages bubblewrap and python3"

  let folder: TemporaryFolder

  init(_ folder: TemporaryFolder) {
    self.folder = folder
    folder.write("tiny.gguf", TinyGGUF.bytes())
  }

  func configuration(
    program text: String = StandIn.server, sandboxed: Bool = true, limits: EndpointLimits? = nil
  ) -> LlamaServerConfiguration {
    mkdir(folder.path + "/bin", 0o700)
    let program = folder.write("bin/llama-server", Array(text.utf8))
    chmod(program, 0o700)
    let manifest = manifest()
    let model = ResolvedModel(
      manifest: manifest, files: [.init(file: manifest.files[0], path: folder.path + "/tiny.gguf")])
    return LlamaServerConfiguration(
      program: program, programName: "stand-in", launcher: Self.launcher,
      bubblewrap: sandboxed ? "/usr/bin/bwrap" : nil, runDirectory: folder.path + "/run", model: model,
      contextTokens: 512, startSeconds: 20, limits: limits ?? EndpointLimits(firstByteSeconds: 20, idleSeconds: 20))
  }

  func server(_ configuration: LlamaServerConfiguration) -> LlamaServer {
    LlamaServer(configuration, checks: ModelFileChecks(), log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  /// vpath-launch of this build, beside the test binary.
  static let launcher: String = {
    guard let resolved = realpath("/proc/self/exe", nil) else { return "" }
    defer { free(resolved) }
    return folderName(String(cString: resolved)) + "/vpath-launch"
  }()

  static let server = """
    #!/usr/bin/python3
    import json, os, signal, socket, sys
    path = sys.argv[sys.argv.index('--host') + 1]
    mark = os.path.join(os.path.dirname(path), 'mark')
    os.umask(0o077)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(16)
    print('ready to serve', flush=True)
    open(mark + '-starts', 'a').write('x')
    while True:
        connection, _ = listener.accept()
        data = b''
        while b'\\r\\n\\r\\n' not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b'\\r\\n\\r\\n')
        length = next((int(l.split(b':')[1]) for l in head.split(b'\\r\\n') if l.lower().startswith(b'content-length:')), 0)
        while len(body) < length:
            body += connection.recv(65536)
        def plain(text):
            connection.sendall(('HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s' % (len(text), text)).encode())
        if head.startswith(b'GET /health'):
            plain('{"status":"ok"}')
        elif head.startswith(b'GET /props'):
            plain('{"build_info":"b1-test"}')
        else:
            what = json.loads(body)['messages'][-1]['content']
            open(mark + '-asked', 'a').write('[%s]' % what)
            def event(value):
                connection.sendall(('data: %s\\n\\n' % value).encode())
            connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\nConnection: close\\r\\n\\r\\n')
            event(json.dumps({'choices': [{'delta': {'content': 'started '}}]}))
            first = not os.path.exists(mark)
            open(mark, 'w').close()
            if what == 'die' or (what == 'die once' and first): os.kill(os.getpid(), signal.SIGKILL)
            if what == 'exit' : print('error: out of luck', file=sys.stderr, flush=True); os._exit(3)
            if what == 'hang' or (what == 'hang once' and first): os.kill(os.getpid(), signal.SIGSTOP)
            if what == 'wait':
                connection.settimeout(60)
                try: connection.recv(1)
                except OSError: pass
                open(mark + '-gone', 'w').close()
            else:
                event(json.dumps({'choices': [{'delta': {'content': 'done'}, 'finish_reason': 'stop'}]}))
                event('[DONE]')
        connection.close()
    """
}

private func ask(_ what: String) -> ChatRequest { ChatRequest(messages: [.init(.user, what)]) }

/// The error's id; nil when there was none.
private func outcome(_ server: LlamaServer, _ what: String) async -> ErrorID? {
  do throws(ChatFailure) {
    _ = try await server.complete(ask(what))
    return nil
  } catch {
    return error.error.id
  }
}

/// What is said.
private func text(_ server: LlamaServer, _ what: String) async throws -> String {
  try await server.complete(ask(what)).text
}

/// What goes wrong.
private func failure(_ server: LlamaServer, _ what: String) async throws -> VPathError {
  try await #require(throws: ChatFailure.self) { try await server.complete(ask(what)) }.error
}

@Suite(.enabled(if: StandIn.isPossible, StandIn.needs), .timeLimit(.minutes(2)))
struct LlamaServerTests {
  let folder = TemporaryFolder()
  var standIn: StandIn { StandIn(folder) }

  func using<R: Sendable>(
    _ configuration: LlamaServerConfiguration, _ body: (LlamaServer) async throws -> R
  ) async throws -> R {
    let server = standIn.server(configuration)
    do {
      let result = try await body(server)
      await server.stop()
      return result
    } catch {
      await server.stop()
      throw error
    }
  }

  @Test(arguments: [true, false])
  func theFirstRequestStartsItBehindAPrivateSocketAndStoppingLeavesNothing(sandboxed: Bool) async throws {
    let configuration = standIn.configuration(sandboxed: sandboxed)
    let server = standIn.server(configuration)
    #expect(await server.status == .notStarted)
    // A socket that a killed server left.
    mkdir(folder.path + "/run", 0o755)
    mkdir(folder.path + "/run/socket", 0o755)
    let stale = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    bindUnix(stale, configuration.socket)
    let reply = try await server.complete(ask("hello"))
    close(stale)
    #expect(reply.text == "started done")
    #expect(await server.status == .ready)
    #expect(await server.identity.server == "stand-in b1-test")
    var status = stat()
    for (path, mode) in [(folder.path + "/run", 0o700), (folder.path + "/run/socket", 0o700)] as [(String, mode_t)] {
      #expect(stat(path, &status) == 0)
      #expect(status.st_mode & 0o777 == mode)
    }
    #expect(stat(configuration.socket, &status) == 0)
    #expect(status.st_mode & 0o077 == 0)
    let process = try #require(await server.processForTests)
    await server.stop()
    #expect(process.hasEnded)
    #expect(access(configuration.socket, F_OK) != 0)
    #expect(await server.status == .stopped)
    _ = try await failure(server, "hello")
  }

  @Test func aServerThatDiesMidStreamIsStartedAgainAndAskedOnceMore() async throws {
    try await using(standIn.configuration()) { server in
      let reply = try await server.complete(ask("die once"))
      #expect(reply.text == "started done")
      // The attempt that broke off is told with the reply: the same request, and what had come.
      #expect(reply.earlier.map(\.requestBytes) == [reply.requestBytes])
      #expect(reply.earlier.first?.error.id == .modelUnavailable)
      let next = try await server.complete(ask("hello"))
      #expect(next.text == "started done" && next.earlier.isEmpty)
    }
  }

  @Test func aServerThatAlwaysDiesIsUnavailableAfterTwoAttempts() async throws {
    try await using(standIn.configuration()) { server in
      let error = try await failure(server, "die")
      #expect(error.id == .modelUnavailable)
      #expect(SmallFile.kernelFile(folder.path + "/run/socket/mark-asked") == "[die][die]", "twice and no more")
      // Another question finds another server.
      #expect(try await text(server, "hello") == "started done")
    }
  }

  @Test func aServerThatHangsIsKilledAndStartedAgain() async throws {
    let limits = EndpointLimits(firstByteSeconds: 0.5, idleSeconds: 0.5)
    try await using(standIn.configuration(limits: limits)) { server in
      #expect(try await text(server, "hang once") == "started done")
      let hung = try #require(await server.processForTests)
      let error = try await failure(server, "hang")
      #expect(error.id == .modelUnavailable)
      #expect(hung.hasEnded)
    }
  }

  @Test func aServerThatCannotStartSaysWhyAndIsNotStartedWithoutEnd() async throws {
    let program = """
      #!/bin/sh
      printf x >>/run/vpath/socket/starts
      echo 'error: this model is from the moon' >&2
      exit 1

      """
    try await using(standIn.configuration(program: program)) { server in
      for _ in 0..<2 {
        let error = try await failure(server, "hello")
        #expect(error.id == .modelUnavailable)
        #expect(error.message.contains("this model is from the moon"), "\(error.message)")
        #expect(!error.message.contains(folder.path))
      }
      #expect(await server.isFailing)
      // Two requests, and between them a wait that grows.
      #expect((2...4).contains(SmallFile.kernelFile(folder.path + "/run/socket/starts").count))
    }
  }

  @Test func aWrongModelFileIsFoundBeforeAnythingIsStarted() async throws {
    let configuration = standIn.configuration()
    try await using(configuration) { server in
      folder.write("tiny.gguf", [1, 2, 3])
      let error = try await failure(server, "hello")
      #expect(error.message.contains("cut short"), "\(error.message)")
      #expect(access(configuration.socket, F_OK) != 0)
    }
  }

  @Test func aCancelledRequestComesBackAndTheServerHearsOfIt() async throws {
    try await using(standIn.configuration()) { server in
      try await server.start()
      let asking = Task { await outcome(server, "wait") }
      // Behind it in the row, and cancelled there.
      try await eventually { access(folder.path + "/run/socket/mark", F_OK) == 0 }
      let waiting = Task { await outcome(server, "hello") }
      waiting.cancel()
      #expect(await waiting.value == .cancelled)
      asking.cancel()
      #expect(await asking.value == .cancelled)
      try await eventually { access(folder.path + "/run/socket/mark-gone", F_OK) == 0 }
      #expect(try await text(server, "hello") == "started done")
    }
  }

  @Test func stoppingEndsARequestInFlightAndAHungServer() async throws {
    let server = standIn.server(standIn.configuration())
    let asking = Task { await outcome(server, "hang") }
    try await eventually { access(folder.path + "/run/socket/mark", F_OK) == 0 }
    let process = try #require(await server.processForTests)
    await server.stop()
    #expect(process.hasEnded)
    #expect(await asking.value == .modelUnavailable)
  }

  @Test func aStateDirectoryTooDeepForASocketIsSaid() async throws {
    var configuration = standIn.configuration()
    configuration.runDirectory = folder.path + "/" + String(repeating: "d", count: 100)
    try await using(configuration) { server in
      let error = try await failure(server, "hello")
      #expect(error.message.contains("shorter path"), "\(error.message)")
    }
  }

  @Test func aKilledDaemonLeavesNoServerBehind() async throws {
    let path = folder.path
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      let folder = TemporaryFolder()
      let standIn = StandIn(folder)
      let server = standIn.server(standIn.configuration())
      try await server.start()
      let inner = LlamaServerTests.processes(holding: folder.path)
      let text = inner.map(String.init).joined(separator: "\n")
      if let stream = fopen(path + "/pids", "w") {
        fputs(text, stream)
        fclose(stream)
      }
      kill(getpid(), SIGKILL)
    }
    let pids = String(decoding: try #require(TemporaryFolder.read(path + "/pids")), as: UTF8.self)
      .split(separator: "\n").compactMap { pid_t($0) }
    #expect(pids.count >= 2)
    try await eventually { pids.allSatisfy { LlamaServerProcess.isGone($0) } }
  }

  /// Processes whose command line names a folder: the launcher's children and what they became, this one not.
  static func processes(holding folder: String) -> [pid_t] {
    guard let directory = opendir("/proc") else { return [] }
    defer { closedir(directory) }
    var found: [pid_t] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard let pid = pid_t(name), pid != getpid() else { continue }
      if SmallFile.kernelFile("/proc/\(pid)/cmdline").contains(folder) { found.append(pid) }
    }
    return found
  }
}

extension LlamaServer {
  var isFailing: Bool { if case .failing = status { true } else { false } }
}

private func bindUnix(_ descriptor: Int32, _ path: String) {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
  withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
}
