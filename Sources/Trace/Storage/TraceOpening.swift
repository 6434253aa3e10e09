// Opening a trace's directory: what has to hold before the first event may be written.
// What must stay true: nothing is written to a directory that is not ours, is used by another process, is of a newer
// format, or does not end where its own checkpoint log says it ends.

import Domain
import GRDB
import GRDBSQLite
import Logging

/// The parts of a store that is being opened.
struct TraceOpening {
  let directory: StateDirectory
  let signer: CheckpointSigner
  let pool: DatabasePool
  let files: BytesDirectory
  let ledger: Ledger
  /// The number of the last entry in the checkpoint file, as it was found.
  let fileNumber: Int
  private let checkpointPath: String

  init(_ path: String, _ options: TraceOptions) throws {
    directory = try StateDirectory(path)
    let isNew = !fileExists(directory.file(TraceFile.database))
    checkpointPath = options.checkpointFile ?? directory.file(TraceFile.checkpoints)
    let file = try CheckpointFile(path: checkpointPath)
    fileNumber = file.number
    guard !isNew || file.number == 0 else { throw VPathError.olderDatabase(file: file.number, database: 0) }
    signer = try directory.signer(isNew: isNew)
    files = BytesDirectory(path: directory.file(TraceFile.bytesDirectory))
    try files.create()
    try directory.reserveName(TraceFile.database)
    pool = try TraceOpening.openDatabase(directory.file(TraceFile.database), options)
    try syncDirectory(directory.path)
    let log = try TraceOpening.lastCheckpoint(pool, file: file)
    ledger = Ledger(log: log, signer: signer)
    try clean(options)
  }

  func openCheckpointFile() throws -> CheckpointFile { try CheckpointFile(path: checkpointPath) }

  private static func openDatabase(_ path: String, _ options: TraceOptions) throws -> DatabasePool {
    var configuration = Configuration()
    configuration.label = "vpath.trace"
    configuration.busyMode = .timeout(5)
    configuration.maximumReaderCount = 4
    configuration.prepareDatabase { database in
      try database.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
      if database.configuration.readonly {
        try database.execute(sql: "PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0")
      }
    }
    let pool = try DatabasePool(path: path, configuration: configuration)
    let isNewer = try pool.read { try Migrations.migrator.hasBeenSuperseded($0) }
    guard !isNewer else {
      throw VPathError(
        .traceWriteFailed,
        "The trace was written by a newer version. Run that version, or use another state directory.",
        subject: TraceFile.database)
    }
    try Migrations.migrator.migrate(pool)
    try pool.read { database in
      try checkSchema(database)
      try quickCheck(database, limit: options.quickCheckLimitBytes)
    }
    return pool
  }

  /// A trigger or view could change what is written or read; ours has none.
  private static func checkSchema(_ database: Database) throws {
    let strangers = try Int.fetchOne(
      database, sql: "SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index')")
    let format = try String.fetchOne(database, sql: "SELECT value FROM meta WHERE key = 'format'")
    guard strangers == 0, format == TraceFormat.name else {
      throw VPathError(
        .traceTampered, "The database has a trigger, a view or a format that is not this program's.",
        subject: TraceFile.database)
    }
  }

  private static func quickCheck(_ database: Database, limit: Int) throws {
    let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
    let pageBytes = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 0
    guard pages * pageBytes <= limit else { return }
    guard try String.fetchOne(database, sql: "PRAGMA quick_check(1)") == "ok" else {
      throw VPathError(
        .traceTampered, "SQLite's quick_check finds the database damaged. Run verify on a copy of the state directory.",
        subject: TraceFile.database)
    }
  }

  /// Where the checkpoint log ends, after comparing the file's last line with the database's entry.
  private static func lastCheckpoint(_ pool: DatabasePool, file: CheckpointFile) throws -> CheckpointChain {
    try pool.read { database in
      let line = { (number: Int) in
        try database.statement("SELECT line FROM checkpoints WHERE number = ?").first(.integer(number)) {
          $0.blob(0) ?? []
        }
      }
      let last = try database.statement("SELECT max(number) FROM checkpoints").first { $0.integer(0) ?? 0 } ?? 0
      if file.number > last { throw VPathError.olderDatabase(file: file.number, database: last) }
      if let found = file.lastLineAtStart, try line(file.number) != found {
        throw VPathError(
          .traceTampered, "The checkpoint file's last line is not the database's entry \(file.number).",
          subject: TraceFile.checkpoints)
      }
      var chain = CheckpointChain()
      if last > 0 {
        guard let bytes = try line(last), let entry = Checkpoint(line: bytes), entry.number == last else {
          throw VPathError(.traceTampered, "Entry \(last) of the checkpoint log cannot be read.")
        }
        chain.number = last
        chain.previous = SHA256Bytes(of: bytes)
      }
      return chain
    }
  }

  /// After anything but a clean close, removes temporary files and files that nothing refers to.
  private func clean(_ options: TraceOptions) throws {
    let wasClean = try pool.read {
      try String.fetchOne($0, sql: "SELECT value FROM meta WHERE key = 'closed'") == "clean"
    }
    for name in namesIn(directory.path) ?? [] where name.hasPrefix(temporaryPrefix) { unlinkFile(directory.file(name)) }
    if !wasClean {
      let removed = try pool.read { database in
        try files.clean { hash in
          let isKept = try database.statement("SELECT 1 FROM kept_bytes WHERE hash = ?").first(.digest(hash)) { _ in
            true
          }
          let isUsed = try database.statement("SELECT 1 FROM byte_uses WHERE hash = ? LIMIT 1").first(.digest(hash)) {
            _ in true
          }
          return isKept ?? isUsed ?? false
        }
      }
      if removed > 0 {
        options.logger.notice("Files that a crash left were removed.", metadata: ["count": "\(removed)"])
      }
    }
    try pool.write { try $0.execute(sql: "DELETE FROM meta WHERE key = 'closed'") }
  }
}

extension VPathError {
  fileprivate static func olderDatabase(file: Int, database: Int) -> VPathError {
    VPathError(
      .traceTampered,
      "The checkpoint file goes to entry \(file), the database only to \(database): the database is an older copy, or entries were deleted from it. Put the right database back; to go on from an older copy, start a new state directory and keep both for verification.",
      subject: TraceFile.checkpoints)
  }
}

extension SQLiteFailure {
  /// Whether the database file itself is broken.
  var isDamage: Bool { primaryCode == SQLITE_CORRUPT || primaryCode == SQLITE_NOTADB }
  /// Whether the call was stopped from outside.
  var isInterrupt: Bool { primaryCode == SQLITE_INTERRUPT }
}
