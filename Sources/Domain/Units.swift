// Units of measure as UCUM codes (unitsofmeasure.org), the closed set this product uses.
// What must stay true: a value never travels without its unit.

/// A UCUM unit code.
public enum UCUMUnit: String, Sendable, Hashable, Codable, CaseIterable {
  case perSquareMillimetre = "/mm2"
  case squareMillimetre = "mm2"
  case squareMicrometre = "um2"
  case micrometre = "um"
  case percent = "%"
  /// A pure number, such as a count or a ratio.
  case one = "1"
  case micrometrePerPixel = "um/{pixel}"
  case second = "s"

  /// As a person reads it: "/mm²", "µm", nothing for a pure number.
  public var display: String {
    switch self {
    case .perSquareMillimetre: "/mm²"
    case .squareMillimetre: "mm²"
    case .squareMicrometre: "µm²"
    case .micrometre: "µm"
    case .percent: "%"
    case .one: ""
    case .micrometrePerPixel: "µm/px"
    case .second: "s"
    }
  }
}
