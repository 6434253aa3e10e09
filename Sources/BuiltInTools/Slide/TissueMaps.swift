// Tissue maps kept from call to call: overview and counter of one case look at the same slide.
// What must stay true: a map is used only for the very file it was made from (device, inode, size, time of change) and
// for the same options; at most two are kept.

import Domain
import Glibc
import Slides
import Synchronization
import ToolKit

/// Makes tissue maps, and keeps the last two.
final class TissueMaps: Sendable {
  private struct Key: Hashable {
    var device: UInt64
    var inode: UInt64
    var size: Int
    var seconds: Int
    var nanoseconds: Int
    var options: TissueOptions
    var stated: Double?
  }

  private let kept = Mutex<[(key: Key, map: TissueMap)]>([])
  private static let most = 2

  /// The tissue map of a slide.
  func map(of slide: OpenedSlide, share: ClosedRange<Double>) throws(VPathError) -> TissueMap {
    let description = slide.call.input.case
    let options = TissueOptions(organ: description.organ)
    let key = Self.key(slide.path, options, description.statedMicronsPerPixel)
    if let key, let found = kept.withLock({ kept in kept.first { $0.key == key }?.map }) { return found }
    let made = try slideErrors { () throws(SlideError) in
      try slide.handle.tissueMap(options: options, control: slide.control("finding tissue", share: share))
    }
    if let key {
      kept.withLock { kept in
        kept.removeAll { $0.key == key }
        kept.append((key, made))
        if kept.count > Self.most { kept.removeFirst() }
      }
    }
    return made
  }

  private static func key(_ path: String, _ options: TissueOptions, _ stated: Double?) -> Key? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Key(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int(status.st_size),
      seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec, options: options, stated: stated)
  }
}
