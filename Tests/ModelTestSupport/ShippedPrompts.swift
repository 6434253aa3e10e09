// The prompts of the product, for tests.

import Domain
import Glibc
public import Prompting

extension PromptSet {
  /// The files in prompts/.
  public static func shipped(_ here: String = #filePath) throws -> PromptSet {
    let root = "/" + here.split(separator: "/").dropLast(3).joined(separator: "/")
    return try PromptSet { name throws(VPathError) in
      guard let file = fopen("\(root)/prompts/\(name).md", "r") else {
        throw VPathError(.internalBug, "There is no prompt \(name).md.")
      }
      defer { fclose(file) }
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      let count = fread(&bytes, 1, bytes.count, file)
      return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
  }
}
