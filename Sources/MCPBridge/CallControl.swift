// How a running call is told that nobody wants its result, and how it tells of its progress.
// What must stay true: what is to be done at a cancel is done once, whichever comes first, the cancel or the wish; the
// numbers of the notes grow.

import JSON
import Synchronization
import Wire

/// One call's cancel and progress.
final class CallControl: Sendable {
  private struct State {
    var isCancelled = false
    var onCancel: (@Sendable () -> Void)?
    var notes = 0.0
  }

  private let state = Mutex(State())
  private let token: JSONValue?
  private let send: @Sendable (RPCMessage) -> Void

  /// A control of a call that asked for notes under `token`, or for none.
  init(token: JSONValue?, send: @escaping @Sendable (RPCMessage) -> Void) {
    self.token = token
    self.send = send
  }

  var isCancelled: Bool { state.withLock { $0.isCancelled } }
  var wantsProgress: Bool { token != nil }

  /// Ends the call.
  func cancel() {
    let action = state.withLock { state -> (@Sendable () -> Void)? in
      state.isCancelled = true
      defer { state.onCancel = nil }
      return state.onCancel
    }
    action?()
  }

  /// What ends the call from here on.
  func onCancel(_ action: @escaping @Sendable () -> Void) {
    let now = state.withLock { state -> Bool in
      if !state.isCancelled { state.onCancel = action }
      return state.isCancelled
    }
    if now { action() }
  }

  /// A note that something was done, of a number that is not known before.
  func step(_ message: String) {
    let number = state.withLock { state -> Double in
      state.notes += 1
      return state.notes
    }
    note(number, total: nil, message)
  }

  /// A note of the daemon's own, passed on.
  func pass(_ note: CallProgressParams) { self.note(note.progress, total: note.total, note.message ?? "") }

  private func note(_ progress: Double, total: Double?, _ message: String) {
    guard let token, !isCancelled else { return }
    var params: [String: JSONValue] = [
      "progressToken": token, "progress": .number(progress), "message": .string(String(message.prefix(500))),
    ]
    params["total"] = total.map { .number($0) }
    send(.notification(method: CallProgressParams.method, params: .object(params)))
  }
}
