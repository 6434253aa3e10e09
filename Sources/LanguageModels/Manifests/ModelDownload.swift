// A model's file from a pinned URL.
// What must stay true: a file is there under its name only when its SHA-256 is the pinned one; what came before an
// interruption is kept and gone on from; every wait has a limit.

import AsyncHTTPClient
public import Domain
import Glibc
import NIOCore
import NIOHTTP1

/// Fetches files of models.
public struct ModelDownload: Sendable {
  public var folders: ModelFolders
  /// Between two pieces.
  public var idleSeconds = 60.0
  /// The most that is kept.
  public var maxBytes = 1 << 40

  public init(folders: ModelFolders) { self.folders = folders }

  /// The path of the file, fetched into the folder of the model `name`. `progress` is told the bytes so far and of all.
  /// Throws `model.unavailable`.
  public func fetch(
    _ url: String, sha256: SHA256Hex, for name: String, progress: @escaping @Sendable (Int, Int?) -> Void
  ) async throws(VPathError) -> String {
    guard ModelManifest.isName(name), sha256.isWellFormed else {
      throw VPathError(.modelUnavailable, "A SHA-256 has 64 hexadecimal digits.", subject: "sha256")
    }
    let address = try EndpointURL(url.split(separator: "?", maxSplits: 1).first.map(String.init) ?? url, key: "--url")
    let file = lastName(address.path)
    guard !file.isEmpty, !file.hasPrefix("."), file.utf8.count <= 128,
      file.utf8.allSatisfy({ $0 < 0x80 && ($0 == 0x2D || $0 == 0x2E || $0 == 0x5F || Self.isWord($0)) })
    else { throw failure("its last part names no file") }
    let folder = "\(folders.own)/\(name)"
    guard ModelStore.makeFolder(folder) else {
      throw failure("the state directory's models/ cannot be written (\(String(cString: strerror(errno))))")
    }
    let final = "\(folder)/\(file)"
    if await ModelFileChecks.sha256(final) == sha256 { return final }
    let part = "\(final).part"
    try await receive(url, into: part, progress)
    guard let found = await ModelFileChecks.sha256(part), found == sha256 else {
      unlink(part)
      throw failure("what it gives has another SHA-256 than the pinned one; nothing was kept")
    }
    guard rename(part, final) == 0 else { throw failure("it could not be put in its place") }
    return final
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }

  private func receive(
    _ url: String, into part: String, _ progress: @escaping @Sendable (Int, Int?) -> Void
  ) async throws(VPathError) {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .follow(max: 5, allowCycles: false),
      timeout: .init(connect: .seconds(30), read: .milliseconds(Int64(idleSeconds * 1000))))
    configuration.httpVersion = .http1Only
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    let outcome: Result<Void, VPathError>
    do throws(VPathError) {
      try await receive(url, into: part, client, progress)
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    try? await client.shutdown()
    try outcome.get()
  }

  private func receive(
    _ url: String, into part: String, _ client: HTTPClient, _ progress: @Sendable (Int, Int?) -> Void
  ) async throws(VPathError) {
    let descriptor = open(part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure("it cannot be written (\(String(cString: strerror(errno))))") }
    defer { close(descriptor) }
    var got = Int(lseek(descriptor, 0, SEEK_END))
    var request = HTTPClientRequest(url: url)
    request.headers.add(name: "User-Agent", value: "vpath")
    if got > 0 { request.headers.add(name: "Range", value: "bytes=\(got)-") }
    do {
      let response = try await client.execute(request, timeout: .hours(24))
      switch response.status.code {
      case 206: break
      case 200:
        got = 0
        guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
          throw failure("the disk failed")
        }
      case 416: return  // All of it is there; its hash decides.
      default: throw failure("the server says HTTP \(response.status.code)")
      }
      let all = response.headers.first(name: "content-length").flatMap { Int($0) }.map { min($0, maxBytes) + got }
      for try await buffer in response.body {
        got += buffer.readableBytes
        guard got <= maxBytes else { throw failure("it has more than \(maxBytes) bytes") }
        try write(buffer, to: descriptor)
        progress(got, all)
      }
      guard fsync(descriptor) == 0 else { throw failure("the disk failed (\(String(cString: strerror(errno))))") }
    } catch let error as VPathError {
      throw error
    } catch is CancellationError {
      throw VPathError(.cancelled, "The download was cancelled; the same command goes on with it.")
    } catch {
      throw failure("the connection failed (\(EndpointFailure.clean("\(error)"))); the same command goes on with it")
    }
  }

  private func write(_ buffer: ByteBuffer, to descriptor: Int32) throws(VPathError) {
    var bytes = Array(buffer.readableBytesView)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure("it cannot be written (\(String(cString: strerror(errno))))") }
      bytes = bytes.dropFirst(count)
    }
  }

  private func failure(_ words: String) -> VPathError {
    VPathError(.modelUnavailable, "The model's file could not be fetched: \(words).", subject: "--url", retryable: true)
  }
}
