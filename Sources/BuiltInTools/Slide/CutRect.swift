// A rectangle cut to the slide it is on.
// What must stay true: what is cut away is known, so that a tool can say so.

import Domain
import Slides

/// A rectangle with the part of it that lies on a slide.
struct CutRect: Sendable {
  /// Inside the slide, never empty.
  var rect: LevelZeroRect
  /// Whether something was cut away.
  var isCut: Bool

  /// - Throws: `region.out_of_bounds` when nothing of it lies on the slide.
  init(_ asked: LevelZeroRect, on slide: OpenedSlide) throws(VPathError) {
    rect = asked.intersection(slide.handle.bounds)
    guard !rect.isEmpty else {
      throw VPathError(
        .regionOutOfBounds,
        "The rectangle \(asked) is \(asked.isEmpty ? "empty" : "not on the slide"); \(slide.id) has "
          + "\(slide.handle.bounds.width)x\(slide.handle.bounds.height) pixels. Give x, y, width and height inside.",
        subject: asked.description)
    }
    isCut = rect != asked
  }
}
