// SHA-256 of bytes in memory.

import Crypto
import Domain

/// SHA-256 of some bytes.
func sha256(_ bytes: [UInt8]) -> SHA256Hex {
  let digits = SHA256.hash(data: bytes).flatMap { byte in [byte >> 4, byte & 0xF] }
  return SHA256Hex(String(decoding: digits.map { $0 < 10 ? 0x30 + $0 : 0x57 + $0 }, as: UTF8.self))
}
