// The peer: a tool's program started and spoken to through pipes, with nothing between.
// What must stay true: an answer is read whole and must carry evidence; every child is waited for.

import Domain
import Glibc
import JSON
import Wire

/// Programs called directly.
final class DirectCalls {
  private let environment: [String]
  private var running: [DirectServer] = []

  init(environment: [String: String]) {
    self.environment = environment.map { "\($0.key)=\($0.value)" }.sorted()
    signal(SIGPIPE, SIG_IGN)
  }

  /// Starts a program, gives it one line, reads its one line, and waits for its end.
  func once(_ command: [String], line: String) throws {
    let child = try start(command)
    defer { child.end() }
    try child.write(Array((line + "\n").utf8))
    child.closeInput()
    try DirectServer.check(try child.readLine())
  }

  /// Starts an MCP server.
  func server(_ command: [String]) throws -> DirectServer { try start(command) }

  /// Ends what still runs.
  func endAll() { for child in running { child.end() } }

  private func start(_ command: [String]) throws -> DirectServer {
    let child = try DirectServer(command, environment: environment)
    running.removeAll(where: \.hasEnded)
    running.append(child)
    return child
  }
}

/// One child.
final class DirectServer {
  private let pid: pid_t
  private var input: Int32
  private let output: UnsafeMutablePointer<FILE>
  private(set) var hasEnded = false
  private var number = 0

  init(_ command: [String], environment: [String]) throws {
    var (toChild, fromChild): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
    guard pipe(&toChild) == 0, pipe(&fromChild) == 0, let stream = fdopen(fromChild[0], "r") else {
      throw BenchFailure("no pipe can be made")
    }
    for end in toChild + fromChild { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    let words = command.map { strdup($0) } + [nil]
    let variables = environment.map { strdup($0) } + [nil]
    defer { for word in words + variables { free(word) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, command[0], &actions, nil, words, variables)
    close(toChild[0])
    close(fromChild[1])
    guard code == 0 else { throw BenchFailure("\(command[0]) cannot be started: error \(code)") }
    self.pid = pid
    input = toChild[1]
    output = stream
  }

  /// One `tools/call` over MCP.
  func call(_ tool: String, arguments: JSONValue, input: JSONValue) throws {
    number += 1
    let line = RPCMessage.request(
      id: .integer(number), method: "tools/call",
      params: [
        "name": .string(tool), "arguments": arguments,
        "_meta": MCP.requestMeta(client: "vpath-bench-call", version: "1", [ToolInput.metaKey: input]),
      ]
    ).line
    try write(line)
    try DirectServer.check(try readLine())
  }

  func write(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
      guard count > 0 else { throw BenchFailure("the tool called directly takes no input") }
      rest = rest.dropFirst(count)
    }
  }

  /// One line of output.
  func readLine() throws -> [UInt8] {
    var line: UnsafeMutablePointer<CChar>?
    var room = 0
    defer { free(line) }
    let count = getline(&line, &room, output)
    guard count > 0, let line else { throw BenchFailure("the tool called directly gave no answer") }
    return line.withMemoryRebound(to: UInt8.self, capacity: count) {
      Array(UnsafeBufferPointer(start: $0, count: count))
    }
  }

  /// Throws unless an answer is a tool's output without an error.
  static func check(_ line: [UInt8]) throws {
    let value = try JSONValue.parse(line)
    let output = value["result"]?["structuredContent"] ?? value
    guard output["evidence"]?.arrayValue != nil, output["isError"] != true else {
      throw BenchFailure("the tool called directly answered: \(String(decoding: line.prefix(300), as: UTF8.self))")
    }
  }

  func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  /// Closes its input and waits until it is gone; it ends by itself then.
  func end() {
    guard !hasEnded else { return }
    hasEnded = true
    closeInput()
    fclose(output)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
  }
}
