// A colour, the named ones the overview pictures use, and the scalar views of a colour that masks ask for.
// What must stay true: hue is in degrees [0, 360), saturation and value in 0…1, luma in 0…255.

/// An 8-bit RGB colour.
public struct RGBColor: Sendable, Hashable {
  /// Red, 0…255.
  public var red: UInt8
  /// Green, 0…255.
  public var green: UInt8
  /// Blue, 0…255.
  public var blue: UInt8

  /// A colour from its three values.
  public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// White.
  public static let white = RGBColor(255, 255, 255)
  /// Black.
  public static let black = RGBColor(0, 0, 0)
  // The rest are of Okabe and Ito's palette, which colour-blind readers can tell apart.
  /// Orange (230, 159, 0).
  public static let orange = RGBColor(230, 159, 0)
  /// Sky blue (86, 180, 233).
  public static let skyBlue = RGBColor(86, 180, 233)
  /// Bluish green (0, 158, 115).
  public static let green = RGBColor(0, 158, 115)
  /// Yellow (240, 228, 66).
  public static let yellow = RGBColor(240, 228, 66)
  /// Blue (0, 114, 178).
  public static let blue = RGBColor(0, 114, 178)
  /// Vermilion (213, 94, 0).
  public static let vermilion = RGBColor(213, 94, 0)

  /// Hue in degrees [0, 360), saturation and value in 0…1. A grey has hue 0.
  public var hsv: (hue: Float, saturation: Float, value: Float) {
    let highest = max(red, max(green, blue))
    let lowest = min(red, min(green, blue))
    guard highest > lowest else { return (0, 0, Float(highest) / 255) }
    let span = Float(highest) - Float(lowest)
    var hue: Float
    if highest == red {
      hue = (Float(green) - Float(blue)) / span
    } else if highest == green {
      hue = 2 + (Float(blue) - Float(red)) / span
    } else {
      hue = 4 + (Float(red) - Float(green)) / span
    }
    if hue < 0 { hue += 6 }
    return (hue * 60, span / Float(highest), Float(highest) / 255)
  }

  /// Brightness as ITU-R BT.601 weighs it, 0…255.
  public var luma: Float { 0.299 * Float(red) + 0.587 * Float(green) + 0.114 * Float(blue) }

  /// This colour laid over another: `opacity` 1 gives this one, 0 the other.
  public func blended(over other: RGBColor, opacity: Float) -> RGBColor {
    let part = max(0, min(1, opacity))
    func mix(_ top: UInt8, _ bottom: UInt8) -> UInt8 {
      UInt8(max(0, min(255, (Float(top) * part + Float(bottom) * (1 - part)).rounded())))
    }
    return RGBColor(mix(red, other.red), mix(green, other.green), mix(blue, other.blue))
  }
}
