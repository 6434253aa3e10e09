// The host's side of a process's files: what it is given (read-only inside), what it may write, and what the launcher
// needs.
// What must stay true: the host made and opened these folders before the process began, and reads what the process
// wrote only beneath them; the folder is gone when the process is.

import CPlatform
import Domain
import Glibc

/// The files of one process.
final class WorkFolder: Sendable {
  /// The host's path of the whole.
  let path: String
  let folder: OpenFolder
  /// Read-only inside.
  let input: OpenFolder
  /// Writable inside.
  let scratch: OpenFolder
  private let parent: OpenFolder
  private let name: String

  /// Makes the folder under the work directory. Throws `tool.failed`.
  init(in parent: OpenFolder, path parentPath: String) throws(VPathError) {
    self.parent = parent
    name = "process-\(randomHexadecimal())"
    path = "\(parentPath)/\(name)"
    do {
      folder = try parent.makeFolder(name)
      input = try folder.makeFolder("input")
      scratch = try folder.makeFolder("scratch")
    } catch {
      throw VPathError(.toolFailed, "The folder for the tool's files could not be made: it \(error.words).")
    }
  }

  var inputPath: String { "\(path)/input" }
  var scratchPath: String { "\(path)/scratch" }

  /// Removes it all. Only when the process has ended.
  func remove() {
    folder.removeContents()
    unlinkat(parent.descriptor, name, AT_REMOVEDIR)
  }

  /// Makes way for another process on the same files, when the first has ended.
  func forgetProcess() {
    for name in ["started", "arguments", "seccomp"] { unlinkat(folder.descriptor, name, 0) }
  }

  /// Folders of one call inside: what it is given, and what it may write.
  func makeCall() throws(VPathError) -> CallFolder {
    let name = "call-\(randomHexadecimal())"
    do {
      return CallFolder(name: name, input: try input.makeFolder(name), scratch: try scratch.makeFolder(name))
    } catch {
      throw VPathError(.toolFailed, "The folder for the call's files could not be made: it \(error.words).")
    }
  }

  /// Removes what one call left, on a process that goes on.
  func remove(_ call: CallFolder) {
    call.input.removeContents()
    unlinkat(input.descriptor, call.name, AT_REMOVEDIR)
    call.scratch.removeContents()
    unlinkat(scratch.descriptor, call.name, AT_REMOVEDIR)
  }

  /// Bytes of the files in scratch; nil when there are more than `limit` files or folders.
  func scratchBytes(limit: Int) -> Int? {
    var left = limit
    return WorkFolder.bytes(in: scratch, depth: 0, left: &left)
  }

  private static func bytes(in folder: OpenFolder, depth: Int, left: inout Int) -> Int? {
    guard depth < 64, let names = try? folder.names(limit: left + 1) else { return nil }
    var total = 0
    for name in names {
      left -= 1
      guard left >= 0 else { return nil }
      guard let status = try? folder.status(name) else { continue }
      if status.is_directory != 0 {
        guard let inner = try? folder.folder(name) else {
          // Gone meanwhile, or closed by the tool, which may still hold files in it open: those could not be counted.
          if (try? folder.status(name)) == nil { continue }
          return nil
        }
        guard let size = bytes(in: inner, depth: depth + 1, left: &left) else { return nil }
        total += size
      } else {
        total += Int(status.size)
      }
    }
    return total
  }
}

/// The folders of one call, open on the host's side.
struct CallFolder: Sendable {
  let name: String
  let input: OpenFolder
  let scratch: OpenFolder
}
