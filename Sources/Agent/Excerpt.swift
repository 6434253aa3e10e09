// Pieces of strangers' text that may be shown: one line, bounded, no control characters.
// What must stay true: what is shown cannot hide, reorder or forge what stands around it.

extension String {
  /// The text on one line, white space joined, control and format characters taken out, at most `limit` characters.
  func excerpt(_ limit: Int) -> String {
    var text = ""
    var count = 0
    var pendingSpace = false
    for character in self {
      if character.isWhitespace || character.isNewline {
        pendingSpace = !text.isEmpty
        continue
      }
      let kept = character.unicodeScalars.filter { !$0.isInvisible }
      guard !kept.isEmpty else { continue }
      guard count < limit else { return text + "…" }
      if pendingSpace {
        text.append(" ")
        count += 1
        pendingSpace = false
      }
      // A letter with hundreds of combining marks is one Character; a few are enough for any writing.
      var scalars = String.UnicodeScalarView()
      for scalar in kept.prefix(8) { scalars.append(scalar) }
      text.append(contentsOf: String(scalars))
      count += 1
    }
    return text
  }
}

extension Unicode.Scalar {
  /// Control, format (zero width, direction), private use and unassigned characters.
  var isInvisible: Bool {
    switch properties.generalCategory {
    case .control, .format, .privateUse, .unassigned, .surrogate, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
