// A model that completes chats, as planners see it: the hosted child, an endpoint elsewhere, or a scripted one in tests.
// What must stay true: nothing here knows a model's name; the bytes sent and received come back with the reply, and with
// a failure as far as they went, so that the trace can keep them.

public import Domain
public import JSON
public import Prompting

/// Completes one chat at a time.
public protocol ChatModel: Sendable {
  /// What answers: recorded with every exchange.
  var identity: ModelIdentity { get async }

  /// One completion. Cancelling the task frees the processor within a second. Fails with `model.unavailable` (gone,
  /// slow, unreadable, too much), `model.context_full` or `cancelled`.
  func complete(_ request: ChatRequest) async throws(ChatFailure) -> ChatReply
}

/// Why a chat was not completed, and what had gone over the wire by then.
public struct ChatFailure: Error, Sendable, Hashable, Codable {
  public var error: VPathError
  /// What was sent, without credentials; empty when nothing was.
  public var requestBytes: [UInt8]
  /// What had come of the reply.
  public var replyBytes: [UInt8]
  /// From the request to the failure.
  public var elapsedSeconds: Double?
  /// Attempts at the same request that had failed before.
  public var earlier: [ChatFailure]

  public init(
    _ error: VPathError, requestBytes: [UInt8] = [], replyBytes: [UInt8] = [], elapsedSeconds: Double? = nil,
    earlier: [ChatFailure] = []
  ) {
    self.error = error
    self.requestBytes = requestBytes
    self.replyBytes = replyBytes
    self.elapsedSeconds = elapsedSeconds
    self.earlier = earlier
  }
}

/// What answered a request.
public struct ModelIdentity: Sendable, Hashable, Codable {
  /// The name in the model's manifest.
  public var name: String
  /// SHA-256 of its files, the weights first; empty for an endpoint that does not tell.
  public var filesSha256: [SHA256Hex]
  /// The server's own name and build.
  public var server: String

  public init(name: String, filesSha256: [SHA256Hex] = [], server: String = "") {
    self.name = name
    self.filesSha256 = filesSha256
    self.server = server
  }
}

/// What a model is asked.
public struct ChatRequest: Sendable, Hashable, Codable {
  /// Oldest first. A later request of the same conversation begins with the same messages, so that the server's cache
  /// serves them.
  public var messages: [ChatMessage]
  /// JSON Schema that the reply is to follow; nil for plain text. The reply is checked again by whoever asks.
  public var schema: JSONValue?
  /// The most tokens of the reply.
  public var maxTokens: Int
  public var temperature: Double
  public var seed: Int

  public init(
    messages: [ChatMessage], schema: JSONValue? = nil, maxTokens: Int = 512, temperature: Double = 0, seed: Int = 1
  ) {
    self.messages = messages
    self.schema = schema
    self.maxTokens = maxTokens
    self.temperature = temperature
    self.seed = seed
  }
}

/// What a model said.
public struct ChatReply: Sendable, Hashable, Codable {
  /// The text of the reply: a stranger's.
  public var text: String
  /// "stop", "length", …: as the server says.
  public var finishReason: String
  public var promptTokens: Int
  /// Prompt tokens that came from the server's cache.
  public var cachedTokens: Int
  public var completionTokens: Int
  /// Time the server took, where it tells.
  public var promptSeconds: Double?
  public var generationSeconds: Double?
  /// From the request to the whole reply, as seen from here.
  public var elapsedSeconds: Double?
  /// The request and the reply as they went over the wire, without credentials.
  public var requestBytes: [UInt8]
  public var replyBytes: [UInt8]
  /// Attempts at the same request that had failed before.
  public var earlier: [ChatFailure] = []

  public init(
    text: String, finishReason: String = "stop", promptTokens: Int = 0, cachedTokens: Int = 0,
    completionTokens: Int = 0, promptSeconds: Double? = nil, generationSeconds: Double? = nil,
    elapsedSeconds: Double? = nil, requestBytes: [UInt8] = [], replyBytes: [UInt8] = []
  ) {
    self.text = text
    self.finishReason = finishReason
    self.promptTokens = promptTokens
    self.cachedTokens = cachedTokens
    self.completionTokens = completionTokens
    self.promptSeconds = promptSeconds
    self.generationSeconds = generationSeconds
    self.elapsedSeconds = elapsedSeconds
    self.requestBytes = requestBytes
    self.replyBytes = replyBytes
  }
}
