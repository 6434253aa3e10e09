// One entry of the checkpoint log: a chain's head, bound to the entry before it and signed.
// What must stay true: an entry is its line, byte for byte, in the database and in the file; what is signed is the
// tag and the line's canonical JSON without its signature.

import Crypto
public import Domain
import JSON

/// A signed head.
public struct Checkpoint: Sendable, Hashable {
  /// Place in the log, 1 first, without gaps.
  public var number: Int
  public var caseID: CaseID
  /// The chain's head that is signed.
  public var head: ChainHead
  /// RFC 3339.
  public var time: String
  /// SHA-256 of the line before, without its line break; zeros before the first.
  public var previous: SHA256Bytes
  /// The Ed25519 key, 32 bytes.
  public var publicKey: [UInt8]
  /// 64 bytes.
  public var signature: [UInt8]

  /// The line's bytes, without a line break.
  public func line() -> [UInt8] { members(signed: true).canonicalBytes() }

  /// What is signed.
  func signedBytes() -> [UInt8] { TraceFormat.checkpointTag + members(signed: false).canonicalBytes() }

  private func members(signed: Bool) -> JSONValue {
    var members: [String: JSONValue] = [
      "case": .string(caseID.rawValue), "hash": .string(head.hash.hex), "number": .number(Double(number)),
      "previous": .string(previous.hex), "publicKey": .string(hexText(publicKey)), "seq": .number(Double(head.seq)),
      "time": .string(time),
    ]
    if signed { members["signature"] = .string(hexText(signature)) }
    return .object(members)
  }

  /// Reads a line; nil when it is not exactly what `line()` writes.
  public init?(line: [UInt8]) {
    guard line.count <= TraceFormat.maxCheckpointLineBytes, let value = try? JSONValue.parse(line),
      let caseID = value["case"]?.stringValue, let hash = value["hash"]?.stringValue.flatMap(SHA256Bytes.init(hex:)),
      let number = value["number"]?.integerValue, number > 0, let seq = value["seq"]?.integerValue, seq > 0,
      let previous = value["previous"]?.stringValue.flatMap(SHA256Bytes.init(hex:)),
      let publicKey = value["publicKey"]?.stringValue.flatMap({ bytesFromHex($0) }), publicKey.count == 32,
      let signature = value["signature"]?.stringValue.flatMap({ bytesFromHex($0) }), signature.count == 64,
      let time = value["time"]?.stringValue, isTimeText(time), CaseID(caseID).isWellFormed
    else { return nil }
    self.number = number
    self.caseID = CaseID(caseID)
    self.head = ChainHead(seq: seq, hash: hash)
    self.time = time
    self.previous = previous
    self.publicKey = publicKey
    self.signature = signature
    guard self.line() == line else { return nil }
  }

  /// Signs a head as the log's next entry.
  public init(
    number: Int, caseID: CaseID, head: ChainHead, time: String, previous: SHA256Bytes, signer: CheckpointSigner
  ) throws(VPathError) {
    self.number = number
    self.caseID = caseID
    self.head = head
    self.time = time
    self.previous = previous
    publicKey = signer.publicKey
    signature = []
    signature = try signer.sign(signedBytes())
  }

  /// Whether the entry is signed by this key.
  public func isSigned(by publicKey: [UInt8]) -> Bool {
    guard publicKey == self.publicKey,
      let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey)
    else { return false }
    return key.isValidSignature(signature, for: signedBytes())
  }
}

/// The daemon's Ed25519 key.
public struct CheckpointSigner: Sendable {
  private let key: Curve25519.Signing.PrivateKey

  /// A new key from the system's random numbers.
  public init() { key = Curve25519.Signing.PrivateKey() }

  /// The key whose seed these 32 bytes are; nil for any other number of bytes.
  public init?(seed: [UInt8]) {
    guard seed.count == 32, let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else { return nil }
    self.key = key
  }

  /// The seed, 32 bytes: secret.
  var seed: [UInt8] { [UInt8](key.rawRepresentation) }

  /// The public key, 32 bytes.
  public var publicKey: [UInt8] { [UInt8](key.publicKey.rawRepresentation) }

  func sign(_ message: [UInt8]) throws(VPathError) -> [UInt8] {
    do {
      return [UInt8](try key.signature(for: message))
    } catch {
      throw VPathError(.internalBug, "The checkpoint could not be signed: the cryptographic library failed.")
    }
  }
}

/// Follows the checkpoint log from its first entry.
struct CheckpointChain {
  var number = 0
  var previous = SHA256Bytes.zero

  /// Checks the next entry's line. Signatures are checked where `checksSignature` says so.
  mutating func follow(
    _ line: [UInt8], publicKey: [UInt8], checksSignature: (Checkpoint) -> Bool
  ) -> (entry: Checkpoint?, fault: TraceFault?) {
    let expected = number + 1
    guard let entry = Checkpoint(line: line) else {
      return (nil, TraceFault(.checkpointOrder, "Entry \(expected) of the checkpoint log cannot be read."))
    }
    guard !checksSignature(entry) || entry.isSigned(by: publicKey) else {
      return (
        entry,
        TraceFault(
          .checkpointSignature, caseID: entry.caseID, seq: entry.head.seq,
          "Entry \(expected) of the checkpoint log is not signed by this trace's key.")
      )
    }
    guard entry.number == expected, entry.previous == previous else {
      return (
        entry,
        TraceFault(
          .checkpointOrder, caseID: entry.caseID, seq: entry.head.seq,
          "Entry \(expected) of the checkpoint log does not follow from the entry before it.")
      )
    }
    number = expected
    previous = SHA256Bytes(of: line)
    return (entry, nil)
  }
}
