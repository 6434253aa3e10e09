// A GGUF file of a few bytes: a head with its metadata, one tensor.

/// Writes heads of GGUF files.
enum TinyGGUF {
  static func bytes(
    architecture: String = "llama", texts: [String: String] = [:], numbers: [String: UInt32] = [:],
    tensorBytes: Int = 64
  ) -> [UInt8] {
    var numbers = numbers
    if architecture == "llama" {
      let model: [String: UInt32] = [
        "context_length": 4096, "block_count": 30, "embedding_length": 576, "attention.head_count": 9,
        "attention.head_count_kv": 3,
      ]
      numbers.merge(model.map { ("llama.\($0.key)", $0.value) }) { own, _ in own }
    }
    var texts = texts
    texts["general.architecture"] = architecture
    var out = Array("GGUF".utf8) + little(3, 4) + little(1, 8) + little(UInt64(texts.count + numbers.count + 1), 8)
    // An array of texts, as the tokens are.
    out += text("tokenizer.ggml.tokens") + little(9, 4) + little(8, 4) + little(2, 8) + text("a") + text("b")
    for (key, value) in texts.sorted(by: { $0.key < $1.key }) { out += text(key) + little(8, 4) + text(value) }
    for (key, value) in numbers.sorted(by: { $0.key < $1.key }) {
      out += text(key) + little(4, 4) + little(UInt64(value), 4)
    }
    out += text("t") + little(1, 4) + little(16, 8) + little(0, 4) + little(0, 8)
    out += [UInt8](repeating: 0, count: (32 - out.count % 32) % 32)
    return out + [UInt8](repeating: 1, count: tensorBytes)
  }

  static func little(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }
  static func text(_ text: String) -> [UInt8] { little(UInt64(text.utf8.count), 8) + Array(text.utf8) }
}
