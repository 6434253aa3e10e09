// The whole slide, small: what the place of a region is shown on.
// What must stay true: it is made once a slide, since a slide without small levels is decoded whole for it.

import Domain
import Raster
import Slides
import ToolKit

/// Makes small pictures of slides, and keeps the last four.
final class SmallSlides: Sendable {
  /// A picture and its scale.
  struct Small: Sendable {
    var image: RGBImage
    /// Its pixels over level-0 pixels.
    var ratio: Double
  }

  private let kept = KeptFromSlides<SlideFileIdentity, Small>(most: 4)
  private static let longestSide = 240.0

  /// The small picture of a slide. Where a large slide would have to be decoded whole it is grey.
  func small(_ slide: OpenedSlide, share: ClosedRange<Double>) throws(VPathError) -> Small {
    try kept.value(of: SlideFileIdentity(slide.path)) { () throws(VPathError) in
      let bounds = slide.handle.bounds
      let ratio = min(1, Self.longestSide / Double(max(bounds.width, bounds.height)))
      let (width, height) = (
        max(1, Int((Double(bounds.width) * ratio).rounded())), max(1, Int((Double(bounds.height) * ratio).rounded()))
      )
      let level = slide.handle.levels[slide.handle.bestLevel(forDownsample: 1 / ratio)]
      guard level.width <= SlideHandle.largestPicture / level.height else {
        return Small(image: RGBImage(width: width, height: height, filled: RGBColor(225, 225, 225)), ratio: ratio)
      }
      let read = try slideErrors { () throws(SlideError) in
        try slide.handle.read(
          bounds, width: width, height: height, control: slide.control("drawing its place", share: share))
      }
      return Small(image: read.image, ratio: ratio)
    }
  }
}
