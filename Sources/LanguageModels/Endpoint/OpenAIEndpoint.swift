// A model behind an OpenAI-compatible endpoint: the hosted child's socket, or a server elsewhere.
// What must stay true: a reply comes back whole or not at all; cancelling closes the connection, which is how the
// servers stop; no request is sent twice.

public import Domain
import JSON
import Synchronization

/// Completes chats over HTTP.
public final class OpenAIEndpoint: ChatModel {
  public let configuration: EndpointConfiguration
  private let transport: EndpointTransport
  private let known: ModelIdentity

  /// Throws `model.unavailable` when the configuration cannot be used.
  public init(_ configuration: EndpointConfiguration, identity: ModelIdentity) throws(VPathError) {
    try configuration.check()
    self.configuration = configuration
    known = identity
    do throws(EndpointFailure) {
      transport = try EndpointTransport(configuration)
    } catch {
      throw error.error(configuration.name)
    }
  }

  public var identity: ModelIdentity { get async { known } }

  public func complete(_ request: ChatRequest) async throws(ChatFailure) -> ChatReply {
    let attempt = await attempt(request)
    do throws(EndpointFailure) {
      return try attempt.outcome.get()
    } catch {
      throw attempt.failure(error.error(configuration.name))
    }
  }

  /// One request as it went.
  struct Attempt: Sendable {
    var sent: [UInt8] = []
    var received: [UInt8] = []
    var seconds: Double = 0
    var outcome: Result<ChatReply, EndpointFailure>

    func failure(_ error: VPathError) -> ChatFailure {
      ChatFailure(error, requestBytes: sent, replyBytes: received, elapsedSeconds: seconds)
    }
  }

  /// The same with the failure as it was met.
  func attempt(_ request: ChatRequest) async -> Attempt {
    let body: [UInt8]
    do throws(EndpointFailure) {
      body = try ChatRequestBody.bytes(request, configuration: configuration)
    } catch {
      return Attempt(outcome: .failure(error))
    }
    let stream = StreamBox()
    let begun = ContinuousClock.now
    let outcome: Result<ChatStream, EndpointFailure>
    do throws(EndpointFailure) {
      outcome = .success(try await self.stream(body, into: stream))
    } catch {
      outcome = .failure(error)
    }
    let seconds = begun.duration(to: .now) / .seconds(1)
    return Attempt(
      sent: body, received: stream.raw, seconds: seconds,
      outcome: outcome.map { whole in
        ChatReply(
          text: whole.text, finishReason: whole.finishReason ?? "", promptTokens: whole.promptTokens,
          cachedTokens: whole.cachedTokens, completionTokens: whole.completionTokens,
          promptSeconds: whole.promptSeconds, generationSeconds: whole.generationSeconds, elapsedSeconds: seconds,
          requestBytes: body, replyBytes: whole.raw)
      })
  }

  /// Whether the server says that it is ready; false while it loads or cannot be reached.
  func isHealthy(seconds: Double) async -> Bool {
    (try? await transport.get("/health", seconds: seconds))?.status == 200
  }

  /// llama-server's description of itself.
  func properties(seconds: Double) async -> JSONValue? {
    guard let found = try? await transport.get("/props", seconds: seconds), found.status == 200 else { return nil }
    return try? JSONValue.parse(found.body, limits: JSONLimits(maxBytes: 1 << 20, maxDepth: 32, maxValues: 20_000))
  }

  private func stream(_ body: [UInt8], into stream: StreamBox) async throws(EndpointFailure) -> ChatStream {
    let limits = configuration.limits
    let path = if case .unixSocket = configuration.target { "/v1/chat/completions" } else { "/chat/completions" }
    try await transport.post(path, body) { (piece) throws(EndpointFailure) in
      switch piece {
      case .head(_, let contentType):
        stream.begin(ChatStream(isEvents: !contentType.lowercased().hasPrefix("application/json"), limits: limits))
        return .more
      case .bytes(let bytes):
        return try stream.feed(bytes) ? .enough : .more
      }
    }
    return try stream.end()
  }
}

/// The stream of one reply, shared between who reads and who asked.
private final class StreamBox: Sendable {
  private let stream = Mutex<ChatStream?>(nil)

  /// What has come.
  var raw: [UInt8] { stream.withLock { $0?.raw ?? [] } }

  func begin(_ new: ChatStream) { stream.withLock { $0 = new } }

  /// Whether all has come.
  func feed(_ bytes: [UInt8]) throws(EndpointFailure) -> Bool {
    let outcome = stream.withLock { stream -> Result<Bool, EndpointFailure> in
      do throws(EndpointFailure) {
        try stream?.feed(bytes)
        return .success(stream?.isDone ?? false)
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  func end() throws(EndpointFailure) -> ChatStream {
    let outcome = stream.withLock { stream -> Result<ChatStream, EndpointFailure> in
      guard var whole = stream else { return .failure(.cut) }
      do throws(EndpointFailure) {
        try whole.end()
        return .success(whole)
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }
}
