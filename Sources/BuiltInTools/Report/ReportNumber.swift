// Numbers as a report shows them: two significant figures, thousands separators, no locale.
// What must stay true: the same number gives the same text on every machine; rounding is of the number's shortest
// decimal form, half away from zero; the exact value stands in the report's JSON.

/// Text of numbers.
enum ReportNumber {
  /// 3913.2 is "3,900", 0.6284 is "0.63", 4 is "4.0".
  static func twoFigures(_ value: Double) -> String {
    guard value.isFinite else { return "no finite number" }
    guard value != 0 else { return "0" }
    let sign = value < 0 ? "−" : ""
    var (digits, exponent) = decimal(value.magnitude)
    var figures = digits[0] * 10 + (digits.count > 1 ? digits[1] : 0)
    if digits.count > 2, digits[2] >= 5 { figures += 1 }
    if figures == 100 {
      figures = 10
      exponent += 1
    }
    // The value is figures × 10^(exponent − 1).
    switch exponent {
    case 1...14:
      var whole = figures
      for _ in 1..<exponent { whole *= 10 }
      return sign + grouped(whole)
    case -6...0:
      let zeros = String(repeating: "0", count: -exponent)
      let text = "\(zeros)\(figures)"
      let point = text.index(text.startIndex, offsetBy: 1)
      return sign + text[..<point] + "." + text[point...]
    default: return "\(sign)\(figures / 10).\(figures % 10) × 10^\(exponent)"
    }
  }

  /// Two figures without zeros behind the point, as shares and factors are written: 0.9 is "0.9", 13 is "13".
  static func trimmed(_ value: Double) -> String {
    var text = twoFigures(value)
    guard text.contains("."), !text.contains("×") else { return text }
    while text.hasSuffix("0") { text.removeLast() }
    return text.hasSuffix(".") ? String(text.dropLast()) : text
  }

  /// A whole number with thousands separators.
  static func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = value < 0 ? "−" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// A count in full when it is a whole number, else two figures.
  static func exact(_ value: Double) -> String {
    guard let whole = Int(exactly: value), whole.magnitude < 1_000_000_000_000_000 else { return twoFigures(value) }
    return grouped(whole)
  }

  /// A value in its unit: a pure number below 100 that is whole stays whole.
  static func amount(_ value: Double, isCount: Bool) -> String {
    if isCount, let whole = Int(exactly: value), whole.magnitude < 100 { return grouped(whole) }
    return twoFigures(value)
  }

  /// A scale as it is known: at most four decimals, no zeros at the end.
  static func scale(_ value: Double) -> String {
    guard value.isFinite, (0.0001..<1_000_000).contains(value) else { return twoFigures(value) }
    let units = Int((value * 10_000).rounded())
    var fraction = String(String(units % 10_000 + 10_000).dropFirst())
    while fraction.hasSuffix("0") { fraction.removeLast() }
    return grouped(units / 10_000) + (fraction.isEmpty ? "" : "." + fraction)
  }

  /// The digits of the shortest decimal form, the first of them not zero, and the power of ten of that first digit.
  private static func decimal(_ value: Double) -> (digits: [Int], exponent: Int) {
    let parts = value.description.lowercased().split(separator: "e")
    let mantissa = parts.first.map(String.init) ?? "0"
    let shift = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    let whole = mantissa.prefix { $0 != "." }
    let all = mantissa.compactMap(\.wholeNumberValue)
    let leadingZeros = all.prefix { $0 == 0 }.count
    return (Array(all.dropFirst(leadingZeros)) + [0], whole.count - 1 - leadingZeros + shift)
  }
}
