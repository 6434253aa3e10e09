// A trace's database opened only to be read: the live one beside its daemon, or a copy without one.
// What must stay true: nothing in the directory is changed, not even a file made beside the database; a database
// whose write-ahead log holds anything is copied aside first, because SQLite would write to read it.

import Domain
import GRDBSQLite
import Glibc

/// A connection that only reads.
final class OfflineDatabase: StatementSource {
  private let connection: OpaquePointer
  private var statements: [String: OpaquePointer] = [:]

  private init(uri: String) throws {
    var connection: OpaquePointer?
    let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    let code = sqlite3_open_v2(uri, &connection, flags, nil)
    guard code == SQLITE_OK, let connection else {
      let failure = SQLiteFailure(connection)
      sqlite3_close_v2(connection)
      throw failure
    }
    self.connection = connection
    sqlite3_busy_timeout(connection, 5_000)
    // The longest thing that the format puts in a row is far below this.
    sqlite3_limit(connection, SQLITE_LIMIT_LENGTH, 8 << 20)
    try run("PRAGMA trusted_schema = OFF")
    try run("PRAGMA query_only = ON")
  }

  deinit {
    for statement in statements.values { sqlite3_finalize(statement) }
    sqlite3_close_v2(connection)
  }

  /// Opens a database file. `isImmutable` promises that nobody writes to it meanwhile.
  static func open(_ path: String, isImmutable: Bool) throws -> OfflineDatabase {
    var encoded = ""
    for byte in path.utf8 {
      let isPlain = (0x61...0x7A).contains(byte | 0x20) || (0x2D...0x39).contains(byte) || byte == 0x5F
      encoded += isPlain ? String(UnicodeScalar(byte)) : "%" + hexText([byte])
    }
    return try OfflineDatabase(uri: "file:\(encoded)?mode=ro\(isImmutable ? "&immutable=1" : "")")
  }

  func statement(_ sql: String) throws -> SQLStatement {
    if let statement = statements[sql] { return SQLStatement(statement, owner: self) }
    var statement: OpaquePointer?
    guard sqlite3_prepare_v2(connection, sql, -1, &statement, nil) == SQLITE_OK, let statement else {
      throw SQLiteFailure(connection)
    }
    statements[sql] = statement
    return SQLStatement(statement, owner: self)
  }

  /// Runs `body` on one state of the database.
  func transaction<Result>(_ body: () throws -> Result) throws -> Result {
    try run("BEGIN")
    defer { try? run("ROLLBACK") }
    return try body()
  }

  private func run(_ sql: String) throws {
    guard sqlite3_exec(connection, sql, nil, nil, nil) == SQLITE_OK else { throw SQLiteFailure(connection) }
  }
}

/// A state directory opened for reading.
final class ReadOnlyDirectory {
  let path: String
  let database: OfflineDatabase
  let files: BytesDirectory
  /// Whether a daemon is writing to it.
  let isLive: Bool
  private let lockDescriptor: Int32
  private let copy: String?

  /// Opens the directory. Throws FileFailure when there is no database, SQLiteFailure when it cannot be opened.
  init(_ path: String) throws {
    self.path = path
    files = BytesDirectory(path: "\(path)/\(TraceFile.bytesDirectory)")
    let databasePath = "\(path)/\(TraceFile.database)"
    guard isRegularFile(databasePath) else { throw FileFailure("open", TraceFile.database, code: ENOENT) }
    let lock = open("\(path)/\(TraceFile.lock)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    lockDescriptor = lock
    isLive = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0
    var copy: String?
    do {
      if isLive {
        database = try OfflineDatabase.open(databasePath, isImmutable: false)
      } else if ReadOnlyDirectory.hasContent("\(databasePath)-wal") {
        let directory = try ReadOnlyDirectory.copyAside(databasePath)
        copy = directory
        database = try OfflineDatabase.open("\(directory)/\(TraceFile.database)", isImmutable: false)
      } else {
        database = try OfflineDatabase.open(databasePath, isImmutable: true)
      }
    } catch {
      if lock >= 0 { close(lock) }
      copy.map(ReadOnlyDirectory.removeCopy)
      throw error
    }
    self.copy = copy
  }

  deinit {
    if lockDescriptor >= 0 { close(lockDescriptor) }
    copy.map(ReadOnlyDirectory.removeCopy)
  }

  private static func hasContent(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_size > 0
  }

  /// Copies database and write-ahead log into a private temporary directory, which is returned.
  private static func copyAside(_ database: String) throws -> String {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/vpath-verify-XXXXXX".utf8CString)
    guard let made = template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) else {
      throw FileFailure("mkdtemp", parent)
    }
    let directory = String(cString: made)
    do {
      for suffix in ["", "-wal"] {
        let source = try OpenFile(database + suffix, O_RDONLY)
        let target = try OpenFile("\(directory)/\(TraceFile.database)\(suffix)", O_WRONLY | O_CREAT | O_EXCL)
        var offset = 0
        while true {
          let piece = try source.read(at: offset, count: 1 << 20)
          if piece.isEmpty { break }
          try target.write(piece)
          offset += piece.count
        }
      }
    } catch {
      removeCopy(directory)
      throw error
    }
    return directory
  }

  private static func removeCopy(_ directory: String) {
    for suffix in ["", "-wal", "-shm"] { unlink("\(directory)/\(TraceFile.database)\(suffix)") }
    rmdir(directory)
  }
}
