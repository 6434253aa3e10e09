// The card of a counter: what it was validated on, and what its counts are worth there.
// What must stay true: a card is checked when it is read; the interval follows from the ratios listed in it, so a
// reader can make it again; an organ is claimed only with enough images listed for it.

import Domain
import JSON

/// A counter's card, `models/<name>/card.json`.
public struct CounterCard: Sendable, Hashable, Codable {
  /// What is accepted.
  public struct Accepts: Sendable, Hashable, Codable {
    /// Names of stains, such as "H&E".
    public var stain: [String]
    /// Smallest and largest scale in µm/px.
    public var mpp: [Double]
  }

  /// How well one organ's nuclei were found.
  public struct Organ: Sendable, Hashable, Codable {
    /// The organ.
    public var organ: String
    /// Number of images.
    public var images: Int
    /// Share of found nuclei that are true ones.
    public var precision: Double
    /// Share of true nuclei that were found.
    public var recall: Double
    /// Harmonic mean of both.
    public var f1: Double
  }

  /// One validation image.
  public struct Image: Sendable, Hashable, Codable {
    /// Its name in its data set.
    public var name: String
    /// The organ.
    public var organ: String
    /// Its scale in µm/px.
    public var mpp: Double
    /// Nuclei a human marked.
    public var human: Int
    /// Nuclei the program counted.
    public var counted: Int
    /// Ratio of the two.
    public var ratio: Double
  }

  /// What it was validated on.
  public struct Validation: Sendable, Hashable, Codable {
    /// The data set, its licence and what it is.
    public var data: String
    /// Organs in it.
    public var organs: [String]
    /// Number of images.
    public var images: Int
    /// Number of nuclei.
    public var nuclei: Int
    /// Scales in µm/px.
    public var mpp: [Double]
    /// Mean over organs of their F1.
    public var f1MacroByOrgan: Double
    /// Mean of the images' absolute count errors, in percent.
    public var mapePercent: Double
    /// Figures by organ.
    public var byOrgan: [Organ]
    /// The images one by one.
    public var perImage: [Image]
  }

  /// What was found elsewhere that speaks against its counts.
  public struct Contradiction: Sendable, Hashable, Codable {
    /// The organ it was found on.
    public var organ: String
    /// Number of images.
    public var images: Int
    /// The data set, its licence and what it is.
    public var data: String
    /// What was found, as a count on that organ says it.
    public var says: String
  }

  /// The interval and its making.
  public struct Interval: Sendable, Hashable, Codable {
    /// The range of ratios.
    public var ratio: CountRatioInterval
    /// Expected ratio, from other images.
    public var centre: Double
    /// Where the centre comes from.
    public var centreFrom: String
    /// How it is made.
    public var method: String
    /// What it predicts.
    public var predicts: String
  }

  /// The counter's name.
  public var name: String
  /// The counter's version.
  public var version: String
  /// How it counts, in words.
  public var method: String
  /// Numbers that decide what is counted.
  public var parameters: [String: Double]
  /// What is accepted.
  public var accepts: Accepts
  /// What it was validated on.
  public var validatedOn: Validation
  /// What speaks against its counts, by organ.
  public var contradictedOn: [Contradiction]?
  /// How a human's count relates to its count.
  public var interval: Interval
  /// What a reader must know.
  public var notes: [String]

  /// An organ counts as validated from so many images on.
  public static let leastImagesOfAnOrgan = 4

  /// Reads a card.
  public init(json bytes: [UInt8]) throws(AnalysisError) {
    do {
      self = try decodeJSON(CounterCard.self, from: JSONValue.parse(bytes))
    } catch {
      throw .badCard(reason: "\(error)")
    }
    try check()
  }

  private func check() throws(AnalysisError) {
    guard accepts.mpp.count == 2, accepts.mpp[0] > 0, accepts.mpp[0] <= accepts.mpp[1] else {
      throw .badCard(reason: "accepts.mpp needs a smallest and a largest scale")
    }
    guard validatedOn.perImage.count == interval.ratio.imageCount else {
      throw .badCard(
        reason: "the interval speaks of \(interval.ratio.imageCount) images, \(validatedOn.perImage.count) are listed")
    }
    for organ in validatedOn.organs {
      let count = validatedOn.perImage.filter { OrganName($0.organ) == OrganName(organ) }.count
      guard count >= Self.leastImagesOfAnOrgan else {
        throw .badCard(
          reason: "it claims \(organ) with \(count) images; an organ needs \(Self.leastImagesOfAnOrgan)")
      }
    }
    let remade = try CountRatioInterval.splitConformal(
      ratios: validatedOn.perImage.map(\.ratio), centre: interval.centre, coverage: interval.ratio.coverage,
      medianCount: interval.ratio.medianCount)
    guard abs(remade.low - interval.ratio.low) < 0.005, abs(remade.high - interval.ratio.high) < 0.005 else {
      throw .badCard(
        reason: """
          its ratios give \(remade.low) to \(remade.high), but it says \(interval.ratio.low) to \(interval.ratio.high)
          """)
    }
  }

  /// What of a case lies outside what was validated, in words; empty when nothing does.
  ///
  /// - Parameters:
  ///   - organ: the case's organ, if known.
  ///   - micronsPerPixel: the scale of the region's pixels.
  public func limits(organ: String?, micronsPerPixel: Double) -> [String] {
    var limits: [String] = []
    if let organ {
      if !OrganName(organ).isAmong(validatedOn.organs) {
        limits.append("not validated on \(organ)")
      }
      limits += (contradictedOn ?? []).filter { OrganName($0.organ) == OrganName(organ) }.map(\.says)
    } else {
      limits.append("organ not stated")
    }
    if let low = validatedOn.mpp.min(), let high = validatedOn.mpp.max(),
      micronsPerPixel < 0.95 * low || micronsPerPixel > 1.05 * high
    {
      limits.append("not validated at \(micronsPerPixel) µm/px")
    }
    return limits
  }
}
