// `vpath mcp`: the daemon's tools and questions for any MCP client, over standard input and output.
// What must stay true: standard output carries MCP messages and nothing else; when the client is gone, what it asked for
// is ended in the daemon.

import ArgumentParser
import Client
import Dispatch
import Domain
import MCPBridge
import Synchronization
import Wire

#if canImport(Glibc)
  import Glibc
#endif

struct MCPCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mcp", abstract: "Serve an MCP client over standard input and output.",
    discussion: """
      For an MCP client's configuration, not for typing. The client's calls go through policy, sandbox and record like
      anybody's. Both eras of the protocol are spoken: 2026-07-28, and those that begin with initialize.

      EXAMPLES
        vpath mcp                          with the daemon that runs
        vpath mcp --slides /data/slides    starts one for that folder when none runs
      """)

  @Option(help: "The daemon's socket (default: the system's daemon if it answers, else yours).")
  var socket: String?
  @Option(help: "A folder of slides for a daemon that is started because none runs. May be repeated.")
  var slides: [String] = []

  func run() async throws {
    var options = ConnectionOptions()
    options.socket = socket
    options.json = false
    let folders = slides
    let named: (() throws -> [String])? = folders.isEmpty ? nil : { try Self.existing(folders) }
    let output = StandardOutput()
    try await DaemonSession.run(options, startingIn: named) { session in
      await Self.serve(Bridge(socket: session.socket, write: output.write))
    }
  }

  private static func existing(_ folders: [String]) throws -> [String] {
    for folder in folders where access(folder, R_OK | X_OK) != 0 {
      throw VPathError(.slideNotFound, "A folder of --slides cannot be read. Check the path.", subject: "--slides")
    }
    return folders.map(AbsolutePath.of)
  }

  private static func serve(_ bridge: Bridge) async {
    signal(SIGPIPE, SIG_IGN)
    var splitter = LineSplitter(limitBytes: Bridge.maxLineBytes)
    reading: while let bytes = await StandardInput.read() {
      for piece in splitter.feed(bytes) {
        guard await bridge.take(piece) else { break reading }
      }
    }
    await bridge.finish()
  }
}

/// Reading without holding up other tasks.
private enum StandardInput {
  private static let queue = DispatchQueue(label: "org.vpath.mcp.input")

  /// The next bytes; nil at the end.
  static func read() async -> [UInt8]? {
    await withCheckedContinuation { continuation in
      queue.async {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var count: Int
        repeat { count = Glibc.read(0, &buffer, buffer.count) } while count < 0 && errno == EINTR
        continuation.resume(returning: count > 0 ? Array(buffer[..<count]) : nil)
      }
    }
  }
}

/// Writing whole lines, one after another; a client that does not read holds its own lines up.
private final class StandardOutput: Sendable {
  private let isBroken = Mutex(false)

  func write(_ bytes: [UInt8]) {
    isBroken.withLock { isBroken in
      var rest = bytes[...]
      while !rest.isEmpty, !isBroken {
        let count = rest.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        if count <= 0 { isBroken = true } else { rest = rest.dropFirst(count) }
      }
    }
  }
}
