// The further files that slides of some formats consist of, by the formats' own rules of naming (OpenSlide's pages on
// MIRAX, Hamamatsu and DICOM).
// What must stay true: only regular files in the slide's own folder, or in the one folder the format names, are found;
// links are passed over, so that a slide cannot grant what lies elsewhere.

import Domain
import Glibc

enum SlideCompanions {
  /// Absolute paths, sorted. Throws `slide.unsupported` when there are too many.
  static func files(of path: String) throws(VPathError) -> [String] {
    let parts = path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
    guard let name = parts.last, let dot = name.lastIndex(of: ".") else { return [] }
    let folder = "/" + parts.dropLast().joined(separator: "/")
    let stem = String(name[..<dot])
    let found: [String]?
    switch name[name.index(after: dot)...].lowercased() {
    case "mrxs": found = regularFiles(in: "\(folder)/\(stem)") { _ in true }
    case "dcm": found = regularFiles(in: folder) { $0 != name && $0.lowercased().hasSuffix(".dcm") }
    case "vms", "vmu": found = regularFiles(in: folder) { $0 != name && $0.hasPrefix(stem) }
    default: return []
    }
    guard let found else {
      throw VPathError(
        .slideUnsupported,
        "The slide has more than \(SlideFolders.maxFiles) files beside it. Give it a folder of its own.",
        subject: SlideFolders.shown(name))
    }
    return found.sorted()
  }

  /// Nil when there are too many; none when the folder is a link or not there.
  private static func regularFiles(in folder: String, where isWanted: (String) -> Bool) -> [String]? {
    var status = stat()
    guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, let directory = opendir(folder) else {
      return []
    }
    defer { closedir(directory) }
    var found: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      let file = "\(folder)/\(name)"
      guard isWanted(name), lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      found.append(file)
      if found.count > SlideFolders.maxFiles { return nil }
    }
    return found
  }
}
