// Follows a turn's notifications to its end, showing the steps.
// What must stay true: SIGINT and SIGTERM interrupt the turn once and then wait for its end; the answer is read with
// turn/get, so that a cut stream loses nothing.

import Client
import Dispatch
import Domain
import JSON
import Wire

#if canImport(Glibc)
  import Glibc
#endif

struct TurnFollower: Sendable {
  let connection: ClientConnection
  let turn: TurnID
  let quiet: Bool

  /// Waits for `turn/completed` and reads the turn.
  func follow() async throws -> TurnResult {
    let signals = interruptOnSignal()
    defer { signals.forEach { $0.cancel() } }
    events: for await notification in connection.notifications {
      switch notification {
      case .event(let kind, let params) where params.turn == turn:
        if !quiet { show(kind, params) }
        if kind == .turnCompleted { break events }
      case .progress(let progress) where progress.turn == turn:
        let share = progress.fraction.map { " \(Int(($0 * 100).rounded())) %" } ?? ""
        if !quiet { Terminal.progress("  … \(Terminal.printable(progress.message))\(share)") }
      case .ended(let ended, let error) where ended == turn: throw error
      case .error(let error): throw error
      case .event, .progress, .ended, .unknown: continue
      }
    }
    let result = try await connection.call(TurnMethods.get, TurnParams(turn: turn))
    guard result.state == "completed" else {
      throw VPathError(
        .serverUnreachable,
        "The daemon stopped sending before the turn ended. `vpath trace list` shows what became "
          + "of it.", subject: turn.rawValue, retryable: true)
    }
    return result
  }

  private func show(_ kind: TurnNotification, _ params: TurnNotificationParams) {
    let title = Terminal.printable(params.title)
    switch kind {
    case .itemStarted: Terminal.progress("  \(title)")
    case .itemCompleted: Terminal.note("  \(title)")
    case .turnStarted, .turnCompleted, .itemProgress: break
    }
  }

  private func interruptOnSignal() -> [any DispatchSourceSignal] {
    [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number)
      source.setEventHandler {
        Terminal.note("Interrupting the turn.")
        Task { try? await connection.call(TurnMethods.interrupt, TurnParams(turn: turn), timeoutSeconds: 10) }
      }
      source.resume()
      return source
    }
  }
}
