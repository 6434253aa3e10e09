// A client made of a socket and nothing else, so that it can misbehave.

import Dispatch
import Domain
import Glibc
public import JSON
import Synchronization
import Wire

/// A connection to the daemon's socket.
public final class RawClient: Sendable {
  private let descriptor: CInt
  private let writing = DispatchQueue(label: "client.write")
  private let state = Mutex(State())
  /// Lines as they come; it ends when the daemon closes the connection.
  private let lines: AsyncStream<[UInt8]>

  private struct State {
    var next = 1
    var isReading = false
    var isClosed = false
    var iterator: [JSONValue] = []
  }

  /// Connects; a full queue is tried again.
  public init(_ path: String, reads: Bool = true) throws {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
    var connected: CInt = -1
    var made: CInt = -1
    for _ in 0..<2000 {
      made = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
      connected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(made, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      if connected == 0 { break }
      let reason = errno
      close(made)
      guard reason == EAGAIN else { throw VPathError(.serverUnreachable, String(cString: strerror(reason))) }
      usleep(1000)
    }
    guard connected == 0 else { throw VPathError(.serverUnreachable, "The queue stays full.") }
    descriptor = made
    let (lines, sink) = AsyncStream.makeStream(of: [UInt8].self)
    self.lines = lines
    if reads { startReading(sink) }
  }

  deinit { disconnect() }

  private func startReading(_ sink: AsyncStream<[UInt8]>.Continuation) {
    let descriptor = descriptor
    let thread = DispatchQueue(label: "client.read")
    thread.async {
      var pending: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        var rest = buffer[..<count]
        while let end = rest.firstIndex(of: 0x0A) {
          sink.yield(pending + rest[..<end])
          pending = []
          rest = rest[(end + 1)...]
        }
        pending += rest
      }
      sink.finish()
    }
  }

  /// Sends bytes; false when the daemon has closed the connection.
  @discardableResult
  public func send(_ bytes: [UInt8]) async -> Bool {
    let descriptor = descriptor
    return await withCheckedContinuation { answer in
      writing.async {
        var rest = bytes[...]
        while !rest.isEmpty {
          let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
          if count < 0, errno == EINTR { continue }
          guard count > 0 else {
            answer.resume(returning: false)
            return
          }
          rest = rest.dropFirst(count)
        }
        answer.resume(returning: true)
      }
    }
  }

  /// Sends a line of text.
  @discardableResult
  public func send(_ line: String) async -> Bool { await send(Array((line + "\n").utf8)) }

  /// Says that nothing more will be sent.
  public func endSending() { shutdown(descriptor, CInt(SHUT_WR)) }

  /// Stops reading and writing at once; waiting readers and writers are let go.
  public func disconnect() {
    let isFirst = state.withLock { state in
      defer { state.isClosed = true }
      return !state.isClosed
    }
    guard isFirst else { return }
    shutdown(descriptor, CInt(SHUT_RDWR))
    let descriptor = descriptor
    writing.async { close(descriptor) }
  }

  /// The next line as JSON; nil when the daemon has closed the connection.
  public func next() async -> JSONValue? {
    for await line in lines { return (try? JSONValue.parse(line)) ?? .string(String(decoding: line, as: UTF8.self)) }
    return nil
  }

  /// Sends a request and waits for its answer; what comes before it is given to `other`.
  public func call(
    _ method: String, _ params: JSONValue = [:], other: (JSONValue) -> Void = { _ in }
  ) async -> JSONValue? {
    let id = state.withLock { state in
      defer { state.next += 1 }
      return state.next
    }
    guard await send(RPCMessage.request(id: .integer(id), method: method, params: params).line) else { return nil }
    while let message = await next() {
      if message["id"]?.integerValue == id { return message }
      other(message)
    }
    return nil
  }

  /// The id of the error a request ended with.
  public func error(_ method: String, _ params: JSONValue = [:]) async -> String? {
    await call(method, params)?["error"]?["data"]?["id"]?.stringValue
  }
}
