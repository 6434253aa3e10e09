// Model servers that do well and badly, as the endpoint meets them.

import Domain
import Glibc
import JSON
import Prompting
import TestSupport
import Testing

@testable import LanguageModels

private let question = ChatRequest(messages: [.init(.system, "You plan."), .init(.user, "Where?")])

private func endpoint(
  _ target: EndpointConfiguration.Target, keyFile: String? = nil, caFile: String? = nil, proxy: EndpointURL? = nil,
  limits: EndpointLimits = EndpointLimits()
) throws -> OpenAIEndpoint {
  try OpenAIEndpoint(
    EndpointConfiguration(target: target, model: "m", keyFile: keyFile, caFile: caFile, proxy: proxy, limits: limits),
    identity: ModelIdentity(name: "m"))
}

/// What a server's script leads to.
private func failure(
  _ script: [FakeModelServer.Act], keyFile: String? = nil, limits: EndpointLimits = EndpointLimits()
) async throws -> VPathError {
  try await FakeModelServer.with(.loopback, script) { server in
    let model = try endpoint(
      .url(EndpointURL("http://127.0.0.1:\(server.port)/v1")), keyFile: keyFile, limits: limits)
    return try await #require(throws: ChatFailure.self) { try await model.complete(question) }.error
  }
}

@Suite struct EndpointTests {
  let folder = TemporaryFolder()

  func file(_ name: String, _ text: String, mode: mode_t = 0o600) -> String {
    let path = folder.write(name, Array(text.utf8))
    chmod(path, mode)
    return path
  }

  @Test func aStreamedReplyIsPutTogetherWithItsCounts() async throws {
    let socket = folder.path + "/m.sock"
    let script: [FakeModelServer.Act] = [.send(FakeModelServer.stream(["Most ", "cellular ", "at r1"]))]
    try await FakeModelServer.with(.unixSocket(socket), script) { server in
      let reply = try await endpoint(.unixSocket(path: socket)).complete(question)
      #expect(reply.text == "Most cellular at r1")
      #expect(reply.finishReason == "stop")
      #expect(reply.promptTokens == 300)
      #expect(reply.cachedTokens == 250)
      #expect(reply.completionTokens == 7)
      #expect(reply.promptSeconds == 0.5)
      #expect(reply.generationSeconds == 0.07)
      let request = try #require(server.requests.first)
      #expect(request.head.hasPrefix("POST /v1/chat/completions HTTP/1.1\r\n"))
      #expect(request.head.lowercased().contains("\r\nhost: localhost\r\n"))
      #expect(request.body == reply.requestBytes)
      #expect(String(decoding: reply.replyBytes, as: UTF8.self).hasSuffix("data: [DONE]\n\n"))
    }
  }

  @Test func aReplyCutIntoSingleBytesReadsTheSame() throws {
    let bytes = Array(FakeModelServer.stream(["a", "b"]).utf8.dropFirst(FakeModelServer.head.utf8.count))
    var stream = ChatStream(isEvents: true, limits: EndpointLimits())
    for byte in bytes { try stream.feed([byte]) }
    try stream.end()
    #expect(stream.text == "ab")
    #expect(stream.raw == bytes)
  }

  @Test func aServerThatDoesNotStreamIsReadToo() async throws {
    let body = #"{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}"#
    try await FakeModelServer.with(.loopback, [.send(FakeModelServer.json("200 OK", body))]) { server in
      let model = try endpoint(.url(EndpointURL("http://127.0.0.1:\(server.port)/v1/")))
      let reply = try await model.complete(question)
      #expect(reply.text == "yes")
      #expect(reply.promptTokens == 3)
    }
  }

  @Test func aServerThatIsNotThereIsSaidToBeUnreachable() async throws {
    let socket = folder.path + "/secret-name.sock"
    let model = try endpoint(.unixSocket(path: socket))
    let error = try await #require(throws: ChatFailure.self) { try await model.complete(question) }.error
    #expect(error.id == .modelUnavailable)
    #expect(error.retryable)
    #expect(!error.message.contains("secret-name"))
  }

  @Test(arguments: [
    ([], EndpointLimits(firstByteSeconds: 0.3), "gave no byte"),
    ([FakeModelServer.Act.send(FakeModelServer.head)], EndpointLimits(idleSeconds: 0.3), "stopped in the middle"),
    ([.send(FakeModelServer.stream(["a"], end: ""))], EndpointLimits(idleSeconds: 0.3), "stopped in the middle"),
  ])
  func aServerThatGoesSilentIsGivenUp(
    script: [FakeModelServer.Act], limits: EndpointLimits, words: String
  ) async throws {
    let error = try await failure(script, limits: limits)
    #expect(error.id == .modelUnavailable)
    #expect(error.message.contains(words), "\(error.message)")
  }

  @Test func aReplyThatNeverEndsIsGivenUp() async throws {
    let error = try await failure(
      [.send(FakeModelServer.head), .endless(": \n")],
      limits: EndpointLimits(idleSeconds: 10, totalSeconds: 0.5, replyBytes: 1 << 40))
    #expect(error.message.contains("did not end its reply"), "\(error.message)")
  }

  @Test func aStreamThatIsCutIsNoReply() async throws {
    let error = try await failure([.send(FakeModelServer.stream(["a", "b"], end: "")), .close])
    #expect(error.id == .modelUnavailable)
    #expect(error.message.contains("before its reply was whole"), "\(error.message)")
  }

  @Test func aFailureTellsWhatWasSentAndWhatHadCome() async throws {
    let part = FakeModelServer.stream(["half a "], end: "")
    try await FakeModelServer.with(.loopback, [.send(part), .close]) { server in
      let model = try endpoint(.url(EndpointURL("http://127.0.0.1:\(server.port)/v1")))
      let failure = try await #require(throws: ChatFailure.self) { try await model.complete(question) }
      #expect(failure.requestBytes == server.requests.first?.body)
      #expect(failure.replyBytes == Array(part.utf8.dropFirst(FakeModelServer.head.utf8.count)))
      #expect((failure.elapsedSeconds ?? 0) > 0)
    }
  }

  @Test func aGigabyteIsCutOffAtTheLimit() async throws {
    let line = FakeModelServer.event(String(repeating: " ", count: 10_000) + #"{"choices":[]}"#)
    try await FakeModelServer.with(.loopback, [.send(FakeModelServer.head), .endless(line)]) { server in
      let model = try endpoint(
        .url(EndpointURL("http://127.0.0.1:\(server.port)/v1")), limits: EndpointLimits(replyBytes: 1 << 20))
      let error = try await #require(throws: ChatFailure.self) { try await model.complete(question) }.error
      #expect(error.message.contains("more than 1048576 bytes"), "\(error.message)")
      try await eventually { server.closed == 1 }
      #expect(server.sentBytes < 64 << 20)
    }
  }

  @Test func oneEndlessLineIsCutOff() async throws {
    let error = try await failure(
      [.send(FakeModelServer.head + "data: "), .endless(String(repeating: "x", count: 65_536))],
      limits: EndpointLimits(lineBytes: 100_000))
    #expect(error.message.contains("an event of more than 100000 bytes"), "\(error.message)")
  }

  @Test(arguments: [
    FakeModelServer.stream([], end: FakeModelServer.event("{oops")),
    FakeModelServer.stream([], end: FakeModelServer.event("[1]")),
    FakeModelServer.json("200 OK", #"{"object":"list"}"#), FakeModelServer.json("200 OK", ""),
    FakeModelServer.json("200 OK", String(repeating: "[", count: 100)),
  ])
  func whatIsNoCompletionIsSaidToBeNone(text: String) async throws {
    let error = try await failure([.send(text), .close])
    #expect(error.id == .modelUnavailable)
    #expect(error.message.contains("no chat completion"), "\(error.message)")
    #expect(!error.retryable)
  }

  @Test(arguments: [
    #"{"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":8192}}"#,
    #"{"error":{"message":"This model's maximum context length is 8192","code":"context_length_exceeded"}}"#,
  ])
  func aPromptThatDoesNotFitIsContextFull(body: String) async throws {
    let early = try await failure([.send(FakeModelServer.json("400 Bad Request", body))])
    #expect(early.id == .modelContextFull)
    let late = try await failure([.send(FakeModelServer.stream(["a"], end: FakeModelServer.event(body))), .close])
    #expect(late.id == .modelContextFull)
  }

  @Test func aRefusedKeyIsNeverRepeated() async throws {
    let key = file("key", "sk-12345\n")
    for status in ["401 Unauthorized", "400 Bad Request"] {
      let script = FakeModelServer.json(status, #"{"error":{"message":"Incorrect key sk-12345, sk-12345"}}"#)
      let error = try await failure([.send(script)], keyFile: key)
      #expect(error.id == .modelUnavailable)
      #expect(!error.message.contains("sk-12345"), "\(error.message)")
    }
  }

  @Test func aKeyIsSentInTheHeaderAndNowhereElse() async throws {
    let key = file("key", " sk-12345\n")
    try await FakeModelServer.with(.loopback, [.send(FakeModelServer.stream(["a"]))]) { server in
      let model = try endpoint(.url(EndpointURL("http://127.0.0.1:\(server.port)/v1")), keyFile: key)
      let reply = try await model.complete(question)
      #expect(server.requests.first?.head.contains("Authorization: Bearer sk-12345\r\n") == true)
      #expect(!String(decoding: reply.requestBytes, as: UTF8.self).contains("sk-12345"))
    }
  }

  @Test func aKeyFileThatOthersMayReadIsRefused() async throws {
    for mode in [0o640, 0o604, 0o644] as [mode_t] {
      let error = try await failure([], keyFile: file("key", "sk-12345", mode: mode))
      #expect(error.subject == "model.endpointKeyFile")
      #expect(error.message.contains("chmod 600"), "\(error.message)")
      #expect(!error.message.contains(folder.path))
    }
  }

  @Test(arguments: [("", "is empty"), ("a b", "more than one word"), ("a\nX-Evil: 1", "more than one word")])
  func aKeyFileThatHoldsNoKeyIsRefused(text: String, words: String) async throws {
    let error = try await failure([], keyFile: file("key", text))
    #expect(error.message.contains(words), "\(error.message)")
  }

  @Test(arguments: [
    "ftp://h/v1", "https://", "https://user:pw@h/v1", "https://h/v1?key=1", "https://h:0/v1", "https://h:x/v1", "h/v1",
    "https://h/v1 x", "http://[::1",
  ])
  func aURLThatIsNoneOrHoldsASecretIsRefusedWithoutRepeatingIt(text: String) {
    let error = #expect(throws: VPathError.self) { try EndpointURL(text) }
    #expect(error?.subject == "model.endpointURL")
    #expect(error?.message.contains("pw") == false)
  }

  @Test func aKeyIsNotSentOverPlainHTTPToAnotherMachine() throws {
    let url = try EndpointURL("http://model.example/v1")
    #expect(throws: VPathError.self) { try endpoint(.url(url), keyFile: "/k") }
    #expect(EndpointConfiguration(target: .url(url)).isRemote)
    let own = try EndpointURL("http://127.0.0.1:8080/v1")
    #expect(!EndpointConfiguration(target: .url(own)).isRemote)
    let alike = try EndpointURL("http://127.0.0.1.evil.example/v1")
    #expect(EndpointConfiguration(target: .url(alike)).isRemote)
  }

  @Test func anotherAddressIsNotFollowed() async throws {
    let head = "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    let error = try await failure([.send(head)])
    #expect(error.message.contains("points elsewhere"), "\(error.message)")
  }

  @Test func cancellingClosesTheConnection() async throws {
    try await FakeModelServer.with(.loopback, [.send(FakeModelServer.stream(["a"], end: ""))]) { server in
      let model = try endpoint(.url(EndpointURL("http://127.0.0.1:\(server.port)/v1")))
      let asking = Task { () -> VPathError? in
        do throws(ChatFailure) {
          _ = try await model.complete(question)
          return nil
        } catch {
          return error.error
        }
      }
      try await eventually { server.requests.count == 1 }
      asking.cancel()
      #expect(await asking.value?.id == .cancelled)
      try await eventually { server.closed == 1 }
    }
  }

  @Test func aProxyIsAskedInTheServersPlace() async throws {
    try await FakeModelServer.with(.loopback, [.send(FakeModelServer.stream(["a"]))]) { server in
      let model = try endpoint(
        .url(EndpointURL("http://model.invalid/v1")), proxy: EndpointURL("http://127.0.0.1:\(server.port)"))
      #expect(try await model.complete(question).text == "a")
      #expect(
        server.requests.map { String($0.head.prefix { $0 != "\r\n" }) } == [
          "CONNECT model.invalid:80 HTTP/1.1", "POST /v1/chat/completions HTTP/1.1",
        ])
    }
  }
}
