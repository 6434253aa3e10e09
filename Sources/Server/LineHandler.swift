// From bytes of a connection to lines, inside the channel's pipeline.
// What must stay true: at most one read's worth of lines beyond what the connection has asked for is held here; a line
// over the limit costs no memory.

import NIOCore
import Wire

/// A line, or what came in its place.
enum InboundPiece: Sendable {
  case line([UInt8])
  case tooLong(byteCount: Int)
  /// A line that did not end within what is skipped: the connection is to be cut.
  case endless
}

/// Splits what is read into lines.
final class LineHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = InboundPiece

  private var splitter: LineSplitter
  private var isDead = false

  init(_ limits: ServerLimits) {
    splitter = LineSplitter(limitBytes: limits.lineBytes, skipLimitBytes: limits.skippedBytes)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isDead else { return }
    let buffer = unwrapInboundIn(data)
    let pieces = buffer.withUnsafeReadableBytes { splitter.feed($0) }
    for piece in pieces { hand(piece, context) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed? = event as? ChannelEvent, let rest = splitter.finish() { hand(rest, context) }
    context.fireUserInboundEventTriggered(event)
  }

  private func hand(_ piece: LineSplitter.Piece, _ context: ChannelHandlerContext) {
    guard !isDead else { return }
    switch piece {
    case .line(let bytes): context.fireChannelRead(wrapInboundOut(.line(bytes)))
    case .skipped(let byteCount): context.fireChannelRead(wrapInboundOut(.tooLong(byteCount: byteCount)))
    case .endless:
      isDead = true
      context.fireChannelRead(wrapInboundOut(.endless))
    }
  }
}
