// Text that somebody else wrote (a question, notes, what a tool says of itself or gave back), as it stands in a prompt.
// What must stay true: it cannot close its fence, cannot look like a role marker of any chat template, and is bounded;
// nothing is ever taken out of it and acted on.

/// Puts strangers' text into prompts.
public enum StrangersText {
  /// The text between tags that it cannot write itself, on lines of their own.
  public static func fenced(_ text: String, as tag: String, maxCharacters: Int) -> String {
    "<\(tag)>\n\(plain(text, maxCharacters: maxCharacters))\n</\(tag)>"
  }

  /// The text on one line, for a list.
  public static func line(_ text: String, maxCharacters: Int) -> String {
    plain(text, maxCharacters: maxCharacters).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// The text with everything taken out that a chat template or a tokenizer could read as more than words: angle
  /// brackets (`<|im_end|>`, `<start_of_turn>`, our own fences) become ‹ and ›, `[INST]` loses its brackets, control
  /// and invisible characters go.
  static func plain(_ text: String, maxCharacters: Int) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
      guard count < maxCharacters else {
        result.append("…")
        break
      }
      count += 1
      switch scalar {
      case "<": result.append("‹")
      case ">": result.append("›")
      case "\n", "\t": result.unicodeScalars.append(scalar)
      default:
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
          result.append(" ")
        default: result.unicodeScalars.append(scalar)
        }
      }
    }
    for marker in ["[INST]", "[/INST]", "[SYS]", "[/SYS]"] {
      result = result.replacing(marker, with: marker.filter { $0 != "[" && $0 != "]" })
    }
    return result
  }
}

extension String {
  /// Every occurrence of a short ASCII piece replaced, whatever its case.
  fileprivate func replacing(_ piece: String, with other: String) -> String {
    let (text, wanted) = (Array(utf8), Array(piece.utf8))
    guard !wanted.isEmpty, text.count >= wanted.count else { return self }
    func same(_ one: UInt8, _ two: UInt8) -> Bool {
      let lower: (UInt8) -> UInt8 = { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
      return lower(one) == lower(two)
    }
    var kept: [UInt8] = []
    var index = 0
    while index < text.count {
      let end = index + wanted.count
      if end <= text.count, zip(text[index..<end], wanted).allSatisfy(same) {
        kept += Array(other.utf8)
        index = end
      } else {
        kept.append(text[index])
        index += 1
      }
    }
    return String(decoding: kept, as: UTF8.self)
  }
}
