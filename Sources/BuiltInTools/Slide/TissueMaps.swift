// Tissue maps: overview, counter and classifier of one case look at the same slide.
// What must stay true: a map is used only for the very file it was made from and for the same options.

import Domain
import Slides
import ToolKit

/// Makes tissue maps, and keeps the last two.
final class TissueMaps: Sendable {
  private struct Key: Hashable {
    var file: SlideFileIdentity
    var options: TissueOptions
    var stated: Double?
  }

  private let kept = KeptFromSlides<Key, TissueMap>(most: 2)

  /// The tissue map of a slide.
  func map(of slide: OpenedSlide, share: ClosedRange<Double>) throws(VPathError) -> TissueMap {
    let description = slide.call.input.case
    let options = TissueOptions(organ: description.organ)
    let key = SlideFileIdentity(slide.path).map {
      Key(file: $0, options: options, stated: description.statedMicronsPerPixel)
    }
    return try kept.value(of: key) { () throws(VPathError) in
      try slideErrors { () throws(SlideError) in
        try slide.handle.tissueMap(options: options, control: slide.control("finding tissue", share: share))
      }
    }
  }
}
