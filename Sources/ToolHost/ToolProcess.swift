// One child with everything it starts: bytes in, bytes out, watched, and ended as a whole.
// What must stay true: a child always has an owner, which awaits `end()`; after it, nothing of the tree is left. Its
// output is handed on piece by piece, so a slow reader slows the child; its error stream is kept to the last 8 KiB.

import CPlatform
import Glibc
import Subprocess
import Synchronization
import SystemPackage

/// What is started.
struct ProcessLaunch: Sendable {
  var executable: String
  var arguments: [String]
  /// The whole environment; nothing is inherited.
  var environment: [String: String]
  var workingDirectory: String
}

/// What the host itself watches, beside the limits set inside.
struct ProcessBounds: Sendable {
  /// Nil for a process whose calls have limits of their own.
  var seconds: Double?
  /// Most bytes of its standard output; nil where the reader counts.
  var standardOutputBytes: Int?
  var memoryMiB: Int
  var outputMiB: Int
  var processes: Int
}

/// How a child ended.
struct ProcessEnd: Sendable {
  enum Exit: Sendable, Equatable {
    case code(Int32)
    case signal(Int32)
    /// It was never started; in words.
    case notStarted(String)
  }
  var exit: Exit
  /// Why the host ended it, if it did.
  var reason: EndReason?
  /// Empty when the launcher inside never ran, "1" when the tool began, else what went wrong between.
  var started: String
  /// The end of its error stream.
  var errorTail: [UInt8]
  /// The most memory its tree was seen to use.
  var peakMemoryBytes: Int
}

/// A running child.
final class ToolProcess: Sendable {
  private struct State {
    var pid: pid_t?
    var reason: EndReason?
    var hasEnded = false
    var errorTail: [UInt8] = []
    var peakMemoryBytes = 0
    /// The first process inside: when it is gone, all are.
    var inner: [pid_t] = []
  }

  private let launch: ProcessLaunch
  private let bounds: ProcessBounds
  private let work: WorkFolder
  private let state = Mutex(State())
  private let input: AsyncStream<[UInt8]>
  private let inputEnd: AsyncStream<[UInt8]>.Continuation
  private let running = Mutex<Task<ProcessEnd, Never>?>(nil)

  private static let errorTailBytes = 8192
  /// How often the tree is looked at: often at first, when a runaway grows, then less.
  private static func watchPeriod(round: Int) -> Duration { .milliseconds(round < 40 ? 50 : 200) }
  /// Most files and folders in scratch.
  static let maxScratchEntries = 20_000
  /// A write to a child that has ended must be an error here, not a signal to the daemon.
  private static let ignoreBrokenPipes: Void = { _ = Glibc.signal(SIGPIPE, SIG_IGN) }()

  /// Starts the child. `receive` gets its output in order, one piece at a time.
  init(
    _ launch: ProcessLaunch, bounds: ProcessBounds, work: WorkFolder,
    receive: @escaping @Sendable ([UInt8]) async -> Void
  ) {
    self.launch = launch
    self.bounds = bounds
    self.work = work
    (input, inputEnd) = AsyncStream.makeStream(of: [UInt8].self)
    ToolProcess.ignoreBrokenPipes
    running.withLock { task in task = Task { await self.supervise(receive) } }
  }

  /// Queues bytes for its standard input.
  func write(_ bytes: [UInt8]) { inputEnd.yield(bytes) }

  /// Its standard input ends after what was queued.
  func finishInput() { inputEnd.finish() }

  var hasEnded: Bool { state.withLock { $0.hasEnded } }

  /// Ends it and its tree at once. Only the first reason is kept.
  func kill(_ reason: EndReason) {
    state.withLock { state in
      if state.reason == nil { state.reason = reason }
      signal(SIGKILL, &state)
    }
  }

  /// Ends it step by step and waits until it is gone.
  func end(_ teardown: Teardown, reason: EndReason) async -> ProcessEnd {
    state.withLock { if $0.reason == nil { $0.reason = reason } }
    for step in teardown.steps where !hasEnded {
      switch step {
      case .closeInput(let seconds):
        finishInput()
        await waitForEnd(seconds: seconds)
      case .signal(let number, let seconds):
        state.withLock { signal(number, &$0) }
        await waitForEnd(seconds: seconds)
      case .kill:
        kill(reason)
      }
    }
    return await end()
  }

  /// Waits until it is gone, however it ends.
  func end() async -> ProcessEnd {
    if let task = running.withLock({ $0 }) { return await task.value }
    return ProcessEnd(
      exit: .notStarted("it was not started"), reason: nil, started: "", errorTail: [], peakMemoryBytes: 0)
  }

  private func waitForEnd(seconds: Double) async {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !hasEnded, ContinuousClock.now < deadline { await pause(.milliseconds(5)) }
  }

  /// Waits although the task may be cancelled: a teardown goes on.
  private func pause(_ duration: Duration) async {
    await Task { try? await Task.sleep(for: duration) }.value
  }

  /// The pid is ours until `hasEnded`: a child that has exited is not reaped before.
  private func signal(_ number: Int32, _ state: inout State) {
    guard let pid = state.pid else { return }
    ToolProcess.noteInner(pid, &state)
    if number == SIGKILL { vp_kill_group(pid) } else { Glibc.kill(-pid, number) }
  }

  private func noteInner(_ pid: pid_t) {
    state.withLock { ToolProcess.noteInner(pid, &$0) }
  }

  private static func noteInner(_ pid: pid_t, _ state: inout State) {
    guard state.inner.isEmpty, let members = ProcessTree.members(of: pid, limit: 2) else { return }
    state.inner = Array(members.dropFirst())
  }

  // MARK: - Its life

  private func supervise(_ receive: @escaping @Sendable ([UInt8]) async -> Void) async -> ProcessEnd {
    var options = PlatformOptions()
    // A session of its own: the group's id is the child's, and no terminal is shared.
    options.createSession = true
    let exit: ProcessEnd.Exit
    do {
      let result = try await run(
        .path(FilePath(launch.executable)), arguments: Arguments(launch.arguments),
        environment: .custom(launch.environment.map { Array("\($0.key)=\($0.value)".utf8) + [0] }),
        workingDirectory: FilePath(launch.workingDirectory), platformOptions: options, input: .inputWriter,
        output: .sequence, error: .sequence
      ) { execution in
        await self.follow(execution, receive)
      }
      exit =
        switch result.terminationStatus {
        case .exited(let code): .code(code)
        case .signaled(let number): .signal(number)
        }
    } catch {
      let words = PlainText.clean("\(error)", limit: 200)
      keepTail(Array(words.utf8))
      exit = .notStarted(words)
    }
    inputEnd.finish()
    await waitForInner()
    let started = (try? work.folder.read("started", maxBytes: 4096)) ?? []
    return state.withLock { state in
      state.hasEnded = true
      return ProcessEnd(
        exit: exit, reason: state.reason, started: String(decoding: started, as: UTF8.self),
        errorTail: state.errorTail, peakMemoryBytes: state.peakMemoryBytes)
    }
  }

  private func follow(
    _ execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>,
    _ receive: @escaping @Sendable ([UInt8]) async -> Void
  ) async {
    let pid = execution.processIdentifier.value
    state.withLock { state in
      state.pid = pid
      if state.reason != nil { signal(SIGKILL, &state) }
    }
    await withTaskGroup(of: Void.self) { helpers in
      helpers.addTask { await self.feed(execution.standardInputWriter) }
      helpers.addTask { await self.watch(pid) }
      await withTaskGroup(of: Void.self) { readers in
        readers.addTask {
          var count = 0
          await ToolProcess.read(execution.standardOutput) { piece in
            self.noteInner(pid)
            count += piece.count
            if let limit = self.bounds.standardOutputBytes, count > limit {
              self.kill(.output(limitMiB: self.bounds.outputMiB))
            } else {
              await receive(piece)
            }
          }
        }
        readers.addTask { await ToolProcess.read(execution.standardError) { self.keepTail($0) } }
      }
      // Both streams may be closed by a process that goes on; then it is waited for, still watched.
      var wait = 1
      while !ProcessTree.hasEnded(pid) {
        await pause(.milliseconds(wait))
        wait = min(2 * wait, 16)
      }
      helpers.cancelAll()
    }
    // From here on the pid may be reaped: no more signals.
    state.withLock { $0.pid = nil }
  }

  private static func read(
    _ stream: SubprocessOutputSequence, _ receive: ([UInt8]) async -> Void
  ) async {
    do {
      for try await piece in stream { await receive(piece.withUnsafeBytes { Array($0) }) }
    } catch {
      // A stream that fails has ended.
    }
  }

  private func keepTail(_ bytes: [UInt8]) {
    state.withLock { state in
      state.errorTail.append(contentsOf: bytes)
      let surplus = state.errorTail.count - ToolProcess.errorTailBytes
      if surplus > 0 { state.errorTail.removeFirst(surplus) }
    }
  }

  private func feed(_ writer: StandardInputWriter) async {
    for await bytes in input {
      do {
        _ = try await writer.write(bytes)
      } catch {
        // It reads no more; what it says tells why.
        break
      }
    }
    try? await writer.finish()
  }

  /// Looks at the tree and at scratch until cancelled.
  private func watch(_ pid: pid_t) async {
    let deadline = bounds.seconds.map { ContinuousClock.now + .seconds($0) }
    var round = 0
    while !Task.isCancelled {
      let period = ToolProcess.watchPeriod(round: round)
      try? await Task.sleep(for: deadline.map { max(.zero, min(period, $0 - .now)) } ?? period)
      if Task.isCancelled { return }
      if let deadline, let seconds = bounds.seconds, ContinuousClock.now >= deadline {
        kill(.timedOut(seconds: seconds))
        return
      }
      // Bubblewrap and its first process inside come on top of the tool's own.
      if let usage = ProcessTree.usage(of: pid, limit: bounds.processes + 3) {
        state.withLock { $0.peakMemoryBytes = max($0.peakMemoryBytes, usage.memoryBytes) }
        if usage.memoryBytes > bounds.memoryMiB << 20 { kill(.memory(limitMiB: bounds.memoryMiB)) }
        if usage.processes > bounds.processes + 2 { kill(.processes(limit: bounds.processes)) }
      }
      if round % 4 == 0 {
        let bytes = work.scratchBytes(limit: ToolProcess.maxScratchEntries)
        if bytes.map({ $0 > bounds.outputMiB << 20 }) ?? true { kill(.files(limitMiB: bounds.outputMiB)) }
      }
      round += 1
    }
  }

  /// The first process inside dies with its parent; the kernel then ends all others before it is gone itself.
  private func waitForInner() async {
    let inner = state.withLock { $0.inner }
    let deadline = ContinuousClock.now + .seconds(1)
    while inner.contains(where: { !ProcessTree.hasEnded($0) }), ContinuousClock.now < deadline {
      await pause(.milliseconds(1))
    }
  }
}
