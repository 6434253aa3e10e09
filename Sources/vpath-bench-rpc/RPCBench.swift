// Round trips over a Unix socket: a bare NIO echo server to compare with, and one load for both.
// What must stay true: the same client code, the same line and the same counts measure the daemon and its peer.

import ArgumentParser
import NIOCore
import NIOPosix

@main
struct RPCBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vpath-bench-rpc", abstract: "Measure round trips of JSON lines over a Unix socket.",
    subcommands: [Echo.self, Load.self])
}

/// The peer: gives back each line.
struct Echo: AsyncParsableCommand {
  @Option var socket: String

  func run() async throws {
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: 1024)
      .bind(unixDomainSocketPath: socket) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    try await server.executeThenClose { connections in
      try await withThrowingDiscardingTaskGroup { group in
        for try await connection in connections {
          group.addTask {
            try? await connection.executeThenClose { inbound, outbound in
              for try await buffer in inbound { try await outbound.write(buffer) }
            }
          }
        }
      }
    }
  }
}

/// The load: so many clients, each sending the line and waiting for a line, so many times.
struct Load: AsyncParsableCommand {
  @Option var socket: String
  @Option var clients = 1
  @Option var requests = 2000
  @Option var line = #"{"id":1,"jsonrpc":"2.0","method":"server/health","params":{}}"#

  func run() async throws {
    let line = ByteBuffer(string: line + "\n")
    let (socket, requests) = (socket, requests)
    let clock = ContinuousClock()
    let start = clock.now
    let times = try await withThrowingTaskGroup(of: [Double].self) { group in
      for _ in 0..<clients {
        group.addTask { try await Self.client(socket, line, requests) }
      }
      return try await group.reduce(into: [Double]()) { $0 += $1 }.sorted()
    }
    let seconds = Self.seconds(clock.now - start)
    func at(_ share: Double) -> Double { times[min(times.count - 1, Int(Double(times.count) * share))] * 1e6 }
    print(
      #"{"clients": \#(clients), "requests": \#(times.count), "perSecond": \#((Double(times.count) / seconds).rounded()), "#
        + #""p50Microseconds": \#(at(0.5).rounded()), "p99Microseconds": \#(at(0.99).rounded())}"#)
  }

  private static func client(_ socket: String, _ line: ByteBuffer, _ requests: Int) async throws -> [Double] {
    let channel = try await connect(socket)
    let clock = ContinuousClock()
    return try await channel.executeThenClose { inbound, outbound in
      var times: [Double] = []
      var inbound = inbound.makeAsyncIterator()
      for number in 0..<requests + 10 {
        let sent = clock.now
        try await outbound.write(line)
        while let buffer = try await inbound.next() {
          if buffer.readableBytesView.last == 0x0A { break }
        }
        // The first ten warm up.
        if number >= 10 { times.append(seconds(clock.now - sent)) }
      }
      return times
    }
  }

  /// A full backlog answers EAGAIN at once; it is tried again.
  private static func connect(_ socket: String) async throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
    for _ in 0..<500 {
      do {
        return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
          .connect(unixDomainSocketPath: socket) { channel in
            channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel(wrappingChannelSynchronously: channel) }
          }
      } catch let error as IOError where error.errnoCode == 11 {
        try await Task.sleep(for: .milliseconds(10))
      }
    }
    throw ExitCode(69)
  }

  private static func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
  }
}
