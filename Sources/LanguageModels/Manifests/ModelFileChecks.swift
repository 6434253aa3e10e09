// Whether a model's files are the ones its manifest pins, and whether the machine can hold them.
// What must stay true: a file is used only after its SHA-256 was seen to be right since it last changed; hashing happens
// off the threads that everything else shares.

import Crypto
import Dispatch
public import Domain
import Glibc
import JSON
import Synchronization

/// Checks files and remembers what it found.
public final class ModelFileChecks: Sendable {
  /// What tells one state of a file from another.
  private struct Stamp: Sendable, Hashable, Codable {
    var device: Int
    var inode: Int
    var sizeBytes: Int
    var modifiedSeconds: Int
    var modifiedNanoseconds: Int
  }
  private struct Found: Sendable, Codable {
    var path: String
    var stamp: Stamp
    var sha256: SHA256Hex
  }

  private let known: Mutex<[String: Found]>
  private let file: String?
  private let availableBytes: @Sendable () -> Int?
  private static let queue = DispatchQueue(label: "vpath.model.files", attributes: .concurrent)
  private static let maxKnown = 256

  /// `file` keeps what was found between runs; nil keeps it in memory. `availableBytes` tells the memory that programs
  /// can still take.
  public init(file: String? = nil, availableBytes: @escaping @Sendable () -> Int? = ModelFileChecks.availableMemory) {
    self.file = file
    self.availableBytes = availableBytes
    var found: [String: Found] = [:]
    if let file, let bytes = SmallFile.bytes(file, maxBytes: 1 << 20), let value = try? JSONValue.parse(bytes),
      let list = try? decodeJSON([Found].self, from: value)
    {
      for item in list { found[item.path] = item }
    }
    known = Mutex(found)
  }

  /// Throws `model.unavailable` naming the first file that is not the pinned one, and how.
  public func verify(_ model: ResolvedModel) async throws(VPathError) {
    for place in model.files { try await verify(place) }
  }

  private func verify(_ place: ResolvedModel.Place) async throws(VPathError) {
    func wrong(_ words: String) -> VPathError {
      VPathError(
        .modelUnavailable,
        "The model file \(place.file.file) cannot be used: \(words). Fetch it again, or put the model "
          + "in again with `vpath model add`.", subject: place.file.file)
    }
    let outcome = await Self.offThreads { () -> Result<(Stamp, SHA256Hex?), GGUFHeader.Fault> in
      do throws(GGUFHeader.Fault) {
        return .success(try self.look(place))
      } catch {
        return .failure(error)
      }
    }
    let stamp: Stamp
    let remembered: SHA256Hex?
    do {
      (stamp, remembered) = try outcome.get()
    } catch {
      throw wrong(error.words)
    }
    let hash: SHA256Hex
    if let remembered {
      hash = remembered
    } else {
      guard let fresh = await Self.sha256(place.path) else { throw wrong("it could not be read") }
      hash = fresh
      remember(Found(path: place.path, stamp: stamp, sha256: fresh))
    }
    guard hash == place.file.sha256 else {
      throw wrong("its SHA-256 is \(hash.rawValue.prefix(12))… and \(place.file.sha256.rawValue.prefix(12))… is pinned")
    }
  }

  /// The file's state, and its hash if that was computed for this state.
  private func look(_ place: ResolvedModel.Place) throws(GGUFHeader.Fault) -> (Stamp, SHA256Hex?) {
    let descriptor = open(place.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .init(words: "it cannot be opened (\(String(cString: strerror(errno))))") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .init(words: "it is no regular file")
    }
    let size = Int(status.st_size)
    guard size == place.file.sizeBytes else {
      throw .init(
        words: size < place.file.sizeBytes
          ? "it is cut short: it has \(size) of \(place.file.sizeBytes) bytes"
          : "it has \(size) bytes and \(place.file.sizeBytes) are pinned")
    }
    // Parts after the first have heads too.
    _ = try GGUFHeader.read(descriptor, sizeBytes: size)
    let stamp = Stamp(
      device: Int(status.st_dev), inode: Int(status.st_ino), sizeBytes: size,
      modifiedSeconds: Int(status.st_mtim.tv_sec), modifiedNanoseconds: Int(status.st_mtim.tv_nsec))
    let remembered = known.withLock { $0[place.path] }
    return (stamp, remembered?.stamp == stamp ? remembered?.sha256 : nil)
  }

  private func remember(_ found: Found) {
    let text = known.withLock { known -> String? in
      if known.count >= Self.maxKnown { known.removeAll() }
      known[found.path] = found
      return try? encodeJSON(known.values.sorted { $0.path < $1.path }).canonicalString()
    }
    guard let file, let text else { return }
    // Lost or torn, it only costs another look at the files.
    let new = "\(file).new-\(getpid())"
    guard let stream = fopen(new, "we") else { return }
    let bytes = Array(text.utf8)
    let isWhole = fwrite(bytes, 1, bytes.count, stream) == bytes.count
    if fclose(stream) == 0, isWhole { rename(new, file) } else { unlink(new) }
  }

  /// Throws `model.unavailable` when the files and the context do not fit the memory that is there.
  public func checkMemory(_ model: ResolvedModel, contextTokens: Int) async throws(VPathError) {
    let weights = model.weights
    let perToken = await Self.offThreads { GGUFHeader.head(weights)?.cacheBytesPerToken ?? 0 }
    let files = model.files.reduce(0) { $0 + $1.file.sizeBytes }
    let (cache, overflow) = perToken.multipliedReportingOverflow(by: contextTokens)
    let need = files + (overflow ? Int.max / 4 : min(cache, Int.max / 4)) + Self.overheadBytes
    guard let available = availableBytes(), need > available else { return }
    func mebibytes(_ bytes: Int) -> Int { bytes >> 20 }
    throw VPathError(
      .modelUnavailable,
      "The model \(model.manifest.name) needs about \(mebibytes(need)) MiB of memory "
        + "(\(mebibytes(files)) for its files, \(mebibytes(min(cache, Int.max / 4))) for \(contextTokens) tokens of "
        + "context), and \(mebibytes(available)) MiB are free. Use a smaller model, or a smaller model.contextTokens.",
      subject: model.manifest.name, retryable: true)
  }

  private static let overheadBytes = 128 << 20

  /// MemAvailable of /proc/meminfo.
  public static func availableMemory() -> Int? {
    for line in SmallFile.kernelFile("/proc/meminfo").split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
    }
    return nil
  }

  /// The SHA-256 of a file; nil when it cannot be read.
  public static func sha256(_ path: String) async -> SHA256Hex? {
    await offThreads {
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      var hasher = SHA256()
      var buffer = [UInt8](repeating: 0, count: 1 << 20)
      while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { return nil }
        if count == 0 { return SHA256Hex(bytes: hasher.finalize()) }
        buffer.withUnsafeBytes { hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      }
    }
  }

  private static func offThreads<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in queue.async { continuation.resume(returning: work()) } }
  }
}

extension GGUFHeader {
  /// The head of a file; nil when it cannot be read or is no GGUF.
  public static func head(_ path: String) -> GGUFHeader? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return try? read(descriptor, sizeBytes: Int(status.st_size))
  }
}
