// Numbers as answers, reports, pictures and messages show them: so many figures, thousands separators, no locale.
// What must stay true: the same number gives the same text on every machine and in every surface; what is rounded is the
// number's shortest decimal form, half away from zero (0.235 is 0.24 although the double lies below it); the exact value
// stays in the evidence.

/// Text of numbers.
public enum NumberText {
  /// So many significant figures, 1 to 12: with three, 0.4992 is "0.499", 0.25 is "0.250". Zero is "0". From 10^15 and
  /// below 10^-6 with a power of ten.
  public static func figures(_ value: Double, _ count: Int) -> String {
    guard value.isFinite else { return "no finite number" }
    guard value != 0 else { return "0" }
    let count = min(max(count, 1), 12)
    let sign = value < 0 ? minus : ""
    var decimal = Decimal(value.magnitude)
    var units = decimal.rounded(figures: count)
    if units == power(of: count) {
      units /= 10
      decimal.exponent += 1
    }
    // The value is units × 10^place.
    let place = decimal.exponent - count + 1
    guard (-6..<15).contains(decimal.exponent) else {
      let digits = String(units)
      let fraction = count > 1 ? ".\(digits.dropFirst())" : ""
      return "\(sign)\(digits.prefix(1))\(fraction) × 10^\(decimal.exponent)"
    }
    return sign + (place >= 0 ? grouped(units * power(of: place)) : laidOut(units, decimals: -place, trimsZeros: false))
  }

  /// Two significant figures: 3913.2 is "3,900", 0.6284 is "0.63", 4 is "4.0".
  public static func twoFigures(_ value: Double) -> String { figures(value, 2) }

  /// Two figures without zeros behind the point, as factors and shares are written: 0.8 is "0.8", 2 is "2".
  public static func trimmed(_ value: Double) -> String {
    var text = twoFigures(value)
    guard text.contains("."), !text.contains("×") else { return text }
    while text.hasSuffix("0") { text.removeLast() }
    return text.hasSuffix(".") ? String(text.dropLast()) : text
  }

  /// A whole number with thousands separators: 2445 is "2,445".
  public static func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = value < 0 ? minus : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// A count as it was counted: whole numbers in full, others to two figures.
  public static func exactCount(_ value: Double) -> String {
    if let whole = Int(exactly: value), whole.magnitude < 1_000_000_000_000_000 { return grouped(whole) }
    return twoFigures(value)
  }

  /// A count to two figures; below 100 it is whole.
  public static func roundedCount(_ value: Double) -> String {
    if let whole = Int(exactly: value), whole.magnitude < 100 { return grouped(whole) }
    return twoFigures(value)
  }

  /// A value as it is known, such as a scale or a limit: up to four decimals, no zeros at the end.
  public static func plain(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e9 else { return twoFigures(value) }
    let units = Decimal(value.magnitude).rounded(decimals: 4)
    if units == 0, value != 0 { return twoFigures(value) }
    return (value < 0 ? minus : "") + laidOut(units, decimals: 4, trimsZeros: true)
  }

  /// So many decimals, 0 to 6: with one, 2.25 is "2.3". From 10^9 two figures.
  public static func fixed(_ value: Double, decimals: Int) -> String {
    guard value.isFinite, value.magnitude < 1e9 else { return twoFigures(value) }
    let decimals = min(max(decimals, 0), 6)
    let units = Decimal(value.magnitude).rounded(decimals: decimals)
    return (value < 0 && units != 0 ? minus : "") + laidOut(units, decimals: decimals, trimsZeros: false)
  }

  /// A length of so many level-0 pixels in µm, whole from 10 µm on. Windows are cut to whole pixels: 501 px of 0.499 µm is
  /// "250".
  public static func micrometres(_ pixels: Int, micronsPerPixel: Double) -> String {
    let value = Double(pixels) * micronsPerPixel
    return (10..<1e12).contains(value) ? grouped(Int(value.rounded())) : twoFigures(value)
  }

  private static let minus = "−"

  /// A whole number of units in the given decimal place, as a decimal: (63, 2) is "0.63".
  private static func laidOut(_ units: Int, decimals: Int, trimsZeros: Bool) -> String {
    let unit = power(of: decimals)
    var fraction = String(String(units % unit + unit).dropFirst())
    if trimsZeros { while fraction.hasSuffix("0") { fraction.removeLast() } }
    return grouped(units / unit) + (fraction.isEmpty ? "" : "." + fraction)
  }

  private static func power(of exponent: Int) -> Int { (0..<max(0, exponent)).reduce(1) { power, _ in power * 10 } }

  /// The shortest decimal form of a number not below zero.
  private struct Decimal {
    /// The first of them is not zero; none for zero.
    var digits: [Int]
    /// The power of ten of the first digit.
    var exponent: Int

    init(_ value: Double) {
      let parts = value.description.lowercased().split(separator: "e")
      let mantissa = parts.first ?? "0"
      let shift = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
      let all = mantissa.compactMap(\.wholeNumberValue)
      let leadingZeros = all.prefix { $0 == 0 }.count
      digits = Array(all.dropFirst(leadingZeros))
      exponent = mantissa.prefix { $0 != "." }.count - 1 - leadingZeros + shift
    }

    /// The number in units of its last of so many figures, half rounded up.
    func rounded(figures count: Int) -> Int {
      guard count >= 0 else { return 0 }
      let kept = (0..<count).reduce(0) { $0 * 10 + (digits.indices.contains($1) ? digits[$1] : 0) }
      return digits.indices.contains(count) && digits[count] >= 5 ? kept + 1 : kept
    }

    /// The number in units of its last of so many decimals, half rounded up.
    func rounded(decimals: Int) -> Int { digits.isEmpty ? 0 : rounded(figures: exponent + 1 + decimals) }
  }
}
