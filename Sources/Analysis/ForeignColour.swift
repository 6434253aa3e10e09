// A colour that is not hematoxylin's though it takes up red light: blue, green and black ink.
// What must stay true: decided from a region's own sums, so that a tile decides as the whole does.

/// Refuses regions whose colour no nucleus has.
enum ForeignColour {
  /// Ink takes up so little green light that eosin comes out negative. On the validation patients 99 of 100 nuclei have
  /// an eosin of at least a tenth of their hematoxylin; on green ink the median lies at minus a quarter.
  static let leastEosinShare: Float = -0.1

  /// Whether a region is ink rather than a nucleus.
  static func isForeign(hematoxylin: Float, eosin: Float) -> Bool {
    eosin < leastEosinShare * (hematoxylin + 0.1)
  }
}
