// The first schema of the trace database. docs/trace-format.md describes every column.
// What must stay true: a migration that was released is never changed; a new one gets a file and a number of its own.
// Tables `cases`, `turns` and `byte_uses` can be made again from the others; only `events` and `checkpoints` are
// evidence.

import GRDB

/// The schema's migrations, in order.
enum Migrations {
  static let migrator: DatabaseMigrator = {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("M001Initial") { try $0.execute(sql: m001Initial) }
    return migrator
  }()
}

private let m001Initial = """
  CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    case_ref INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    turn TEXT,
    kind TEXT NOT NULL,
    time TEXT NOT NULL,
    commitment BLOB NOT NULL,
    kept_commitment BLOB,
    hash BLOB NOT NULL,
    salt BLOB,
    kept BLOB,
    payload_file BLOB,
    payload BLOB
  ) STRICT;
  CREATE UNIQUE INDEX events_by_seq ON events (case_ref, seq);

  CREATE TABLE checkpoints (
    number INTEGER PRIMARY KEY,
    case_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    line BLOB NOT NULL
  ) STRICT;
  CREATE INDEX checkpoints_by_case ON checkpoints (case_id, seq);

  CREATE TABLE kept_bytes (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    bytes BLOB
  ) STRICT;

  CREATE TABLE byte_uses (
    case_ref INTEGER NOT NULL,
    hash BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (case_ref, hash, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX byte_uses_by_hash ON byte_uses (hash);

  CREATE TABLE cases (
    id INTEGER PRIMARY KEY,
    case_id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    head INTEGER NOT NULL,
    last_event INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE turns (
    id INTEGER PRIMARY KEY,
    turn TEXT NOT NULL,
    case_ref INTEGER NOT NULL,
    state TEXT NOT NULL,
    stop TEXT,
    queued_at TEXT NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    UNIQUE (turn, case_ref)
  ) STRICT;
  CREATE INDEX turns_by_case ON turns (case_ref, id);
  CREATE INDEX turns_unfinished ON turns (id) WHERE state <> 'completed';

  INSERT INTO meta (key, value) VALUES ('format', 'vpath-trace-1');
  PRAGMA application_id = 0x56505431;
  """
