// Every number that decides what is counted, with its unit.
// What must stay true: a change of any of them is a new version of the counter and a new card.

/// The settings of the nucleus detector. Lengths are in micrometres.
public struct NucleusDetectorParameters: Sendable, Hashable {
  /// Scales accepted, in micrometres per pixel.
  public var acceptedMicronsPerPixel: ClosedRange<Double> = 0.2...0.65
  /// Finer pictures are averaged down to `analysisMicronsPerPixel`; from this scale on they are taken as they are.
  public var finestAnalysedMicronsPerPixel = 0.42
  /// The scale that finer pictures are brought to.
  public var analysisMicronsPerPixel = 0.5
  /// Smallest area of a nuclear profile, in µm².
  public var minAreaUm2 = 10.0
  /// Largest area of a nuclear profile, in µm².
  public var maxAreaUm2 = 400.0
  /// Largest width and height of a nuclear profile, in µm.
  public var maxExtentUm = 40.0
  /// Least hematoxylin that can belong to a nucleus, as a share of how strong it gets on the slide
  /// (`StainProfile.hematoxylinHigh`). What is fainter is never looked at.
  public var floorShare = 0.1
  /// Added to a region's log odds before it is weighed against the regions inside it; raises recall.
  public var scoreOffset: Float = 2

  /// The settings of version 1.
  public static let v1 = NucleusDetectorParameters()

  /// The settings of version 1, to be changed.
  public init() {}
}
