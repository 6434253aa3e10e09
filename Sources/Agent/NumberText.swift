// Numbers as an answer shows them: two significant figures, thousands separators, no locale.
// What must stay true: the same number gives the same text on every machine; the exact value stays in the evidence.

/// Text of numbers.
enum NumberText {
  /// Two significant figures: 3913.2 is "3,900", 0.6284 is "0.63", 4 is "4.0". Zero is "0".
  static func twoFigures(_ value: Double) -> String { decimal(value, trimsZeros: false) }

  /// The same without zeros at the end, as factors and shares are written: 0.8 is "0.8", 2 is "2".
  static func trimmed(_ value: Double) -> String { decimal(value, trimsZeros: true) }

  /// A whole number with thousands separators: 2445 is "2,445".
  static func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return value < 0 ? "−" + text : text
  }

  /// A count as it was counted: whole numbers in full, others to two figures.
  static func exactCount(_ value: Double) -> String {
    if let whole = Int(exactly: value), whole.magnitude < 1_000_000_000_000_000 { return grouped(whole) }
    return twoFigures(value)
  }

  /// A count to two figures; below 100 it is whole.
  static func roundedCount(_ value: Double) -> String {
    if let whole = Int(exactly: value), whole.magnitude < 100 { return grouped(whole) }
    return twoFigures(value)
  }

  /// A scale as it is known: up to four decimals, no zeros at the end.
  static func scale(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e9 else { return twoFigures(value) }
    let tenThousandths = Int((value * 10_000).rounded())
    if tenThousandths == 0, value != 0 { return twoFigures(value) }
    return fixed(tenThousandths, decimals: 4, trimsZeros: true)
  }

  private static func decimal(_ value: Double, trimsZeros: Bool) -> String {
    guard value.isFinite else { return "no finite number" }
    guard value != 0 else { return "0" }
    let sign = value < 0 ? "−" : ""
    let (figures, exponent) = significant(value.magnitude)
    // The value is figures × 10^(exponent − 1), figures having two digits.
    let place = exponent - 1
    if place >= 0 {
      guard exponent < 15 else { return sign + scientific(figures, exponent) }
      var whole = figures
      for _ in 0..<place { whole *= 10 }
      return sign + grouped(whole)
    }
    guard place >= -7 else { return sign + scientific(figures, exponent) }
    return sign + fixed(figures, decimals: -place, trimsZeros: trimsZeros)
  }

  /// Two digits (10 to 99) and the exponent of the first of them.
  private static func significant(_ value: Double) -> (figures: Int, exponent: Int) {
    var exponent = 0
    var scaled = value
    while scaled >= 10 {
      scaled /= 10
      exponent += 1
    }
    while scaled < 1 {
      scaled *= 10
      exponent -= 1
    }
    let figures = Int((scaled * 10).rounded())
    return figures >= 100 ? (10, exponent + 1) : (figures, exponent)
  }

  private static func scientific(_ figures: Int, _ exponent: Int) -> String {
    "\(figures / 10).\(figures % 10) × 10^\(exponent)"
  }

  /// A whole number of units in the given decimal place, as a decimal: (63, 2) is "0.63".
  private static func fixed(_ units: Int, decimals: Int, trimsZeros: Bool) -> String {
    var digits = String(units.magnitude)
    while digits.count <= decimals { digits = "0" + digits }
    let whole = Int(digits.dropLast(decimals)) ?? 0
    var fraction = String(digits.suffix(decimals))
    if trimsZeros { while fraction.last == "0" { fraction.removeLast() } }
    let text = grouped(whole) + (fraction.isEmpty ? "" : "." + fraction)
    return units < 0 ? "−" + text : text
  }
}
