// What a process's end means for the call that ran on it.
// What must stay true: the message says what happened and what to do, and holds nothing that the tool or the sandbox
// wrote on its error stream: those may name a patient's file.

import Domain
import Glibc

extension ProcessEnd {
  /// The call's error; nil when the process ended well.
  func failure(limits: ToolManifest.Limits) -> VPathError? {
    if let reason { return reason.error }
    if started != "1" { return launchFailure }
    switch exit {
    case .code(0): return nil
    case .notStarted:
      return VPathError(
        .toolFailed, "The tool could not be started. The daemon's log says why at level trace; try again.")
    // Bubblewrap ends with 128 and the signal's number when the tool died of one.
    case .code(let code) where code > 128 && code < 193: return died(of: code - 128, limits)
    case .signal(let number): return died(of: number, limits)
    case .code(let code):
      if seemsOutOfMemory(limits) { return EndReason.memory(limitMiB: limits.memoryMiB).error }
      if seemsOutOfSpace { return EndReason.files(limitMiB: limits.outputMiB).error }
      return VPathError(
        .toolFailed, "The tool ended with exit code \(code). `vpath tool run` on its folder shows what it says.")
    }
  }

  private func died(of signal: Int32, _ limits: ToolManifest.Limits) -> VPathError {
    switch signal {
    case SIGXFSZ: return EndReason.files(limitMiB: limits.outputMiB).error
    case SIGXCPU: return VPathError(.toolLimit, "The tool used more processor time than its limit allows.")
    case _ where seemsOutOfMemory(limits): return EndReason.memory(limitMiB: limits.memoryMiB).error
    case SIGKILL:
      return VPathError(.toolFailed, "The tool was killed (SIGKILL), perhaps because the machine ran out of memory.")
    default: return VPathError(.toolFailed, "The tool crashed (\(signalName(signal))).")
    }
  }

  /// The limit inside makes an allocation fail before the host sees the tree grow: runtimes say so as they die.
  private func seemsOutOfMemory(_ limits: ToolManifest.Limits) -> Bool {
    if peakMemoryBytes > (limits.memoryMiB << 20) * 9 / 10 { return true }
    return lastWords(have: [
      "MemoryError", "std::bad_alloc", "Cannot allocate memory", "out of memory", "Out of memory",
    ])
  }

  /// A write beyond the limit inside fails with these words where the signal is ignored.
  private var seemsOutOfSpace: Bool { lastWords(have: ["File too large", "No space left on device"]) }

  private func lastWords(have phrases: [String]) -> Bool {
    let words = String(decoding: errorTail, as: UTF8.self)
    return phrases.contains { words.contains($0) }
  }

  /// The launcher inside never ran the tool.
  private var launchFailure: VPathError {
    if started.hasPrefix("1E") {
      // The launcher's line ends with the system's own word for the error: "E2 run NAME: No such file or directory".
      let why = SetUpProblem(started).map { ": \($0.words)" } ?? ""
      return VPathError(
        .toolFailed, "The tool's command cannot be run\(why). `vpath tool check` on its folder says what to change.")
    }
    let said = started.isEmpty ? String(decoding: errorTail, as: UTF8.self) : started
    let problem = SetUpProblem(said) ?? .other
    return VPathError(
      .sandboxUnavailable, "The sandbox could not be set up for this call: \(problem.words). \(problem.advice)")
  }
}

extension EndReason {
  /// The error of the call because of which the process was ended.
  var error: VPathError {
    switch self {
    case .cancelled: VPathError(.cancelled, "The call was cancelled, and the tool with everything it started is gone.")
    case .timedOut(let seconds):
      VPathError(
        .toolTimedOut,
        "The tool ran longer than its limit of \(NumberText.plain(seconds)) s and was ended. Ask it for less.")
    case .memory(let limit):
      VPathError(.toolLimit, "The tool needed more than its limit of \(limit) MiB of memory. Ask it for less.")
    case .processes(let limit): VPathError(.toolLimit, "The tool started more than \(limit) processes and was ended.")
    case .output(let limit):
      VPathError(.toolLimit, "The tool wrote more than its limit of \(limit) MiB of output and was ended.")
    case .files(let limit):
      VPathError(.toolLimit, "The tool wrote more than its limit of \(limit) MiB of files, or too many of them.")
    case .brokeProtocol(let why): VPathError(.toolBadOutput, "The tool broke its protocol: \(why).")
    case .released: VPathError(.toolFailed, "The tool's process was ended because it is not needed any more.")
    }
  }
}

/// A signal's name as in signal(7).
func signalName(_ number: Int32) -> String {
  let names: [Int32: String] = [
    SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGABRT: "SIGABRT",
    SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGSEGV: "SIGSEGV", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM",
    SIGTERM: "SIGTERM", SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ", SIGSYS: "SIGSYS", SIGUSR1: "SIGUSR1",
    SIGUSR2: "SIGUSR2",
  ]
  return names[number] ?? "signal \(number)"
}
