// Numbers as pictures, captions and reasons show them.
// What must stay true: two or three significant figures, never an exponent; the exact value is in the measurement.

/// Words for numbers.
enum NumberWords {
  /// Two significant figures, without an exponent.
  static func area(_ value: Double) -> String { figures(value, 2) }

  /// A number with so many significant figures.
  static func figures(_ value: Double, _ count: Int) -> String {
    guard value.isFinite, value != 0 else { return "0" }
    var limit = 1.0
    for _ in 0..<count { limit *= 10 }
    // As many decimals as keep the rounded number below `limit`: 0.0996 is 0.10, not 0.100.
    var decimals = 12
    var unit = 1e12
    while (abs(value) * unit).rounded() >= limit, decimals > -12 {
      decimals -= 1
      unit /= 10
    }
    guard decimals > 0 else { return grouped(Int(((value * unit).rounded() / unit).rounded())) }
    let whole = Int((value * unit).rounded())
    var digits = String(abs(whole))
    while digits.count <= decimals { digits = "0" + digits }
    return (whole < 0 ? "-" : "") + digits.dropLast(decimals) + "." + digits.suffix(decimals)
  }

  /// Thousands apart by commas.
  static func grouped(_ value: Int) -> String {
    var result = ""
    for (index, digit) in String(abs(value)).reversed().enumerated() {
      if index > 0, index % 3 == 0 { result = "," + result }
      result = String(digit) + result
    }
    return (value < 0 ? "-" : "") + result
  }
}
