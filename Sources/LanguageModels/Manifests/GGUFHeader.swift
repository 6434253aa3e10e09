// The head of a GGUF file: what kind of model it is, and what it says of itself.
// What must stay true: a stranger's file is read with bounds on every count and length; nothing of it is trusted for
// more than words and an estimate of memory.

import Glibc

/// What is read of a GGUF's head. Format: llama.cpp, ggml/docs/gguf.md, versions 2 and 3.
public struct GGUFHeader: Sendable, Hashable {
  /// Texts and numbers of the metadata by key; arrays only by their first number.
  public var texts: [String: String] = [:]
  public var numbers: [String: Double] = [:]
  /// The byte at which the tensors' data begins, and the largest offset of a tensor in it.
  public var dataOffset = 0
  public var lastTensorOffset = 0

  public var architecture: String { texts["general.architecture"] ?? "" }
  /// The context it was trained for.
  public var contextTokens: Int? { number("context_length") }
  /// Bytes of keys and values for a token, in half precision; an estimate from above for models that share or drop some.
  public var cacheBytesPerToken: Int? {
    guard let blocks = number("block_count"), let width = number("embedding_length"),
      let heads = number("attention.head_count"), heads > 0, blocks <= 10_000, width <= 1_000_000
    else { return nil }
    let sharedHeads = number("attention.head_count_kv") ?? heads
    let key = number("attention.key_length") ?? width / heads
    let value = number("attention.value_length") ?? width / heads
    guard sharedHeads <= 10_000, key <= 100_000, value <= 100_000 else { return nil }
    return 2 * blocks * sharedHeads * (key + value)
  }

  private func number(_ name: String) -> Int? {
    numbers["\(architecture).\(name)"].flatMap { $0 >= 0 && $0 < 1e12 ? Int($0) : nil }
  }

  /// Why a file is no GGUF.
  public struct Fault: Error, Sendable, Hashable { public var words: String }

  /// Reads the head of an open file.
  public static func read(_ descriptor: Int32, sizeBytes: Int) throws(Fault) -> GGUFHeader {
    var reader = Reader(descriptor: descriptor, sizeBytes: sizeBytes)
    guard try reader.bytes(4) == Array("GGUF".utf8) else {
      throw Fault(words: "it is no GGUF file: it does not begin with the four letters GGUF")
    }
    let version = try reader.whole(4)
    guard (2...3).contains(version) else { throw Fault(words: "its GGUF version is \(version), and 2 and 3 are known") }
    let tensors = try reader.whole(8)
    let pairs = try reader.whole(8)
    guard tensors <= 1_000_000, pairs <= 100_000 else { throw Fault(words: "its head counts too many things") }
    var header = GGUFHeader()
    var alignment = 32
    for _ in 0..<pairs {
      let key = try reader.text(maxBytes: 65_536)
      let type = try reader.whole(4)
      switch try reader.value(type) {
      case .text(let text): header.texts[key] = text
      case .number(let number): header.numbers[key] = number
      case .other: break
      }
    }
    if let own = header.numbers["general.alignment"], own >= 1, own <= 65_536 { alignment = Int(own) }
    for _ in 0..<tensors {
      _ = try reader.text(maxBytes: 65_536)
      let dimensions = try reader.whole(4)
      guard dimensions <= 8 else { throw Fault(words: "a tensor has \(dimensions) dimensions") }
      try reader.skip(8 * dimensions + 4)
      header.lastTensorOffset = max(header.lastTensorOffset, try reader.whole(8))
    }
    header.dataOffset = (reader.position + alignment - 1) / alignment * alignment
    guard header.lastTensorOffset < sizeBytes - header.dataOffset || tensors == 0 else {
      throw Fault(words: "it is cut short: its last tensor lies beyond its end")
    }
    return header
  }

  private enum Value {
    case text(String)
    case number(Double)
    case other
  }

  private struct Reader {
    let descriptor: Int32
    let sizeBytes: Int
    private(set) var position = 0
    private var window: [UInt8] = []
    private var windowStart = 0
    private static let windowBytes = 1 << 20
    private static let maxHeadBytes = 1 << 28

    init(descriptor: Int32, sizeBytes: Int) {
      self.descriptor = descriptor
      self.sizeBytes = sizeBytes
    }

    mutating func skip(_ count: Int) throws(Fault) {
      guard count >= 0, count <= sizeBytes - position, position + count <= Self.maxHeadBytes else {
        throw Fault(words: "it is cut short in its head")
      }
      position += count
    }

    mutating func bytes(_ count: Int) throws(Fault) -> [UInt8] {
      let start = position
      try skip(count)
      if start < windowStart || start + count > windowStart + window.count {
        windowStart = start
        window = [UInt8](repeating: 0, count: max(count, min(Self.windowBytes, sizeBytes - start)))
        var filled = 0
        while filled < window.count {
          let got = window.withUnsafeMutableBytes {
            pread(descriptor, $0.baseAddress?.advanced(by: filled), $0.count - filled, off_t(start + filled))
          }
          if got < 0 && errno == EINTR { continue }
          guard got > 0 else { throw Fault(words: "it could not be read") }
          filled += got
        }
      }
      return Array(window[(start - windowStart)..<(start - windowStart + count)])
    }

    /// A little-endian whole number that fits an Int.
    mutating func whole(_ count: Int) throws(Fault) -> Int {
      let value = try bytes(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard let whole = Int(exactly: value) else { throw Fault(words: "a count in its head is too large") }
      return whole
    }

    mutating func text(maxBytes: Int) throws(Fault) -> String {
      let count = try whole(8)
      guard count <= maxBytes else {
        try skip(count)
        return ""
      }
      return String(decoding: try bytes(count), as: UTF8.self)
    }

    private static func width(_ type: Int) -> Int? {
      switch type {
      case 0, 1, 7: 1
      case 2, 3: 2
      case 4, 5, 6: 4
      case 10, 11, 12: 8
      default: nil
      }
    }

    mutating func value(_ type: Int, depth: Int = 0) throws(Fault) -> Value {
      if type == 8 { return .text(try text(maxBytes: 65_536)) }
      if type == 9 {
        guard depth < 2 else { throw Fault(words: "its head nests arrays too deep") }
        let inner = try whole(4)
        let count = try whole(8)
        guard count <= 10_000_000 else { throw Fault(words: "an array in its head is too long") }
        if let width = Self.width(inner) {
          guard count > 0 else { return .other }
          let first = try value(inner)
          try skip(width * (count - 1))
          return first
        }
        for _ in 0..<count { _ = try value(inner, depth: depth + 1) }
        return .other
      }
      guard let width = Self.width(type) else { throw Fault(words: "its head holds a value of unknown type \(type)") }
      let raw = try bytes(width).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      switch type {
      case 0, 2, 4, 10: return .number(Double(raw))
      case 1: return .number(Double(Int8(truncatingIfNeeded: raw)))
      case 3: return .number(Double(Int16(truncatingIfNeeded: raw)))
      case 5: return .number(Double(Int32(truncatingIfNeeded: raw)))
      case 11: return .number(Double(Int64(bitPattern: raw)))
      case 6: return .number(Double(Float(bitPattern: UInt32(raw))))
      case 12: return .number(Double(bitPattern: raw))
      default: return .number(raw == 0 ? 0 : 1)
      }
    }
  }
}
