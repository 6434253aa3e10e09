// A regular expression out of a stranger's schema, matched by PCRE2 with a budget.
// What must stay true: a match costs no more than the steps it is given, whatever pattern and text are. PCRE2's own
// match limit counts anew at each start of an unanchored pattern and does not count characters, so a callout before
// each item of the pattern charges one step and one for each character moved over.
// Dialect: JSON Schema asks for ECMA-262; PCRE2 is set as near to it as it goes (`\d` and `\w` are ASCII, `\s` is
// Unicode's white space, `$` is the very end, `\u00e9` works). Property names have their short form only: `\p{L}`.

import CPCRE2

/// A compiled pattern.
final class SchemaPattern: @unchecked Sendable {
  // Sendable: the code is never written after pcre2_compile; match data belongs to each match.
  private let code: OpaquePointer
  let source: String

  struct Invalid: Error {
    let message: String
  }

  enum Outcome {
    case matched, unmatched, outOfSteps
  }

  /// Compiles; at most 4096 bytes, parentheses 32 deep.
  init(_ source: String) throws(Invalid) {
    guard source.utf8.count <= 4096 else {
      throw Invalid(message: "the pattern has \(source.utf8.count) bytes; at most 4096")
    }
    let bytes = SchemaPattern.withUnicodeSpace(source)
    guard let context = pcre2_compile_context_create_8(nil) else { throw Invalid(message: "out of memory") }
    defer { pcre2_compile_context_free_8(context) }
    pcre2_set_parens_nest_limit_8(context, 32)
    pcre2_set_compile_extra_options_8(context, UInt32(PCRE2_EXTRA_ALT_BSUX))
    let options =
      PCRE2_UTF | PCRE2_AUTO_CALLOUT | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_ALLOW_EMPTY_CLASS
      | PCRE2_MATCH_UNSET_BACKREF
    var number: Int32 = 0
    var offset = 0
    guard let code = pcre2_compile_8(bytes, bytes.count, UInt32(options), &number, &offset, context) else {
      var buffer = [UInt8](repeating: 0, count: 256)
      let count = Int(pcre2_get_error_message_8(number, &buffer, buffer.count))
      let message = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
      throw Invalid(message: "\(message), near byte \(min(offset, source.utf8.count))")
    }
    self.code = code
    self.source = source
  }

  deinit { pcre2_code_free_8(code) }

  /// The pattern with `\s` and `\S` written out as ECMA-262 means them; `\S` inside brackets stays PCRE2's.
  private static func withUnicodeSpace(_ source: String) -> [UInt8] {
    let space = #"\s\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}"#
    var bytes: [UInt8] = []
    var isEscaped = false
    var isInBrackets = false
    for byte in source.utf8 {
      guard isEscaped else {
        if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else {
          if byte == UInt8(ascii: "[") { isInBrackets = true }
          if byte == UInt8(ascii: "]") { isInBrackets = false }
          bytes.append(byte)
        }
        continue
      }
      isEscaped = false
      switch (byte, isInBrackets) {
      case (UInt8(ascii: "s"), true): bytes += space.utf8
      case (UInt8(ascii: "s"), false): bytes += "[\(space)]".utf8
      case (UInt8(ascii: "S"), false): bytes += "[^\(space)]".utf8
      default: bytes += [UInt8(ascii: "\\"), byte]
      }
    }
    if isEscaped { bytes.append(UInt8(ascii: "\\")) }
    return bytes
  }

  /// Looks for the pattern anywhere in the text and takes the cost from `steps`.
  func match(_ text: String, steps: inout Int) -> Outcome {
    let bytes = Array(text.utf8)
    steps -= bytes.count + 16
    guard steps > 0, let context = pcre2_match_context_create_8(nil) else { return .outOfSteps }
    defer { pcre2_match_context_free_8(context) }
    guard let data = pcre2_match_data_create_from_pattern_8(code, nil) else { return .outOfSteps }
    defer { pcre2_match_data_free_8(data) }
    pcre2_set_match_limit_8(context, 10_000_000)
    pcre2_set_depth_limit_8(context, 1_000_000)
    pcre2_set_heap_limit_8(context, 32 << 10)

    var meter = Meter(steps: steps)
    let status = withUnsafeMutablePointer(to: &meter) { meter in
      pcre2_set_callout_8(context, charge, meter)
      return pcre2_match_8(code, bytes, bytes.count, 0, 0, data, context)
    }
    steps = meter.steps
    if status >= 0 { return .matched }
    return status == PCRE2_ERROR_NOMATCH ? .unmatched : .outOfSteps
  }
}

/// The steps left to one match, and where it was last seen.
private struct Meter {
  var steps: Int
  var position = 0
}

/// Called before each item of a pattern; a value other than 0 ends the match as an error.
private func charge(_ block: UnsafeMutablePointer<pcre2_callout_block_8>?, _ data: UnsafeMutableRawPointer?) -> Int32 {
  guard let block, let data else { return PCRE2_ERROR_CALLOUT }
  let meter = data.assumingMemoryBound(to: Meter.self)
  let position = block.pointee.current_position
  meter.pointee.steps -= 1 + abs(position - meter.pointee.position)
  meter.pointee.position = position
  return meter.pointee.steps > 0 ? 0 : PCRE2_ERROR_CALLOUT
}
