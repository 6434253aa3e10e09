// The card of a tile classifier: what it reads, what it tells apart, what it may be used on, and what it was worth there.
// What must stay true: a card is closed (an unknown key or organ is an error that names it) and is checked as a whole
// when it is read; what it does not accept is refused by the tool, never guessed.

import Domain
import JSON

/// A tile classifier's card, `models/<name>/card.json`.
public struct ClassifierCard: Sendable, Hashable {
  /// The network's file, beside the card.
  public struct Model: Sendable, Hashable, Codable {
    /// Its name, without a folder.
    public var file: String
    /// Its SHA-256; checked where it is given.
    public var sha256: String?
  }

  /// What the network reads.
  public struct Input: Sendable, Hashable, Codable {
    /// Side of a tile in pixels, as the network reads it.
    public var sidePixels: Int
    /// µm per pixel of what the network reads.
    public var mpp: Double
    /// Subtracted from each of R, G, B after division by 255.
    public var mean: [Double]
    /// Each is divided by this after that.
    public var std: [Double]

    /// Side of a tile in µm.
    public var sideMicrons: Double { Double(sidePixels) * mpp }
  }

  /// What the network's numbers are.
  public enum Output: String, Sendable, Hashable, Codable { case logits, probabilities }

  /// What cases it may be used on.
  public struct Accepts: Sendable, Hashable, Codable {
    /// Organs of `OrganNames`.
    public var organ: [String]
    /// Stains, such as "H&E".
    public var stain: [String]
    /// Smallest and largest µm/px of a slide.
    public var mpp: [Double]
  }

  /// A figure with its interval.
  public struct Figure: Sendable, Hashable, Codable {
    public var value: Double
    public var low: Double
    public var high: Double
    /// Share of repetitions the interval is made to hold.
    public var coverage: Double
    /// How the interval is made.
    public var method: String
  }

  /// What it was validated on.
  public struct Validation: Sendable, Hashable, Codable {
    /// The data, what it is and its licence.
    public var data: String
    /// Organs of `OrganNames`.
    public var organs: [String]
    /// Number of tiles, and of blocks or patients they come from.
    public var tiles: Int
    public var blocks: Int
    /// Smallest and largest µm/px of the tiles.
    public var mpp: [Double]
    /// Mean over classes of the share of their tiles that was told rightly.
    public var balancedAccuracy: Figure
    /// The same of a simple method on the same tiles, and which.
    public var baseline: Figure?
    public var baselineMethod: String?
  }

  /// The classifier's name, version and purpose.
  public var name: String
  public var version: String
  public var method: String
  public var model: Model
  public var input: Input
  /// What it tells apart, in the order of the network's numbers.
  public var labels: [String]
  public var output: Output
  /// Nil where nothing is stated: then no case fits.
  public var accepts: Accepts?
  /// Nil where nothing is stated.
  public var validatedOn: Validation?
  public var licence: String
  /// Whether its figures are too weak to rest anything on.
  public var experimental: Bool
  /// What a reader must know.
  public var notes: [String]

  /// Checks what a schema cannot: among others, that a card which is not experimental has figures better than chance.
  func check() throws(AnalysisError) {
    guard Set(labels).count == labels.count else { throw .badCard(reason: "labels: two are the same") }
    for (key, values) in [("input.mean", input.mean), ("input.std", input.std)] where values.count != 3 {
      throw .badCard(reason: "\(key) needs three numbers, for R, G and B")
    }
    guard input.std.allSatisfy({ $0 > 0 }) else { throw .badCard(reason: "input.std needs numbers above 0") }
    if let accepts {
      try Self.check(organs: accepts.organ, "accepts.organ")
      try Self.check(range: accepts.mpp, "accepts.mpp")
    }
    guard let validatedOn else {
      guard experimental else { throw .badCard(reason: "experimental must be true without validatedOn") }
      return
    }
    try Self.check(organs: validatedOn.organs, "validatedOn.organs")
    try Self.check(range: validatedOn.mpp, "validatedOn.mpp")
    let figure = validatedOn.balancedAccuracy
    guard figure.low <= figure.value, figure.value <= figure.high else {
      throw .badCard(reason: "validatedOn.balancedAccuracy: the value does not lie in its interval")
    }
    guard experimental || figure.low > 1 / Double(labels.count) else {
      throw .badCard(
        reason: "experimental is false, but validatedOn.balancedAccuracy.low is no better than chance")
    }
  }

  private static func check(organs: [String], _ key: String) throws(AnalysisError) {
    for organ in organs where OrganNames.canonical(organ) == nil {
      throw .badCard(reason: "\(key): \"\(organ.prefix(40))\" is no organ that is known; use one of \(OrganNames.all)")
    }
  }

  private static func check(range: [Double], _ key: String) throws(AnalysisError) {
    guard range.count == 2, range[0] > 0, range[0] <= range[1] else {
      throw .badCard(reason: "\(key) needs a smallest and a largest scale")
    }
  }
}

extension ClassifierCard {
  /// Why a case may not be classified by this card, in words that end a sentence; nil when it may.
  ///
  /// - Parameters:
  ///   - organ: as stated with the case.
  ///   - stain: as stated with the case.
  ///   - micronsPerPixel: of the slide.
  public func refusal(organ: String?, stain: String?, micronsPerPixel: Double) -> String? {
    guard let accepts else {
      return "\(name) states no organ, stain and scale it was made for; a card.json with \"accepts\" would be needed"
    }
    let organs = accepts.organ.compactMap(OrganNames.canonical)
    guard let organ else {
      return "\(name) is made for \(accepts.organ.joined(separator: ", ")), and no organ is stated with this case"
    }
    guard let known = OrganNames.canonical(organ), organs.contains(known) else {
      return "\(name) is made for \(accepts.organ.joined(separator: ", ")); this case is stated as \(organ.prefix(60))"
    }
    guard let stain else {
      return "\(name) is made for \(accepts.stain.joined(separator: ", ")), and no stain is stated with this case"
    }
    guard StainName(stain).isAmong(accepts.stain) else {
      return "\(name) is made for \(accepts.stain.joined(separator: ", ")); this case is stated as \(stain.prefix(60))"
    }
    guard let low = accepts.mpp.first, let high = accepts.mpp.last,
      (low * 0.98...high * 1.02).contains(micronsPerPixel)
    else {
      return "\(name) accepts slides of \(accepts.mpp.map { "\($0)" }.joined(separator: " to ")) µm/px, and this one "
        + "has \((micronsPerPixel * 1000).rounded() / 1000)"
    }
    return nil
  }
}
