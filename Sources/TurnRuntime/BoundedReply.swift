// A planner's reply within what can be recorded.
// What must stay true: whatever a planner or a model server sends, its record is what the turn sees.

import Domain
import Ports

extension StepReply {
  /// Longest text of a reply that is recorded; a step is far shorter.
  static let maxTextBytes = 1 << 20
  /// More tokens than any reply has.
  static let maxTokens = 1 << 40

  /// More exchanges than any step has.
  static let maxExchanges = 16

  /// The reply within what can be recorded: whatever a planner sends, its record is what the turn sees.
  var bounded: StepReply {
    var reply = self
    if text.utf8.count > StepReply.maxTextBytes {
      reply.text = String(decoding: text.utf8.prefix(StepReply.maxTextBytes), as: UTF8.self)
    }
    reply.promptTokens = min(max(0, promptTokens), StepReply.maxTokens)
    reply.completionTokens = min(max(0, completionTokens), StepReply.maxTokens)
    reply.exchanges = exchanges.map { $0.prefix(StepReply.maxExchanges).map(\.bounded) }
    return reply
  }
}

extension ModelExchange {
  /// A server's own words within what can be recorded.
  fileprivate var bounded: ModelExchange {
    var exchange = self
    exchange.server = String(server.prefix(200))
    exchange.finishReason = String(finishReason.prefix(60))
    exchange.problem = problem.map { String($0.prefix(2_000)) }
    exchange.filesSha256 = Array(filesSha256.prefix(64))
    exchange.views = views.map { Array($0.prefix(64)) }
    func count(_ tokens: Int) -> Int { min(max(0, tokens), StepReply.maxTokens) }
    exchange.promptTokens = count(promptTokens)
    exchange.cachedTokens = count(cachedTokens)
    exchange.completionTokens = count(completionTokens)
    exchange.seed = count(seed)
    func time(_ seconds: Double?) -> Double? { seconds.flatMap { $0.isFinite ? min(max(0, $0), 1e9) : nil } }
    exchange.promptSeconds = time(promptSeconds)
    exchange.generationSeconds = time(generationSeconds)
    exchange.elapsedSeconds = time(elapsedSeconds)
    return exchange
  }
}
