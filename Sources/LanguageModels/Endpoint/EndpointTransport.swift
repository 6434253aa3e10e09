// One HTTP exchange with a model server, within its limits.
// What must stay true: every exchange ends within its limits, and its connection is closed then, whoever gave up;
// nothing is followed, decompressed or tried again behind the caller's back.

import AsyncHTTPClient
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Sends requests.
final class EndpointTransport: Sendable {
  private let configuration: EndpointConfiguration
  private let client: HTTPClient

  /// Throws `tls` when the certificates of `caFile` cannot be read.
  init(_ configuration: EndpointConfiguration) throws(EndpointFailure) {
    self.configuration = configuration
    var http = HTTPClient.Configuration(
      redirectConfiguration: .disallow,
      timeout: .init(connect: .milliseconds(Int64(configuration.limits.connectSeconds * 1000))),
      proxy: configuration.proxy.map { .server(host: $0.host, port: $0.port) }, decompression: .disabled)
    http.httpVersion = .http1Only
    // Else a refused connection is tried again until the time is over.
    http.connectionPool.retryConnectionEstablishment = false
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv12
    if let file = configuration.caFile {
      do {
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
      } catch {
        throw .tls("the file of model.endpointCAFile holds no PEM certificates that can be read")
      }
    }
    http.tlsConfiguration = tls
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: http)
  }

  deinit {
    let client = client
    // A client must be shut down, which takes a moment that nobody has to wait for.
    Task { try? await client.shutdown() }
  }

  /// Posts a body and hands the reply on piece by piece until `receive` says that it has all.
  /// Throws `EndpointFailure`; a status other than 200 with the words of its body.
  func post(
    _ path: String, _ body: [UInt8], _ receive: @escaping @Sendable (Piece) throws(EndpointFailure) -> Verdict
  ) async throws(EndpointFailure) {
    let key: String?
    if let file = configuration.keyFile { key = try EndpointKey.read(file) } else { key = nil }
    var request = request(.POST, path)
    request.headers.add(name: "Content-Type", value: "application/json")
    request.headers.add(name: "Accept", value: "text/event-stream")
    if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
    request.body = .bytes(ByteBuffer(bytes: body))
    try await exchange(request, limits: configuration.limits, key: key, receive)
  }

  /// Gets a small document: its status and at most 1 MiB of it.
  func get(_ path: String, seconds: Double) async throws(EndpointFailure) -> (status: Int, body: [UInt8]) {
    let box = Box<(status: Int, body: [UInt8])>((0, []))
    var limits = configuration.limits
    limits.firstByteSeconds = seconds
    limits.idleSeconds = seconds
    limits.totalSeconds = seconds
    try await exchange(request(.GET, path), limits: limits, key: nil) { (piece) throws(EndpointFailure) in
      switch piece {
      case .head(let status, _): box.value.withLock { $0.status = status }
      case .bytes(let bytes):
        let count = box.value.withLock { value in
          value.body += bytes
          return value.body.count
        }
        guard count <= 1 << 20 else { throw .tooLong(bytes: 1 << 20) }
      }
      return .more
    }
    return box.value.withLock { $0 }
  }

  /// A piece of a reply.
  enum Piece: Sendable {
    case head(status: Int, contentType: String)
    case bytes([UInt8])
  }
  /// Whether more of a reply is wanted.
  enum Verdict: Sendable { case more, enough }

  private func request(_ method: HTTPMethod, _ path: String) -> HTTPClientRequest {
    var request: HTTPClientRequest
    switch configuration.target {
    case .unixSocket(let socket):
      request = HTTPClientRequest(url: "http+unix://\(Self.percentEncoded(socket))\(path)")
      // The client sends none over a Unix socket.
      request.headers.add(name: "Host", value: "localhost")
    case .url(let url):
      request = HTTPClientRequest(url: "\(url)\(path)")
    }
    request.method = method
    request.headers.add(name: "User-Agent", value: "vpath")
    // One request a connection: a server that went away in between is never met with an old one.
    request.headers.add(name: "Connection", value: "close")
    return request
  }

  private func exchange(
    _ request: HTTPClientRequest, limits: EndpointLimits, key: String?,
    _ receive: @escaping @Sendable (Piece) throws(EndpointFailure) -> Verdict
  ) async throws(EndpointFailure) {
    let progress = Progress()
    let outcome = await withTaskGroup(of: Result<Void, EndpointFailure>.self) { group in
      group.addTask {
        do throws(EndpointFailure) {
          try await self.run(request, limits: limits, progress: progress, receive)
          return .success(())
        } catch {
          return .failure(error)
        }
      }
      group.addTask { .failure(await progress.watch(limits)) }
      let first = await group.next() ?? .failure(.cancelled)
      group.cancelAll()
      return first
    }
    if Task.isCancelled { throw .cancelled }
    do {
      try outcome.get()
    } catch .status(let status, let words) {
      throw .status(status, words: EndpointFailure.clean(words, without: key))
    } catch .server(let words) {
      throw .server(EndpointFailure.clean(words, without: key))
    } catch {
      throw error
    }
  }

  private func run(
    _ request: HTTPClientRequest, limits: EndpointLimits, progress: Progress,
    _ receive: @Sendable (Piece) throws(EndpointFailure) -> Verdict
  ) async throws(EndpointFailure) {
    do {
      let response = try await client.execute(request, timeout: .seconds(Int64(limits.totalSeconds) + 5))
      progress.note()
      let status = Int(response.status.code)
      guard status == 200 || request.method == .GET else {
        throw try await Self.refusal(response, status: status)
      }
      _ = try receive(.head(status: status, contentType: response.headers.first(name: "content-type") ?? ""))
      for try await buffer in response.body {
        progress.note()
        if case .enough = try receive(.bytes(Array(buffer.readableBytesView))) { return }
      }
    } catch {
      throw Self.failure(error)
    }
  }

  /// What a server that refuses says; 64 KiB of it are read.
  private static func refusal(_ response: HTTPClientResponse, status: Int) async throws -> EndpointFailure {
    var body: [UInt8] = []
    for try await buffer in response.body {
      body += buffer.readableBytesView.prefix(65_536 - body.count)
      if body.count >= 65_536 { break }
    }
    return ServerErrorBody.failure(status: status, body)
  }

  private static func failure(_ error: any Error) -> EndpointFailure {
    switch error {
    case let failure as EndpointFailure: return failure
    case is CancellationError: return .cancelled
    case let error as HTTPClientError:
      switch error {
      case .cancelled: return .cancelled
      case .connectTimeout: return .unreachable("no connection within the time for it")
      case .deadlineExceeded, .readTimeout: return .unreachable("no answer in time")
      case .remoteConnectionClosed: return .cut
      case .tlsHandshakeTimeout: return .tls("the TLS handshake took too long")
      case .invalidProxyResponse, .proxyAuthenticationRequired, .httpProxyHandshakeTimeout: return .proxy
      case .uncleanShutdown: return .cut
      default: return .unreachable(EndpointFailure.clean(error.shortDescription))
      }
    case let error as NIOSSLError: return .tls(words(error))
    case is NIOSSLExtraError: return .tls("the certificate is for another host")
    case let error as NIOConnectionError:
      if let first = error.connectionErrors.first { return failure(first.error) }
      if error.dnsAError != nil || error.dnsAAAAError != nil { return .unreachable("its name was not found") }
      return .unreachable("no connection")
    case let error as IOError:
      if error.errnoCode == ECONNRESET || error.errnoCode == EPIPE { return .cut }
      return .unreachable(String(cString: strerror(error.errnoCode)))
    case let error as HTTPParserError: return .unreadable("HTTP: \(EndpointFailure.clean("\(error)"))")
    default: return .unreachable(EndpointFailure.clean("\(type(of: error))"))
    }
  }

  private static func words(_ error: NIOSSLError) -> String {
    let text = "\(error)"
    if text.contains("CERTIFICATE_VERIFY_FAILED") { return "its certificate is signed by nobody that is trusted" }
    if text.contains("WRONG_VERSION_NUMBER") { return "it speaks no TLS at that port" }
    return "the TLS handshake failed"
  }

  /// Everything but letters, digits and `-._~` as %XX, so that a path is one host name to a URL.
  static func percentEncoded(_ path: String) -> String {
    let digits = Array("0123456789ABCDEF")
    return path.utf8.reduce(into: "") { text, byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default: text += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
      }
    }
  }
}

/// When something last came, and whether that is too long ago.
private final class Progress: Sendable {
  private struct State {
    var last = ContinuousClock.now
    var hasBegun = false
  }
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  func note() {
    state.withLock { state in
      state.last = .now
      state.hasBegun = true
    }
  }

  /// Waits until a limit is passed, or until the task is cancelled.
  func watch(_ limits: EndpointLimits) async -> EndpointFailure {
    while !Task.isCancelled {
      let (last, hasBegun) = state.withLock { ($0.last, $0.hasBegun) }
      let end = start + .seconds(limits.totalSeconds)
      let next = min(last + .seconds(hasBegun ? limits.idleSeconds : limits.firstByteSeconds), end)
      if next <= .now {
        if next == end { return .tooSlow(seconds: limits.totalSeconds) }
        return hasBegun ? .stalled(seconds: limits.idleSeconds) : .silent(seconds: limits.firstByteSeconds)
      }
      // The first byte brings a nearer limit: look again before it could have passed by much.
      try? await Task.sleep(until: min(next, .now + .seconds(min(limits.idleSeconds, 1))))
    }
    return .cancelled
  }
}

/// Holds a mutex where several closures share it.
private final class Box<Value: Sendable>: Sendable {
  let value: Mutex<Value>
  init(_ value: Value) { self.value = Mutex(value) }
}
