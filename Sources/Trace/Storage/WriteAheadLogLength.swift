// The length of the write-ahead log, heard of from SQLite itself.
// What must stay true: the value outlives the connection that it observes.

import GRDB
import GRDBSQLite
import Synchronization

/// The length of the write-ahead log in pages, as SQLite tells it after every commit.
final class WriteAheadLogLength: Sendable {
  let pages = Atomic<Int>(0)

  /// Takes the place of SQLite's own automatic checkpoint on this connection. The value must outlive it.
  func observe(_ database: Database) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    sqlite3_wal_hook(
      database.sqliteConnection,
      { context, _, _, pages in
        guard let context else { return SQLITE_OK }
        let length = Unmanaged<WriteAheadLogLength>.fromOpaque(context).takeUnretainedValue()
        length.pages.store(Int(pages), ordering: .relaxed)
        return SQLITE_OK
      }, context)
  }
}
