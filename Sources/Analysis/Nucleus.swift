// One counted nucleus.

/// A nuclear profile found in a picture.
public struct Nucleus: Sendable, Hashable {
  /// Centroid, in pixels of the given picture: 0 is the left edge of the first pixel.
  public var x: Double
  /// Centroid, in pixels of the given picture: 0 is the top edge of the first pixel.
  public var y: Double
  /// Area of the profile in µm².
  public var areaUm2: Double
  /// Mean optical density of hematoxylin inside.
  public var hematoxylin: Double
  /// Log odds that this is one whole nucleus, with the detector's offset: above 0 it is counted.
  public var score: Double

  /// A nuclear profile.
  public init(x: Double, y: Double, areaUm2: Double, hematoxylin: Double, score: Double) {
    self.x = x
    self.y = y
    self.areaUm2 = areaUm2
    self.hematoxylin = hematoxylin
    self.score = score
  }
}
