// What may be chosen when a trace is opened.

import Glibc
public import Logging

/// Settings of a trace.
public struct TraceOptions: Sendable {
  /// Disk space held back for closing events, in bytes; 0 for none.
  public var reserveBytes: Int = 16 << 20
  /// Path of a further checkpoint file, for instance on another machine's disk, which gets the same lines as the
  /// state directory's own; nil for none.
  public var checkpointCopy: String?
  /// How many events may wait for a commit before callers are told `server.overloaded`.
  public var maxWaitingEvents: Int = 10_000
  /// How many bytes of payloads and kept bytes may wait for a commit.
  public var maxWaitingBytes: Int = 64 << 20
  /// After how many pages the write-ahead log is copied into the database.
  public var walPages: Int = 4_000
  /// Databases up to this size are checked by SQLite's quick_check when they are opened.
  public var quickCheckLimitBytes: Int = 64 << 20
  /// 32 random bytes a call; seeded in tests.
  public var salt: @Sendable () -> [UInt8] = TraceOptions.systemSalt
  /// Where the trace says what an operator should know.
  public var logger = Logger(label: "vpath.trace", factory: { _ in SwiftLogNoOpLogHandler() })

  /// The defaults.
  public init() {}

  /// 32 bytes from the system's random number generator.
  @Sendable public static func systemSalt() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: TraceFormat.saltBytes) { buffer, count in
      count = TraceFormat.saltBytes
      guard getentropy(buffer.baseAddress, count) != 0 else { return }
      // A kernel without the call; Swift's generator then reads the random device.
      var generator = SystemRandomNumberGenerator()
      for index in 0..<count { buffer[index] = generator.next() }
    }
  }
}
