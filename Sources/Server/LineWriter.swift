// What one connection sends: whole lines, one after another, at the pace of the client.
// What must stay true: lines of different senders never mix; a sender waits until its line is with the channel, so
// what is held for a slow client is what its requests and subscriptions can produce while they wait; when nothing
// moves for `timeoutSeconds` the connection is cut.

import Domain
import NIOCore
import Ports

/// Writes lines to one connection.
actor LineWriter {
  private let channel: any Channel
  private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  private let clock: any Clock
  private let timeoutSeconds: Double
  private var isBusy = false
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var waitingSince: Double?
  private var cutReason: String?
  /// Bytes given to the channel at a time, so that a long line shows progress.
  private static let pieceBytes = 64 << 10

  init(
    channel: any Channel, outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, clock: any Clock, timeoutSeconds: Double
  ) {
    self.channel = channel
    self.outbound = outbound
    self.clock = clock
    self.timeoutSeconds = timeoutSeconds
  }

  /// Why the connection was cut, if it was.
  var reasonOfCut: String? { cutReason }

  /// Sends a line; false when the connection is gone.
  @discardableResult
  func send(_ line: [UInt8]) async -> Bool {
    await takeTurn()
    defer { passTurn() }
    var rest = line[...]
    while !rest.isEmpty {
      let piece = rest.prefix(LineWriter.pieceBytes)
      rest = rest.dropFirst(LineWriter.pieceBytes)
      waitingSince = clock.monotonicSeconds()
      defer { waitingSince = nil }
      do {
        try await outbound.write(ByteBuffer(bytes: piece))
      } catch {
        return false
      }
    }
    return true
  }

  /// Cuts the connection when a line has waited too long. Returns when it is cut or the task is cancelled.
  func watch() async {
    while !Task.isCancelled {
      do { try await clock.sleep(seconds: max(0.01, timeoutSeconds / 8)) } catch { return }
      guard let since = waitingSince, clock.monotonicSeconds() - since > timeoutSeconds else { continue }
      cutReason = "the client read nothing for \(timeoutSeconds) s"
      channel.close(promise: nil)
      return
    }
  }

  private func takeTurn() async {
    guard isBusy else {
      isBusy = true
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  private func passTurn() {
    if waiting.isEmpty {
      isBusy = false
    } else {
      waiting.removeFirst().resume()
    }
  }
}
