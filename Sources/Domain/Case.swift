// A case: the slides of one patient's specimen and what was stated about them.
// What must stay true: a path is only a grant for tools; it appears in no event, error or answer.

/// What a person stated about the specimen. Words are lower case except stain names ("H&E").
public struct CaseDescription: Sendable, Hashable, Codable {
  /// The organ, for instance "skin".
  public var organ: String?
  /// The stain, for instance "H&E".
  public var stain: String?
  /// A scale stated by a person, in µm per level-0 pixel; used where it is given, and recorded as stated.
  public var statedMicronsPerPixel: Double?
  /// Free text from the requester; data, never instructions.
  public var notes: String?

  public init(
    organ: String? = nil, stain: String? = nil, statedMicronsPerPixel: Double? = nil, notes: String? = nil
  ) {
    self.organ = organ
    self.stain = stain
    self.statedMicronsPerPixel = statedMicronsPerPixel
    self.notes = notes
  }
}

/// A slide as the daemon knows it without decoding it.
public struct SlideRecord: Sendable, Hashable, Codable {
  /// Its evidence id: `s1`.
  public var id: EvidenceID
  /// The file's last name.
  public var fileName: String
  /// Size of all its files in bytes.
  public var sizeBytes: Int
  /// SHA-256 over its files as the daemon read them; nil until computed.
  public var sha256: SHA256Hex?
  /// Filled from the first tool that opened it.
  public var properties: SlideProperties?

  public init(
    id: EvidenceID, fileName: String, sizeBytes: Int, sha256: SHA256Hex? = nil, properties: SlideProperties? = nil
  ) {
    self.id = id
    self.fileName = fileName
    self.sizeBytes = sizeBytes
    self.sha256 = sha256
    self.properties = properties
  }
}

/// What the decoder says of a slide.
public struct SlideProperties: Sendable, Hashable, Codable {
  /// Level-0 width in pixels.
  public var width: Int
  /// Level-0 height in pixels.
  public var height: Int
  /// Number of pyramid levels.
  public var levelCount: Int
  /// OpenSlide's vendor word, for instance "aperio".
  public var vendor: String
  /// The scale used: the slide's own, or a stated one where the file has none; nil when there is none, or when
  /// a stated scale contradicts the slide's own by more than 2 %.
  public var scale: SlideScale?
  /// The slide's own scale when one was stated as well.
  public var slideMicronsPerPixel: Double?
  /// Why there is no usable scale, in words: none in the file, or a stated one that contradicts it. Nil when
  /// `scale` is set.
  public var scaleProblem: String?
  /// The objective power the file states.
  public var objectivePower: Double?
  /// The decoder and its version, for instance "OpenSlide 4.0.1".
  public var decoder: String

  public init(
    width: Int, height: Int, levelCount: Int, vendor: String, scale: SlideScale?, slideMicronsPerPixel: Double? = nil,
    scaleProblem: String? = nil, objectivePower: Double?, decoder: String
  ) {
    self.width = width
    self.height = height
    self.levelCount = levelCount
    self.vendor = vendor
    self.scale = scale
    self.slideMicronsPerPixel = slideMicronsPerPixel
    self.scaleProblem = scaleProblem
    self.objectivePower = objectivePower
    self.decoder = decoder
  }
}
