// A colour that is not hematoxylin's though it takes up red light: blue, green and black ink.
// What must stay true: decided from a region's own sums, so that a tile decides as the whole does.

/// Refuses regions whose colour no nucleus has.
enum ForeignColour {
  /// Least eosin as a share of hematoxylin. Ink takes up so little green light that eosin comes out negative (on green
  /// ink the median is minus a quarter); 99 of 100 nuclei of the validation patients have at least a tenth.
  static let leastEosinShare: Float = 0

  /// Whether a region is ink rather than a nucleus.
  static func isForeign(hematoxylin: Float, eosin: Float) -> Bool {
    eosin < leastEosinShare * (hematoxylin + 0.1)
  }
}
