// The shortest decimal digits that stand for a Double, from which numbers are printed and `multipleOf` is decided.
// Method: Swift's `description` gives the shortest digits that round-trip, and of those the closest, which is what
// ECMAScript's Number::toString asks for; only the layout differs.

/// A finite number as ±digits × 10^exponent; zero has no digits.
struct DecimalNumber: Hashable {
  var isNegative: Bool
  /// ASCII digits without leading or trailing zeros, at most 17.
  var digits: [UInt8]
  /// The power of ten that the digits, read as an integer, are multiplied with.
  var exponent: Int

  init(_ number: Double) {
    isNegative = number < 0
    digits = []
    exponent = 0
    var fractionDigits: Int?
    var power = 0
    var bytes = number.magnitude.description.utf8.makeIterator()
    while let byte = bytes.next() {
      switch byte {
      case 0x30...0x39:
        digits.append(byte)
        if let count = fractionDigits { fractionDigits = count + 1 }
      case UInt8(ascii: "."): fractionDigits = 0
      case UInt8(ascii: "e"):
        var text = ""
        while let rest = bytes.next() { text.unicodeScalars.append(Unicode.Scalar(rest)) }
        power = Int(text) ?? 0
      default: break
      }
    }
    exponent = power - (fractionDigits ?? 0)
    while digits.last == 0x30 {
      digits.removeLast()
      exponent += 1
    }
    digits.removeFirst(digits.firstIndex { $0 != 0x30 } ?? digits.count)
    if digits.isEmpty { exponent = 0 }
  }

  /// The digits as an integer, below 10^17.
  var significand: UInt128 { digits.reduce(0) { $0 * 10 + UInt128($1 - 0x30) } }

  /// Whether this is an integer multiple of a divisor above zero, decided on the decimal digits without rounding.
  func isMultiple(of divisor: DecimalNumber) -> Bool {
    if digits.isEmpty { return true }
    guard !divisor.digits.isEmpty else { return false }
    let shift = exponent - divisor.exponent
    if shift >= 0 {
      let modulus = divisor.significand
      var product = significand % modulus
      // Both factors stay below 10^17, so the product fits 128 bits.
      var base: UInt128 = 10 % modulus
      var power = shift
      while power > 0 {
        if power & 1 == 1 { product = product * base % modulus }
        base = base * base % modulus
        power >>= 1
      }
      return product == 0
    }
    // Fewer than 18 digits can only hold fewer than 18 factors of ten.
    guard shift > -18 else { return false }
    let scale = (0..<(-shift)).reduce(UInt128(1)) { factor, _ in factor * 10 }
    return significand.isMultiple(of: divisor.significand * scale)
  }
}

/// A finite number as ECMAScript's Number::toString prints it (RFC 8785 section 3.2.2.3).
func canonicalNumber(_ number: Double) -> String {
  if number.magnitude < 9_007_199_254_740_992, number.rounded(.towardZero) == number { return String(Int(number)) }
  let decimal = DecimalNumber(number)
  let count = decimal.digits.count
  let point = decimal.exponent + count
  var text: [UInt8] = decimal.isNegative ? [UInt8(ascii: "-")] : []
  if count <= point, point <= 21 {
    text += decimal.digits
    text += repeatElement(0x30, count: point - count)
  } else if 0 < point, point <= 21 {
    text += decimal.digits[..<point]
    text.append(UInt8(ascii: "."))
    text += decimal.digits[point...]
  } else if -6 < point, point <= 0 {
    text += "0.".utf8
    text += repeatElement(0x30, count: -point)
    text += decimal.digits
  } else {
    text.append(decimal.digits.first ?? 0x30)
    if count > 1 {
      text.append(UInt8(ascii: "."))
      text += decimal.digits.dropFirst()
    }
    text += (point > 0 ? "e+" : "e-").utf8
    text += String((point - 1).magnitude).utf8
  }
  return String(decoding: text, as: UTF8.self)
}
