// Reading and writing rows through SQLite's own calls, on connections that GRDB or OfflineDatabase owns.
// What must stay true: a column of an unexpected type reads as nil and never traps, because a database that is being
// verified is a stranger's file; a statement is reset as soon as its rows have been read.

import GRDB
import GRDBSQLite

/// What SQLite said when a call failed.
struct SQLiteFailure: Error {
  /// The extended result code.
  var code: Int32
  var message: String

  init(code: Int32, message: String) {
    self.code = code
    self.message = message
  }

  init(_ connection: OpaquePointer?) {
    code = connection.map { sqlite3_extended_errcode($0) } ?? SQLITE_NOMEM
    message = connection.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? "out of memory"
  }

  init(_ error: DatabaseError) {
    code = error.extendedResultCode.rawValue
    message = error.message ?? "no message"
  }

  /// The result code without its extension.
  var primaryCode: Int32 { code & 0xFF }
}

/// Where statements come from: a connection that keeps them prepared.
protocol StatementSource {
  func statement(_ sql: String) throws -> SQLStatement
}

extension Database: StatementSource {
  func statement(_ sql: String) throws -> SQLStatement {
    let statement = try cachedStatement(sql: sql)
    return SQLStatement(statement.sqliteStatement, owner: statement)
  }
}

/// A value for a placeholder.
enum SQLValue {
  case null
  case integer(Int)
  case text(String)
  case blob([UInt8])
  case digest(SHA256Bytes)

  static func text(_ text: String?) -> SQLValue { text.map { .text($0) } ?? .null }
  static func blob(_ bytes: [UInt8]?) -> SQLValue { bytes.map { .blob($0) } ?? .null }
  static func digest(_ digest: SHA256Bytes?) -> SQLValue { digest.map { .digest($0) } ?? .null }
}

/// A prepared statement.
struct SQLStatement {
  private let handle: OpaquePointer
  private let owner: AnyObject?

  init(_ handle: OpaquePointer, owner: AnyObject?) {
    self.handle = handle
    self.owner = owner
  }

  /// Runs the statement to its end and gives back what `row` makes of each row until it returns nil.
  func rows<Row>(_ values: SQLValue..., row: (borrowing SQLRow) throws -> Row?) throws -> [Row] {
    var rows: [Row] = []
    try each(values) {
      guard let row = try row($0) else { return false }
      rows.append(row)
      return true
    }
    return rows
  }

  /// The first row, or nil when there is none.
  func first<Row>(_ values: SQLValue..., row: (borrowing SQLRow) throws -> Row) throws -> Row? {
    var first: Row?
    try each(values) {
      first = try row($0)
      return false
    }
    return first
  }

  /// Runs a statement that gives no rows.
  func run(_ values: SQLValue...) throws { try each(values) { _ in true } }

  /// Runs the statement, calling `body` for each row until it returns false.
  func each(_ values: [SQLValue], _ body: (borrowing SQLRow) throws -> Bool) throws {
    defer {
      sqlite3_reset(handle)
      sqlite3_clear_bindings(handle)
    }
    for (index, value) in values.enumerated() { try bind(value, at: Int32(index + 1)) }
    while true {
      switch sqlite3_step(handle) {
      case SQLITE_ROW: if try !body(SQLRow(handle: handle)) { return }
      case SQLITE_DONE: return
      default: throw SQLiteFailure(sqlite3_db_handle(handle))
      }
    }
  }

  private func bind(_ value: SQLValue, at index: Int32) throws {
    let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    let code: Int32
    switch value {
    case .null: code = sqlite3_bind_null(handle, index)
    case .integer(let number): code = sqlite3_bind_int64(handle, index, Int64(number))
    case .text(var text):
      code = text.withUTF8 { bytes in
        bytes.withMemoryRebound(to: CChar.self) {
          sqlite3_bind_text(handle, index, $0.baseAddress, Int32($0.count), transient)
        }
      }
    case .blob(let bytes):
      code =
        bytes.isEmpty
        ? sqlite3_bind_zeroblob(handle, index, 0)
        : bytes.withUnsafeBytes { sqlite3_bind_blob(handle, index, $0.baseAddress, Int32($0.count), transient) }
    case .digest(let digest):
      code = digest.withUnsafeBytes { sqlite3_bind_blob(handle, index, $0.baseAddress, 32, transient) }
    }
    guard code == SQLITE_OK else { throw SQLiteFailure(sqlite3_db_handle(handle)) }
  }
}

/// The row a statement stands on. Columns count from 0.
struct SQLRow: ~Copyable {
  fileprivate let handle: OpaquePointer

  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  /// An integer, or nil for any other type.
  func integer(_ column: Int32) -> Int? {
    guard sqlite3_column_type(handle, column) == SQLITE_INTEGER else { return nil }
    return Int(sqlite3_column_int64(handle, column))
  }

  /// Text that is UTF-8, or nil for any other type and for bytes that are not.
  func text(_ column: Int32) -> String? {
    guard sqlite3_column_type(handle, column) == SQLITE_TEXT else { return nil }
    return withBytes(column) { String(validating: $0, as: UTF8.self) }
  }

  /// A blob, or nil for any other type.
  func blob(_ column: Int32) -> [UInt8]? {
    guard sqlite3_column_type(handle, column) == SQLITE_BLOB else { return nil }
    return withBytes(column) { [UInt8]($0) }
  }

  /// A digest, or nil for anything but a blob of 32 bytes.
  func digest(_ column: Int32) -> SHA256Bytes? {
    guard sqlite3_column_type(handle, column) == SQLITE_BLOB else { return nil }
    return withBytes(column) { SHA256Bytes($0) }
  }

  private func withBytes<Result>(_ column: Int32, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    let start = sqlite3_column_blob(handle, column)
    return body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
  }
}
