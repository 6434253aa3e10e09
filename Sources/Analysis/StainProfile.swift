// The two stains of one slide as directions in optical density, and the glass they are measured against.
// What must stay true: one profile serves a whole slide or region, so that no tile sees other stains than its
// neighbour; directions have unit length and no negative part.

/// How hematoxylin and eosin look on one slide.
public struct StainProfile: Sendable, Hashable, Codable {
  /// Where the directions come from.
  public enum Source: String, Sendable, Hashable, Codable {
    /// Estimated from the slide's own pixels.
    case estimated
    /// The reference of Ruifrok and Johnston, because an estimate was not plausible.
    case reference
  }

  /// Red, green, blue of bare glass, 0…255.
  public var background: [Float]
  /// Hematoxylin's optical density in red, green and blue, of unit length.
  public var hematoxylin: [Double]
  /// Eosin's optical density in red, green and blue, of unit length.
  public var eosin: [Double]
  /// How strong hematoxylin gets on this slide, in optical density: the 99th percentile among stained pixels, in the
  /// direction in which nuclei are looked for; at least 0.5, since a field may hold no nucleus.
  public var hematoxylinHigh: Double
  /// Where the directions come from.
  public var source: Source
  /// Why the reference is used; empty for an estimate.
  public var reason: String

  /// A profile from its parts.
  ///
  /// - Precondition: three values in each list.
  public init(
    background: [Float], hematoxylin: [Double], eosin: [Double], hematoxylinHigh: Double = leastHigh, source: Source,
    reason: String
  ) {
    precondition(background.count == 3 && hematoxylin.count == 3 && eosin.count == 3, "three values a colour")
    self.background = background
    self.hematoxylin = hematoxylin
    self.eosin = eosin
    self.hematoxylinHigh = max(Self.leastHigh, hematoxylinHigh)
    self.source = source
    self.reason = reason
  }

  /// Least value of `hematoxylinHigh`.
  public static let leastHigh = 0.5

  /// Ruifrok and Johnston's hematoxylin (2001), of unit length.
  public static let referenceHematoxylin = unit([0.650, 0.704, 0.286])
  /// Ruifrok and Johnston's eosin (2001), of unit length.
  public static let referenceEosin = unit([0.072, 0.990, 0.105])

  /// Eosin as whole-slide scanners see it, of unit length.
  static let typicalEosin = unit([0.300, 0.850, 0.430])

  /// The fixed directions, against a given glass.
  public static func reference(background: [Float] = [255, 255, 255], reason: String) -> StainProfile {
    StainProfile(
      background: background, hematoxylin: referenceHematoxylin, eosin: referenceEosin,
      source: .reference, reason: reason)
  }

  /// Hematoxylin and eosin as nuclei are looked for, the same on every slide: on the validation patients fixed
  /// directions found nuclei better than each image's own, and an image without eosin has no directions of its own.
  static let searchHematoxylin = unit([0.750, 0.620, 0.230])
  /// See `searchHematoxylin`.
  static let searchEosin = unit([0.200, 0.940, 0.270])

  static func unit(_ vector: [Double]) -> [Double] {
    let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return length > 0 ? vector.map { $0 / length } : vector
  }

  /// Cosine of the angle between two directions of unit length.
  static func cosine(_ first: [Double], _ second: [Double]) -> Double {
    zip(first, second).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The matrix that turns optical density (row vector) into amounts of hematoxylin, eosin and what neither
  /// explains (their cross product), row-major; nil when the two directions are one.
  static func unmixing(hematoxylin h: [Double], eosin e: [Double]) -> [Double]? {
    let rest = Self.unit([
      h[1] * e[2] - h[2] * e[1], h[2] * e[0] - h[0] * e[2], h[0] * e[1] - h[1] * e[0],
    ])
    return LinearAlgebra.inverse(h + e + rest)
  }
}
