// The machine's clocks and its random numbers.

import Glibc
public import Ports

/// The machine's clock.
public struct SystemClock: Clock {
  /// The clock.
  public init() {}

  /// RFC 3339 in UTC with milliseconds.
  public func now() -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return SystemClock.text(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
  }

  /// Seconds since the machine started, sleep not counted.
  public func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// Waits.
  public func sleep(seconds: Double) async throws {
    try await Task.sleep(for: .seconds(min(max(0, seconds), 1e9)))
  }

  /// The text of a moment after 1970, by the proleptic Gregorian calendar (Howard Hinnant, "chrono-compatible
  /// low-level date algorithms", civil_from_days).
  static func text(seconds: Int, milliseconds: Int) -> String {
    let days = seconds / 86_400
    let second = seconds % 86_400
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func padded(_ value: Int, _ width: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
      + "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
      + ".\(padded(milliseconds, 3))Z"
  }
}

/// Names from the system's random numbers.
public struct SystemNames: NameSource {
  private static let letters = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

  /// The source.
  public init() {}

  /// 26 characters of Crockford base 32, lower case: 128 random bits.
  public func randomName() -> String {
    var generator = SystemRandomNumberGenerator()
    var bits = UInt128(generator.next()) << 64 | UInt128(generator.next())
    var text: [UInt8] = []
    for _ in 0..<26 {
      text.append(SystemNames.letters[Int(bits & 31)])
      bits >>= 5
    }
    return String(decoding: text, as: UTF8.self)
  }
}
