// A model server that does what a test tells it, well or badly: over a Unix socket, loopback, or TLS.

import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Answers every request with the same script.
final class FakeModelServer: Sendable {
  enum Place: Sendable {
    case unixSocket(String)
    case loopback
    /// PEM files.
    case tls(certificate: String, key: String)
  }
  enum Act: Sendable {
    case send(String)
    /// The same again and again, as fast as it is taken.
    case endless(String)
    case close
  }
  struct Request: Sendable {
    var head: String
    var body: [UInt8]
  }
  fileprivate struct Seen {
    var requests: [Request] = []
    var closed = 0
    var sentBytes = 0
  }

  let port: Int
  fileprivate let seen: SeenBox
  var requests: [Request] { seen.value.withLock { $0.requests } }
  /// Connections that ended.
  var closed: Int { seen.value.withLock { $0.closed } }
  var sentBytes: Int { seen.value.withLock { $0.sentBytes } }

  fileprivate final class SeenBox: Sendable { let value = Mutex(Seen()) }

  private init(port: Int, seen: SeenBox) {
    self.port = port
    self.seen = seen
  }

  static func with<R: Sendable>(
    _ place: Place, _ script: [Act], _ body: (FakeModelServer) async throws -> R
  ) async throws -> R {
    let seen = SeenBox()
    var context: NIOSSLContext?
    if case .tls(let certificate, let key) = place {
      context = try NIOSSLContext(
        configuration: .makeServerConfiguration(
          certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
          privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))))
    }
    let tls = context
    let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
          try channel.pipeline.syncOperations.addHandler(ScriptHandler(script, seen: seen))
        }
      }
    let channel: any Channel
    switch place {
    case .unixSocket(let path): channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
    case .loopback, .tls: channel = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
    }
    do {
      let result = try await body(FakeModelServer(port: channel.localAddress?.port ?? 0, seen: seen))
      try await channel.close()
      return result
    } catch {
      try? await channel.close()
      throw error
    }
  }

  /// A streamed reply of llama-server, piece by piece.
  static func stream(_ pieces: [String], end: String = finish) -> String {
    head
      + pieces.map { event(#"{"choices":[{"index":0,"delta":{"content":"\#($0)"},"finish_reason":null}]}"#) }.joined()
      + end
  }
  static let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
  static let finish =
    event(#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
    + event(
      #"{"choices":[],"usage":{"prompt_tokens":300,"completion_tokens":7},"timings":{"cache_n":250,"prompt_n":50,"prompt_ms":500,"predicted_n":7,"predicted_ms":70}}"#
    ) + event("[DONE]")
  static func event(_ data: String) -> String { "data: \(data)\n\n" }
  static func json(_ status: String, _ body: String) -> String {
    "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
}

/// Reads one request, then acts.
private final class ScriptHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let script: [FakeModelServer.Act]
  private let seen: FakeModelServer.SeenBox
  private var bytes: [UInt8] = []
  private var hasActed = false
  private var endless: String?
  private var isPumping = false

  init(_ script: [FakeModelServer.Act], seen: FakeModelServer.SeenBox) {
    self.script = script
    self.seen = seen
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    bytes += unwrapInboundIn(data).readableBytesView
    guard !hasActed, let end = Self.headEnd(bytes) else { return }
    let head = String(decoding: bytes[..<end], as: UTF8.self)
    let length =
      head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
      .flatMap { Int($0.dropFirst(15).drop { $0 == " " }) } ?? 0
    guard bytes.count >= end + length else { return }
    if head.hasPrefix("CONNECT ") {
      // A proxy, which plays the server behind it too.
      seen.value.withLock { $0.requests.append(FakeModelServer.Request(head: head, body: [])) }
      bytes = []
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n")), promise: nil)
      return
    }
    hasActed = true
    let request = FakeModelServer.Request(head: head, body: Array(bytes[end..<(end + length)]))
    seen.value.withLock { $0.requests.append(request) }
    for act in script {
      switch act {
      case .send(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
      case .close: context.close(promise: nil)
      case .endless(let text):
        endless = String(repeating: text, count: max(1, 16_384 / max(1, text.utf8.count)))
        pump(context)
      }
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) { pump(context) }

  /// A few pieces at a time, and large ones: the event loop is others' too.
  private func pump(_ context: ChannelHandlerContext) {
    guard let endless, !isPumping else { return }
    isPumping = true
    var written = 0
    while written < 4, context.channel.isWritable, context.channel.isActive {
      written += 1
      seen.value.withLock { $0.sentBytes += endless.utf8.count }
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: endless)), promise: nil)
    }
    isPumping = false
    guard written == 4, context.channel.isActive else { return }
    context.eventLoop.assumeIsolated().execute { self.pump(context) }
  }

  func channelInactive(context: ChannelHandlerContext) { seen.value.withLock { $0.closed += 1 } }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private static func headEnd(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 4 else { return nil }
    for index in 3..<bytes.count where bytes[(index - 3)...index].elementsEqual([13, 10, 13, 10]) { return index + 1 }
    return nil
  }
}
