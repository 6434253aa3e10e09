// Opening a trace's directory: what has to hold before the first event may be written.
// What must stay true: nothing is written to a directory that is not ours, is used by another process, is of a newer
// format, or does not end where its own checkpoint log says it ends.

import Domain
import GRDB
import GRDBSQLite
import Logging

/// A checkpoint file that lacked entries when it was opened, and which ones.
struct FileBehind: Sendable {
  var place: CheckpointPlace
  var first: Int
  var last: Int
}

/// The parts of a store that is being opened.
struct TraceOpening {
  let directory: StateDirectory
  let signer: CheckpointSigner
  let pool: DatabasePool
  let files: BytesDirectory
  let ledger: Ledger
  /// The checkpoint files, the directory's own first.
  let checkpointFiles: [CheckpointFile]

  init(_ path: String, _ options: TraceOptions) throws {
    directory = try StateDirectory(path)
    let isNew = !fileExists(directory.file(TraceFile.database))
    var checkpointFiles = [try CheckpointFile(path: directory.file(TraceFile.checkpoints), place: .own)]
    if let copy = options.checkpointCopy { checkpointFiles.append(try CheckpointFile(path: copy, place: .copy)) }
    self.checkpointFiles = checkpointFiles
    for file in checkpointFiles where isNew && file.number > 0 { throw VPathError.olderDatabase(file, database: 0) }
    signer = try directory.signer(isNew: isNew)
    files = BytesDirectory(path: directory.file(TraceFile.bytesDirectory))
    try files.create()
    try directory.reserveName(TraceFile.database)
    pool = try TraceOpening.openDatabase(directory.file(TraceFile.database), options)
    try syncDirectory(directory.path)
    let log = try TraceOpening.lastCheckpoint(pool, files: checkpointFiles)
    ledger = Ledger(log: log, signer: signer)
    try clean(options)
  }

  /// The checkpoint files that end before the database.
  var filesBehind: [FileBehind] {
    checkpointFiles.filter { $0.number < ledger.lastCheckpoint }.map {
      FileBehind(place: $0.place, first: $0.number + 1, last: ledger.lastCheckpoint)
    }
  }

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

  /// Where the checkpoint log ends, after comparing each file's last line with the database's entry.
  private static func lastCheckpoint(_ pool: DatabasePool, files: [CheckpointFile]) throws -> CheckpointChain {
    try pool.read { database in
      let line = { (number: Int) in
        try database.statement("SELECT line FROM checkpoints WHERE number = ?").first(.integer(number)) {
          $0.blob(0) ?? []
        }
      }
      let last = try database.statement("SELECT max(number) FROM checkpoints").first { $0.integer(0) ?? 0 } ?? 0
      for file in files {
        if file.number > last { throw VPathError.olderDatabase(file, database: last) }
        if let found = file.lastLineAtStart, try line(file.number) != found {
          throw VPathError(
            .traceTampered,
            "The last line of the \(file.place.words) is not the database's entry \(file.number): one of them was replaced, or the file belongs to another trace.",
            subject: file.place.subject)
        }
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

  /// Removes what nobody will ever read: temporary files, kept bytes that no event came to refer to, and, after
  /// anything but a clean close, files that nothing refers to.
  private func clean(_ options: TraceOptions) throws {
    for name in namesIn(directory.path) ?? [] where name.hasPrefix(temporaryPrefix) { unlinkFile(directory.file(name)) }
    let (wasClean, strays) = try forgetStrays()
    if wasClean {
      for hash in strays { try files.remove(hash) }
    } else {
      let removed = try pool.read { database in try files.clean { try isKnown($0, database) } }
      if removed > 0 {
        options.logger.notice("Files that a crash left were removed.", metadata: ["count": "\(removed)"])
      }
    }
    guard !strays.isEmpty else { return }
    // What was removed is not left in the write-ahead log either.
    try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
    options.logger.notice(
      "Bytes that were kept for events that never came were removed.", metadata: ["count": "\(strays.count)"])
  }

  /// Deletes the rows of kept bytes without an event: a turn that was stopped before its exchange was recorded leaves
  /// such, and no redaction would ever reach them. Whoever needs them puts them again.
  private func forgetStrays() throws -> (wasClean: Bool, strays: [SHA256Bytes]) {
    try pool.writeWithoutTransaction { database in
      try database.execute(sql: "PRAGMA secure_delete = ON")
      var wasClean = false
      var strays: [SHA256Bytes] = []
      try database.inTransaction(.immediate) {
        wasClean = try String.fetchOne(database, sql: "SELECT value FROM meta WHERE key = 'closed'") == "clean"
        strays = try database.statement(
          "SELECT hash FROM kept_bytes k WHERE NOT EXISTS (SELECT 1 FROM byte_uses u WHERE u.hash = k.hash)"
        ).rows { $0.digest(0) }
        for hash in strays { try database.statement("DELETE FROM kept_bytes WHERE hash = ?").run(.digest(hash)) }
        // From here on the files are not known to be in order.
        try database.execute(sql: "DELETE FROM meta WHERE key = 'closed'")
        return .commit
      }
      return (wasClean, strays)
    }
  }

  private func isKnown(_ hash: SHA256Bytes, _ database: Database) throws -> Bool {
    for sql in ["SELECT 1 FROM kept_bytes WHERE hash = ?", "SELECT 1 FROM byte_uses WHERE hash = ? LIMIT 1"] {
      if try database.statement(sql).first(.digest(hash), row: { _ in true }) == true { return true }
    }
    return false
  }
}

extension VPathError {
  fileprivate static func olderDatabase(_ file: CheckpointFile, database: Int) -> VPathError {
    let otherFile =
      file.place == .own ? "" : " If the file belongs to another trace, name another one in the configuration."
    return VPathError(
      .traceTampered,
      "The \(file.place.words) goes to entry \(file.number), the database only to \(database): the database is an older copy, or entries were deleted from it. Put the right database back; to go on from an older copy, start a new state directory and keep both for verification.\(otherFile)",
      subject: file.place.subject)
  }
}

extension SQLiteFailure {
  /// Whether the database file itself is broken.
  var isDamage: Bool { primaryCode == SQLITE_CORRUPT || primaryCode == SQLITE_NOTADB }
  /// Whether the call was stopped from outside.
  var isInterrupt: Bool { primaryCode == SQLITE_INTERRUPT }
}
