// The model server's process: started through the launcher, its words drained, ended as a whole.
// What must stay true: it has an owner that awaits its end; it dies with this process; its output never fills memory
// or blocks it; after `ended()` nothing of its tree is left.

import CPlatform
import Glibc
import Logging
import Subprocess
import Synchronization
import SystemPackage

/// A running llama-server.
final class LlamaServerProcess: Sendable {
  private struct State {
    var pid: pid_t?
    var hasEnded = false
    /// A signal that came before the process was there.
    var pending: Int32?
    /// The processes below it: in the sandbox the server itself.
    var inner: [pid_t] = []
    var tail: [UInt8] = []
  }

  private let state = Mutex(State())
  private let running = Mutex<Task<String, Never>?>(nil)
  private let log: Logger
  private static let tailBytes = 4096
  /// Longest line that is logged whole.
  private static let logLineBytes = 500

  init(_ configuration: LlamaServerConfiguration, log: Logger) {
    self.log = log
    running.withLock { $0 = Task { await self.supervise(configuration) } }
  }

  var hasEnded: Bool { state.withLock { $0.hasEnded } }

  /// The end of what it said, for whoever looks for the reason.
  var lastWords: String {
    let text = String(decoding: state.withLock { $0.tail }, as: UTF8.self)
    let lines = text.split(separator: "\n").map { String($0) }
    let telling = lines.filter { line in
      ["error", "failed", "fail:", "cannot", "bwrap"].contains { line.lowercased().contains($0) }
    }
    return EndpointFailure.clean((telling.last ?? lines.last ?? "it said nothing"))
  }

  /// Waits until it is gone; how it ended, in words.
  func ended() async -> String {
    guard let task = running.withLock({ $0 }) else { return "it was not started" }
    return await task.value
  }

  /// Asks it to end, and after two seconds has it ended.
  func terminate() async {
    signal(SIGTERM)
    let deadline = ContinuousClock.now + .seconds(2)
    while !hasEnded, ContinuousClock.now < deadline { await pause(.milliseconds(5)) }
    await kill()
  }

  /// Ends it and its tree at once, stopped or not.
  func kill() async {
    signal(SIGKILL)
    _ = await ended()
  }

  private func signal(_ number: Int32) {
    state.withLock { state in
      guard let pid = state.pid else {
        if !state.hasEnded { state.pending = number }
        return
      }
      noteInner(pid, &state)
      if number == SIGKILL { vp_kill_group(pid) } else { Glibc.kill(-pid, number) }
    }
  }

  /// What is below the process now; asked while it certainly is ours.
  private func noteInner(_ pid: pid_t, _ state: inout State) {
    let path = "/proc/\(pid)/task/\(pid)/children"
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 512)
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return }
    state.inner = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
  }

  private func supervise(_ configuration: LlamaServerConfiguration) async -> String {
    var options = PlatformOptions()
    options.createSession = true
    let words: String
    do {
      let result = try await run(
        .path(FilePath(configuration.launcher)),
        arguments: Arguments(
          ["outside", String(getpid()), configuration.runDirectory] + configuration.command()),
        environment: .custom(["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/tmp"]), workingDirectory: "/",
        platformOptions: options, input: .none, output: .sequence, error: .sequence
      ) { execution in
        let pid = execution.processIdentifier.value
        self.state.withLock { $0.pid = pid }
        if let number = self.state.withLock({ $0.pending }) { self.signal(number) }
        await withTaskGroup(of: Void.self) { readers in
          readers.addTask { await self.drain(execution.standardOutput) }
          readers.addTask { await self.drain(execution.standardError) }
        }
        // It may have closed both and gone on.
        while !Self.isGone(pid) { await self.pause(.milliseconds(10)) }
        self.state.withLock { $0.pid = nil }
      }
      words =
        switch result.terminationStatus {
        case .exited(let code): "it ended with status \(code)"
        case .signaled(let number): "signal \(number) ended it"
        }
    } catch {
      words = "it could not be started (\(EndpointFailure.clean("\(error)")))"
    }
    // The sandbox's first process takes the others with it; that takes a moment.
    let deadline = ContinuousClock.now + .seconds(2)
    while ContinuousClock.now < deadline, state.withLock({ $0.inner }).contains(where: { !Self.isGone($0) }) {
      await pause(.milliseconds(5))
    }
    state.withLock { $0.hasEnded = true }
    return words
  }

  private func drain(_ stream: SubprocessOutputSequence) async {
    var line: [UInt8] = []
    do {
      for try await piece in stream {
        let bytes = piece.withUnsafeBytes { Array($0) }
        state.withLock { state in
          state.tail += bytes.suffix(Self.tailBytes)
          state.tail.removeFirst(max(0, state.tail.count - Self.tailBytes))
        }
        for byte in bytes {
          if byte == 0x0A {
            log.debug(
              "llama-server", metadata: ["line": "\(EndpointFailure.clean(String(decoding: line, as: UTF8.self)))"])
            line.removeAll(keepingCapacity: true)
          } else if line.count < Self.logLineBytes {
            line.append(byte)
          }
        }
      }
    } catch {
      // A stream that fails has ended.
    }
  }

  /// Waits although the task may be cancelled: an end is waited for.
  private func pause(_ duration: Duration) async {
    await Task { try? await Task.sleep(for: duration) }.value
  }

  /// Whether a process has ended, reaped or not.
  static func isGone(_ process: pid_t) -> Bool {
    guard Glibc.kill(process, 0) == 0 else { return errno == ESRCH }
    let descriptor = open("/proc/\(process)/stat", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return true }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0, let end = String(decoding: buffer[..<count], as: UTF8.self).split(separator: ")").last else {
      return true
    }
    return end.split(separator: " ").first == "Z"
  }
}
