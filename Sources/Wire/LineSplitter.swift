// Framing: one message a line, split at LF alone (CR, VT and FF are white space or text inside JSON). Server, Client,
// ToolHost and ToolKit all read their bytes through this.
// What must stay true: memory is bounded by `limitBytes`; a longer line is skipped to its end, within `skipLimitBytes`,
// and reported once; empty lines are dropped; the last line may lack its LF only at the end of input.

/// Splits bytes into lines.
public struct LineSplitter: Sendable {
  /// What a piece of input contained.
  public enum Piece: Sendable, Hashable {
    case line([UInt8])
    /// A line over the limit was skipped whole; its length in bytes.
    case skipped(byteCount: Int)
    /// A line over the limit did not end within the skip limit: the peer is to be cut.
    case endless
  }

  /// Longest line handed on, without its LF.
  public let limitBytes: Int
  /// How much of a longer line is read before the peer is given up.
  public let skipLimitBytes: Int
  private var pending: [UInt8] = []
  private var skippedBytes: Int?

  public init(limitBytes: Int, skipLimitBytes: Int? = nil) {
    self.limitBytes = limitBytes
    self.skipLimitBytes = skipLimitBytes ?? limitBytes.multipliedReportingOverflow(by: 8).partialValue
  }

  /// Takes bytes in and gives the pieces they completed. Linear in their number.
  public mutating func feed(_ bytes: some Collection<UInt8>) -> [Piece] {
    var pieces: [Piece] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: 0x0A)
      let part = rest[..<(end ?? rest.endIndex)]
      if let skipped = skippedBytes {
        let total = skipped + part.count
        if end != nil {
          pieces.append(.skipped(byteCount: total))
          skippedBytes = nil
        } else {
          skippedBytes = total
          if total > skipLimitBytes { return pieces + [.endless] }
        }
      } else if pending.count + part.count > limitBytes {
        let total = pending.count + part.count
        pending = []
        if end != nil {
          pieces.append(.skipped(byteCount: total))
        } else {
          skippedBytes = total
          if total > skipLimitBytes { return pieces + [.endless] }
        }
      } else {
        pending.append(contentsOf: part)
        if end != nil {
          if !pending.isEmpty { pieces.append(.line(pending)) }
          pending = []
        }
      }
      guard let end else { break }
      rest = rest[rest.index(after: end)...]
    }
    return pieces
  }

  /// What is left when the input ends: an unfinished line, if any.
  public mutating func finish() -> Piece? {
    defer {
      pending = []
      skippedBytes = nil
    }
    if let skippedBytes { return .skipped(byteCount: skippedBytes) }
    return pending.isEmpty ? nil : .line(pending)
  }
}
