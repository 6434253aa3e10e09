// What follows a commit: checkpoint files are brought up to the database, redacted bytes go, the write-ahead log is
// copied back.
// What must stay true: nothing here can undo the commit; a file on a disk that is away is said once, and tried again at
// the next commit.

import Domain
import GRDB
import GRDBSQLite
import Glibc
import Logging
import Synchronization

extension TraceWriter {
  /// Appends to the checkpoint files what the database has and they lack; the first failure.
  func copyCheckpoints(_ state: inout State) -> VPathError? {
    var first: VPathError?
    for file in state.checkpointFiles {
      do {
        try copyCheckpoints(to: file, until: state.ledger.lastCheckpoint)
        if state.failing.remove(file.place) != nil { logger.notice("The \(file.place.words) is written again.") }
      } catch {
        let error = VPathError(anyTraceFailure: error)
        // A further file on a disk that is away fails at every commit; that is said once.
        if state.failing.insert(file.place).inserted {
          logger.error("The \(file.place.words) could not be written.", metadata: ["error": "\(error.message)"])
        }
        first = first ?? error
      }
    }
    return first
  }

  func copyCheckpoints(to file: CheckpointFile, until last: Int, mayRunOutOfSpace: Bool = true) throws {
    do {
      while file.number < last {
        let lines = try pool.writeWithoutTransaction { database in
          try database.statement("SELECT line FROM checkpoints WHERE number > ? ORDER BY number LIMIT 1000").rows(
            .integer(file.number)
          ) { $0.blob(0) }
        }
        guard !lines.isEmpty else { return }
        try file.append(lines, lastNumber: file.number + lines.count)
      }
    } catch let failure as FileFailure where failure.code == ENOSPC && file.place == .own && mayRunOutOfSpace {
      runOutOfSpace()
      try copyCheckpoints(to: file, until: last, mayRunOutOfSpace: false)
    }
  }

  /// Removes what a redaction made needless from the file system and from the write-ahead log.
  func forget(_ hashes: [SHA256Bytes]) {
    for hash in hashes {
      do {
        try files.remove(hash)
      } catch {
        logger.error("Redacted bytes could not be removed.", metadata: ["error": "\(error.message)"])
      }
    }
    _ = pool.writeWithoutTransaction { database in
      sqlite3_wal_checkpoint_v2(database.sqliteConnection, "main", SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
    }
  }

  /// Copies the write-ahead log into the database when it has grown.
  func copyWriteAheadLog() {
    guard walLength.pages.load(ordering: .relaxed) >= walPages else { return }
    _ = pool.writeWithoutTransaction { database in
      sqlite3_wal_checkpoint_v2(database.sqliteConnection, "main", SQLITE_CHECKPOINT_PASSIVE, nil, nil)
    }
  }
}
