// A chat model that says what a script says, for tests of planners: whatever a real one might.
// What must stay true: it sees just what a model would see, and keeps every request.

public import Domain
import JSON
public import LanguageModels
import Prompting
import Synchronization

/// A model that follows a script.
public final class ScriptedChat: ChatModel {
  /// What it says to a request; the number of the request, 1 for the first.
  public typealias Script = @Sendable (ChatRequest, Int) throws(VPathError) -> String

  private let script: Script
  private let state = Mutex<[ChatRequest]>([])

  /// A model that follows a script.
  public init(_ script: @escaping Script) { self.script = script }

  /// A model that says these things one after the other, and the last of them ever after.
  public convenience init(_ replies: [String]) {
    self.init { _, number in replies[min(number, replies.count) - 1] }
  }

  public var identity: ModelIdentity {
    get async { ModelIdentity(name: "scripted", filesSha256: [], server: "script 1") }
  }

  /// What was asked, in order.
  public var requests: [ChatRequest] { state.withLock { $0 } }

  public func complete(_ request: ChatRequest) async throws(ChatFailure) -> ChatReply {
    let number = state.withLock { requests in
      requests.append(request)
      return requests.count
    }
    let text: String
    do throws(VPathError) {
      text = try script(request, number)
    } catch {
      throw ChatFailure(
        error, requestBytes: Array("request \(number)".utf8), replyBytes: Array("broken \(number)".utf8),
        elapsedSeconds: 0.5)
    }
    return ChatReply(
      text: text, promptTokens: 100, cachedTokens: number > 1 ? 90 : 0, completionTokens: 10,
      requestBytes: Array("request \(number)".utf8), replyBytes: Array(text.utf8))
  }
}

extension ChatRequest {
  /// All its words.
  public var words: String {
    messages.flatMap(\.parts).map { part in
      if case .text(let text) = part { text } else { "[picture]" }
    }.joined(separator: "\n")
  }

  /// The words of its last message.
  public var lastWords: String {
    (messages.last?.parts ?? []).map { part in
      if case .text(let text) = part { text } else { "[picture]" }
    }.joined(separator: "\n")
  }
}
