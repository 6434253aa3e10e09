// The slide files of a call as the tool sees them: neutral names in a folder for each slide, its companions beside it.
// What must stay true: the paths a tool is told hold no file name that may be a patient's, wherever the format allows; only
// regular files that were granted are bound, through no link.

import Domain
import Glibc
import Ports

/// Where a granted slide is bound.
struct SlideBinds: Sendable {
  /// Path inside, by slide.
  private(set) var paths: [EvidenceID: String] = [:]
  private(set) var binds: [ReadOnlyBind] = []

  /// Most files of one slide.
  static let maxCompanions = 4096

  /// Throws `slide.not_found`, `slide.not_allowed`.
  init(_ grants: [SlideGrant]) throws(VPathError) {
    for grant in grants {
      guard grant.id.parts?.kind == .slide else {
        throw VPathError(.internalBug, "A slide was granted under an id that is none.")
      }
      try bind(grant)
    }
  }

  private mutating func bind(_ grant: SlideGrant) throws(VPathError) {
    guard isThereWithoutLinks(grant.path) else {
      throw VPathError(
        access(grant.path, F_OK) == 0 ? .slideNotAllowed : .slideNotFound,
        "The slide's file is no longer where it was granted, or a link has taken its place. Open the case again.",
        subject: grant.id.rawValue)
    }
    guard grant.companions.count <= SlideBinds.maxCompanions else {
      throw VPathError(.slideNotAllowed, "The slide has more than \(SlideBinds.maxCompanions) files.")
    }
    let folder = String(grant.path[..<(grant.path.lastIndex(of: "/") ?? grant.path.startIndex)])
    let (stem, ending) = SlideBinds.split(lastName(grant.path))
    let inside = "/slides/\(grant.id.rawValue)"
    // Formats whose files name each other keep their names; only the slide's own folder of MIRAX is named for it.
    let keepsNames = ["vms", "vmu"].contains(ending)
    let name = keepsNames ? lastName(grant.path) : ending.isEmpty ? "slide" : "slide.\(ending)"
    paths[grant.id] = "\(inside)/\(name)"
    binds.append(ReadOnlyBind(host: grant.path, inside: "\(inside)/\(name)"))
    for (index, companion) in grant.companions.enumerated() {
      guard companion.hasPrefix(folder + "/"), !companion.split(separator: "/").contains(".."),
        isThereWithoutLinks(companion, orFolder: true)
      else {
        throw VPathError(
          .slideNotAllowed, "A further file of the slide is missing, a link, or outside its folder.",
          subject: grant.id.rawValue)
      }
      var relative = companion.dropFirst(folder.count + 1).split(separator: "/").map(String.init)
      if ending == "dcm", relative.count == 1 {
        relative = ["instance-\(index + 1).dcm"]
      } else if !keepsNames, relative.first == stem {
        relative[0] = "slide"
      }
      binds.append(ReadOnlyBind(host: companion, inside: "\(inside)/\(relative.joined(separator: "/"))"))
    }
  }

  /// Stem and lower-case ending of a file name; an ending is at most eight letters or digits.
  private static func split(_ name: String) -> (stem: String, ending: String) {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return (name, "") }
    let ending = name[name.index(after: dot)...].lowercased()
    guard (1...8).contains(ending.utf8.count), ending.utf8.allSatisfy({ $0 < 0x80 && $0 != 0x2F }),
      ending.unicodeScalars.allSatisfy({ $0.properties.isAlphabetic || $0.properties.numericType != nil })
    else { return (name, "") }
    return (String(name[..<dot]), ending)
  }
}
