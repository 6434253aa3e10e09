// Asking a question over the socket, as a client would, and waiting for the answer.

import Client
import Domain
import Wire

/// A turn that has ended, with the notifications that led to it.
struct AskedTurn: Sendable {
  let result: TurnResult
  let events: [(TurnNotification, TurnNotificationParams)]

  var answer: Answer? { result.answer }

  /// Starts a turn and follows it to its end.
  static func ask(
    _ connection: ClientConnection, _ caseID: CaseID, _ question: String, regions: [DrawnRegion]? = nil
  ) async throws -> AskedTurn {
    let started = try await connection.call(
      TurnMethods.start, TurnStartParams(caseID: caseID, question: question, regions: regions))
    var events: [(TurnNotification, TurnNotificationParams)] = []
    for await notification in connection.notifications {
      if case .ended(let turn, let error) = notification, turn == started.turn { throw error }
      guard case .event(let kind, let params) = notification, params.turn == started.turn else { continue }
      events.append((kind, params))
      if kind == .turnCompleted { break }
    }
    return AskedTurn(
      result: try await connection.call(TurnMethods.get, TurnParams(turn: started.turn)), events: events)
  }
}
