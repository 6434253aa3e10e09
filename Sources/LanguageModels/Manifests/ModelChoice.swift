// Which model an operator chose with `vpath model use`: one small file in the state directory's models/.
// What must stay true: the configuration's model.use wins over it; a file that cannot be read is an error, not a choice.

public import Domain
import Glibc
import JSON

/// The choice.
public enum ModelChoice {
  /// Its file, in the folder of the models that were put in.
  public static let fileName = "use.json"

  /// The chosen name; nil when nothing was chosen. Throws `model.unavailable`.
  public static func read(_ folders: ModelFolders) throws(VPathError) -> String? {
    let path = folders.own + "/" + fileName
    guard access(path, F_OK) == 0 else { return nil }
    guard let bytes = SmallFile.bytes(path, maxBytes: 4096), let value = try? JSONValue.parse(bytes),
      value.objectValue?.count == 1, let name = value["use"]?.stringValue, ModelManifest.isName(name)
    else {
      throw VPathError(
        .modelUnavailable, "The choice in models/\(fileName) cannot be read. Choose again with `vpath model use NAME`.",
        subject: fileName)
    }
    return name
  }

  /// Writes the choice. Throws `model.unavailable`.
  public static func write(_ name: String, _ folders: ModelFolders) throws(VPathError) {
    try ModelStore.writeWhole(Array("{\"use\": \"\(name)\"}\n".utf8), to: folders.own + "/" + fileName)
  }
}
