// The names, tags and limits of the format `vpath-trace-1`, which docs/trace-format.md describes.
// What must stay true: a change of anything here that is hashed or stored is a new format with a new name.

/// Constants of the format.
public enum TraceFormat {
  /// The format's name, in the database, in exports and in every tag.
  public static let name = "vpath-trace-1"
  /// Payloads and kept bytes of this size or more are files; smaller ones are in the database.
  public static let fileThresholdBytes = 65_536
  /// The largest payload of an event, in bytes of canonical JSON.
  public static let maxPayloadBytes = 16 << 20
  /// The largest piece of kept bytes.
  public static let maxKeptBytes = 1 << 30
  /// How many kept pieces one event may refer to.
  public static let maxKeptPerEvent = 4_096
  /// How deep a payload may be nested.
  public static let maxPayloadDepth = 200
  /// Length of a salt in bytes.
  public static let saltBytes = 32
  /// The longest line of the checkpoint file, in bytes.
  public static let maxCheckpointLineBytes = 2_048
  /// Marks the database file as ours: `PRAGMA application_id`, "VPT1".
  public static let applicationID: Int32 = 0x5650_5431

  static let eventTag = Array("vpath-trace-1 event\n".utf8)
  static let keptTag = Array("vpath-trace-1 kept\n".utf8)
  static let checkpointTag = Array("vpath-trace-1 checkpoint\n".utf8)
}

/// The names of the files in a state directory.
public enum TraceFile {
  public static let database = "trace.db"
  public static let checkpoints = "checkpoints.jsonl"
  public static let privateKey = "trace-key"
  public static let publicKey = "trace-key.pub"
  public static let bytesDirectory = "bytes"
  public static let reserve = "reserve"
  public static let lock = "trace.lock"
}
