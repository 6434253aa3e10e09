// What a person sees: colour where the terminal has it, progress on one line, errors in one form.
// What must stay true: nothing but results goes to stdout; a stranger's text never reaches the terminal with its
// control characters.

import Domain
import Wire

#if canImport(Glibc)
  import Glibc
#endif

/// Styles of the terminal.
enum Style: String {
  case bold = "1"
  case dim = "2"
  case red = "31"
  case green = "32"
  case yellow = "33"
  case cyan = "36"
}

/// Writing to the terminal.
enum Terminal {
  private static let plain = getenv("NO_COLOR") != nil || String(cString: getenv("TERM") ?? strdup("dumb")) == "dumb"
  /// Whether progress may rewrite its line.
  static let showsProgress = isatty(STDERR_FILENO) == 1 && !plain

  /// The text in a style, when stdout is a terminal with colour.
  static func styled(_ text: String, _ style: Style) -> String {
    isatty(STDOUT_FILENO) == 1 && !plain ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// A line on stdout.
  static func print(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

  /// A line on stderr.
  static func note(_ text: String) { write((showsProgress ? "\r\u{1B}[K" : "") + text + "\n", to: STDERR_FILENO) }

  /// Rewrites the progress line; nothing when stderr is no terminal.
  static func progress(_ text: String) {
    guard showsProgress else { return }
    write("\r\u{1B}[K" + text.prefix(100), to: STDERR_FILENO)
  }

  /// An error: what happened and what to do, then its id.
  static func error(_ error: VPathError) {
    let trace = error.traceId.map { ", trace \($0)" } ?? ""
    note("vpath: \(printable(error.message)) (\(error.id.rawValue)\(trace))")
  }

  /// A stranger's text with control characters replaced.
  static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          let harmless = scalar == "\n" || scalar.properties.generalCategory != .control
          let direction = (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
          return harmless && !direction ? scalar : "\u{FFFD}"
        }))
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
