// The llama-server that packaging/build-llama-server made, found again.
// What must stay true: one is used only on a processor that has every instruction set it was built for.

import Glibc
import JSON

/// A built llama-server.
public struct LlamaServerBuild: Sendable, Hashable {
  public var program: String
  /// "llama-server" and the beginning of its SHA-256.
  public var name: String

  public init(program: String, name: String) {
    self.program = program
    self.name = name
  }

  /// Of the folders under `places` (each with llama-server and build.json), the one that uses most of this processor;
  /// nil when none fits. `flags` are the processor's as /proc/cpuinfo names them.
  public static func find(in places: [String], flags: Set<String> = processorFlags()) -> LlamaServerBuild? {
    var best: (build: LlamaServerBuild, flags: Int)?
    for folder in places {
      guard let bytes = SmallFile.bytes(folder + "/build.json", maxBytes: 1 << 16),
        let value = try? JSONValue.parse(bytes), value["machine"]?.stringValue == machine,
        let needed = value["processorFlags"]?.arrayValue?.compactMap(\.stringValue), flags.isSuperset(of: needed),
        let hash = value["programs"]?["llama-server"]?["sha256"]?.stringValue, hash.utf8.count == 64,
        access(folder + "/llama-server", X_OK) == 0
      else { continue }
      if best.map({ needed.count > $0.flags }) ?? true {
        best = (LlamaServerBuild(program: folder + "/llama-server", name: "llama-server sha256:\(hash)"), needed.count)
      }
    }
    return best?.build
  }

  /// The folders of builds in a cache.
  public static func folders(cache: String) -> [String] {
    guard let directory = opendir(cache + "/llama-server") else { return [] }
    defer { closedir(directory) }
    var folders: [String] = []
    while folders.count < 1000, let entry = readdir(directory) {
      let name = withUnsafePointer(to: entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { folders.append("\(cache)/llama-server/\(name)") }
    }
    return folders.sorted()
  }

  /// The flags of the first processor.
  public static func processorFlags() -> Set<String> {
    for line in SmallFile.kernelFile("/proc/cpuinfo").split(separator: "\n") {
      guard line.hasPrefix("flags") || line.hasPrefix("Features"), let colon = line.firstIndex(of: ":") else {
        continue
      }
      return Set(line[line.index(after: colon)...].split(separator: " ").map(String.init))
    }
    return []
  }

  static var machine: String {
    #if arch(x86_64)
      "x86_64"
    #elseif arch(arm64)
      "aarch64"
    #else
      "unknown"
    #endif
  }
}
