// Measures whose name holds a word that only a call knows, such as the class of a classifier's card.
// What must stay true: the open word is plain letters, digits, spaces and hyphens, bounded, so that what a name says is
// still the manifest's; only the product's own manifests may have one (ToolHost checks it).

extension ToolManifest.Measure {
  /// What stands for the open word in a measure's name and phrase.
  public static let openWord = "{class}"

  /// Whether the name has an open word.
  public var isOpen: Bool { name.contains(Self.openWord) }

  /// The phrase for a measurement of that name, the open word filled in; nil when it is no measurement of this measure.
  public func phrase(for measured: String) -> String? {
    if measured == name { return isOpen ? nil : phrase }
    guard let word = openWord(in: measured) else { return nil }
    let parts = phrase.split(separator: Self.openWord, omittingEmptySubsequences: false)
    return parts.joined(separator: word)
  }

  /// What a measurement's name has in place of the open word.
  public func openWord(in measured: String) -> String? {
    let parts = name.split(separator: Self.openWord, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, measured.hasPrefix(parts[0]), measured.hasSuffix(parts[1]),
      measured.count > parts[0].count + parts[1].count
    else { return nil }
    let word = measured.dropFirst(parts[0].count).dropLast(parts[1].count)
    let isPlain = word.unicodeScalars.allSatisfy { scalar in
      ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar) || scalar == " "
        || scalar == "-"
    }
    return isPlain && (1...60).contains(word.count) ? String(word) : nil
  }
}
