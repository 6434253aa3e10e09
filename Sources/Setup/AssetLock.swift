// assets.lock: what set-up fetched, found again in the cache.
// What must stay true: a file is used only when its size is the pinned one; the loader of a library checks its hash
// (`verified`). packaging/fetch-assets is the writer of the cache.

import Crypto
import Domain
import JSON
public import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// Finds pinned files in the cache.
public enum AssetLock {
  /// The path of an asset in the cache, when the lock names it for this processor and it is there whole; nil
  /// otherwise. Reads and hashes the file: about 5 ms for 6 MB.
  public static func file(_ name: String, lock: FilePath, cache: FilePath) -> FilePath? {
    guard let bytes = try? BoundedFile.bytes(lock, maxBytes: 1 << 20), let document = try? JSONValue.parse(bytes) else {
      return nil
    }
    for asset in document["assets"]?.arrayValue ?? [] where asset["name"]?.stringValue == name {
      guard let architecture = asset["architecture"]?.stringValue, architecture == "any" || architecture == machine,
        let hash = asset["sha256"]?.stringValue, let file = asset["file"]?.stringValue,
        let size = asset["sizeBytes"]?.integerValue, let component = FilePath.Component(file)
      else { continue }
      let path = cache.appending("assets").appending(hash).appending(component)
      guard let content = try? BoundedFile.bytes(path, maxBytes: size),
        SHA256Hex(bytes: SHA256.hash(data: content)).rawValue == hash
      else { continue }
      return path
    }
    return nil
  }

  /// The processor's name as the lock spells it.
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
