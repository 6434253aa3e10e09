// Asking a question over the socket, as a client would, and waiting for the answer.

import Client
import Domain
import Wire

/// A turn that has ended, with the notifications that led to it.
struct AskedTurn: Sendable {
  let result: TurnResult
  let events: [(TurnNotification, TurnNotificationParams)]
  /// Notes of how far its calls were; they may be dropped on the way.
  let progress: [ProgressParams]

  var answer: Answer? { result.answer }

  /// Starts a turn and follows it to its end.
  static func ask(
    _ connection: ClientConnection, _ caseID: CaseID, _ question: String, regions: [DrawnRegion]? = nil
  ) async throws -> AskedTurn {
    let started = try await connection.call(
      TurnMethods.start, TurnStartParams(caseID: caseID, question: question, regions: regions))
    return try await follow(connection, started.turn)
  }

  /// Follows a turn that this connection hears of to its end.
  static func follow(_ connection: ClientConnection, _ turn: TurnID) async throws -> AskedTurn {
    var events: [(TurnNotification, TurnNotificationParams)] = []
    var progress: [ProgressParams] = []
    for await notification in connection.notifications {
      if case .ended(turn, let error) = notification { throw error }
      if case .progress(let params) = notification, params.turn == turn { progress.append(params) }
      guard case .event(let kind, let params) = notification, params.turn == turn else { continue }
      events.append((kind, params))
      if kind == .turnCompleted { break }
    }
    return AskedTurn(
      result: try await connection.call(TurnMethods.get, TurnParams(turn: turn)), events: events, progress: progress)
  }
}
