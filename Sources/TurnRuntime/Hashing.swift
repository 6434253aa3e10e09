// SHA-256 of bytes in memory.

import Crypto
import Domain

/// SHA-256 of some bytes.
func sha256(_ bytes: [UInt8]) -> SHA256Hex { SHA256Hex(bytes: SHA256.hash(data: bytes)) }
